/*
 * Commands that keep tenants. A tenant is there when a zone or a key that is not revoked names it, and
 * one without either when it was added: its item in the store is the one thing that it has of its own.
 *
 * Who has a tenant gets to know that one only, and changes nothing here; who is confined by grants
 * knows of none.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/access/keys.h"
#include "control/access/secret.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/tsig/stored.h"
#include "shared/err.h"

enum { WHY_SIZE = 160, ZONES_MAX = 1000 };

/* ---- arguments ---- */

static enum engine_outcome read_tenant(const json_t *args, const char *member,
                                       char out[static TENANT_SIZE], json_t *result)
{
	const char *text = json_string_value(json_object_get(args, member));

	if (!text || !tenant_is_valid(text))
		return engine_fail(
			result, ENGINE_USAGE,
			"\"%s\" must be a word of letters, digits, '.', '_' and '-', up "
			"to %d of them",
			member, TENANT_SIZE - 1);
	memcpy(out, text, strlen(text) + 1);
	return ENGINE_OK;
}

static enum engine_outcome refuse_unknown(const char *tenant, json_t *result)
{
	return engine_refuse(result, ERR_NOTFOUND, "there is no tenant \"%s\"", tenant);
}

/* Only who belongs to no tenant and is not confined may change any. */
static enum engine_outcome refuse_bounded(const char *tenant, json_t *result)
{
	const struct actor *a = engine_job()->actor;

	if (!actor_is_confined(a))
		return ENGINE_OK;
	if (a->grant_count == 0 && tenant[0] && !actor_sees_tenant(a, tenant))
		return refuse_unknown(tenant, result);
	return engine_refuse(result, ERR_DENIED,
	                     "%s has a tenant or grants and may not do that", a->name);
}

/* ---- what there is ---- */

/* Tenants by their names, as they are shown. */
struct census {
	json_t *tenants;
	const char *only; /* NULL: all */
	/* The zones of the only one, as many as there is room for. */
	uint8_t (*zones)[NAME_MAX_LEN];
	size_t zone_count;
};

/* Gives NULL for one that is not asked for. */
static json_t *note_tenant(struct census *c, const char *name)
{
	if (!name[0] || (c->only && strcmp(c->only, name) != 0))
		return NULL;
	json_t *tenant = json_object_get(c->tenants, name);
	if (!tenant) {
		tenant = json_pack("{s:s, s:i, s:i, s:n}", "name", name, "zones", 0,
		                   "keys", 0, "created_at");
		json_put(c->tenants, name, tenant);
	}
	return tenant;
}

static json_int_t count_of(const json_t *tenant, const char *member)
{
	return json_integer_value(json_object_get(tenant, member));
}

static void count_one(json_t *tenant, const char *member)
{
	(void)json_integer_set(json_object_get(tenant, member),
	                       count_of(tenant, member) + 1);
}

static int note_item(const struct store_item *item, void *arg)
{
	char name[TENANT_SIZE] = "";

	if (item->key_len >= sizeof name)
		return ERR_CORRUPT;
	memcpy(name, item->key, item->key_len);
	json_t *tenant = note_tenant(arg, name);
	json_t *value = json_loadb(item->value, item->size, 0, NULL);
	if (tenant)
		(void)json_object_update_existing(tenant, value);
	json_decref(value);
	return 0;
}

static int note_key(const struct store_item *item, void *arg)
{
	struct key k;

	if (key_is_use(item->key, item->key_len))
		return 0;
	TRY(key_decode(item->key, item->key_len, item->value, item->size, &k));
	json_t *tenant = k.revoked_at ? NULL : note_tenant(arg, k.tenant);
	if (tenant)
		count_one(tenant, "keys");
	key_fini(&k);
	return 0;
}

static int note_tsig_key(const struct store_item *item, void *arg)
{
	struct tsig_stored k;

	TRY(tsig_stored_decode(item->key, item->key_len, item->value, item->size, &k));
	json_t *tenant = note_tenant(arg, k.tenant);
	if (tenant)
		count_one(tenant, "keys");
	tsig_stored_fini(&k);
	return 0;
}

static int note_zone(const struct store_zone *z, void *arg)
{
	struct census *c = arg;
	json_t *tenant = note_tenant(c, z->attrs.tenant);

	if (!tenant)
		return 0;
	count_one(tenant, "zones");
	if (c->zones && c->zone_count < ZONES_MAX)
		memcpy(c->zones[c->zone_count++], z->name, sizeof z->name);
	return 0;
}

