/*
 * What is kept of the life of a zone's keys (life.h), as octets: of a key, which goes into struct sign_stored, and of
 * the zone.
 */
#ifndef CONTROL_SIGN_LIFE_STORED_H
#define CONTROL_SIGN_LIFE_STORED_H

#include <stddef.h>
#include <stdint.h>

#include "control/sign/bundle_plan.h"
#include "control/sign/life.h"
#include "control/sign/stored.h"
#include "shared/compiler.h"

enum {
	LIFE_KEY_SIZE = 1 + 1 + 1 + 1 + 2 + 4 * 8 + LIFE_KINDS * 3 * 8,
	LIFE_TURN_SIZE = 3 * 8,
	LIFE_TTLS_SIZE = 1 + LIFE_KINDS * (4 + 4 + 8),
};

/* Writes the life of a key into what is stored of it. */
void life_key_put(const struct life_key *k, struct sign_stored *to);
/* ERR_CORRUPT, ERR_VERSION: so too of a key that was stored without a life. */
MUST_CHECK int life_key_get(const struct sign_stored *from, struct life_key *out);

/* The same with the turn of a ZSK whose KSK is elsewhere (bundle_plan.h). One that has never been in a bundle in force
 * has no life yet: its born is 0. */
void life_turn_put(const struct life_key *k, const struct bundle_turn *turn,
                   struct sign_stored *to);
/* Gives all 0 of a key that has none. Of what life_key_get() takes. */
struct bundle_turn life_turn_get(const struct sign_stored *from);

/* The TTLs of struct life. ERR_CORRUPT, ERR_VERSION. */
void life_ttls_encode(const struct life_ttl ttl[static LIFE_KINDS],
                      uint8_t out[static LIFE_TTLS_SIZE]);
MUST_CHECK int life_ttls_decode(const void *bytes, size_t size,
                                struct life_ttl out[static LIFE_KINDS]);

#endif
