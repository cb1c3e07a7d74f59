/*
 * Commands that keep TSIG keys. As with API keys, those that change one run on the commit thread from
 * reading it to writing it; who has a tenant keeps that tenant's only, and who is confined by grants none.
 * Whether a key is used that is to go is looked up before that, on the pool: zones may be many.
 *
 * A secret leaves the server when it is made here, and when it is asked for; nothing else has one in it:
 * no list, no reason of a refusal, no row of the audit log.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/access/keys.h"
#include "control/access/secret.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/policy/key_users.h"
#include "control/tsig/keytext.h"
#include "control/tsig/stored.h"
#include "shared/err.h"

enum { WHY_SIZE = NAME_TEXT_MAX + 32, IMPORT_MAX = 10000 };

/* ---- looking ---- */

/* name_text: as it is shown. */
static json_t *facts_json(const char *name_text, enum tsig_algorithm a,
                          const char *tenant)
{
	json_t *o = json_object();

	json_put(o, "name", json_string(name_text));
	json_put(o, "algorithm", json_string(tsig_algorithms[a].text));
	json_put(o, "tenant", json_string(tenant));
	return o;
}

static const char *state_of(enum tsig_algorithm a, bool has_secret)
{
	const struct config *c = engine_config(engine_job()->engine);
	bool allowed = a != TSIG_MD5 || c->tsig_md5;

	config_release(c);
	if (!has_secret)
		return "without secret";
	return allowed ? "active" : "not allowed";
}

static json_t *tsig_json(const struct tsig_stored *k)
{
	char name[NAME_TEXT_MAX];
	json_t *o = facts_json(name_to_text(k->name, name), k->algorithm, k->tenant);

	json_put(o, "configured", json_false());
	json_put(o, "state", json_string(state_of(k->algorithm, k->secret_len > 0)));
	json_put(o, "created_at",
	         k->created_at ? json_integer((json_int_t)k->created_at) : json_null());
	return o;
}

static void add_key(json_t *result, const struct tsig_stored *k)
{
	json_t *shown = tsig_json(k);

	json_object_update(result, shown);
	json_decref(shown);
}

static void add_secret(json_t *result, const struct tsig_stored *k)
{
	char text[TSIG_SECRET_TEXT_SIZE];

	tsig_secret_to_text(k->secret, k->secret_len, text);
	json_put(result, "secret", json_string(text));
	secret_forget(text, sizeof text);
}

/* One of the configuration, of which nobody gets the secret. */
static json_t *configured_json(const struct config_key *k)
{
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];
	enum tsig_algorithm algorithm = (enum tsig_algorithm)k->algorithm;
	bool has_secret = k->secret[0] || k->secret_file[0];
	bool is_name = name_read(k->name, name) > 0; /* as the configuration has seen */

	json_t *o =
		facts_json(is_name ? name_to_text(name, text) : k->name, algorithm, "");
	json_put(o, "configured", json_true());
	json_put(o, "state", json_string(state_of(algorithm, has_secret)));
	json_put(o, "created_at", json_null());
	return o;
}

static void list_configured(struct engine *e, const struct actor *a, json_t *keys)
{
	const struct config *c = engine_config(e);

	for (size_t i = 0; i < c->key_count && actor_sees_tenant(a, ""); i++)
		json_array_append_new(keys, configured_json(&c->keys[i]));
	config_release(c);
}

struct listing {
	const struct actor *actor;
	json_t *keys;
};

static int list_key(const struct store_item *item, void *arg)
{
	struct listing *l = arg;
	struct tsig_stored k = {0};

	TRY(tsig_stored_decode(item->key, item->key_len, item->value, item->size, &k));
	if (actor_sees_tenant(l->actor, k.tenant))
		json_array_append_new(l->keys, tsig_json(&k));
	tsig_stored_fini(&k);
	return 0;
}

