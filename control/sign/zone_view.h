/*
 * A change of a zone that is signed here: from a view of what the change makes of the zone's data (control/change/check.h)
 * to one of the zone as it will be served, with keys, the chain of denial and signatures. The steps of it in
 * their order, around what is not the signer's:
 *
 *      the view of edits -> zone_view_bare() -> serial -> checks -> zone_view_sign() -> digest
 *
 * Costs what the change touches. Signs with the keys' own signer: the thread that has them.
 */
#ifndef CONTROL_SIGN_ZONE_VIEW_H
#define CONTROL_SIGN_ZONE_VIEW_H

#include <stdint.h>

#include "control/change/check.h"
#include "control/sign/zone_keys.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"

/* RRsets. The chain of larger zones is not made anew within a change. */
enum { ZONE_CHAIN_AT_ONCE = 5000 };

struct zone_view_wish {
	const struct change_again *
		again; /* RRsets to be signed anew although their data stays (key and type,
	                                   * sorted), of which those that are gone are left out */
	bool even;     /* it counts as changed whatever it has */
	uint64_t now;  /* seconds since 1970 */
};

/* Takes out of the view what is the signer's, so that what is left is what the change does to the data: signatures, the chain
 * of denial, and RRsets with no other difference. Then puts the keys' RRsets at the apex there, where they become
 * others or lack signatures. view->changed is set anew. */
MUST_CHECK int zone_view_bare(struct change_view *v, struct zone_keys *k,
                              const struct zone_view_wish *wish,
                              struct contents_arena *a);

/* Puts the chain and the signatures into it. again: as before. now: seconds since 1970. k->made: how many RRsets were signed;
 * k->chain_lags: the zone is larger than ZONE_CHAIN_AT_ONCE, and its chain is to get another TTL. ERR_TOOBIG: it is as
 * large, and its chain would have to be made anew. Errors of the store, ERR_SYSTEM. */
MUST_CHECK int zone_view_sign(struct change_view *v, struct zone_keys *k,
                              const struct change_again *again, uint32_t serial,
                              uint64_t now, struct contents_arena *a);

/* Signs the one RRset at the apex that has come to it since, which the chain knows already. */
MUST_CHECK int zone_view_sign_apex(struct change_view *v, struct zone_keys *k,
                                   uint16_t type, struct contents_arena *a);

#endif
