/* What the files about keys of zones share. All but routes is for work, on the pool. */
#ifndef CONTROL_API_CRYPTOKEYS_H
#define CONTROL_API_CRYPTOKEYS_H

#include "control/api/call.h"
#include "control/sign/orders.h"

/* What a request does with the keys of a zone. */
typedef int cryptokeys_fn(struct zone_call *c, struct orders *o);

/* Has that done with the keys of the zone in the path, by a request that changes them. */
MUST_CHECK int cryptokeys_change(struct zone_call *c, struct store_txn *t,
                                 cryptokeys_fn *fn);

/* Gives the fault that an error of an order is. */
int cryptokeys_refuse(struct zone_call *c, const struct orders *o, int err);

/* Has the call make the change that o has come to. policy: the zone is to be signed by the one of this name, or
 * "no"; NULL: that stays as it is. */
void cryptokeys_write(struct zone_call *c, struct orders *o, const char *policy);

/* Which keys are meant; 0: any. */
struct cryptokey_kind {
	unsigned roles[2]; /* enum life_role; one of them, by the policy */
	uint8_t algorithm;
	unsigned bits; /* of RSA */
};

/* Gives the policy by which the zone is to be signed, or if it is not to be the first that asks for such keys,
 * "default" before others. A fault otherwise. */
MUST_CHECK int cryptokeys_policy(struct zone_call *c, const struct cryptokey_kind *kind,
                                 const struct config_dnssec_policy **out);

/* ---- cryptokey_add.c ---- */

zone_work cryptokeys_post_work;

#endif