enum engine_outcome command_tsig_list(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct listing l = {.actor = engine_job()->actor};
	struct store_txn *t;

	(void)args;
	if (engine_refuse_grants(result) != ENGINE_OK)
		return ENGINE_REFUSED;
	int err = store_begin_read(e->committer.store, &t);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	l.keys = json_array();
	json_put(result, "keys", l.keys);
	list_configured(e, l.actor, l.keys);
	err = store_item_each(t, STORE_TSIG, "", 0, list_key, &l);
	store_abort(&t);
	return err < 0 ? engine_fail(result, ENGINE_REFUSED, "%s", err_text(err))
	               : ENGINE_OK;
}

static enum engine_outcome read_name(const json_t *args, const char *member,
                                     json_t *result, uint8_t name[static NAME_MAX_LEN])
{
	const char *text = json_string_value(json_object_get(args, member));
	char key[NAME_TEXT_MAX];
	enum engine_outcome outcome = engine_refuse_grants(result);

	if (outcome != ENGINE_OK)
		return outcome;
	if (!text || name_read(text, name) < 2 || tsig_stored_key(name, key) < 0)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"%s\" must be the name of a key, a domain name",
		                   member);
	return ENGINE_OK;
}

static int read_key(struct store *s, const uint8_t *name, struct tsig_stored *out)
{
	struct store_txn *t;

	TRY(store_begin_read(s, &t));
	int err = tsig_stored_get(t, name, out);
	store_abort(&t);
	return err;
}

/* The texts are those that clients of PowerDNS know. */
static enum engine_outcome refuse_key(const uint8_t *name, int err, json_t *result)
{
	char text[NAME_TEXT_MAX];

	name_to_text(name, text);
	int len = (int)strlen(text) - 1; /* without the final dot */
	if (err == ERR_NOTFOUND)
		return engine_refuse(result, err, "TSIG key with name '%.*s' not found",
		                     len, text);
	if (err == ERR_EXISTS)
		return engine_refuse(result, err,
		                     "A TSIG key with the name '%.*s' already exists",
		                     len, text);
	return engine_refuse(result, err, "TSIG key '%.*s': %s", len, text,
	                     err_text(err));
}

/* Pool: refuses while somebody would be left without the key. */
static enum engine_outcome refuse_used(struct engine *e, const uint8_t *name,
                                       json_t *result)
{
	const struct config *c = engine_config(e);
	char user[KEY_USER_SIZE];
	char text[NAME_TEXT_MAX];
	struct store_txn *t;
	int err = store_begin_read(e->committer.store, &t);

	if (err == 0) {
		err = key_user_find(t, c, engine_job()->actor, name, user);
		store_abort(&t);
	}
	config_release(c);
	if (err == ERR_NOTFOUND)
		return ENGINE_OK;
	name_to_text(name, text);
	return err < 0 ? refuse_key(name, err, result)
	               : engine_refuse(result, ERR_BUSY, "TSIG key '%.*s' is used by %s",
	                               (int)strlen(text) - 1, text, user);
}

/* The key that args name; tsig_stored_fini() it. */
static enum engine_outcome find_key(struct engine *e, const json_t *args, json_t *result,
                                    struct tsig_stored *out)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome outcome = read_name(args, "key", result, name);

	if (outcome != ENGINE_OK)
		return outcome;
	int err = read_key(e->committer.store, name, out);
	if (err == 0 && !actor_sees_tenant(engine_job()->actor, out->tenant)) {
		tsig_stored_fini(out);
		err = ERR_NOTFOUND;
	}
	return err < 0 ? refuse_key(name, err, result) : ENGINE_OK;
}

enum engine_outcome command_tsig_show(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct tsig_stored k = {0};
	enum engine_outcome outcome = find_key(e, args, result, &k);

	if (outcome != ENGINE_OK)
		return outcome;
	add_key(result, &k);
	if (json_is_true(json_object_get(args, "secret")))
		add_secret(result, &k);
	tsig_stored_fini(&k);
	return ENGINE_OK;
}

/* ---- what a key is made of ---- */

static enum engine_outcome read_tenant(const json_t *args, json_t *result,
                                       struct tsig_stored *k)
{
	return engine_tenant_of_key(args, result, k->tenant);
}

