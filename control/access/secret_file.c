#include "control/access/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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

int secret_file_read_line(const char *path, char **out, char *text, size_t text_size)
{
	char *line = NULL;

	TRY(secret_file_read(path, &line, text, text_size));
	size_t len = strcspn(line, "\r\n");
	bool good = line[len + strspn(line + len, "\r\n")] == '\0' &&
	            len >= SECRET_LINE_MIN && len <= SECRET_LINE_MAX;
	line[len] = '\0';
	for (size_t i = 0; i < len; i++)
		good = good && line[i] > ' ' && line[i] < 0x7f;
	if (good) {
		*out = line;
		return 0;
	}
	explicit_bzero(line, SECRET_FILE_MAX);
	free(line);
	(void)snprintf(text, text_size,
	               "%s: expected one line of %d to %d printable characters without "
	               "blanks",
	               path, SECRET_LINE_MIN, SECRET_LINE_MAX);
	return ERR_REFUSED;
}
