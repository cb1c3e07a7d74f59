/*
 * Commands about zones that are signed here, but for what changes their keys: whether they are to be, by which
 * policy, and how they are.
 */
#include <string.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/keyed_zone.h"
#include "control/policy/policy.h"
#include "shared/err.h"

#define POLICY_DEFAULT "default"

enum { LISTED_DEFAULT = 1000, LISTED_MAX = 100000 };

/* ---- status ---- */

static void put_chain(const struct chain_params *c, json_t *result)
{
	bool nsec3 = c->kind == CHAIN_NSEC3;

	json_put(result, "denial", json_string(nsec3 ? "nsec3" : "nsec"));
	json_put(result, "opt_out", json_boolean(nsec3 && c->opt_out));
	json_put(result, "iterations", json_number(nsec3 ? c->iterations : 0));
	json_put(result, "salt_length", json_number(nsec3 ? c->salt_len : 0));
}

static json_t *name_or_null(const char *name)
{
	return name[0] ? json_string(name) : json_null();
}

static enum engine_outcome show(struct keyed_zone *k, const json_t *args, json_t *result)
{
	char text[NAME_TEXT_MAX];
	json_t *keys = json_array();

	(void)args;
	json_put(result, "zone", json_string(name_to_text(k->zone.name, text)));
	json_put(result, "state", json_string(keyed_zone_state(k)));
	json_put(result, "policy", name_or_null(k->wanted));
	json_put(result, "signed_by",
	         name_or_null(k->orders.is_signed ? k->orders.keys->state.policy : ""));
	if (k->orders.is_signed)
		put_chain(&k->orders.keys->state.chain, result);
	for (size_t i = 0; i < k->orders.keys->count; i++)
		(void)json_array_append_new(keys, keyed_zone_key_json(k, i));
	json_put(result, "keys", keys);
	keyed_zone_put_records(k, result);
	return ENGINE_OK;
}

/* Loop thread: what is known of it beyond the store. */
static enum engine_outcome add_work(struct engine *e, const json_t *args, json_t *result)
{
	const struct engine_keeper *keeper = &e->keeper;
	const struct store_zone *z = engine_job()->state;
	json_t *list = keeper->list ? keeper->list(keeper->arg, z->id, 1) : json_array();
	json_t *one = json_array_get(list, 0);

	(void)args;
	if (one)
		json_put(result, "work", json_incref(one));
	else
		json_put(result, "work", json_null());
	json_decref(list);
	return ENGINE_OK;
}

static enum engine_outcome show_one(struct engine *e, const json_t *args, json_t *result)
{
	enum engine_outcome bad = keyed_zone_with(e, args, result, show);

	return bad != ENGINE_OK ? bad
	                        : engine_continue_with_zone(e, args, result, add_work);
}

static enum engine_outcome list_all(struct engine *e, const json_t *args, json_t *result)
{
	const struct engine_keeper *keeper = &e->keeper;
	json_int_t most = json_integer_value(json_object_get(args, "limit"));

	if (most <= 0 || most > LISTED_MAX)
		most = LISTED_DEFAULT;
	json_put(result, "zones",
	         keeper->list ? keeper->list(keeper->arg, 0, (size_t)most)
	                      : json_array());
	return ENGINE_OK;
}

enum engine_outcome command_dnssec_status(struct engine *e, const json_t *args,
                                          json_t *result)
{
	if (json_object_get(args, "zone"))
		return show_one(e, args, result);
	if (actor_is_confined(engine_job()->actor))
		return engine_fail(result, ENGINE_USAGE, "\"zone\" is missing");
	engine_continue(ON_LOOP, list_all);
	return ENGINE_OK;
}

/* ---- enable, disable ---- */

static enum engine_outcome change_attribute(const struct keyed_zone *k,
                                            const json_t *args, const char *policy)
{
	struct job *j = engine_job();
	struct change *c = engine_change_new(args);
	struct zone_change *zc = change_zone(c, ZONE_EDIT, k->zone.name);

	memcpy(zc->attrs.dnssec, policy, strlen(policy) + 1);
	zc->attrs_set = 1U << ATTR_DNSSEC;
	j->change = c;
	j->report = engine_report_change;
	return ENGINE_OK;
}

