#include "control/spool/spool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/must.h"
#include "control/spool/file.h"
#include "shared/err.h"

struct spool {
	char *dir; /* owned: the configuration that names it may go first */
	FILE *writer;
	char *text; /* while there is no file */
	size_t room;
	size_t size;
	size_t counted; /* of those in files */
	int fd;         /* -1: none */
	int err;
};

static bool put_in_file(struct spool *s, const char *text, size_t len)
{
	s->counted += len;
	s->err = spool_file_write(s->fd, s->size, text, len);
	if (s->err < 0)
		return false;
	s->size += len;
	return true;
}

static bool move_to_file(struct spool *s)
{
	size_t len = s->size;

	s->fd = spool_file_open(s->dir);
	if (s->fd < 0) {
		s->err = ERR_FULL;
		return false;
	}
	s->size = 0;
	bool moved = put_in_file(s, s->text, len);
	free(s->text);
	s->text = NULL;
	return moved;
}

static void put_in_memory(struct spool *s, const char *text, size_t len)
{
	if (!s->text || s->size + len > s->room) {
		s->room = (s->size + len) * 2;
		s->text = must(realloc(s->text, s->room));
	}
	memcpy(s->text + s->size, text, len);
	s->size += len;
}

static ssize_t on_write(void *cookie, const char *text, size_t len)
{
	struct spool *s = cookie;

	if (s->err < 0)
		return 0;
	if (s->fd < 0 && s->size + len > SPOOL_MEMORY && s->size && !move_to_file(s))
		return 0;
	if (s->fd >= 0)
		return put_in_file(s, text, len) ? (ssize_t)len : 0;
	put_in_memory(s, text, len);
	return (ssize_t)len;
}

static int on_seek(void *cookie, off64_t *offset, int whence)
{
	struct spool *s = cookie;
	off64_t to = whence == SEEK_SET ? *offset : (off64_t)s->size + *offset;

	if (to < 0 || to > (off64_t)s->size)
		return -1;
	s->size = (size_t)to;
	*offset = to;
	return 0;
}

struct spool *spool_new(const char *dir)
{
	static const cookie_io_functions_t functions = {.write = on_write,
	                                                .seek = on_seek};
	struct spool *s = must(calloc(1, sizeof *s));

	s->dir = must(strdup(dir));
	s->fd = -1;
	s->writer = fopencookie(s, "w", functions);
	if (!s->writer || setvbuf(s->writer, NULL, _IOFBF, SPOOL_STEP) != 0)
		abort();
	return s;
}

FILE *spool_writer(struct spool *s)
{
	return s->writer;
}

int spool_end(struct spool *s)
{
	FILE *writer = s->writer;

	s->writer = NULL;
	if (writer && fclose(writer) != 0 && s->err == 0)
		s->err = ERR_FULL;
	return s->err;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	if (s->writer)
		(void)fclose(s->writer);
	if (s->fd >= 0)
		(void)close(s->fd);
	spool_file_forget(s->counted);
	free(s->text);
	free(s->dir);
	free(s);
}

size_t spool_size(const struct spool *s)
{
	return s->size;
}

char *spool_take_text(struct spool *s)
{
	char *text = s->text;

	s->text = NULL;
	return text;
}

int spool_fd(const struct spool *s)
{
	return s->fd;
}
