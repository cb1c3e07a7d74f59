/*
 * A zone's keys as they are in use: read from the store, the private halves of those that sign opened, and what
 * all that makes of the zone: by what its RRsets are signed (set_signer.h), and the DNSKEY, CDS and CDNSKEY at its
 * apex that are ours.
 *
 * One thread at a time; bulk_sign() may use the terms on many.
 */
#ifndef CONTROL_SIGN_ZONE_KEYS_H
#define CONTROL_SIGN_ZONE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/sign/bundle.h"
#include "control/sign/bundle_plan.h"
#include "control/sign/life.h"
#include "control/sign/secrets.h"
#include "control/sign/set_signer.h"
#include "control/sign/state.h"
#include "control/sign/stored.h"
#include "shared/compiler.h"
#include "shared/name.h"

struct zone_key {
	uint32_t number;
	struct sign_stored stored;
	struct sign_key *key;    /* NULL: it signs nothing now */
	struct bundle_turn turn; /* of a ZSK whose KSK is elsewhere; else all 0 */
};

struct zone_keys {
	uint8_t zone[NAME_MAX_LEN]; /* folded */
	uint32_t id;
	struct sign_state state;
	struct zone_key *keys;  /* by number */
	struct life_key *lives; /* one for each */
	size_t count, room;
	/* ZSKs for bundles to come, which do not live yet. */
	struct zone_key *planned; /* by number */
	size_t planned_count, planned_room;
	/* The one in use has DNSKEY, CDS and CDNSKEY with their signatures. NULL: the KSK is here, or it is not in
	 * the store. */
	struct bundles *bundles;
	struct sign_with with[SIGN_KEYS_MAX];
	struct sign_periods key_periods;
	struct sign_terms terms;   /* serial and now: the caller's to set */
	struct set_signer *signer; /* by these terms */
	size_t made;               /* RRsets of the view that was signed last */
	bool chain_lags; /* its chain has the TTL that it had, not that which is due */
};

enum { ZONE_KEYS_WHY_SIZE = VAULT_WHY_SIZE + 128 };

/* Reads them as they will be with the items of a change (NULL: as they are). ERR_NOTFOUND: the zone is not signed here. ERR_REFUSED: it cannot be signed; why says why: a private half is
 * not here, or there are too many keys. ERR_CORRUPT, ERR_VERSION, ERR_SYSTEM: likewise. Errors of the store. */
MUST_CHECK int zone_keys_read(struct store_txn *t, const struct store_zone *zone,
                              const struct change *with, struct sign_secrets *secrets,
                              struct zone_keys **out,
                              char why[static ZONE_KEYS_WHY_SIZE]);

/* The same without the private halves, and so without terms: to look at. */
MUST_CHECK int zone_keys_look(struct store_txn *t, const struct store_zone *zone,
                              struct zone_keys **out);
/* Of a zone that is not signed here yet, which may have keys that were imported; its state is all zero. */
MUST_CHECK int zone_keys_new(struct store_txn *t, const struct store_zone *zone,
                             struct zone_keys **out);

/* Opens the private halves of those that are to sign by now. Errors of zone_keys_read(). */
MUST_CHECK int zone_keys_open(struct zone_keys *k, struct sign_secrets *secrets,
                              char why[static ZONE_KEYS_WHY_SIZE]);
/* Takes the bundle by which the zone is signed from now on, instead of the one in use. Before zone_keys_open(). */
void zone_keys_take_bundle(struct zone_keys *k, struct bundles **bundle);

/* Forgets a key. */
void zone_keys_remove(struct zone_keys *k, size_t at);

/* Takes; NULL is fine. */
void zone_keys_free(struct zone_keys **k);

/* Adds one, which is in no store yet, at the end. Its life: life_key_new(). */
struct zone_key *zone_keys_add(struct zone_keys *k, uint32_t number,
                               const struct sign_stored *s, const struct life_key *life);

/* Adds one for bundles to come. */
struct zone_key *zone_keys_plan(struct zone_keys *k, uint32_t number,
                                const struct sign_stored *s,
                                const struct bundle_turn *turn);
/* Lets one of those live from now on, with the others at the end. */
void zone_keys_begin(struct zone_keys *k, size_t planned, const struct life_key *life);

/* Gives a number that no key of it has. */
uint32_t zone_keys_next_number(const struct zone_keys *k);

/* Gives the life of all, whose keys are lent: changed there, they are changed here. */
struct life zone_keys_life(struct zone_keys *k);
/* Takes over its TTLs. */
void zone_keys_live(struct zone_keys *k, const struct life *l);

/* Lets a change write the state, with another version, and every key. */
void zone_keys_change(struct zone_keys *k, struct change *c);

/* Lets a change write the keys only: of a zone that is not signed here yet. */
void zone_keys_write(struct zone_keys *k, struct change *c);

/* Says whether the zone is to have signatures: of its keys one signs DNSKEY, here or elsewhere, and one the rest. */
bool zone_keys_sign(const struct zone_keys *k);

/* Makes the salt, of the length that is there, for a chain that is asked for anew. It is no secret, but nobody can tell it
 * before there are keys; a chain that was not finished is made again with the same one, so that what was signed of it
 * fits. ERR_SYSTEM. */
MUST_CHECK int zone_keys_salt(const struct zone_keys *k, struct chain_params *to);

/* ---- what is theirs at the apex ---- */

/* Says whether a record of the zone was made with its signatures: one of our keys, or of the chain of denial. */
bool zone_keys_made(const struct zone_keys *k, uint16_t type, struct rdata r);

/* Gives the place, not before from, of a key on which caches count and which a bundle does not publish; or the count of
 * keys. Of KSKs those who sign the bundles decide, after the first one. */
size_t zone_keys_missing(const struct zone_keys *k, const struct bundle *b, size_t from);

/* Gives the blob of the RRset of a type (DNSKEY, CDS, CDNSKEY), without signatures, that the zone is to have where
 * there is one now with these records (count 0: none): those of our keys that are to be there, and all that are no
 * key's of ours; or those of the bundle in use, and no others. Lies in the arena; *size 0: none. */
const uint8_t *zone_keys_apex(const struct zone_keys *k, const struct rrset *now,
                              struct contents_arena *a, size_t *size);

#endif