static enum engine_outcome read_algorithm(const json_t *args, json_t *result,
                                          struct tsig_stored *k)
{
	const json_t *value = json_object_get(args, "algorithm");
	const char *text = json_string_value(value);
	int algorithm = value ? text ? tsig_algorithm_from_text(text) : ERR_NOTFOUND
	                      : (int)TSIG_SHA256;

	if (algorithm < 0)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"algorithm\" must be one of hmac-md5, hmac-sha1, "
		                   "hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512");
	k->algorithm = (enum tsig_algorithm)algorithm;
	return ENGINE_OK;
}

/* Without one in args, a new one is made. */
static enum engine_outcome read_secret(const json_t *args, json_t *result,
                                       struct tsig_stored *k)
{
	const json_t *value = json_object_get(args, "secret");
	const char *text = json_string_value(value);
	size_t len = 0;

	if (value && (!text || tsig_secret_from_text(text, json_string_length(value),
	                                             k->secret, &len) < 0))
		return engine_fail(result, ENGINE_USAGE,
		                   "\"secret\" must be base64, of 1 to %d octets",
		                   TSIG_SECRET_MAX);
	if (!value) {
		int made = tsig_secret_new(k->algorithm, k->secret);
		if (made < 0)
			return engine_fail(result, ENGINE_REFUSED, "no random numbers");
		len = (size_t)made;
	}
	k->secret_len = (uint16_t)len;
	return ENGINE_OK;
}

/* ---- changing ---- */

static void add_item(struct change *c, const struct tsig_stored *k)
{
	uint8_t value[TSIG_STORED_MAX];
	char key[NAME_TEXT_MAX];
	int len = tsig_stored_key(k->name, key);
	size_t size = tsig_stored_encode(k, value);

	change_item(c, STORE_TSIG, key, (size_t)len, value, size)->secret = true;
	secret_forget(value, sizeof value);
}

static struct change *change_of(const char *verb, const uint8_t *name)
{
	struct change *c = change_new(engine_job()->actor);
	char text[NAME_TEXT_MAX];
	char why[WHY_SIZE];

	(void)snprintf(why, sizeof why, "tsig %s %s", verb, name_to_text(name, text));
	c->why = change_text(c, why);
	return c;
}

static enum engine_outcome put_key(struct engine *e, const struct tsig_stored *k,
                                   const char *verb, json_t *result)
{
	struct change *c = change_of(verb, k->name);

	add_item(c, k);
	enum engine_outcome outcome = engine_commit(e, &c, result);
	if (outcome == ENGINE_OK)
		add_key(result, k);
	return outcome;
}

static enum engine_outcome read_new_key(struct engine *e, const json_t *args,
                                        json_t *result, struct tsig_stored *k)
{
	struct tsig_stored there = {0};
	enum engine_outcome outcome = read_name(args, "key", result, k->name);

	if (outcome == ENGINE_OK)
		outcome = read_tenant(args, result, k);
	if (outcome == ENGINE_OK)
		outcome = read_algorithm(args, result, k);
	if (outcome == ENGINE_OK)
		outcome = read_secret(args, result, k);
	if (outcome != ENGINE_OK)
		return outcome;
	int err = read_key(e->committer.store, k->name, &there);
	if (err == 0)
		tsig_stored_fini(&there);
	return err == ERR_NOTFOUND
	               ? ENGINE_OK
	               : refuse_key(k->name, err == 0 ? ERR_EXISTS : err, result);
}

enum engine_outcome command_tsig_create(struct engine *e, const json_t *args,
                                        json_t *result)
{
	struct tsig_stored k = {.created_at = (uint64_t)time(NULL)};
	enum engine_outcome outcome = read_new_key(e, args, result, &k);

	if (outcome == ENGINE_OK)
		outcome = put_key(e, &k, "create", result);
	if (outcome == ENGINE_OK)
		add_secret(result, &k);
	tsig_stored_fini(&k);
	return outcome;
}

