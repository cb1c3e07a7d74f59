#include "control/keyed_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/policy/policy.h"
#include "control/sign/ds.h"
#include "control/sign/life_rules.h"
#include "control/sign/zone_scan.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* ---- opening ---- */

static void find_policy(struct keyed_zone *k)
{
	const char *name = zone_policy_dnssec(k->config, &k->zone);

	(void)snprintf(k->wanted, sizeof k->wanted, "%s", name);
	if (!name[0] && k->orders.is_signed)
		name = k->orders.keys->state.policy;
	(void)snprintf(k->acting, sizeof k->acting, "%s", name);
	k->policy = name[0] ? config_dnssec_policy_find(k->config, name) : NULL;
	k->numbers = k->policy ? config_dnssec_policy_numbers(k->policy)
	                       : sign_policy_default();
}

static int open_zone(const uint8_t *name, struct keyed_zone *k)
{
	TRY(engine_find_zone(k->txn, name, &k->zone));
	TRY(zone_has_signatures(k->txn, k->zone.id, &k->has_signatures));
	TRY(orders_open(k->txn, &k->zone, clock_wall_us() / 1000000, &k->orders));
	find_policy(k);
	return 0;
}

enum engine_outcome keyed_zone_open(struct engine *e, const json_t *args, json_t *result,
                                    struct keyed_zone *out)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome bad = engine_zone_arg(args, result, name);

	if (bad != ENGINE_OK)
		return bad;
	*out = (struct keyed_zone){0};
	int err = store_begin_read(e->committer.store, &out->txn);
	if (err < 0)
		return engine_refuse(result, err, "%s", err_text(err));
	out->config = engine_config(e);
	err = open_zone(name, out);
	if (err == 0)
		return ENGINE_OK;
	keyed_zone_close(out);
	if (err == ERR_NOTFOUND)
		return engine_refuse(result, err, "no zone %s",
		                     json_string_value(json_object_get(args, "zone")));
	return engine_refuse(result, err, "%s", err_text(err));
}

void keyed_zone_close(struct keyed_zone *k)
{
	orders_close(&k->orders);
	config_release(k->config);
	store_abort(&k->txn);
}

enum engine_outcome keyed_zone_refuse(const struct keyed_zone *k, int err, json_t *result)
{
	return engine_refuse(result, err, "%s",
	                     k->orders.why[0] ? k->orders.why : err_text(err));
}

enum engine_outcome keyed_zone_find(struct keyed_zone *k, const json_t *args,
                                    json_t *result, size_t *out)
{
	const json_t *value = json_object_get(args, "key");
	char number[32];
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		(void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
		               json_integer_value(value));
		text = number;
	}
	if (!text)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"key\" must be a key's number or tag");
	int err = orders_find(&k->orders, text, out);
	return err < 0 ? keyed_zone_refuse(k, err, result) : ENGINE_OK;
}

unsigned keyed_zone_role(const json_t *value)
{
	static const enum life_role roles[] = {LIFE_KSK, LIFE_ZSK, LIFE_CSK};
	const char *text = json_string_value(value);

	for (size_t i = 0; text && i < ARRAY_LEN(roles); i++)
		if (strcmp(text, life_role_name(roles[i])) == 0)
			return roles[i];
	return 0;
}

/* ---- changing ---- */

/* Loop thread. Who keeps the zone signed hears of contents, and not of keys. */
static enum engine_outcome report(struct job *j)
{
	const struct engine_keeper *keeper = &j->engine->keeper;
	const struct change_result *r = &j->changed;

	if (keeper->look && (r->err == 0 || r->err == ERR_TIMEOUT) && r->zone_count &&
	    !j->change->dry_run)
		keeper->look(keeper->arg, r->zones[0].id, r->zones[0].name);
	return engine_report_change(j);
}

void keyed_zone_change(struct keyed_zone *k, const json_t *args)
{
	struct job *j = engine_job();

	j->change = engine_change_new(args);
	j->report = report;
	j->again = true;
	orders_write(&k->orders, j->change);
}

static enum engine_outcome run(struct engine *e, const json_t *args, json_t *result,
                               keyed_zone_fn *fn, bool orders)
{
	struct keyed_zone k;
	enum engine_outcome outcome = keyed_zone_open(e, args, result, &k);

	if (outcome != ENGINE_OK)
		return outcome;
	outcome = fn(&k, args, result);
	if (outcome == ENGINE_OK && orders)
		keyed_zone_change(&k, args);
	keyed_zone_close(&k);
	return outcome;
}

enum engine_outcome keyed_zone_with(struct engine *e, const json_t *args, json_t *result,
                                    keyed_zone_fn *fn)
{
	return run(e, args, result, fn, false);
}

enum engine_outcome keyed_zone_order(struct engine *e, const json_t *args, json_t *result,
                                     keyed_zone_fn *fn)
{
	return run(e, args, result, fn, true);
}

/* ---- records ---- */

/* Gives "example. IN DS 1 13 2 ...". */
static json_t *record_json(const struct keyed_zone *k, struct rdata_text *x,
                           uint16_t type, struct rdata r)
{
	char owner[NAME_TEXT_MAX];
	char type_text[RRTYPE_TEXT_MAX];
	char *text;
	size_t size;
	FILE *to = must_open_text(&text, &size);

	(void)fprintf(to, "%s IN %s ", name_to_text(k->zone.name, owner),
	              rrtype_to_text(type, type_text));
	int err = rdata_to_text(x, type, r.bytes, r.len, to);
	must_close_text(to);
	json_t *value = err == 0 ? json_stringn(text, size) : json_null();
	free(text);
	return value;
}

