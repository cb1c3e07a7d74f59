/*
 * What differs between two states of a zone, from the rows of the changes between them: of each
 * RRset the value before the first and after the last of them.
 *
 * The log has the rows of a change as one whole, and what one change leaves of an RRset the next
 * one finds. Where that does not fit, rows are missing, and nothing is told.
 */
#ifndef CONTROL_HISTORY_DIFFERENCE_H
#define CONTROL_HISTORY_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/extra.h"
#include "control/history/history.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

/* An RRset, or what it has besides served records, in two states. */
struct history_set {
	enum record_kind kind; /* ROW_RRSET or ROW_EXTRA */
	const uint8_t *key;    /* sort key of the owner */
	size_t key_len;
	uint16_t type;
	const void *before, *after; /* NULL: not there */
	size_t before_size, after_size;
	uint64_t last; /* the newest change of it, of those looked at */
	size_t order;
};

struct difference {
	struct history_set *sets; /* by owner, type and kind */
	size_t count, room;
	size_t changes; /* looked at */
	bool attrs;     /* attributes of the zone were changed as well */
};

/* Gives what differs between the state after one change and that after a later one; what differs
 * no more is left out. ERR_REFUSED, see h->text: the log does not hold all of it. */
MUST_CHECK int difference_between(struct history *h, uint64_t after, uint64_t to,
                                  struct difference *out);

void difference_fini(struct difference *d);

/* By owner, type and kind; 0: both are of the same. */
int history_set_order(const struct history_set *a, const struct history_set *b);

/* Says whether two values, either of which may be NULL, are the same. */
bool history_same_value(const void *a, size_t a_size, const void *b, size_t b_size);

/* Gives what a set is now; *value NULL: not there. */
MUST_CHECK int history_set_now(const struct history *h, const struct history_set *s,
                               const void **value, size_t *size);

/* Says whether both are SOAs and differ in nothing but their serials. */
bool history_only_serial(const struct history_set *s);

/* ---- record by record ---- */

enum line_kind { LINE_RECORD, LINE_DISABLED, LINE_COMMENT };

/* A record or a comment that one of two values has, and the other has not. */
struct history_line {
	bool came; /* else it went */
	enum line_kind kind;
	uint16_t type; /* of the record; RRSIG of a signature */
	uint32_t ttl;
	struct rdata rdata;
	const struct comment *comment;
};

/* Calls back for all that went, and then for all that came. Damaged values have no line. */
typedef void history_line_fn(const struct history_line *l, void *arg);
void history_set_lines(const struct history_set *s, history_line_fn *fn, void *arg);

#endif
