/*
 * A zone with its keys as commands about them see it: the zone that the arguments name, what is kept of its signing, and
 * the policy that it is, or is to be, signed by. And all of that as JSON.
 */
#ifndef CONTROL_KEYED_ZONE_H
#define CONTROL_KEYED_ZONE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/engine.h"
#include "control/sign/orders.h"
#include "control/zone/rdata_text.h"

struct keyed_zone {
	struct store_txn *txn;
	const struct config *config;
	struct store_zone zone;
	struct orders orders;
	bool has_signatures;
	char wanted
		[SIGN_POLICY_NAME_SIZE]; /* name of the policy that it is to be signed by; empty: none */
	char acting
		[SIGN_POLICY_NAME_SIZE]; /* the same, of what it is signed by if it is not to be any more */
	/* Of the second name; NULL: there is none of it. Lent. */
	const struct config_dnssec_policy *policy;
	struct sign_policy numbers; /* its, or the default's */
};

/* Pool, in a job. Refused, result says why, and nothing is to be closed. */
enum engine_outcome keyed_zone_open(struct engine *e, const json_t *args, json_t *result,
                                    struct keyed_zone *out);
void keyed_zone_close(struct keyed_zone *k);

/* What a command does with a zone that is open. */
typedef enum engine_outcome keyed_zone_fn(struct keyed_zone *k, const json_t *args,
                                          json_t *result);

/* Opens a zone, has that done with it, closes it. Gives what comes of it. */
enum engine_outcome keyed_zone_with(struct engine *e, const json_t *args, json_t *result,
                                    keyed_zone_fn *fn);

/* The same, where what is done gives orders about keys, which are carried out unless it refuses: keyed_zone_change(). */
enum engine_outcome keyed_zone_order(struct engine *e, const json_t *args, json_t *result,
                                     keyed_zone_fn *fn);

/* Sets "error" by what an order has come to. Gives ENGINE_REFUSED. */
enum engine_outcome keyed_zone_refuse(const struct keyed_zone *k, int err,
                                      json_t *result);

/* Gives the place of the key that args name as "key". */
enum engine_outcome keyed_zone_find(struct keyed_zone *k, const json_t *args,
                                    json_t *result, size_t *out);

/* Gives the enum life_role that a text names: ksk, zsk, csk; or 0. */
unsigned keyed_zone_role(const json_t *value);

/* Has the running job make the change that the orders come to, and whoever keeps zones signed look at the zone then.
 * When that one was quicker the command runs anew. */
void keyed_zone_change(struct keyed_zone *k, const json_t *args);

/* A key: its number, what it is, what is where of it, what it waits for. */
json_t *keyed_zone_key_json(struct keyed_zone *k, size_t key);

/* "unsigned", "presigned", "signing", "signed", "leaving". */
const char *keyed_zone_state(const struct keyed_zone *k);

/* Sets what a parent is to have, and the zone's own records of its keys: "ds", "ds_later", "ds_to_remove", "cds", "cdnskey",
 * "dnskey". */
void keyed_zone_put_records(struct keyed_zone *k, json_t *result);

#endif
