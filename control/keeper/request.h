/*
 * Requests for signatures by a KSK that is elsewhere, and what comes back (control/sign/bundle.h): for commands, on the
 * pool.
 */
#ifndef CONTROL_KEEPER_REQUEST_H
#define CONTROL_KEEPER_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/sign/bundle.h"
#include "control/sign/bundle_check.h"
#include "control/sign/zone_keys.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* A zone of a policy whose KSKs are elsewhere. All of it is lent. */
struct request_zone {
	struct store_txn *txn;
	const struct config_dnssec_policy *policy;
	struct sign_secrets *secrets;
	struct zone_keys *keys;
	uint64_t now;
};

struct request {
	struct bundles *bundles; /* the caller's to free */
	unsigned made;           /* ZSKs that are new */
	bool planned; /* of what is planned something is new: it is to be written */
};

/* Plans the ZSKs until a time, makes those that are missing, and gives the request. The keys are changed in memory.
 * ERR_REFUSED: why says why. Errors of the store, of OpenSSL. May wait for a token. */
MUST_CHECK int request_make(const struct request_zone *z, uint64_t until,
                            struct request *out, char why[static ZONE_KEYS_WHY_SIZE]);

/* Says whether a response may be kept. Where it holds by now, and another is in use, it is in use from the change on by
 * which it is kept, since that can remove the other: the keys, in memory, have it so. ERR_REFUSED: why says why. Errors of
 * the store. */
MUST_CHECK int response_check(const struct request_zone *z,
                              const struct bundles *response, struct bundle_span *span,
                              bool *in_use, char why[static ZONE_KEYS_WHY_SIZE]);

#endif
