/*
 * What each connection waits for and since when. A wait of one kind has one timeout, so that the
 * waits of a kind are a list in order of their ends: starting, stopping and finding the next one
 * that ends costs the same however many there are.
 */
#ifndef CONTROL_NET_WAITS_H
#define CONTROL_NET_WAITS_H

#include <stdint.h>

#include "shared/compiler.h"

enum wait_kind {
	WAIT_NONE,
	WAIT_CONNECT,   /* for a connection that we make */
	WAIT_HANDSHAKE, /* for TLS to be agreed on */
	WAIT_QUERY,     /* for the first byte of a message */
	WAIT_MESSAGE,   /* for the rest of a message */
	WAIT_TAKEN,  /* for the other side to take something of what is queued for it */
	WAIT_ANSWER, /* for something of ours that is to be sent */
	WAIT_LEAVE,  /* for it to close after we have said all */
	WAIT_KINDS
};

/* Part of whatever waits; all zero waits for nothing. */
struct wait {
	struct wait *prev;
	struct wait *next;
	uint64_t since; /* ms */
	enum wait_kind kind;
};

struct wait_list {
	struct wait *first; /* the oldest */
	struct wait *last;
	uint64_t timeout; /* ms */
};

/* All zero but the timeouts at first. of[WAIT_NONE] stays empty. */
struct waits {
	struct wait_list of[WAIT_KINDS];
};

/* Ends what w waits for, and begins to wait anew. now (ms) never falls. */
void waits_start(struct waits *waits, struct wait *w, enum wait_kind kind, uint64_t now);

void waits_stop(struct waits *waits, struct wait *w);

/* Gives one whose time is over, or NULL. */
struct wait *waits_over(const struct waits *waits, uint64_t now);

/* When the next one ends; UINT64_MAX: nothing waits. */
uint64_t waits_next_end(const struct waits *waits);

#endif
