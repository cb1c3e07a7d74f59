/*
 * Every wrong key counts against its address, whatever is wrong with it: no form, no such key,
 * another secret, expired, revoked. The answer is the same for all of them, too, and what it takes
 * to find out differs by a look into the store only for ids, which are no secret.
 *
 * That a key was used is noted here and written once a minute, for all of them in one change: not
 * one for every request.
 */
#include "control/access/gate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/access/keys.h"
#include "control/access/limits.h"
#include "control/access/secret.h"
#include "control/change/change.h"
#include "shared/err.h"

enum {
	USES_MAX = 256,
	FLUSH_MS = 60000,
	NO_KEY = 401,
	LOCKED_OUT = 429,
	NO_STORE = 503,
};

struct use {
	char id[KEY_ID_SIZE];
	uint64_t at;
};

struct gate {
	struct engine *engine;
	uv_loop_t *loop;
	struct limits *limits;
	uv_timer_t timer;
	struct use uses[USES_MAX]; /* since they were last written */
	size_t use_count;
};

/* ---- last use ---- */

static void on_written(void *arg, const struct change *change,
                       const struct change_result *result)
{
	(void)arg;
	(void)change;
	(void)result; /* one that is lost is written with the next use */
}

static void write_uses(struct gate *g)
{
	if (g->use_count == 0)
		return;
	struct change *c = change_new(actor_self());
	c->why = change_text(c, "key use");
	for (size_t i = 0; i < g->use_count; i++) {
		char id[KEY_USE_ID_SIZE + 1];
		uint8_t value[KEY_USE_SIZE];

		key_use_id(g->uses[i].id, id);
		key_use_encode(g->uses[i].at, value);
		change_item(c, STORE_APIKEY, id, strlen(id), value, sizeof value);
	}
	g->use_count = 0;
	engine_change(g->engine, &c, on_written, NULL);
}

static void on_timer(uv_timer_t *timer)
{
	write_uses(timer->data);
}

static void note_use(struct gate *g, const char *id, uint64_t now)
{
	for (size_t i = 0; i < g->use_count; i++) {
		if (strcmp(g->uses[i].id, id) == 0) {
			g->uses[i].at = now;
			return;
		}
	}
	if (g->use_count == USES_MAX)
		write_uses(g);
	struct use *u = &g->uses[g->use_count++];
	memcpy(u->id, id, sizeof u->id);
	u->at = now;
}

/* ---- keys ---- */

static int read_key(struct gate *g, const char *id, struct key *out)
{
	struct store_txn *t;
	const void *value;
	size_t size;

	TRY(store_begin_read(engine_store(g->engine), &t));
	int err = store_item_get(t, STORE_APIKEY, id, strlen(id), &value, &size);
	if (err == 0)
		err = key_decode(id, strlen(id), value, size, out);
	store_abort(&t);
	return err;
}

/* A key that is not there is compared all the same. ERR_DENIED: it is a wrong one. */
static int find_key(struct gate *g, const char *secret, uint64_t now, struct key *out)
{
	char id[KEY_ID_SIZE];
	uint8_t hash[SECRET_HASH_SIZE];
	struct key k = {0};

	if (!secret_key_id(secret, id))
		return ERR_DENIED;
	int err = read_key(g, id, &k);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	secret_hash(secret, hash);
	bool right = secret_hash_equal(hash, k.hash);
	if (err == 0 && right && key_works(&k, now)) {
		*out = k;
		return 0;
	}
	key_fini(&k);
	return ERR_DENIED;
}

/* The key's grants become the actor's. */
static struct actor *actor_of_key(struct key *k, const uint8_t address[16])
{
	struct actor *a = actor_new(ACTOR_KEY, k->role, k->label);

	memcpy(a->key_id, k->id, sizeof a->key_id);
	memcpy(a->tenant, k->tenant, sizeof a->tenant);
	memcpy(a->address, address, sizeof a->address);
	a->grants = k->grants;
	a->grant_count = k->grant_count;
	k->grants = NULL;
	key_fini(k);
	return a;
}

unsigned gate_locked(struct gate *g, const uint8_t address[16])
{
	uint64_t ms = limits_locked(g->limits, address, uv_now(g->loop));

	return (unsigned)((ms + 999) / 1000);
}

/* Who tries keys is known by address only. */
static void note_lockout(struct gate *g, const uint8_t address[16])
{
	struct actor *a = actor_new(ACTOR_KEY, ROLE_NONE, "nobody");

	memcpy(a->address, address, sizeof a->address);
	engine_note(g->engine, a, "locked out",
	            json_pack("{s:i}", "seconds", (int)gate_locked(g, address)));
	actor_release(&a);
}

struct actor *gate_by_secret(struct gate *g, const char *secret,
                             const uint8_t address[16], struct gate_answer *answer)
{
	uint64_t clock = uv_now(g->loop);
	uint64_t now = (uint64_t)time(NULL);
	unsigned locked = gate_locked(g, address);
	struct key k;

	*answer = (struct gate_answer){.status = NO_KEY};
	if (!secret)
		return NULL;
	if (locked) {
		answer->status = LOCKED_OUT;
		answer->retry_after = locked;
		return NULL;
	}
	int err = find_key(g, secret, now, &k);
	if (err == ERR_DENIED) {
		if (limits_wrong(g->limits, address, clock))
			note_lockout(g, address);
		return NULL;
	}
	if (err < 0) {
		answer->status = NO_STORE;
		return NULL;
	}
	answer->status = 0;
	note_use(g, k.id, now);
	return actor_of_key(&k, address);
}

/* ---- life ---- */

int gate_open(uv_loop_t *loop, struct engine *engine, struct gate **out)
{
	struct gate *g = calloc(1, sizeof *g);

	if (!g)
		abort();
	int err = limits_new(&g->limits);
	if (err < 0) {
		free(g);
		return err;
	}
	g->engine = engine;
	g->loop = loop;
	g->timer.data = g;
	(void)uv_timer_init(loop, &g->timer);
	(void)uv_timer_start(&g->timer, on_timer, FLUSH_MS, FLUSH_MS);
	uv_unref((uv_handle_t *)&g->timer);
	*out = g;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct gate *g = handle->data;

	limits_free(g->limits);
	free(g);
}

void gate_close(struct gate **gate)
{
	struct gate *g = *gate;

	*gate = NULL;
	if (!g)
		return;
	write_uses(g);
	uv_close((uv_handle_t *)&g->timer, on_closed);
}
