#include "control/spool/growing.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/must.h"
#include "control/spool/file.h"
#include "control/spool/spool.h"
#include "shared/err.h"

/* Who has read all is told when there is so much more, but of the first octets at once: to wake the other
 * thread for each message costs both more than the message. */
enum { WORTH_TELLING = 256 << 10 };

struct growing {
	pthread_mutex_t
		lock; /* of all below; not held while the file is written or read */
	char *dir;
	void (*grew)(void *arg);
	void *arg;
	uint8_t *memory; /* while there is no file */
	size_t room;
	uint64_t size;    /* which readers may read */
	uint64_t counted; /* of those in files */
	int fd;           /* -1: none; once there, it stays */
	unsigned holders;
	bool ended;
	bool awaited;     /* a reader has read all, and is told when there are */
	uint64_t tell_at; /* more octets than that, or there is the end */
	int err;
};

static void lock(struct growing *g)
{
	if (pthread_mutex_lock(&g->lock) != 0)
		abort();
}

static void unlock(struct growing *g)
{
	if (pthread_mutex_unlock(&g->lock) != 0)
		abort();
}

struct growing *growing_new(const char *dir, void (*grew)(void *arg), void *arg)
{
	struct growing *g = must(calloc(1, sizeof *g));

	if (pthread_mutex_init(&g->lock, NULL) != 0)
		abort();
	g->dir = must(strdup(dir));
	g->grew = grew;
	g->arg = arg;
	g->fd = -1;
	g->holders = 2;
	return g;
}

static void destroy(struct growing *g)
{
	if (g->fd >= 0)
		(void)close(g->fd);
	spool_file_forget(g->counted);
	(void)pthread_mutex_destroy(&g->lock);
	free(g->memory);
	free(g->dir);
	free(g);
}

void growing_release(struct growing **g)
{
	struct growing *held = *g;

	*g = NULL;
	if (!held)
		return;
	lock(held);
	bool last = --held->holders == 0;
	unlock(held);
	if (last)
		destroy(held);
}

/* ---- writing ---- */

/* Locked. Gives whether somebody is to be told of what has just been made readable. */
static bool take_awaited(struct growing *g)
{
	bool tell = g->awaited && (g->ended || g->size > g->tell_at);

	if (tell)
		g->awaited = false;
	return tell;
}

/* Locked. A reader has read all. */
static void await(struct growing *g)
{
	uint64_t tell_at = g->size ? g->size + WORTH_TELLING : 0;

	if (!g->awaited || tell_at < g->tell_at)
		g->tell_at = tell_at;
	g->awaited = true;
}

/* Locked. */
static void add_to_memory(struct growing *g, const void *bytes, size_t n)
{
	if (g->size + n > g->room) {
		g->room = (g->size + n) * 2;
		g->memory = must(realloc(g->memory, g->room));
	}
	memcpy(g->memory + g->size, bytes, n);
	g->size += n;
}

static int write_file(struct growing *g, int fd, uint64_t at, const void *bytes, size_t n)
{
	g->counted += n;
	return spool_file_write(fd, at, bytes, n);
}

/* Only the writer changes memory, size and fd, so it may look at them unlocked. */
static int move_to_file(struct growing *g)
{
	int fd = spool_file_open(g->dir);

	if (fd < 0)
		return ERR_FULL;
	int err = write_file(g, fd, 0, g->memory, g->size);
	if (err < 0) {
		(void)close(fd);
		return err;
	}
	lock(g);
	g->fd = fd;
	free(g->memory);
	g->memory = NULL;
	unlock(g);
	return 0;
}

static int look_for_readers(struct growing *g)
{
	lock(g);
	bool alone = g->holders == 1;
	unlock(g);
	return alone ? ERR_GONE : 0;
}

int growing_add(struct growing *g, const void *bytes, size_t n)
{
	TRY(look_for_readers(g));
	if (g->fd < 0 && g->size && g->size + n > SPOOL_MEMORY)
		TRY(move_to_file(g));
	if (g->fd >= 0)
		TRY(write_file(g, g->fd, g->size, bytes, n));
	lock(g);
	if (g->fd >= 0)
		g->size += n;
	else
		add_to_memory(g, bytes, n);
	bool awaited = take_awaited(g);
	unlock(g);
	if (awaited)
		g->grew(g->arg);
	return 0;
}

void growing_end(struct growing **g, int err)
{
	struct growing *ended = *g;

	lock(ended);
	ended->ended = true;
	ended->err = err;
	bool awaited = take_awaited(ended);
	unlock(ended);
	if (awaited)
		ended->grew(ended->arg);
	growing_release(g);
}

/* ---- reading ---- */

static int read_file(int fd, uint64_t at, void *to, size_t n)
{
	uint8_t *out = to;

	while (n) {
		ssize_t got = pread(fd, out, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ERR_IO;
		out += got;
		at += (size_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int growing_read(struct growing *g, uint64_t at, void *to, size_t room, size_t *n,
                 bool *ended)
{
	lock(g);
	uint64_t left = at < g->size ? g->size - at : 0;
	size_t take = left < room ? (size_t)left : room;
	bool last = g->ended && take == left;
	int err = last && !take ? g->err : 0;
	int fd = g->fd;
	if (!take && !g->ended)
		await(g);
	if (fd < 0 && take)
		memcpy(to, g->memory + at, take);
	unlock(g);
	if (fd >= 0 && take)
		err = read_file(fd, at, to, take);
	if (err < 0)
		return err;
	*n = take;
	*ended = last && g->err == 0;
	return 0;
}

uint64_t growing_whole_size(struct growing *g)
{
	lock(g);
	uint64_t size = g->ended && g->err == 0 ? g->size : 0;
	unlock(g);
	return size;
}
