#include "control/net/listeners.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/must.h"
#include "control/net/accepting.h"
#include "control/net/listen.h"
#include "shared/err.h"

struct listener {
	struct accepting accepting;
	struct listeners *all;
	struct sockaddr_storage at;
	unsigned handles; /* of libuv, not yet closed: the memory must outlive them */
};

struct listeners {
	uv_loop_t *loop;
	struct listeners_owner owner;
	struct listener *open[LISTENERS_MAX];
	size_t count;
	struct listener *prepared[LISTENERS_MAX];
	size_t prepared_count;
	unsigned references; /* of the owner, and of each handle that is not yet closed */
};

static void release(struct listeners *all)
{
	assert(all->references > 0);
	if (--all->references == 0)
		free(all);
}

/* ---- accepting ---- */

static void take(void *arg, int fd, const struct sockaddr_storage *address, socklen_t len)
{
	const struct listener *l = arg;
	struct client client = {.transport = TRANSPORT_TCP,
	                        .is_ipv4 = address->ss_family == AF_INET};

	(void)len;
	client.port = listen_peer(address, client.addr);
	l->all->owner.came(l->all->owner.arg, fd, &client);
}

static bool make_room(void *arg)
{
	const struct listener *l = arg;

	return l->all->owner.make_room(l->all->owner.arg);
}

/* ---- opening and closing ---- */

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;
	struct listeners *all = l->all;

	if (--l->handles == 0)
		free(l);
	release(all);
}

static void listener_close(struct listener *l)
{
	accepting_stop(&l->accepting, on_listener_closed, l);
}

/* Takes fd, which listens; accepts nothing yet. Gives libuv's error. */
static int listener_new(struct listeners *all, int fd, const struct sockaddr_storage *at,
                        struct listener **out)
{
	struct listener *l = must(calloc(1, sizeof *l));

	l->accepting = (struct accepting){
		.fd = fd, .take = take, .make_room = make_room, .arg = l};
	int err = accepting_open(&l->accepting, all->loop);
	if (err < 0) {
		free(l);
		close(fd);
		return err;
	}
	l->at = *at;
	l->all = all;
	l->handles = 2;
	all->references += 2;
	*out = l;
	return 0;
}

static int prepare_one(struct listeners *all, const struct sockaddr_storage *at,
                       bool early, char *text, size_t text_size)
{
	int fd = -1;

	TRY(listen_open(at, early, &fd, text, text_size));
	int err = listener_new(all, fd, at, &all->prepared[all->prepared_count]);
	if (err < 0) {
		(void)snprintf(text, text_size, "polling: %s", uv_strerror(err));
		return ERR_SYSTEM;
	}
	all->prepared_count++;
	return 0;
}

/* Takes the one with that address out of a list; NULL: there is none. */
static struct listener *take_out(struct listener *list[], size_t count,
                                 const struct sockaddr_storage *at)
{
	for (size_t i = 0; i < count; i++) {
		struct listener *l = list[i];
		if (!l || memcmp(&l->at, at, sizeof *at) != 0)
			continue;
		list[i] = NULL;
		return l;
	}
	return NULL;
}

static bool is_open(const struct listeners *all, const struct sockaddr_storage *at)
{
	for (size_t i = 0; i < all->count; i++) {
		if (memcmp(&all->open[i]->at, at, sizeof *at) == 0)
			return true;
	}
	return false;
}

void listeners_abandon(struct listeners *all)
{
	for (size_t i = 0; i < all->prepared_count; i++)
		listener_close(all->prepared[i]);
	all->prepared_count = 0;
}

int listeners_prepare(struct listeners *all, const struct sockaddr_storage *at,
                      size_t count, bool early, char *text, size_t text_size)
{
	for (size_t i = 0; i < count; i++) {
		int err = is_open(all, &at[i])
		                  ? 0
		                  : prepare_one(all, &at[i], early, text, text_size);
		if (err < 0) {
			listeners_abandon(all);
			return err;
		}
	}
	return 0;
}

void listeners_take(struct listeners *all, const struct sockaddr_storage *at,
                    size_t count)
{
	struct listener *taken[LISTENERS_MAX] = {0};

	for (size_t i = 0; i < count; i++) {
		taken[i] = take_out(all->open, all->count, &at[i]);
		if (taken[i])
			continue;
		taken[i] = take_out(all->prepared, all->prepared_count, &at[i]);
		accepting_start(&taken[i]->accepting);
	}
	for (size_t i = 0; i < all->count; i++) {
		if (all->open[i])
			listener_close(all->open[i]);
	}
	memcpy(all->open, taken, sizeof taken);
	all->count = count;
	all->prepared_count = 0;
}

struct listeners *listeners_new(uv_loop_t *loop, const struct listeners_owner *owner)
{
	struct listeners *all = must(calloc(1, sizeof *all));

	all->loop = loop;
	all->owner = *owner;
	all->references = 1;
	return all;
}

void listeners_close(struct listeners **listeners)
{
	struct listeners *all = *listeners;

	*listeners = NULL;
	if (!all)
		return;
	listeners_abandon(all);
	for (size_t i = 0; i < all->count; i++)
		listener_close(all->open[i]);
	release(all);
}
