/*
 * What the files share that make a step: step.c goes through it, step_wanted.c says what is and what is wanted,
 * step_keys.c has keys live on, step_change.c makes the change of it all. Pool.
 */
#ifndef CONTROL_KEEPER_STEP_INTERNAL_H
#define CONTROL_KEEPER_STEP_INTERNAL_H

#include "control/keeper/bundles.h"
#include "control/keeper/step.h"

/* A zone on the way through a step. */
struct step_state {
	struct step *step;
	struct store_txn *txn;
	struct store_zone zone;
	struct zone_keys *keys;
	const struct config_dnssec_policy *policy; /* NULL: there is none of that name */
	struct sign_policy numbers;
	bool wanted;    /* it is to be signed */
	bool fresh;     /* and is not, so far */
	bool presigned; /* but has signatures */
	bool was_signed;
	bool changed; /* keys, or state */
	bool rechain; /* the whole chain, or all signatures, are to be others */
	bool rekeyed; /* the keys' RRsets at the apex are to be others */
	struct bundles_look bundles; /* of a KSK that is elsewhere */
};

/* ---- step_wanted.c ---- */

/* ERR_NOTFOUND: there is none of that name. */
MUST_CHECK int step_find_policy(struct step_state *st, const char *name);
/* Of the policy, and of the chain that it or the zone itself asks for. ERR_SYSTEM. */
void step_take_numbers(struct step_state *st);
MUST_CHECK int step_take_chain(struct step_state *st);
/* The chain is to be another when its TTL is. */
MUST_CHECK int step_look_at_chain_ttl(struct step_state *st);
/* Also of a zone that is not signed so far: st->fresh. */
MUST_CHECK int step_read_keys(struct step_state *st);

/* ---- step_keys.c ---- */

/* Forgets keys that have been of no use for long. */
void step_purge(struct step_state *st);
/* Until no more keys are asked for. Errors of making them. */
MUST_CHECK int step_live_on(struct step_state *st, struct life_result *r);

/* ---- step_change.c ---- */

/* known: how many keys there were before. New keys of a large zone that is to be signed are written down first. */
bool step_keys_come_first(const struct step_state *st, size_t known);
MUST_CHECK int step_change_keys_first(struct step_state *st, size_t known);
/* Of a zone that neither is signed nor is to be. */
MUST_CHECK int step_give_up(struct step_state *st);
/* Sets the outcome, and makes its change. */
MUST_CHECK int step_decide(struct step_state *st);

#endif
