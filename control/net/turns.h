/*
 * What is to be done soon, but not inside of what is being done now: a few things each turn of the loop,
 * one after the other, so that sockets get theirs in between. Loop thread.
 */
#ifndef CONTROL_NET_TURNS_H
#define CONTROL_NET_TURNS_H

#include <stdbool.h>
#include <uv.h>

/* Part of whatever is to be done; all zero: it is not to be. */
struct turn {
	struct turn *prev;
	struct turn *next;
	bool waits;
	void (*fn)(void *arg);
	void *arg;
};

/* Done in one turn of the loop at most. */
enum { TURNS_AT_ONCE = 64 };

struct turns {
	uv_idle_t idle;
	struct turn *first;
	struct turn *last;
	bool closed;
};

void turns_open(struct turns *t, uv_loop_t *loop);

/* Has fn called once, after all that is already waiting. The turn is lent until then or until it is dropped,
 * and free to be put again from within. One that waits goes on waiting where it is. */
void turns_put(struct turns *t, struct turn *what, void (*fn)(void *arg), void *arg);

void turns_drop(struct turns *t, struct turn *what);

/* What waits is forgotten, and what is put from now on. Calls closed with a handle whose data is arg; then *t
 * may go. */
void turns_close(struct turns *t, uv_close_cb closed, void *arg);

#endif
