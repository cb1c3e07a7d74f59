/*
 * When which secondary is to be looked at. Loop thread.
 */
#ifndef CONTROL_TRANSFER_SCHEDULE_H
#define CONTROL_TRANSFER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/transfer/agenda.h"

struct check;
struct refresh;

/* What is remembered of one secondary. There may be a million of them. */
struct secondary {
	struct agenda_entry at; /* due by clock_now_ms() */
	uint64_t
		good_at; /* when a primary has last answered, seconds since 1970; 0: it never has */
	uint8_t *name;    /* folded; owned */
	char *why;        /* of the last failure, owned; NULL: the last check was good */
	char *ixfr_error; /* why AXFR was needed the last time, owned; NULL: it was not */
	struct check *check; /* under way; NULL: none */
	struct refresh *owner;
	uint32_t expire; /* s from good_at; 0: not known */
	uint32_t serial;
	uint32_t their_serial;
	uint16_t failures;      /* in a row */
	uint16_t ixfr_failures; /* likewise, of transfers */
	uint8_t counted;        /* the figure of its state; 0: it is in none yet */
	bool has_contents;
	bool expired;
	bool no_ixfr; /* it is counted among those where IXFR brings nothing that fits */
	bool dirty;   /* not written down as it is */
	bool again;   /* asked for during a check: with */
	bool transfer;
	bool may_fall;
};

struct schedule;

struct schedule *schedule_new(void);
/* With all that are in it. NULL is fine. */
void schedule_free(struct schedule *s);

struct secondary *schedule_find(const struct schedule *s, uint32_t id);
/* name: folded, copied. It is not due before schedule_at(). */
struct secondary *schedule_add(struct schedule *s, uint32_t id, const uint8_t *name);
/* Frees it; it has no check. */
void schedule_remove(struct schedule *s, struct secondary *one);

/* Sets when it is due. */
void schedule_at(struct schedule *s, struct secondary *one, uint64_t due_ms);
/* Not until schedule_at() says when. */
void schedule_pause(struct schedule *s, struct secondary *one);
/* Gives the one that is due first, or NULL. */
struct secondary *schedule_first(const struct schedule *s);

/* Calls back for all, in no order. fn adds and removes none. */
void schedule_each(struct schedule *s, void (*fn)(struct secondary *one, void *arg),
                   void *arg);

#endif
