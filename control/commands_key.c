/*
 * Commands that keep API keys. Those that change one run on the commit thread from reading it to
 * writing it, so that none of two at once undoes what the other did.
 *
 * Who has a tenant keeps the keys of that tenant only, and the others are not there for that one.
 * Who is confined by grants keeps none: a key made by such a one could do more than its maker.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/access/grants.h"
#include "control/access/keys.h"
#include "control/access/secret.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "shared/err.h"

enum { WHY_SIZE = 96, REASON_SIZE = 512 };

static const json_int_t time_max = (json_int_t)1 << 48;

static uint64_t now(void)
{
	return (uint64_t)time(NULL);
}

/* ---- looking ---- */

static int read_used(struct store_txn *t, struct key *k)
{
	char id[KEY_USE_ID_SIZE + 1];
	const void *value;
	size_t size;

	key_use_id(k->id, id);
	int err = store_item_get(t, STORE_APIKEY, id, strlen(id), &value, &size);
	if (err == 0)
		k->used_at = key_use_decode(value, size);
	return err == ERR_NOTFOUND ? 0 : err;
}

struct listing {
	struct store_txn *txn;
	const struct actor *actor;
	json_t *keys;
};

static int list_key(const struct store_item *item, void *arg)
{
	struct listing *l = arg;
	struct key k = {0};

	if (key_is_use(item->key, item->key_len))
		return 0;
	TRY(key_decode(item->key, item->key_len, item->value, item->size, &k));
	int err = read_used(l->txn, &k);
	if (err == 0 && actor_sees_tenant(l->actor, k.tenant))
		json_array_append_new(l->keys, key_json(&k, now()));
	key_fini(&k);
	return err;
}

enum engine_outcome command_key_list(struct engine *e, const json_t *args, json_t *result)
{
	struct listing l = {.actor = engine_job()->actor};
	enum engine_outcome outcome = engine_refuse_grants(result);

	(void)args;
	if (outcome != ENGINE_OK)
		return outcome;
	int err = store_begin_read(e->committer.store, &l.txn);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	l.keys = json_array();
	json_put(result, "keys", l.keys);
	err = store_item_each(l.txn, STORE_APIKEY, "", 0, list_key, &l);
	store_abort(&l.txn);
	return err < 0 ? engine_fail(result, ENGINE_REFUSED, "%s", err_text(err))
	               : ENGINE_OK;
}

static int read_key(struct store *s, const char *id, struct key *out)
{
	struct store_txn *t;
	const void *value;
	size_t size;

	if (strlen(id) != KEY_ID_SIZE - 1)
		return ERR_NOTFOUND;
	TRY(store_begin_read(s, &t));
	int err = store_item_get(t, STORE_APIKEY, id, strlen(id), &value, &size);
	if (err == 0)
		err = key_decode(id, strlen(id), value, size, out);
	if (err == 0) {
		err = read_used(t, out);
		if (err < 0)
			key_fini(out);
	}
	store_abort(&t);
	return err;
}

/* The key that args name; key_fini() it. */
static enum engine_outcome find_key(struct engine *e, const json_t *args, json_t *result,
                                    struct key *out)
{
	const struct actor *a = engine_job()->actor;
	const char *id = json_string_value(json_object_get(args, "key"));
	enum engine_outcome outcome = engine_refuse_grants(result);

	if (outcome != ENGINE_OK)
		return outcome;
	if (!id)
		return engine_fail(result, ENGINE_USAGE, "\"key\" is missing");
	int err = read_key(e->committer.store, id, out);
	if (err == 0 && !actor_sees_tenant(a, out->tenant)) {
		key_fini(out);
		err = ERR_NOTFOUND;
	}
	if (err < 0)
		return engine_refuse(result, err, "key \"%s\": %s", id, err_text(err));
	return ENGINE_OK;
}

static void add_key(json_t *result, const struct key *k)
{
	json_t *shown = key_json(k, now());

	json_object_update(result, shown);
	json_decref(shown);
}

enum engine_outcome command_key_show(struct engine *e, const json_t *args, json_t *result)
{
	struct key k = {0};
	enum engine_outcome outcome = find_key(e, args, result, &k);

