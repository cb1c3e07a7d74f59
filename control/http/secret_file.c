#include "control/http/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

static int check(int fd, const char *path, char *text, size_t text_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)snprintf(text, text_size, "%s: not a file", path);
		return ERR_REFUSED;
	}
	if (st.st_mode & (S_IRWXO | S_IWGRP)) {
		(void)snprintf(text, text_size,
		               "%s: mode %04o lets others at it; it should be 0600 or "
		               "0640",
		               path, (unsigned)(st.st_mode & 07777));
		return ERR_REFUSED;
	}
	if (st.st_size > SECRET_FILE_MAX) {
		(void)snprintf(text, text_size, "%s: larger than %d octets", path,
		               SECRET_FILE_MAX);
		return ERR_TOOBIG;
	}
	return 0;
}

static int read_all(int fd, const char *path, char **out, char *text, size_t text_size)
{
	char *all = calloc(1, SECRET_FILE_MAX + 1);
	size_t len = 0;
	ssize_t got = 0;

	if (!all)
		abort();
	while (len < SECRET_FILE_MAX &&
	       (got = read(fd, all + len, SECRET_FILE_MAX - len)) > 0)
		len += (size_t)got;
	if (got < 0 || strlen(all) != len) {
		(void)snprintf(text, text_size, "%s: %s", path,
		               got < 0 ? strerror(errno) : "it holds a NUL");
		free(all);
		return ERR_IO;
	}
	*out = all;
	return 0;
}

int secret_file_read(const char *path, char **out, char *text, size_t text_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		(void)snprintf(text, text_size, "%s: %s", path, strerror(errno));
		return ERR_IO;
	}
	int err = check(fd, path, text, text_size);
	if (err == 0)
		err = read_all(fd, path, out, text, text_size);
	(void)close(fd);
	return err;
}