/* A new algorithm may have a new secret with it, or goes on with the old one. */
static enum engine_outcome read_changes(const json_t *args, json_t *result,
                                        struct tsig_stored *k)
{
	bool anew = json_is_true(json_object_get(args, "new_secret"));
	enum engine_outcome outcome = ENGINE_OK;

	if (anew && json_object_get(args, "secret"))
		return engine_fail(result, ENGINE_USAGE,
		                   "\"secret\" and \"new_secret\" exclude each other");
	if (json_object_get(args, "algorithm"))
		outcome = read_algorithm(args, result, k);
	if (outcome == ENGINE_OK && json_object_get(args, "tenant"))
		outcome = read_tenant(args, result, k);
	if (outcome == ENGINE_OK && (anew || json_object_get(args, "secret")))
		outcome = read_secret(args, result, k);
	return outcome;
}

/* The name may change as well: as a key that goes and one that comes, in one change. */
static enum engine_outcome rename_key(struct engine *e, const json_t *args,
                                      json_t *result, struct tsig_stored *k)
{
	char key[NAME_TEXT_MAX];
	struct tsig_stored there = {0};
	uint8_t old[NAME_MAX_LEN];

	memcpy(old, k->name, sizeof old);
	enum engine_outcome outcome = read_name(args, "new_name", result, k->name);
	if (outcome != ENGINE_OK)
		return outcome;
	if (name_equal(old, k->name))
		return put_key(e, k, "set", result);
	if (read_key(e->committer.store, k->name, &there) == 0) {
		tsig_stored_fini(&there);
		return refuse_key(k->name, ERR_EXISTS, result);
	}
	struct change *c = change_of("rename", old);
	int len = tsig_stored_key(old, key);
	change_item(c, STORE_TSIG, key, (size_t)len, NULL, 0)->secret = true;
	add_item(c, k);
	outcome = engine_commit(e, &c, result);
	if (outcome == ENGINE_OK)
		add_key(result, k);
	return outcome;
}

static enum engine_outcome set_key(struct engine *e, const json_t *args, json_t *result)
{
	struct tsig_stored k = {0};
	enum engine_outcome outcome = find_key(e, args, result, &k);

	if (outcome != ENGINE_OK)
		return outcome;
	outcome = read_changes(args, result, &k);
	if (outcome == ENGINE_OK)
		outcome = json_object_get(args, "new_name")
		                  ? rename_key(e, args, result, &k)
		                  : put_key(e, &k, "set", result);
	if (outcome == ENGINE_OK && json_is_true(json_object_get(args, "new_secret")))
		add_secret(result, &k);
	tsig_stored_fini(&k);
	return outcome;
}

enum engine_outcome command_tsig_set(struct engine *e, const json_t *args, json_t *result)
{
	struct tsig_stored k = {0};
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome outcome = find_key(e, args, result, &k);

	if (outcome == ENGINE_OK && json_object_get(args, "new_name")) {
		outcome = read_name(args, "new_name", result, name);
		if (outcome == ENGINE_OK && !name_equal(name, k.name))
			outcome = refuse_used(e, k.name, result);
	}
	tsig_stored_fini(&k);
	if (outcome == ENGINE_OK)
		engine_continue(ON_COMMIT, set_key);
	return outcome;
}

static enum engine_outcome remove_key(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct tsig_stored k = {0};
	char key[NAME_TEXT_MAX];
	enum engine_outcome outcome = find_key(e, args, result, &k);

	if (outcome != ENGINE_OK)
		return outcome;
	struct change *c = change_of("remove", k.name);
	int len = tsig_stored_key(k.name, key);
	change_item(c, STORE_TSIG, key, (size_t)len, NULL, 0)->secret = true;
	outcome = engine_commit(e, &c, result);
	if (outcome == ENGINE_OK)
		add_key(result, &k);
	tsig_stored_fini(&k);
	return outcome;
}