	if (outcome != ENGINE_OK)
		return outcome;
	add_key(result, &k);
	key_fini(&k);
	return ENGINE_OK;
}

/* ---- changing ---- */

/* Puts a key into the store, as a change of its own. */
static enum engine_outcome put_key(struct engine *e, const struct key *k,
                                   const char *verb, json_t *result)
{
	struct change *c = change_new(engine_job()->actor);
	char why[WHY_SIZE];
	uint8_t *bytes;

	(void)snprintf(why, sizeof why, "key %s %s", verb, k->id);
	c->why = change_text(c, why);
	size_t size = key_encode(k, &bytes);
	change_item(c, STORE_APIKEY, k->id, strlen(k->id), bytes, size)->secret = true;
	free(bytes);
	enum engine_outcome outcome = engine_commit(e, &c, result);
	if (outcome == ENGINE_OK)
		add_key(result, k);
	return outcome;
}

static enum engine_outcome read_label(const json_t *args, struct key *k, json_t *result)
{
	const char *label = json_string_value(json_object_get(args, "label"));

	if (!label || !key_label_is_valid(label))
		return engine_fail(result, ENGINE_USAGE,
		                   "\"label\" must be text of up to %d octets",
		                   ACTOR_NAME_SIZE - 1);
	memcpy(k->label, label, strlen(label) + 1);
	return ENGINE_OK;
}

static enum engine_outcome read_role(const json_t *args, struct key *k, json_t *result)
{
	const char *text = json_string_value(json_object_get(args, "role"));

	k->role = text ? role_from_name(text) : ROLE_NONE;
	if (k->role == ROLE_NONE)
		return engine_fail(
			result, ENGINE_USAGE,
			"\"role\" must be one of reader, writer, operator, admin");
	return ENGINE_OK;
}

static enum engine_outcome read_tenant(const json_t *args, struct key *k, json_t *result)
{
	return engine_tenant_of_key(args, result, k->tenant);
}

/* Either "expires_at" or "expires_in", in seconds; null: never. */
static enum engine_outcome read_expiry(const json_t *args, struct key *k, json_t *result)
{
	const json_t *at = json_object_get(args, "expires_at");
	const json_t *in = json_object_get(args, "expires_in");
	const json_t *value = at ? at : in;
	json_int_t seconds = json_integer_value(value);

	if (json_is_null(value))
		k->expires_at = 0;
	if (!value || json_is_null(value))
		return ENGINE_OK;
	if ((at && in) || !json_is_integer(value) || seconds <= 0 || seconds > time_max)
		return engine_fail(result, ENGINE_USAGE,
		                   "one of \"expires_at\" and \"expires_in\" may be a "
		                   "positive number of seconds");
	if (at && (uint64_t)seconds <= now())
		return engine_fail(result, ENGINE_USAGE, "\"expires_at\" has passed");
	k->expires_at = (uint64_t)seconds + (in ? now() : 0);
	return ENGINE_OK;
}

static enum engine_outcome read_disabled(const json_t *args, struct key *k,
                                         json_t *result)
{
	const json_t *value = json_object_get(args, "disabled");

	if (!json_is_boolean(value))
		return engine_fail(result, ENGINE_USAGE,
		                   "\"disabled\" must be true or false");
	k->disabled = json_is_true(value);
	return ENGINE_OK;
}

static enum engine_outcome read_grants(const json_t *args, struct key *k, json_t *result)
{
	const json_t *list = json_object_get(args, "grants");
	char text[REASON_SIZE];
	struct grant *grants;
	size_t count;

	if (!list)
		return ENGINE_OK;
	if (grants_from_json(list, &grants, &count, text, sizeof text) < 0)
		return engine_fail(result, ENGINE_USAGE, "%s", text);
	free(k->grants);
	k->grants = grants;
	k->grant_count = count;
	return ENGINE_OK;
}

typedef enum engine_outcome read_part(const json_t *args, struct key *k, json_t *result);

static enum engine_outcome read_new_key(const json_t *args, struct key *k, json_t *result)
{
	static read_part *const parts[] = {read_label, read_role, read_tenant,
	                                   read_expiry, read_grants};
	enum engine_outcome outcome = engine_refuse_grants(result);

