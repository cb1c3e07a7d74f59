/*
 * "dnssec import" and "dnssec export": keys from other programs' files, and for them. With import a zone that was signed
 * elsewhere goes on with the keys that it has, and its parent with the DS that it has.
 */
#include <string.h>

#include "control/access/secret.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/keyed_zone.h"
#include "control/must.h"
#include "control/sign/keyfile.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

/* One of the keys that args have. */
struct incoming {
	const char *public; /* NULL: not given */
	const char *private;
	unsigned role;     /* 0: not said */
	uint8_t algorithm; /* likewise */
	char why[KEYFILE_WHY_SIZE];
};

/* ---- what is asked for ---- */

static enum engine_outcome read_algorithm(const json_t *value, struct incoming *in,
                                          json_t *result)
{
	const char *text = json_string_value(value);
	int number = text ? sign_algorithm_from_text(text) : ERR_INVALID;

	if (!value)
		return ENGINE_OK;
	if (number < 0)
		return engine_fail(
			result, ENGINE_USAGE,
			"\"algorithm\" must be one that zones are signed with, "
			"by name or number");
	in->algorithm = (uint8_t)number;
	return ENGINE_OK;
}

static enum engine_outcome read_incoming(const json_t *key, struct incoming *in,
                                         json_t *result)
{
	const json_t *role = json_object_get(key, "role");
	const json_t *public = json_object_get(key, "public");
	const json_t *private = json_object_get(key, "private");

	*in = (struct incoming){.public = json_string_value(public),
	                        .private = json_string_value(private),
	                        .role = keyed_zone_role(role)};
	if (!in->private || (public && !in->public))
		return engine_fail(
			result, ENGINE_USAGE,
			"each of \"keys\" must have the text \"private\", and may "
			"have \"public\"");
	if (role && !in->role)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"role\" must be ksk, zsk or csk");
	return read_algorithm(json_object_get(key, "algorithm"), in, result);
}

/* ---- reading ---- */

static int read_pair(const struct keyed_zone *k, struct incoming *in, struct keyfile *out)
{
	struct keyfile_public public;
	const struct keyfile_expected expected = {.public = &public};

	TRY(keyfile_read_public(in->public, strlen(in->public), &public, in->why));
	if (!name_equal(public.owner, k->zone.name)) {
		(void)snprintf(in->why, sizeof in->why,
		               "the DNSKEY record is of another zone");
		return ERR_REFUSED;
	}
	return keyfile_read_private(in->private, strlen(in->private), &expected, out,
	                            in->why);
}

static int read_as(struct incoming *in, uint8_t algorithm, uint16_t flags,
                   struct keyfile *out)
{
	const struct keyfile_expected expected = {.algorithm = algorithm, .flags = flags};

	return keyfile_read_private(in->private, strlen(in->private), &expected, out,
	                            in->why);
}

/* Says whether the zone has the DNSKEY. */
static bool is_published(const struct keyed_zone *k, const struct sign_key *key)
{
	struct rrset set;
	int err = store_rrset_get(k->txn, k->zone.id, (const uint8_t *)"", 0,
	                          RRTYPE_DNSKEY, &set);

	return err == 0 && rrset_has(&set, sign_key_dnskey(key));
}

/* A private half alone says neither what the key is for nor, of RSA in PEM, which algorithm it is of. The zone's own DNSKEY
 * records may. */
static int find_in_zone(const struct keyed_zone *k, struct incoming *in,
                        struct keyfile *out)
{
	static const uint16_t flags[] = {SIGN_FLAGS_KSK, SIGN_FLAGS_ZSK};
	static const uint8_t algorithms[] = {0, SIGN_RSASHA256, SIGN_RSASHA512};

	for (size_t i = 0; i < ARRAY_LEN(flags) * ARRAY_LEN(algorithms); i++) {
		uint8_t algorithm = algorithms[i / ARRAY_LEN(flags)];
		if (in->algorithm)
			algorithm = in->algorithm;
		if (read_as(in, algorithm, flags[i % ARRAY_LEN(flags)], out) < 0)
			continue;
		if (is_published(k, out->key))
			return 0;
		sign_key_free(&out->key);
	}
	return ERR_NOTFOUND;
}

static int read_alone(const struct keyed_zone *k, struct incoming *in,
                      struct keyfile *out)
{
	uint16_t flags = in->role & LIFE_KSK ? SIGN_FLAGS_KSK : SIGN_FLAGS_ZSK;

	if (find_in_zone(k, in, out) == 0)
		return 0;
	TRY(read_as(in, in->algorithm, flags,
	            out)); /* what is wrong with it comes first */
	if (in->role)
		return 0;
	sign_key_free(&out->key);
	(void)snprintf(
		in->why, sizeof in->why,
		"the zone has no DNSKEY of it: say whether it is a ksk, zsk or csk");
	return ERR_REFUSED;
}

/* ---- adding ---- */

static uint64_t born_at(const struct keyfile *f)
{
	static const enum keyfile_time order[] = {KEYFILE_ACTIVATE, KEYFILE_PUBLISH,
	                                          KEYFILE_CREATED};

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (f->times[order[i]])
			return f->times[order[i]];
	return 0;
}

/* A key that is published may become part of any zone; what policy it fits is found out when that is known. */
static enum engine_outcome add_key(struct keyed_zone *k, struct sign_secrets *secrets,
                                   const json_t *key, json_t *result, size_t *at)
{
	struct incoming in;
	struct keyfile f = {0};
	enum engine_outcome bad = read_incoming(key, &in, result);

	if (bad != ENGINE_OK)
		return bad;
	int err = in.public ? read_pair(k, &in, &f) : read_alone(k, &in, &f);
	if (err < 0)
		return engine_refuse(result, ERR_REFUSED, "%s",
		                     in.why[0] ? in.why : err_text(err));
	const struct order_key order = {
		.key = f.key,
		.role = in.role,
		.born = born_at(&f),
		.policy = k->orders.is_signed || k->policy ? &k->numbers : NULL};
	err = orders_add(&k->orders, secrets, &order, at);
	sign_key_free(&f.key);
	return err < 0 ? keyed_zone_refuse(k, err, result) : ENGINE_OK;
}

