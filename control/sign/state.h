/*
 * How a zone is signed that is signed here: an item of STORE_SIGNING, by the zone's id, beside its keys
 * (stored.h). A zone that has none is unsigned, or comes with its signatures.
 *
 * It says what is so, and not what is wanted: the policy's numbers as they were when it was last acted upon. So a
 * change is signed without a look at the configuration, and a policy that changes, or is lost, leaves no
 * zone behind that cannot be changed.
 */
#ifndef CONTROL_SIGN_STATE_H
#define CONTROL_SIGN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/sign/chain.h"
#include "control/sign/life_stored.h"
#include "control/sign/times.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum {
	SIGN_POLICY_NAME_SIZE = 64,
	SIGN_STATE_SIZE = 1 + 8 + SIGN_POLICY_NAME_SIZE + 1 + 4 + 5 * 4 + 4 + 4 +
	                  UINT8_MAX + LIFE_TTLS_SIZE + 8 + 8,
};

struct sign_state {
	uint64_t version; /* rises with each change of this or of the zone's keys */
	char policy[SIGN_POLICY_NAME_SIZE];
	bool leaving; /* the zone is to be unsigned, once that is safe */
	uint64_t
		bundle; /* from when on the bundle holds that is in use (bundle.h); 0: the KSK is here */
	struct chain_params chain;
	struct sign_periods periods;
	uint32_t dnskey_validity;
	uint32_t dnskey_ttl;
	struct life_ttl ttl[LIFE_KINDS];
	uint64_t renew; /* signatures from before then are due: seconds since 1970 */
};

/* Gives the size. */
size_t sign_state_encode(const struct sign_state *s, uint8_t out[static SIGN_STATE_SIZE]);
/* ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK int sign_state_decode(const void *bytes, size_t size, struct sign_state *out);

/* ERR_NOTFOUND: the zone is not signed here. */
MUST_CHECK int sign_state_get(struct store_txn *t, uint32_t zone, struct sign_state *out);

/* Calls back for all zones that are signed here, by rising id, until it gives non-zero, which is handed through. fn
 * must not write. */
MUST_CHECK int
sign_state_each(struct store_txn *t,
                int (*fn)(uint32_t zone, const struct sign_state *, void *), void *arg);

/* Lets a change write it, or remove it (s NULL). */
void sign_state_change(struct change *c, uint32_t zone, const struct sign_state *s);

/* Gives what a change writes. ERR_NOTFOUND: nothing, or it removes it. */
MUST_CHECK int sign_state_item(const struct change *c, uint32_t zone,
                               struct sign_state *out);

/* Gives it as a change will leave it: its own item if it has one, else that in the store. ERR_NOTFOUND. */
MUST_CHECK int sign_state_after(struct store_txn *t, uint32_t zone,
                                const struct change *c, struct sign_state *out);

#endif
