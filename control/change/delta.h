/*
 * Records that come to a zone and go from it, as an incremental transfer has them (RFC 1995), with
 * signatures and denial. It is made on any thread, and evaluated against the store by whoever
 * carries out the change, at the cost of what it names and nothing else.
 *
 * Several steps from one serial to the next may follow each other: what counts is the net effect.
 * A record that goes must be there, else the delta does not fit at all. One that comes may be there
 * already, once or several times over, and then stays: primaries exist that send RRsets of the apex
 * with every difference, and what is meant is in no doubt. TTLs do not matter for what goes; an
 * RRset's becomes that of what comes last.
 */
#ifndef CONTROL_CHANGE_DELTA_H
#define CONTROL_CHANGE_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/check.h"
#include "control/zone/arena.h"
#include "control/zone/records.h"
#include "shared/compiler.h"
#include "shared/name.h"

struct delta {
	uint32_t from, to;      /* serials; filled in by whoever makes it */
	struct record *records; /* line: place in the order; file: enum delta_way */
	size_t count, room;
	struct contents_arena *arena;
	uint8_t apex[NAME_MAX_LEN]; /* folded */
	uint8_t apex_len;
};

enum delta_way { DELTA_GOES, DELTA_COMES };

/* Never fail. */
struct delta *delta_new(const uint8_t *apex);
void delta_free(struct delta *d);

/* Appends a record, copied, whose RDATA has passed rdata_check(). owner: at or below the apex, in any
 * case; an RRSIG is of the type that it covers. ERR_TOOBIG: more than four billion of them. */
MUST_CHECK int delta_add(struct delta *d, enum delta_way way, const uint8_t *owner,
                         uint16_t type, uint32_t ttl, struct rdata rdata);

/* Puts the records in order, once all are there: before anybody evaluates it. */
void delta_end(struct delta *d);

/* Works out what a zone will be. ERR_STALE: it does not fit what is there. ERR_TOOBIG: an RRset becomes
 * larger than one may be. The view is lent from the transaction, the arena and the delta. */
MUST_CHECK int delta_view(struct store_txn *t, const struct store_zone *zone,
                          const struct delta *d, struct contents_arena *a,
                          struct change_view *out);

#endif
