#include "control/uploads.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "control/write_all.h"
#include "shared/clock.h"
#include "shared/err.h"

void uploads_init(struct uploads *u, const char *dir)
{
	*u = (struct uploads){.dir = dir};
	pthread_mutex_init(&u->lock, NULL);
}

static void forget(struct upload *item)
{
	if (item->name[0])
		(void)close(item->fd);
	*item = (struct upload){.fd = -1};
}

void uploads_fini(struct uploads *u)
{
	for (size_t i = 0; i < UPLOADS_MAX; i++)
		forget(&u->items[i]);
	pthread_mutex_destroy(&u->lock);
}

static int make_name(char name[static UPLOAD_NAME_SIZE])
{
	uint64_t random[2];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return ERR_SYSTEM;
	(void)snprintf(name, UPLOAD_NAME_SIZE, "%016llx%016llx",
	               (unsigned long long)random[0], (unsigned long long)random[1]);
	return 0;
}

static int make_file(const char *dir)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof path, "%s/upload.XXXXXX", dir);
	int fd = len > 0 && (size_t)len < sizeof path ? mkstemp(path) : -1;

	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

/* With the lock held: one that is free, or NULL. Forgets those that nobody has gone on with. */
static struct upload *find_place(struct uploads *u)
{
	uint64_t now = clock_now_ms();
	struct upload *found = NULL;

	for (size_t i = 0; i < UPLOADS_MAX; i++) {
		struct upload *item = &u->items[i];
		if (item->name[0] && !item->busy &&
		    now - item->used_at_ms > UPLOAD_IDLE_MS)
			forget(item);
		if (!item->name[0])
			found = item;
	}
	return found;
}

int uploads_begin(struct uploads *u, char name[static UPLOAD_NAME_SIZE])
{
	TRY(make_name(name));
	int fd = make_file(u->dir);
	if (fd < 0)
		return ERR_IO;
	pthread_mutex_lock(&u->lock);
	struct upload *item = find_place(u);
	if (item) {
		*item = (struct upload){.fd = fd, .used_at_ms = clock_now_ms()};
		memcpy(item->name, name, UPLOAD_NAME_SIZE);
	}
	pthread_mutex_unlock(&u->lock);
	if (!item)
		(void)close(fd);
	return item ? 0 : ERR_LIMITED;
}

/* With the lock held. */
static int find(struct uploads *u, const char *name, struct upload **out)
{
	for (size_t i = 0; i < UPLOADS_MAX; i++) {
		struct upload *item = &u->items[i];
		if (!item->name[0] || strcmp(item->name, name) != 0)
			continue;
		*out = item;
		return item->busy ? ERR_BUSY : 0;
	}
	return ERR_NOTFOUND;
}

int uploads_add(struct uploads *u, const char *name, const char *text, size_t len)
{
	struct upload *item = NULL;

	pthread_mutex_lock(&u->lock);
	int err = find(u, name, &item);
	if (err == 0)
		item->busy = true;
	pthread_mutex_unlock(&u->lock);
	if (err < 0)
		return err;
	/* Whoever is busy has it to himself. */
	err = len > UPLOAD_SIZE_MAX - item->size ? ERR_TOOBIG
	                                         : write_all(item->fd, text, len);
	pthread_mutex_lock(&u->lock);
	item->busy = false;
	item->size += len;
	item->used_at_ms = clock_now_ms();
	if (err < 0)
		forget(item);
	pthread_mutex_unlock(&u->lock);
	return err;
}

int uploads_take(struct uploads *u, const char *name, int *fd, size_t *size)
{
	struct upload *item = NULL;

	pthread_mutex_lock(&u->lock);
	int err = find(u, name, &item);
	if (err == 0) {
		*fd = item->fd;
		*size = item->size;
		*item = (struct upload){.fd = -1};
	}
	pthread_mutex_unlock(&u->lock);
	return err;
}