static bool is_known(const struct life_key *l)
{
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		if (life_has(l, kind) && life_state(l, kind) != LIFE_OMNIPRESENT)
			return false;
	return true;
}

static void warn(json_t *result, const char *text)
{
	json_t *list = json_object_get(result, "warnings");

	(void)json_array_append_new(list, json_string(text));
}

/* What does not keep the zone from being signed, and may not be what was meant. */
static void put_warnings(struct keyed_zone *k, json_t *result)
{
	size_t count = k->orders.keys->count;
	bool any = false;
	bool all = count > 0;

	for (size_t i = 0; i < count; i++) {
		any |= is_known(&k->orders.keys->lives[i]);
		all &= orders_key_fits(&k->orders.keys->lives[i], &k->numbers);
	}
	json_put(result, "warnings", json_array());
	if (k->has_signatures && !k->orders.is_signed && !any)
		warn(result, "none of its keys has signed the zone as it is here: its DS "
		             "will be another");
	if (!all)
		warn(result,
		     "the policy asks for other keys than these, which are replaced "
		     "when the zone is signed by it");
}

static enum engine_outcome import(struct keyed_zone *k, const json_t *args,
                                  json_t *result)
{
	const json_t *keys = json_object_get(args, "keys");
	struct sign_secrets *secrets = engine_secrets(engine_job()->engine);
	json_t *list = json_array();
	const json_t *key;
	size_t i;

	json_put(result, "keys", list);
	json_array_foreach(keys, i, key)
	{
		size_t at = 0;
		enum engine_outcome bad = add_key(k, secrets, key, result, &at);
		if (bad != ENGINE_OK) {
			json_put(result, "index", json_number(i));
			return bad;
		}
		json_t *o = keyed_zone_key_json(k, at);
		json_put(o, "known", json_boolean(is_known(&k->orders.keys->lives[at])));
		(void)json_array_append_new(list, o);
	}
	put_warnings(k, result);
	return ENGINE_OK;
}

enum engine_outcome command_dnssec_import(struct engine *e, const json_t *args,
                                          json_t *result)
{
	enum engine_outcome bad = engine_refuse_grants(result);

	if (bad == ENGINE_OK && json_array_size(json_object_get(args, "keys")) == 0)
		bad = engine_fail(result, ENGINE_USAGE,
		                  "\"keys\" must be a list of keys");
	return bad != ENGINE_OK ? bad : keyed_zone_order(e, args, result, import);
}

/* ---- export ---- */

static int open_key(struct keyed_zone *k, size_t at, struct sign_key **out)
{
	struct orders *o = &k->orders;
	const struct zone_key *key = &o->keys->keys[at];
	const struct sign_stored_name name = {.zone = o->keys->zone,
	                                      .number = key->number};
	const struct vault *v =
		sign_secrets_vault(engine_secrets(engine_job()->engine), false, o->why);

	return v ? sign_stored_open(v, &name, &key->stored, out, o->why) : ERR_REFUSED;
}

static void put_texts(struct keyed_zone *k, size_t at, const struct sign_key *key,
                      json_t *result)
{
	const struct life_key *l = &k->orders.keys->lives[at];
	uint32_t created = (uint32_t)k->orders.keys->keys[at].stored.created_at;
	const uint32_t times[KEYFILE_TIMES] = {
		[KEYFILE_CREATED] = created,
		[KEYFILE_PUBLISH] = life_publishes(l) ? created : 0,
		[KEYFILE_ACTIVATE] = (uint32_t)l->active,
	};
	char name[KEYFILE_NAME_SIZE];
	char text[KEYFILE_TEXT_SIZE];

	json_put(result, "name", json_string(keyfile_name(key, k->zone.name, name)));
	(void)keyfile_write_public(key, k->zone.name, k->numbers.dnskey_ttl, times, text);
	json_put(result, "public", json_string(text));
	if (keyfile_write_private(key, times, text) > 0)
		json_put(result, "private", json_string(text));
	secret_forget(text, sizeof text);
}

static void note_export(const struct keyed_zone *k, const json_t *result)
{
	struct job *j = engine_job();
	char zone[NAME_TEXT_MAX];
	json_t *detail = json_object();

	json_put(detail, "zone", json_string(name_to_text(k->zone.name, zone)));
	json_put(detail, "key", json_copy(json_object_get(result, "name")));
	engine_note(j->engine, j->actor, "dnssec export", detail);
}

static enum engine_outcome export_key(struct keyed_zone *k, const json_t *args,
                                      json_t *result)
{
	struct sign_key *key = NULL;
	size_t at;
	enum engine_outcome bad = keyed_zone_find(k, args, result, &at);

	if (bad != ENGINE_OK)
		return bad;
	int err = open_key(k, at, &key);
	if (err < 0)
		return keyed_zone_refuse(k, err, result);
	put_texts(k, at, key, result);
	sign_key_free(&key);
	if (!json_object_get(result, "private"))
		return engine_refuse(
			result, ERR_REFUSED,
			"the key is in a token, which does not give it away");
	note_export(k, result);
	return ENGINE_OK;
}

enum engine_outcome command_dnssec_export(struct engine *e, const json_t *args,
                                          json_t *result)
{
	return keyed_zone_with(e, args, result, export_key);
}
