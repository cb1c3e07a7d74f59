/*
 * Sockets that listen for DNS over TCP or TLS, on a set of addresses that may change. When the system has no
 * room for another connection, clients wait in the kernel's queue until there may be some again. Loop thread.
 */
#ifndef CONTROL_NET_LISTENERS_H
#define CONTROL_NET_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "dataplane/respond/respond.h"
#include "shared/compiler.h"

struct listeners;

enum { LISTENERS_MAX = 64 };

struct listeners_owner {
	/* A connection; takes fd, which does not block. */
	void (*came)(void *arg, int fd, const struct client *from);
	/* No descriptor is left: gives one back, or says false. */
	bool (*make_room)(void *arg);
	void *arg;
};

/* Listens on nothing yet. */
struct listeners *listeners_new(uv_loop_t *loop, const struct listeners_owner *owner);

/* Opens what is not open yet of at most LISTENERS_MAX addresses; then one of the other two follows, which do
 * not fail. early: also on addresses that the machine does not have yet. ERR_SYSTEM, with what went wrong
 * and where as text: nothing was opened. */
MUST_CHECK int listeners_prepare(struct listeners *l, const struct sockaddr_storage *at,
                                 size_t count, bool early, char *text, size_t text_size);
/* Listens on these from now on, as prepared, and no longer on others. */
void listeners_take(struct listeners *l, const struct sockaddr_storage *at, size_t count);
void listeners_abandon(struct listeners *l);

/* NULL is fine. The loop must run on until it has called back for the closed handles. */
void listeners_close(struct listeners **l);

#endif
