/*
 * Accepting connections in the loop. The listening socket is polled and used directly, not as a uv
 * stream: when no descriptor is left, libuv's own accept loop spins, and holds up the whole loop. Here
 * clients wait in the queue until there may be some again.
 */
#ifndef CONTROL_NET_ACCEPTING_H
#define CONTROL_NET_ACCEPTING_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

#include "shared/compiler.h"

/* Takes the descriptor, which does not block. */
typedef void accepting_take(void *arg, int fd, const struct sockaddr_storage *address,
                            socklen_t len);

struct accepting {
	uv_poll_t poll;
	uv_timer_t pause; /* until it is tried again */
	int fd;
	accepting_take *take;
	void (*before)(void *arg); /* called when somebody waits, before they are taken */
	/* No descriptor is left, and somebody waits: gives one back, or says false. */
	bool (*make_room)(void *arg);
	void *arg;
};

/* The caller has filled in fd (taken), take, arg, and before and make_room, which may be NULL. fd listens and
 * does not block. Nobody is accepted yet. Gives libuv's error when the loop takes no more handles: nothing is to be
 * stopped then, and fd is the caller's. */
MUST_CHECK int accepting_open(struct accepting *a, uv_loop_t *loop);

void accepting_start(struct accepting *a);

/* Calls closed twice, for two handles whose data then is arg; the last of them frees what *a is in. */
void accepting_stop(struct accepting *a, uv_close_cb closed, void *arg);

#endif