/* Gives what the attribute is to be: empty where the configuration has a policy for the zone already. */
static const char *policy_unsaid(const struct keyed_zone *k)
{
	struct store_zone z = k->zone;

	z.attrs.dnssec[0] = '\0';
	return zone_policy_dnssec(k->config, &z)[0] ? "" : POLICY_DEFAULT;
}

static enum engine_outcome check_signable(const struct keyed_zone *k, json_t *result)
{
	enum zone_kind kind = zone_policy_kind(k->config, &k->zone);

	if (zone_kind_is_secondary(kind))
		return engine_refuse(
			result, ERR_REFUSED,
			"the zone is a secondary: it is signed at its primary");
	if (kind == ZONE_KIND_PRODUCER)
		return engine_refuse(result, ERR_REFUSED,
		                     "the zone is a catalog, which nobody validates");
	if (k->has_signatures && !k->orders.is_signed && k->orders.keys->count == 0)
		return engine_refuse(
			result, ERR_REFUSED,
			"the zone comes with its signatures: import its keys first "
			"(dnssec import), or load it without them");
	return ENGINE_OK;
}

static enum engine_outcome enable(struct keyed_zone *k, const json_t *args,
                                  json_t *result)
{
	const char *policy = json_string_value(json_object_get(args, "policy"));
	enum engine_outcome bad = check_signable(k, result);

	if (bad != ENGINE_OK)
		return bad;
	if (!policy && k->wanted[0])
		policy = k->zone.attrs.dnssec; /* it is already */
	if (!policy)
		policy = policy_unsaid(k);
	if (policy[0] && !config_dnssec_policy_find(k->config, policy))
		return engine_refuse(result, ERR_NOTFOUND,
		                     "there is no policy \"%.64s\" in dnssec-policies",
		                     policy);
	return change_attribute(k, args, policy);
}

enum engine_outcome command_dnssec_enable(struct engine *e, const json_t *args,
                                          json_t *result)
{
	const json_t *policy = json_object_get(args, "policy");

	if (policy && !json_is_string(policy))
		return engine_fail(result, ENGINE_USAGE, "\"policy\" must be a text");
	return keyed_zone_with(e, args, result, enable);
}

static enum engine_outcome disable(struct keyed_zone *k, const json_t *args,
                                   json_t *result)
{
	if (!k->wanted[0] && !k->orders.is_signed)
		return engine_refuse(result, ERR_REFUSED, "the zone is not signed here");
	return change_attribute(k, args, POLICY_UNSIGNED);
}

enum engine_outcome command_dnssec_disable(struct engine *e, const json_t *args,
                                           json_t *result)
{
	return keyed_zone_with(e, args, result, disable);
}

/* ---- policies ---- */

static void put_setting(const char *name, const char *value, void *arg)
{
	json_put(arg, name, json_string(value));
}

static json_t *policy_json(const struct config_dnssec_policy *p)
{
	json_t *settings = json_object();
	json_t *o = json_object();

	config_dnssec_policy_each(p, put_setting, settings);
	(void)json_object_del(settings, "name");
	json_put(o, "name", json_string(p->name));
	json_put(o, "configured", json_boolean(p->at.line > 0));
	json_put(o, "settings", settings);
	return o;
}

enum engine_outcome command_dnssec_policies(struct engine *e, const json_t *args,
                                            json_t *result)
{
	const char *wanted = json_string_value(json_object_get(args, "policy"));
	const struct config *c = engine_config(e);
	json_t *list = json_array();

	for (size_t i = 0; i < c->dnssec_policy_count; i++)
		if (!wanted || strcmp(wanted, c->dnssec_policies[i].name) == 0)
			(void)json_array_append_new(list,
			                            policy_json(&c->dnssec_policies[i]));
	config_release(c);
	json_put(result, "policies", list);
	return wanted && json_array_size(list) == 0
	               ? engine_refuse(result, ERR_NOTFOUND,
	                               "there is no policy \"%.64s\"", wanted)
	               : ENGINE_OK;
}