/* Fills in c->tenants, which is the caller's. */
static enum engine_outcome take_census(struct engine *e, struct census *c, json_t *result)
{
	struct store_txn *t;

	c->tenants = json_object();
	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = store_item_each(t, STORE_TENANT, "", 0, note_item, c);
		if (err == 0)
			err = store_item_each(t, STORE_APIKEY, "", 0, note_key, c);
		if (err == 0)
			err = store_item_each(t, STORE_TSIG, "", 0, note_tsig_key, c);
		if (err == 0)
			err = store_zone_each(t, NULL, note_zone, c);
		store_abort(&t);
	}
	return err < 0 ? engine_fail(result, ENGINE_REFUSED, "%s", err_text(err))
	               : ENGINE_OK;
}

/* ---- list ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The tenants of a census in order of their names. */
static json_t *in_order(const json_t *tenants)
{
	size_t count = 0;
	const char **names = must(calloc(json_object_size(tenants) + 1, sizeof *names));
	json_t *list = json_array();
	const char *name;
	json_t *tenant;

	json_object_foreach((json_t *)(uintptr_t)tenants, name, tenant) names[count++] =
		name;
	qsort(names, count, sizeof *names, by_name);
	for (size_t i = 0; i < count; i++)
		(void)json_array_append(list, json_object_get(tenants, names[i]));
	free(names);
	return list;
}

enum engine_outcome command_tenant_list(struct engine *e, const json_t *args,
                                        json_t *result)
{
	const struct actor *a = engine_job()->actor;
	struct census c = {.only = a->tenant[0] ? a->tenant : NULL};
	char wanted[TENANT_SIZE] = "";
	enum engine_outcome outcome = ENGINE_OK;

	if (a->grant_count > 0)
		return refuse_bounded("", result);
	if (json_object_get(args, "tenant"))
		outcome = read_tenant(args, "tenant", wanted, result);
	if (outcome != ENGINE_OK)
		return outcome;
	if (wanted[0] && !actor_sees_tenant(a, wanted))
		return refuse_unknown(wanted, result);
	if (wanted[0])
		c.only = wanted;
	outcome = take_census(e, &c, result);
	if (outcome == ENGINE_OK && wanted[0] && json_object_size(c.tenants) == 0)
		outcome = refuse_unknown(wanted, result);
	if (outcome == ENGINE_OK)
		json_put(result, "tenants", in_order(c.tenants));
	json_decref(c.tenants);
	return outcome;
}

/* ---- changes ---- */

/* A change by the running command, which says what it was for. */
static struct change *new_change(const char *verb, const char *tenant)
{
	struct change *c = change_new(engine_job()->actor);
	char why[WHY_SIZE];

	(void)snprintf(why, sizeof why, "tenant %s %s", verb, tenant);
	c->why = change_text(c, why);
	return c;
}

/* created_at 0: it goes. */
static void change_tenant(struct change *c, const char *tenant, json_int_t created_at)
{
	char value[64];

	(void)snprintf(value, sizeof value, "{\"created_at\": %" JSON_INTEGER_FORMAT "}",
	               created_at);
	(void)change_item(c, STORE_TENANT, tenant, strlen(tenant),
	                  created_at ? value : NULL, created_at ? strlen(value) : 0);
}

static void change_tenant_of_zone(struct change *c, const uint8_t *zone,
                                  const char *tenant)
{
	struct zone_change *z = change_zone(c, ZONE_EDIT, zone);

	z->attrs_set = 1U << ATTR_TENANT;
	memcpy(z->attrs.tenant, tenant, strlen(tenant) + 1);
}

enum engine_outcome command_tenant_add(struct engine *e, const json_t *args,
                                       json_t *result)
{
	char tenant[TENANT_SIZE];
	struct store_txn *t;
	const void *value;
	size_t size;
	enum engine_outcome outcome = read_tenant(args, "tenant", tenant, result);

	if (outcome == ENGINE_OK)
		outcome = refuse_bounded("", result); /* whether it is there or not */
	if (outcome != ENGINE_OK)
		return outcome;
	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = store_item_get(t, STORE_TENANT, tenant, strlen(tenant), &value,
		                     &size);
		store_abort(&t);
	}
	if (err != ERR_NOTFOUND)
		return engine_refuse(result, err ? err : ERR_EXISTS, "tenant \"%s\": %s",
		                     tenant, err_text(err ? err : ERR_EXISTS));
	struct change *c = new_change("add", tenant);
	change_tenant(c, tenant, (json_int_t)time(NULL));
	json_put(result, "name", json_string(tenant));
	return engine_commit(e, &c, result);
}

