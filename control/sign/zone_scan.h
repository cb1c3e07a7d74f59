/*
 * Looks through all of a signed zone in the store for what is to be signed anew: RRsets without the signatures that its keys
 * are to make, and those whose signatures are due soon. A walk costs little against what keeping an order of
 * all signatures by time would cost with every change; it is done some dozens of times while signatures last.
 */
#ifndef CONTROL_SIGN_ZONE_SCAN_H
#define CONTROL_SIGN_ZONE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/sign/zone_keys.h"
#include "control/store/store.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"

struct zone_scan {
	/* The caller's. */
	uint64_t now, soon; /* seconds since 1970; what is due before soon is due */
	size_t most;        /* that are listed */
	struct contents_arena *arena; /* of the list */
	/* What was found. */
	struct change_again due;
	size_t due_count;    /* listed or not */
	size_t signed_count; /* RRsets that are to be signed */
	bool lapsed;         /* some of those have signatures that do not hold now */
	uint64_t next;       /* when the first of the others is due; UINT64_MAX: never */
	uint64_t ends;       /* when the first signature of all ends; likewise */
	uint32_t longest_ttl;
};

/* keys: their terms' time is set. Errors of the store. */
MUST_CHECK int zone_scan(struct store_txn *t, struct zone_keys *keys,
                         struct zone_scan *s);

/* Says whether a zone has signatures, whoever made them. Errors of the store. */
MUST_CHECK int zone_has_signatures(struct store_txn *t, uint32_t zone, bool *out);

/* Gives the longest TTL in a zone, signed or not. */
MUST_CHECK int zone_longest_ttl(struct store_txn *t, uint32_t zone, uint32_t *out);

#endif
