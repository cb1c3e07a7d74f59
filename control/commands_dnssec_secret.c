/*
 * The master secret under which private keys are sealed (control/sign/vault.h), and another instead of it:
 *
 *      rotate    a new secret before the old ones, then as reseal
 *      reseal    the file is read again, and what older ones have sealed is sealed under the first
 *      prune     the older ones go, once nothing needs them
 *
 * Which zones have keys to be sealed anew is found out on the pool. The commit thread seals them, some zones at
 * a time: nothing changes there between reading a key and writing it.
 */
#include <stdlib.h>
#include <string.h>

#include "control/commit/commit.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/sign/secrets.h"
#include "control/sign/state.h"
#include "control/sign/stored.h"
#include "control/zone/arena.h"
#include "shared/err.h"

enum { BATCH = 100 /* zones in one change */ };

/* ---- which keys are under which secret ---- */

struct tally {
	const struct vault *vault;
	uint64_t under[VAULT_SECRETS_MAX]; /* keys, by place of their secret */
	uint64_t others;                   /* under secrets that the file does not have */
};

static int tally_key(const struct sign_stored_item *i, void *arg)
{
	struct tally *t = arg;
	const struct vault_bytes sealed = {i->stored.sealed, i->stored.sealed_len};
	char id[VAULT_ID_TEXT_SIZE];
	char own[VAULT_ID_TEXT_SIZE];
	size_t at = 0;

	if (!vault_sealed_under(sealed, id))
		return 0;
	while (at < vault_secrets(t->vault) &&
	       strcmp(vault_id(t->vault, at, own), id) != 0)
		at++;
	if (at < vault_secrets(t->vault))
		t->under[at]++;
	else
		t->others++;
	return 0;
}

static int tally_all(struct engine *e, struct tally *t)
{
	struct store_txn *txn;

	TRY(store_begin_read(e->committer.store, &txn));
	int err = sign_stored_each(txn, 0, tally_key, t);
	store_abort(&txn);
	return err;
}

static uint64_t not_current(const struct tally *t)
{
	uint64_t count = t->others;

	for (size_t i = 1; i < vault_secrets(t->vault); i++)
		count += t->under[i];
	return count;
}

static enum engine_outcome open_vault(struct engine *e, json_t *result,
                                      const struct vault **out)
{
	char why[VAULT_WHY_SIZE] = "";

	*out = sign_secrets_vault(engine_secrets(e), false, why);
	return *out ? ENGINE_OK : engine_refuse(result, ERR_REFUSED, "%s", why);
}

static void put_tally(const struct tally *t, json_t *result)
{
	json_t *list = json_array();
	char id[VAULT_ID_TEXT_SIZE];

	for (size_t i = 0; i < vault_secrets(t->vault); i++) {
		json_t *o = json_object();
		json_put(o, "secret", json_string(vault_id(t->vault, i, id)));
		json_put(o, "seals", json_boolean(i == 0));
		json_put(o, "keys", json_number(t->under[i]));
		(void)json_array_append_new(list, o);
	}
	json_put(result, "secrets", list);
	json_put(result, "keys_under_others", json_number(t->others));
}

enum engine_outcome command_dnssec_secret_list(struct engine *e, const json_t *args,
                                               json_t *result)
{
	struct tally t = {0};
	enum engine_outcome bad = open_vault(e, result, &t.vault);

	(void)args;
	if (bad != ENGINE_OK)
		return bad;
	int err = tally_all(e, &t);
	if (err < 0)
		return engine_refuse(result, err, "%s", err_text(err));
	json_put(result, "file", json_string(sign_secrets_path(engine_secrets(e))));
	put_tally(&t, result);
	return ENGINE_OK;
}

/* ---- sealing anew ---- */

/* Zones with keys that are not under the first secret: the job's state. */
struct resealing {
	const struct vault *vault;
	struct store_txn *txn; /* of the part that runs */
	uint8_t (*zones)[NAME_MAX_LEN];
	size_t count, room, next;
	uint64_t sealed, failed;
	struct change *change;
	const uint8_t *zone; /* the one at hand */
	bool touched;
	char why[VAULT_WHY_SIZE]; /* of the first that failed */
};

static void resealing_free(void *state)
{
	struct resealing *r = state;

	free(r->zones);
	free(r);
}

static int is_old(const struct sign_stored_item *i, void *arg)
{
	const struct resealing *r = arg;
	const struct vault_bytes sealed = {i->stored.sealed, i->stored.sealed_len};

	return i->stored.sealed_len && !vault_is_current(r->vault, sealed);
}

static int find_zone(const struct store_zone *z, void *arg)
{
	struct resealing *r = arg;
	int old = sign_stored_each(r->txn, z->id, is_old, r);

	if (old <= 0)
		return old;
	r->zones = array_room(r->zones, r->count, &r->room, sizeof *r->zones);
	memcpy(r->zones[r->count++], z->name, sizeof *r->zones);
	return 0;
}

static int find_zones(struct engine *e, struct resealing *r)
{
	TRY(store_begin_read(e->committer.store, &r->txn));
	int err = store_zone_each(r->txn, NULL, find_zone, r);
	store_abort(&r->txn);
	return err;
}

static int reseal_key(const struct sign_stored_item *i, void *arg)
{
	struct resealing *r = arg;
	const struct sign_stored_name name = {.zone = r->zone, .number = i->number};
	struct sign_stored s = i->stored;
	char why[VAULT_WHY_SIZE] = "";
	int done = sign_stored_reseal(r->vault, &name, &s, why);

	if (done > 0) {
		sign_stored_change(r->change, i->zone, i->number, &s);
		r->touched = true;
		r->sealed++;
	}
	if (done < 0 && r->failed++ == 0)
		memcpy(r->why, why, sizeof r->why);
	return 0;
}