/* What the parts of a command that removes or renames hand on. */
struct moving {
	char tenant[TENANT_SIZE];
	char to[TENANT_SIZE]; /* empty: it is removed */
	json_int_t created_at;
	uint8_t (*zones)[NAME_MAX_LEN];
	size_t zone_count;
	struct change *change; /* while keys are read into it */
};

static void moving_free(void *state)
{
	struct moving *m = state;

	free(m->zones);
	free(m);
}

/* Gives what there is of a tenant, which the caller releases, or NULL when that was refused. */
static json_t *find_tenant(struct engine *e, struct moving *m, json_t *result,
                           enum engine_outcome *outcome)
{
	struct census c = {.only = m->tenant, .zones = m->zones};

	*outcome = take_census(e, &c, result);
	m->zone_count = c.zone_count;
	json_t *tenant = json_incref(json_object_get(c.tenants, m->tenant));
	json_decref(c.tenants);
	if (*outcome == ENGINE_OK && !tenant)
		*outcome = refuse_unknown(m->tenant, result);
	if (tenant)
		m->created_at = count_of(tenant, "created_at");
	return tenant;
}

static struct moving *begin_moving(void)
{
	struct moving *m = must(calloc(1, sizeof *m));

	m->zones = must(calloc(ZONES_MAX, sizeof *m->zones));
	engine_job()->state = m;
	engine_job()->state_free = moving_free;
	return m;
}

/* ---- remove ---- */

static enum engine_outcome remove_commit(struct engine *e, const json_t *args,
                                         json_t *result)
{
	const struct moving *m = engine_job()->state;
	struct change *c = new_change("remove", m->tenant);

	(void)args;
	change_tenant(c, m->tenant, 0);
	return engine_commit(e, &c, result);
}

enum engine_outcome command_tenant_remove(struct engine *e, const json_t *args,
                                          json_t *result)
{
	struct moving *m = begin_moving();
	enum engine_outcome outcome = read_tenant(args, "tenant", m->tenant, result);

	if (outcome == ENGINE_OK)
		outcome = refuse_bounded(m->tenant, result);
	if (outcome != ENGINE_OK)
		return outcome;
	json_t *tenant = find_tenant(e, m, result, &outcome);
	json_int_t zones = count_of(tenant, "zones");
	json_int_t keys = count_of(tenant, "keys");
	json_decref(tenant);
	if (outcome != ENGINE_OK)
		return outcome;
	if (zones || keys)
		return engine_refuse(result, ERR_BUSY,
		                     "tenant \"%s\" has zones (%" JSON_INTEGER_FORMAT
		                     ") or keys (%" JSON_INTEGER_FORMAT ")",
		                     m->tenant, zones, keys);
	engine_continue(ON_COMMIT, remove_commit);
	return ENGINE_OK;
}

/* ---- rename ---- */

/* Revoked keys go along: they are in the list of their tenant. */
static int move_key(const struct store_item *item, void *arg)
{
	struct moving *m = arg;
	struct key k;
	uint8_t *bytes;

	if (key_is_use(item->key, item->key_len))
		return 0;
	TRY(key_decode(item->key, item->key_len, item->value, item->size, &k));
	if (strcmp(k.tenant, m->tenant) == 0) {
		memcpy(k.tenant, m->to, sizeof k.tenant);
		size_t size = key_encode(&k, &bytes);
		change_item(m->change, STORE_APIKEY, k.id, strlen(k.id), bytes, size)
			->secret = true;
		free(bytes);
	}
	key_fini(&k);
	return 0;
}

static int move_tsig_key(const struct store_item *item, void *arg)
{
	struct moving *m = arg;
	uint8_t value[TSIG_STORED_MAX];
	struct tsig_stored k;

	TRY(tsig_stored_decode(item->key, item->key_len, item->value, item->size, &k));
	if (strcmp(k.tenant, m->tenant) == 0) {
		memcpy(k.tenant, m->to, sizeof k.tenant);
		size_t size = tsig_stored_encode(&k, value);
		change_item(m->change, STORE_TSIG, item->key, item->key_len, value, size)
			->secret = true;
		secret_forget(value, sizeof value);
	}
	tsig_stored_fini(&k);
	return 0;
}

