#include "control/backup/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

static int fail(const char *what, const char *name, char *text, size_t size)
{
	int err = errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM;

	(void)snprintf(text, size, "cannot %s %s: %s", what, name, strerror(errno));
	return err;
}

static char *format_name(const char *name, const char *end)
{
	char *text = NULL;

	if (asprintf(&text, ".%s.%s", name, end) < 0)
		abort();
	return text;
}

static int open_directory(const char *path, const char *slash, char *text, size_t size)
{
	char *directory =
		slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));

	if (!directory)
		abort();
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		(void)fail("open directory", directory, text, size);
	free(directory);
	return fd;
}

/* Without a name where the file system has such files. */
static int open_file(struct backup_file *f)
{
	int fd = openat(f->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	f->temporary = format_name(f->name, "part");
	return openat(f->directory, f->temporary, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
	              0600);
}

int backup_file_open(const char *path, bool force, struct backup_file *out, char *text,
                     size_t text_size)
{
	const char *slash = strrchr(path, '/');
	struct backup_file f = {.directory = -1};
	struct stat there;

	if (path[0] != '/' || slash[1] == '\0') {
		(void)snprintf(text, text_size, "%s is not the absolute path of a file",
		               path);
		return ERR_INVALID;
	}
	if (!force && lstat(path, &there) == 0) {
		(void)snprintf(text, text_size, "%s is there already", path);
		return ERR_EXISTS;
	}
	f.directory = open_directory(path, slash, text, text_size);
	if (f.directory < 0)
		return ERR_SYSTEM;
	if (!(f.name = strdup(slash + 1)))
		abort();
	int fd = open_file(&f);
	f.stream = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f.stream) {
		int err = fail("make", path, text, text_size);
		backup_file_close(&f);
		return err;
	}
	*out = f;
	return 0;
}

/* link() does not replace a file, rename() does. */
static int give_name(struct backup_file *f, bool force)
{
	char descriptor[64];
	char *new_name = format_name(f->name, "new");
	const char *from = f->temporary ? f->temporary : descriptor;
	int directory = f->temporary ? f->directory : AT_FDCWD;

	(void)snprintf(descriptor, sizeof descriptor, "/proc/self/fd/%d",
	               fileno(f->stream));
	if (force)
		(void)unlinkat(f->directory, new_name, 0);
	int done = linkat(directory, from, f->directory, force ? new_name : f->name,
	                  AT_SYMLINK_FOLLOW);
	if (done == 0 && force)
		done = renameat(f->directory, new_name, f->directory, f->name);
	free(new_name);
	return done;
}

int backup_file_keep(struct backup_file *f, bool force, char *text, size_t text_size)
{
	if (fflush(f->stream) != 0 || fsync(fileno(f->stream)) < 0)
		return fail("write", f->name, text, text_size);
	if (give_name(f, force) < 0)
		return fail("make", f->name, text, text_size);
	if (fsync(f->directory) < 0)
		return fail("write the directory of", f->name, text, text_size);
	return 0;
}

void backup_file_close(struct backup_file *f)
{
	if (f->stream)
		(void)fclose(f->stream);
	if (f->temporary)
		(void)unlinkat(f->directory, f->temporary, 0);
	if (f->directory >= 0)
		(void)close(f->directory);
	free(f->name);
	free(f->temporary);
	*f = (struct backup_file){.directory = -1};
}