	k->created_at = now();
	for (size_t i = 0; i < ARRAY_LEN(parts) && outcome == ENGINE_OK; i++)
		outcome = parts[i](args, k, result);
	return outcome;
}

enum engine_outcome command_key_create(struct engine *e, const json_t *args,
                                       json_t *result)
{
	struct key k = {0};
	char secret[SECRET_TEXT_SIZE] = "";
	enum engine_outcome outcome = read_new_key(args, &k, result);

	if (outcome == ENGINE_OK && secret_new(secret) < 0)
		outcome = engine_fail(result, ENGINE_REFUSED, "no random numbers");
	if (outcome == ENGINE_OK && secret_key_id(secret, k.id)) {
		secret_hash(secret, k.hash);
		outcome = put_key(e, &k, "create", result);
	}
	if (outcome == ENGINE_OK)
		json_put(result, "secret", json_string(secret));
	secret_forget(secret, sizeof secret);
	key_fini(&k);
	return outcome;
}

enum engine_outcome command_key_revoke(struct engine *e, const json_t *args,
                                       json_t *result)
{
	struct key k = {0};
	enum engine_outcome outcome = find_key(e, args, result, &k);

	if (outcome != ENGINE_OK)
		return outcome;
	if (k.revoked_at) {
		add_key(result, &k);
	} else {
		k.revoked_at = now();
		outcome = put_key(e, &k, "revoke", result);
	}
	key_fini(&k);
	return outcome;
}

/* The key that args name, unless it is revoked. key_fini() it. */
static enum engine_outcome find_living_key(struct engine *e, const json_t *args,
                                           json_t *result, struct key *out)
{
	enum engine_outcome outcome = find_key(e, args, result, out);

	if (outcome == ENGINE_OK && out->revoked_at) {
		outcome = engine_fail(result, ENGINE_REFUSED, "key \"%s\" is revoked",
		                      out->id);
		key_fini(out);
	}
	return outcome;
}

enum engine_outcome command_key_grant(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct key k = {0};
	enum engine_outcome outcome = find_living_key(e, args, result, &k);

	if (outcome != ENGINE_OK)
		return outcome;
	if (!json_object_get(args, "grants"))
		outcome = engine_fail(result, ENGINE_USAGE, "\"grants\" is missing");
	else
		outcome = read_grants(args, &k, result);
	if (outcome == ENGINE_OK)
		outcome = put_key(e, &k, "grant", result);
	key_fini(&k);
	return outcome;
}

/* Reads those members that are there. */
static enum engine_outcome read_changes(const json_t *args, struct key *k, json_t *result)
{
	static const struct {
		const char *member;
		read_part *read;
	} parts[] = {
		{"label", read_label},       {"role", read_role},
		{"expires_at", read_expiry}, {"expires_in", read_expiry},
		{"disabled", read_disabled}, {"grants", read_grants},
	};
	enum engine_outcome outcome = ENGINE_OK;
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts) && outcome == ENGINE_OK; i++) {
		if (!json_object_get(args, parts[i].member))
			continue;
		outcome = parts[i].read(args, k, result);
		found++;
	}
	if (outcome == ENGINE_OK && found + 1 < json_object_size(args))
		return engine_fail(result, ENGINE_USAGE,
		                   "only \"label\", \"role\", \"expires_at\", "
		                   "\"expires_in\", \"disabled\" and \"grants\" of a key "
		                   "can be changed");
	return found || outcome != ENGINE_OK
	               ? outcome
	               : engine_fail(result, ENGINE_USAGE, "nothing is to be changed");
}

enum engine_outcome command_key_set(struct engine *e, const json_t *args, json_t *result)
{
	struct key k = {0};
	enum engine_outcome outcome = find_living_key(e, args, result, &k);

	if (outcome != ENGINE_OK)
		return outcome;
	outcome = read_changes(args, &k, result);
	if (outcome == ENGINE_OK)
		outcome = put_key(e, &k, "set", result);
	key_fini(&k);
	return outcome;
}