static json_t *ds_json(const struct keyed_zone *k, struct rdata_text *x, uint16_t type,
                       size_t key)
{
	uint8_t ds[DS_MAX];
	int len = ds_make(k->zone.name,
	                  sign_stored_dnskey(&k->orders.keys->keys[key].stored),
	                  DS_SHA256, ds);

	return len > 0 ? record_json(k, x, type, (struct rdata){ds, (uint16_t)len})
	               : json_null();
}

struct lists {
	json_t *ds, *later, *remove, *cds, *cdnskey, *dnskey;
};

static void put_key_records(const struct keyed_zone *k, struct rdata_text *x, size_t key,
                            struct lists *to)
{
	struct rdata dnskey = sign_stored_dnskey(&k->orders.keys->keys[key].stored);
	const struct life_key *l = &k->orders.keys->lives[key];
	const struct life_record *ds = &l->records[LIFE_DS];

	if (life_publishes(l))
		(void)json_array_append_new(to->dnskey,
		                            record_json(k, x, RRTYPE_DNSKEY, dnskey));
	if (!life_has(l, LIFE_DS))
		return;
	if (life_wants_ds(l)) {
		(void)json_array_append_new(to->ds, ds_json(k, x, RRTYPE_DS, key));
		(void)json_array_append_new(to->cds, ds_json(k, x, RRTYPE_CDS, key));
		(void)json_array_append_new(to->cdnskey,
		                            record_json(k, x, RRTYPE_CDNSKEY, dnskey));
	} else if (life_somewhere(ds) && !ds->done) {
		(void)json_array_append_new(to->remove, ds_json(k, x, RRTYPE_DS, key));
	} else if (!l->retired && !k->orders.keys->state.leaving) {
		(void)json_array_append_new(to->later, ds_json(k, x, RRTYPE_DS, key));
	}
}

void keyed_zone_put_records(struct keyed_zone *k, json_t *result)
{
	struct rdata_text *x = rdata_text_new();
	struct lists to = {json_array(), json_array(), json_array(),
	                   json_array(), json_array(), json_array()};

	for (size_t i = 0; i < k->orders.keys->count; i++)
		put_key_records(k, x, i, &to);
	rdata_text_free(x);
	json_put(result, "ds", to.ds);
	json_put(result, "ds_later", to.later);
	json_put(result, "ds_to_remove", to.remove);
	json_put(result, "cds", to.cds);
	json_put(result, "cdnskey", to.cdnskey);
	json_put(result, "dnskey", to.dnskey);
}

/* ---- keys ---- */

static json_t *state_json(const struct life_key *l, enum life_kind kind)
{
	static const char *const names[] = {
		[LIFE_HIDDEN] = "hidden",
		[LIFE_RUMOURED] = "rumoured",
		[LIFE_OMNIPRESENT] = "omnipresent",
		[LIFE_UNRETENTIVE] = "unretentive",
	};

	return life_has(l, kind) ? json_string(names[life_state(l, kind)]) : json_null();
}

static json_t *time_json(uint64_t time)
{
	return time ? json_number(time) : json_null();
}

static void put_life(struct keyed_zone *k, size_t key, json_t *o)
{
	const struct zone_keys *keys = k->orders.keys;
	const struct life_key *l = &keys->lives[key];
	const struct life_now now = {.now = k->orders.now,
	                             .secure = !keys->state.leaving};
	struct life life = zone_keys_life(k->orders.keys);
	char words[LIFE_WORDS] = "waits for the zone to be signed here";

	if (k->orders.is_signed)
		life_words(&k->numbers, &now, &life, l, words);
	json_put(o, "dnskey_state", state_json(l, LIFE_DNSKEY));
	json_put(o, "signatures_state", state_json(l, LIFE_RRSIG));
	json_put(o, "ds_state", state_json(l, LIFE_DS));
	json_put(o, "born_at", time_json(l->born));
	json_put(o, "active_at", time_json(l->active));
	json_put(o, "retired_at", time_json(l->retired));
	json_put(o, "gone_at", time_json(l->gone));
	json_put(o, "rolls", json_boolean(l->roll && !l->retired));
	json_put(o, "waits", json_string(words));
}

json_t *keyed_zone_key_json(struct keyed_zone *k, size_t key)
{
	const struct zone_key *one = &k->orders.keys->keys[key];
	const struct life_key *l = &k->orders.keys->lives[key];
	uint8_t algorithm = sign_stored_algorithm(&one->stored);
	const struct sign_algorithm_facts *facts = sign_algorithm(algorithm);
	json_t *o = json_object();

	json_put(o, "key", json_number(one->number));
	json_put(o, "tag", json_number(sign_stored_tag(&one->stored)));
	json_put(o, "algorithm", json_number(algorithm));
	json_put(o, "algorithm_name", json_string(facts ? facts->name : "?"));
	json_put(o, "bits", l->bits ? json_number(l->bits) : json_null());
	json_put(o, "flags", json_number(sign_stored_flags(&one->stored)));
	json_put(o, "role", json_string(life_role_name(l->role)));
	json_put(o, "private",
	         json_boolean(one->stored.sealed_len > 0 || one->stored.uri[0]));
	json_put(o, "in_token", json_boolean(one->stored.uri[0] != '\0'));
	put_life(k, key, o);
	return o;
}

const char *keyed_zone_state(const struct keyed_zone *k)
{
	if (!k->orders.is_signed)
		return k->has_signatures ? "presigned"
		       : k->wanted[0]    ? "signing"
		                         : "unsigned";
	if (k->orders.keys->state.leaving)
		return "leaving";
	return k->has_signatures && zone_keys_sign(k->orders.keys) ? "signed" : "signing";
}