enum engine_outcome command_tsig_remove(struct engine *e, const json_t *args,
                                        json_t *result)
{
	struct tsig_stored k = {0};
	enum engine_outcome outcome = find_key(e, args, result, &k);

	if (outcome == ENGINE_OK)
		outcome = refuse_used(e, k.name, result);
	tsig_stored_fini(&k);
	if (outcome == ENGINE_OK)
		engine_continue(ON_COMMIT, remove_key);
	return outcome;
}

/* ---- importing ---- */

struct importing {
	struct engine *engine;
	struct change *change;
	json_t *keys;
	json_t *result;
	char tenant[TENANT_SIZE];
	bool replace;
	enum engine_outcome outcome;
};

static int refuse_import(struct importing *i, const struct keytext *k, int err)
{
	char text[NAME_TEXT_MAX];

	i->outcome = engine_refuse(i->result, err, "line %u: TSIG key \"%s\": %s",
	                           k->line, name_to_text(k->name, text), err_text(err));
	return 1;
}

/* Judges one of a text by what is there of its name: replace keeps when it was made, and whose it is. */
static int import_key(const struct keytext *from, void *arg)
{
	struct importing *i = arg;
	struct tsig_stored k = {0};
	char key[NAME_TEXT_MAX];
	int err = tsig_stored_key(from->name, key);

	if (err > 0)
		err = read_key(i->engine->committer.store, from->name, &k);
	bool there = err == 0;
	if (err < 0 && err != ERR_NOTFOUND)
		return refuse_import(i, from, err);
	if (there && (!i->replace || !actor_sees_tenant(engine_job()->actor, k.tenant))) {
		tsig_stored_fini(&k);
		return refuse_import(i, from, ERR_EXISTS);
	}
	if (json_array_size(i->keys) == IMPORT_MAX)
		return refuse_import(i, from, ERR_TOOBIG);
	if (!there) {
		k = (struct tsig_stored){.created_at = (uint64_t)time(NULL)};
		memcpy(k.name, from->name, sizeof k.name);
		memcpy(k.tenant, i->tenant, sizeof k.tenant);
	}
	k.algorithm = from->algorithm;
	k.secret_len = (uint16_t)from->secret_len;
	memcpy(k.secret, from->secret, from->secret_len);
	add_item(i->change, &k);
	json_array_append_new(i->keys, tsig_json(&k));
	tsig_stored_fini(&k);
	return 0;
}

static enum engine_outcome read_keys(struct importing *i, const json_t *text)
{
	char why[KEYTEXT_WHY_SIZE];
	int count = keytext_each(json_string_value(text), json_string_length(text),
	                         import_key, i, why);

	if (count == ERR_SYNTAX)
		return engine_fail(i->result, ENGINE_REFUSED, "%s", why);
	if (i->outcome != ENGINE_OK)
		return i->outcome;
	if (count == 0)
		return engine_fail(i->result, ENGINE_REFUSED, "there is no key in it");
	return ENGINE_OK;
}

enum engine_outcome command_tsig_import(struct engine *e, const json_t *args,
                                        json_t *result)
{
	const json_t *text = json_object_get(args, "text");
	struct tsig_stored k = {0};
	struct importing i = {.engine = e,
	                      .result = result,
	                      .replace = json_is_true(json_object_get(args, "replace")),
	                      .keys = json_array()};
	enum engine_outcome outcome = engine_refuse_grants(result);

	if (outcome == ENGINE_OK)
		outcome = read_tenant(args, result, &k);
	if (outcome == ENGINE_OK && !json_is_string(text))
		outcome = engine_fail(result, ENGINE_USAGE, "\"text\" is missing");
	memcpy(i.tenant, k.tenant, sizeof i.tenant);
	i.change = change_new(engine_job()->actor);
	i.change->why = change_text(i.change, "tsig import");
	if (outcome == ENGINE_OK)
		outcome = read_keys(&i, text);
	if (outcome == ENGINE_OK)
		outcome = engine_commit(e, &i.change, result);
	if (outcome == ENGINE_OK)
		json_put(result, "keys", json_incref(i.keys));
	if (i.change)
		change_free(&i.change);
	json_decref(i.keys);
	return outcome;
}
