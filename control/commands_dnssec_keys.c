/*
 * Commands about the keys of zones that are signed here: successors, and what the parent has. What they may do is
 * in control/sign/orders.h.
 */
#include <string.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/keyed_zone.h"
#include "shared/err.h"

static enum engine_outcome carry_out(struct engine *e, const json_t *args, json_t *result,
                                     keyed_zone_fn *what)
{
	enum engine_outcome bad = engine_refuse_grants(result);

	return bad != ENGINE_OK ? bad : keyed_zone_order(e, args, result, what);
}

static enum engine_outcome outcome_of(const struct keyed_zone *k, int err, json_t *result)
{
	return err < 0 ? keyed_zone_refuse(k, err, result) : ENGINE_OK;
}

/* ---- successors ---- */

/* All that are in use, of whatever role. */
static int roll_all(struct orders *o)
{
	static const enum life_role roles[] = {LIFE_KSK, LIFE_CSK, LIFE_ZSK};
	int any = ERR_NOTFOUND;

	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		int err = orders_roll_role(o, roles[i]);
		if (err < 0 && err != ERR_NOTFOUND)
			return err;
		any = err == 0 ? 0 : any;
	}
	return any;
}

static enum engine_outcome roll(struct keyed_zone *k, const json_t *args, json_t *result)
{
	const json_t *which = json_object_get(args, "key");
	unsigned role = keyed_zone_role(which);
	size_t key;

	if (!which)
		return outcome_of(k, roll_all(&k->orders), result);
	if (role)
		return outcome_of(k, orders_roll_role(&k->orders, (enum life_role)role),
		                  result);
	enum engine_outcome bad = keyed_zone_find(k, args, result, &key);
	return bad != ENGINE_OK ? bad
	                        : outcome_of(k, orders_roll(&k->orders, key), result);
}

enum engine_outcome command_dnssec_roll(struct engine *e, const json_t *args,
                                        json_t *result)
{
	return carry_out(e, args, result, roll);
}

static enum engine_outcome resign(struct keyed_zone *k, const json_t *args,
                                  json_t *result)
{
	(void)args;
	return outcome_of(k, orders_resign(&k->orders), result);
}

enum engine_outcome command_dnssec_resign(struct engine *e, const json_t *args,
                                          json_t *result)
{
	return carry_out(e, args, result, resign);
}

/* ---- the parent ---- */

static enum engine_outcome show_ds(struct keyed_zone *k, const json_t *args,
                                   json_t *result)
{
	char text[NAME_TEXT_MAX];

	(void)args;
	json_put(result, "zone", json_string(name_to_text(k->zone.name, text)));
	json_put(result, "state", json_string(keyed_zone_state(k)));
	keyed_zone_put_records(k, result);
	return ENGINE_OK;
}

enum engine_outcome command_dnssec_ds(struct engine *e, const json_t *args,
                                      json_t *result)
{
	return keyed_zone_with(e, args, result, show_ds);
}

static enum engine_outcome saw_ds(struct keyed_zone *k, const json_t *args,
                                  json_t *result)
{
	const json_t *present = json_object_get(args, "present");
	bool is = json_is_true(present);
	size_t key;

	if (!json_is_boolean(present))
		return engine_fail(result, ENGINE_USAGE,
		                   "\"present\" must be true or false");
	if (!json_object_get(args, "key"))
		return outcome_of(k, orders_saw_ds_all(&k->orders, is), result);
	enum engine_outcome bad = keyed_zone_find(k, args, result, &key);
	return bad != ENGINE_OK
	               ? bad
	               : outcome_of(k, orders_saw_ds(&k->orders, key, is), result);
}

enum engine_outcome command_dnssec_saw_ds(struct engine *e, const json_t *args,
                                          json_t *result)
{
	return carry_out(e, args, result, saw_ds);
}