/* What was planned for the keys as they were sealed before comes too late. */
static int raise_version(struct resealing *r, uint32_t zone)
{
	struct sign_state s;
	int err = sign_state_get(r->txn, zone, &s);

	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	s.version++;
	sign_state_change(r->change, zone, &s);
	return 0;
}

static int reseal_zone(struct resealing *r, const uint8_t *name)
{
	struct store_zone z;
	int err = store_zone_get(r->txn, name, &z);

	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	r->zone = z.name;
	r->touched = false;
	TRY(sign_stored_each(r->txn, z.id, reseal_key, r));
	return r->touched ? raise_version(r, z.id) : 0;
}

static int reseal_some(struct engine *e, struct resealing *r)
{
	int err = 0;

	TRY(store_begin_read(e->committer.store, &r->txn));
	for (unsigned i = 0; i < BATCH && r->next < r->count && err == 0; i++)
		err = reseal_zone(r, r->zones[r->next++]);
	store_abort(&r->txn);
	return err;
}

/* Commit thread. */
static enum engine_outcome reseal_part(struct engine *e, const json_t *args,
                                       json_t *result)
{
	struct resealing *r = engine_job()->state;

	r->change = change_new(engine_job()->actor);
	r->change->why = change_text(r->change, engine_job()->name);
	int err = reseal_some(e, r);
	enum engine_outcome bad =
		err < 0                 ? engine_refuse(result, err, "%s", err_text(err))
		: r->change->item_count ? engine_commit(e, &r->change, result)
					: ENGINE_OK;
	change_free(&r->change);
	if (bad != ENGINE_OK)
		return bad;
	if (r->next < r->count) {
		engine_continue(ON_COMMIT, reseal_part);
		return ENGINE_OK;
	}
	json_put(result, "sealed", json_number(r->sealed));
	json_put(result, "failed", json_number(r->failed));
	engine_continue(ON_POOL, command_dnssec_secret_list);
	if (r->failed)
		json_put(result, "trouble", json_string(r->why));
	(void)args;
	return ENGINE_OK;
}

static enum engine_outcome reseal(struct engine *e, json_t *result)
{
	struct job *j = engine_job();
	struct resealing *r = must(calloc(1, sizeof *r));
	enum engine_outcome bad = open_vault(e, result, &r->vault);

	j->state = r;
	j->state_free = resealing_free;
	if (bad != ENGINE_OK)
		return bad;
	int err = find_zones(e, r);
	if (err < 0)
		return engine_refuse(result, err, "%s", err_text(err));
	engine_continue(ON_COMMIT, reseal_part);
	return ENGINE_OK;
}

static enum engine_outcome reload(struct engine *e, json_t *result)
{
	char why[VAULT_WHY_SIZE] = "";

	return sign_secrets_reload(engine_secrets(e), why) < 0
	               ? engine_refuse(result, ERR_REFUSED, "%s", why)
	               : ENGINE_OK;
}

enum engine_outcome command_dnssec_secret_reseal(struct engine *e, const json_t *args,
                                                 json_t *result)
{
	enum engine_outcome bad = reload(e, result);

	(void)args;
	return bad != ENGINE_OK ? bad : reseal(e, result);
}

enum engine_outcome command_dnssec_secret_rotate(struct engine *e, const json_t *args,
                                                 json_t *result)
{
	char why[VAULT_WHY_SIZE] = "";
	const struct vault *v;
	enum engine_outcome bad = open_vault(e, result, &v);

	(void)args;
	if (bad != ENGINE_OK)
		return bad;
	if (vault_rotate(v, why) < 0)
		return engine_refuse(result, ERR_REFUSED, "%s", why);
	engine_note(e, engine_job()->actor, "dnssec secret rotate", NULL);
	bad = reload(e, result);
	return bad != ENGINE_OK ? bad : reseal(e, result);
}

/* ---- the end of the older ones ---- */

/* Commit thread: no key comes meanwhile that needs them. */
static enum engine_outcome prune(struct engine *e, const json_t *args, json_t *result)
{
	char why[VAULT_WHY_SIZE] = "";
	struct tally t = {0};
	enum engine_outcome bad = open_vault(e, result, &t.vault);

	if (bad != ENGINE_OK)
		return bad;
	int err = tally_all(e, &t);
	if (err < 0)
		return engine_refuse(result, err, "%s", err_text(err));
	if (not_current(&t))
		return engine_refuse(
			result, ERR_BUSY,
			"%llu keys are sealed under older secrets: seal them "
			"anew first (dnssec secret reseal)",
			(unsigned long long)not_current(&t));
	if (vault_prune(t.vault, why) < 0)
		return engine_refuse(result, ERR_REFUSED, "%s", why);
	engine_note(e, engine_job()->actor, "dnssec secret prune", NULL);
	bad = reload(e, result);
	(void)args;
	if (bad == ENGINE_OK)
		engine_continue(ON_POOL, command_dnssec_secret_list);
	return bad;
}

enum engine_outcome command_dnssec_secret_prune(struct engine *e, const json_t *args,
                                                json_t *result)
{
	(void)e;
	(void)args;
	(void)result;
	engine_continue(ON_COMMIT, prune);
	return ENGINE_OK;
}
