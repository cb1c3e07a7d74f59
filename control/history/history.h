/*
 * What a zone has been: its changes in the log, the states between them, and what differs between
 * two states.
 *
 * A state is named by the change that made it, whose number no other change has; serials are
 * looked up in the log. The log may have lost its beginning, and does not hold the RRsets of very
 * large loads. What cannot be told for that is refused with a text that says so: nothing is made
 * up.
 *
 * All that a history gives is lent from its transaction.
 */
#ifndef CONTROL_HISTORY_HISTORY_H
#define CONTROL_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/record.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum { HISTORY_TEXT_SIZE = 512 };

struct history {
	struct store_txn *txn;
	const struct store_zone *zone;
	uint64_t first; /* change in the log, of whatever zone; 0: there is none */
	uint64_t
		begin; /* what the state was after this change, or any later one, is known */
	uint64_t newest; /* the zone's last change; 0: none is in the log */
	uint64_t oldest; /* its first one in the log; 0: none */
	bool made;       /* by the oldest one: nothing is missing before that */
	char text[HISTORY_TEXT_SIZE]; /* why something was refused */
};

/* txn and zone are lent for the life of the history. ERR_CORRUPT and others of the store's. */
MUST_CHECK int history_open(struct store_txn *txn, const struct store_zone *zone,
                            struct history *out);

/* Writes text. Gives ERR_REFUSED. */
int history_refuse(struct history *h, const char *format, ...) PRINTF_LIKE(2, 3);

/* A change, and what it did to the zone. */
struct history_change {
	uint64_t seq;
	struct record_header header;
	struct record_zone zone;
};

typedef int history_change_fn(const struct history_change *c, void *arg);

/* Calls back for the zone's changes from a number on, the newest first, until it gives non-zero,
 * which is handed through. */
MUST_CHECK int history_each(const struct history *h, uint64_t from, history_change_fn *fn,
                            void *arg);

/* Gives one change. ERR_NOTFOUND: it is none of the zone's, or is not in the log. */
MUST_CHECK int history_find(const struct history *h, uint64_t seq,
                            struct history_change *out);

/* A state of the zone. */
struct history_state {
	uint64_t
		seq; /* of the zone's last change in it; 0: before those that are known */
	uint64_t after; /* it lasted from this number on; seq, or h->begin */
	uint32_t serial;
	uint64_t time_us; /* since 1970, when it began; 0: not known */
};

/* Finds a state: "now"; "change:N", that after any change of the server's, also of another zone;
 * "serial:N", the newest with this serial; "N", which is the one or the other and must not be both; or
 * a time, "2026-11-21T10:00:00Z" or a beginning of that. ERR_REFUSED, ERR_SYNTAX: see h->text. */
MUST_CHECK int history_state_find(struct history *h, const char *text,
                                  struct history_state *out);

/* Gives a state with a serial from which, up to now, every change of what is served has raised the
 * serial (RFC 1982), so that whoever has the serial has the state. ERR_NOTFOUND: there is none, or it
 * is too many changes ago. */
MUST_CHECK int history_since_serial(struct history *h, uint32_t serial,
                                    struct history_state *out);

/* Gives the state before a change of the zone: for the one that made it, one without contents.
 * ERR_REFUSED. */
MUST_CHECK int history_state_before(struct history *h, uint64_t seq,
                                    struct history_state *out);

#endif
