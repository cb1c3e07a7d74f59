/*
 * What signalling records (RFC 9615) should be there, what is there, and the changes that make one of the other: as a
 * snapshot of the store has all zones. Pool.
 */
#ifndef CONTROL_KEEPER_BOOTSTRAP_PLAN_H
#define CONTROL_KEEPER_BOOTSTRAP_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/config/config.h"
#include "control/store/store.h"
#include "shared/compiler.h"
#include "shared/name.h"

enum {
	BOOTSTRAP_EDITS_MAX = 512,  /* of one change */
	BOOTSTRAP_CHANGES_MAX = 32, /* of one plan */
};

/* A zone of which nobody here can say anything. */
struct bootstrap_homeless {
	uint32_t id;
	uint8_t name[NAME_MAX_LEN];
};

struct bootstrap_plan {
	struct change **
		changes; /* each of one zone, and independent of the others; whoever takes one
	                          * leaves NULL */
	size_t count, room;
	bool more; /* there is more to do when they are done */
	/* Changes of these may be of concern: zones of which something is to be said, and those where it is, or would
	 * be. By rising id. */
	uint32_t *watched;
	size_t watched_count, watched_room;
	struct bootstrap_homeless *homeless;
	size_t homeless_count, homeless_room;
};

/* Fills *out, which bootstrap_plan_fini() frees whatever comes of it. now: seconds since 1970. Errors of the store. */
MUST_CHECK int bootstrap_plan_make(struct store_txn *t, const struct config *c,
                                   uint64_t now, struct bootstrap_plan *out);
void bootstrap_plan_fini(struct bootstrap_plan *p);

#endif
