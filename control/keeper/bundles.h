/*
 * Zones whose KSK is elsewhere (control/sign/bundle.h): which bundle is to be in use now, and which of the zone's keys
 * live by that. Pool.
 *
 * The KSK is known by what bundles have of it. It is a key of the zone without a private half, so that its DS is waited
 * for as any other's, and people see it where they see the other keys.
 */
#ifndef CONTROL_KEEPER_BUNDLES_H
#define CONTROL_KEEPER_BUNDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/sign/policy.h"
#include "control/sign/zone_keys.h"
#include "control/store/store.h"
#include "shared/compiler.h"

struct bundles_look {
	bool changed; /* the keys, or which bundle is in use */
	bool torn; /* signatures by keys that the bundle lacks go at once: all of the zone is to be signed */
	uint64_t
		next; /* when to look again, in seconds since 1970; UINT64_MAX: after news */
	char why[ZONE_KEYS_WHY_SIZE]; /* what somebody is to do, or ""; the zone goes on */
};

/* Takes the bundle that holds now, if the zone is right with it; else it stays with the one that is in use. What is
 * changed is the caller's to write. ERR_NOTFOUND: the zone has none that holds, and none in use; why says so.
 * ERR_CORRUPT, ERR_VERSION. Errors of the store. */
MUST_CHECK int keeper_take_bundle(struct store_txn *t, struct zone_keys *k,
                                  const struct sign_policy *p, uint64_t now,
                                  struct bundles_look *out);

/* Writes the DNSKEYs of the KSKs of the bundle in use. Gives how many, at most `most`. */
size_t keeper_bundle_ksks(const struct zone_keys *k, struct rdata *out, size_t most);

#endif
