/*
 * Keys that are made for zones: in a token where the policy says so, else here, and sealed for the store.
 */
#ifndef CONTROL_KEEPER_NEW_KEY_H
#define CONTROL_KEEPER_NEW_KEY_H

#include <stdint.h>

#include "control/config/config.h"
#include "control/sign/secrets.h"
#include "control/sign/stored.h"
#include "control/sign/zone_keys.h"
#include "shared/compiler.h"

/* All of it is lent. */
struct new_key {
	struct store_txn *txn;
	struct sign_secrets *secrets;
	const struct config_dnssec_policy *policy;
	const struct zone_keys *keys; /* that the zone has */
	uint32_t number;              /* that it will have there */
	uint16_t flags;
	uint64_t now;
};

/* Gives what is stored of a new key, with no life yet. ERR_REFUSED: why says why. Errors of the store, of OpenSSL. May wait
 * for a token. One thread for a zone. */
MUST_CHECK int new_key_make(const struct new_key *n, struct sign_stored *out,
                            char why[static ZONE_KEYS_WHY_SIZE]);

#endif