static int move_keys(struct engine *e, struct moving *m)
{
	struct store_txn *t;

	TRY(store_begin_read(e->committer.store, &t));
	int err = store_item_each(t, STORE_APIKEY, "", 0, move_key, m);
	if (err == 0)
		err = store_item_each(t, STORE_TSIG, "", 0, move_tsig_key, m);
	store_abort(&t);
	return err;
}

/* Keys are read here, where none changes meanwhile: a key that was revoked since must stay so. */
static enum engine_outcome rename_commit(struct engine *e, const json_t *args,
                                         json_t *result)
{
	struct moving *m = engine_job()->state;
	struct change *c = new_change("rename", m->tenant);

	(void)args;
	m->change = c;
	for (size_t i = 0; i < m->zone_count; i++)
		change_tenant_of_zone(c, m->zones[i], m->to);
	int err = move_keys(e, m);
	if (err < 0) {
		change_free(&c);
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	}
	if (m->created_at)
		change_tenant(c, m->tenant, 0);
	change_tenant(c, m->to, m->created_at ? m->created_at : (json_int_t)time(NULL));
	json_put(result, "name", json_string(m->to));
	return engine_commit(e, &c, result);
}

/* Two tenants are never made one. */
static enum engine_outcome refuse_used(struct engine *e, const char *name, json_t *result)
{
	struct census c = {.only = name};
	enum engine_outcome outcome = take_census(e, &c, result);
	bool used = json_object_size(c.tenants) > 0;

	json_decref(c.tenants);
	if (outcome != ENGINE_OK || !used)
		return outcome;
	return engine_refuse(result, ERR_EXISTS, "tenant \"%s\": %s", name,
	                     err_text(ERR_EXISTS));
}

enum engine_outcome command_tenant_rename(struct engine *e, const json_t *args,
                                          json_t *result)
{
	struct moving *m = begin_moving();
	enum engine_outcome outcome = read_tenant(args, "tenant", m->tenant, result);

	if (outcome == ENGINE_OK)
		outcome = read_tenant(args, "to", m->to, result);
	if (outcome == ENGINE_OK)
		outcome = refuse_bounded(m->tenant, result);
	if (outcome != ENGINE_OK)
		return outcome;
	json_t *tenant = find_tenant(e, m, result, &outcome);
	json_int_t zones = count_of(tenant, "zones");
	json_decref(tenant);
	if (outcome == ENGINE_OK && zones > ZONES_MAX)
		outcome = engine_fail(result, ENGINE_REFUSED,
		                      "tenant \"%s\" has more than %d zones: assign them "
		                      "to the new one instead",
		                      m->tenant, ZONES_MAX);
	if (outcome == ENGINE_OK)
		outcome = refuse_used(e, m->to, result);
	if (outcome == ENGINE_OK)
		engine_continue(ON_COMMIT, rename_commit);
	return outcome;
}

/* ---- assign ---- */

/* "from": only if that is the zone's tenant still. */
static enum engine_outcome check_from(struct engine *e, const char *from,
                                      const uint8_t *zone, json_t *result)
{
	struct store_zone z = {0};
	struct store_txn *t;

	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = store_zone_get(t, zone, &z);
		store_abort(&t);
	}
	if (err == 0 && strcmp(z.attrs.tenant, from) == 0)
		return ENGINE_OK;
	return engine_refuse(result, err ? err : ERR_NOTFOUND,
	                     "there is no such zone of \"%s\"", from);
}

enum engine_outcome command_tenant_assign(struct engine *e, const json_t *args,
                                          json_t *result)
{
	char tenant[TENANT_SIZE] = "";
	char text[NAME_TEXT_MAX];
	uint8_t zone[NAME_MAX_LEN];
	const json_t *given = json_object_get(args, "tenant");
	const char *from = json_string_value(json_object_get(args, "from"));
	enum engine_outcome outcome = ENGINE_OK;

	if (given && !json_is_null(given))
		outcome = read_tenant(args, "tenant", tenant, result);
	if (outcome == ENGINE_OK)
		outcome = refuse_bounded(from && !tenant[0] ? from : tenant, result);
	if (outcome == ENGINE_OK)
		outcome = engine_zone_arg(args, result, zone);
	if (outcome == ENGINE_OK && from)
		outcome = check_from(e, from, zone, result);
	if (outcome != ENGINE_OK)
		return outcome;
	struct change *c = new_change("assign", tenant[0] ? tenant : "none");
	change_tenant_of_zone(c, zone, tenant);
	json_put(result, "zone", json_string(name_to_text(zone, text)));
	json_put(result, "tenant", json_string(tenant));
	return engine_commit(e, &c, result);
}
