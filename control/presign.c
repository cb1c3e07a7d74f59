#include "control/presign.h"

#include "control/engine_internal.h"
#include "control/policy/policy.h"
#include "control/sign/check.h"
#include "control/sign/threads.h"
#include "control/sign/zone_contents.h"
#include "shared/clock.h"
#include "shared/err.h"

static int read_keys(struct engine *e, struct store_txn *t, const uint8_t *name,
                     struct store_zone *z, struct zone_keys **keys)
{
	char why[ZONE_KEYS_WHY_SIZE];

	TRY(store_zone_get(t, name, z));
	return zone_keys_read(t, z, NULL, engine_secrets(e), keys, why);
}

/* With a snapshot, which ends before the signing begins. */
static int prepare(struct engine *e, struct store_txn *t, const uint8_t *name,
                   struct contents *c, struct zone_keys **keys)
{
	struct store_zone z;

	TRY(read_keys(e, t, name, &z, keys));
	if (!zone_keys_sign(*keys))
		return ERR_NOTFOUND;
	const struct config *config = engine_config(e);
	bool digest = zone_policy_digests_at_once(config, &z, c->count);
	config_release(config);
	return zone_contents_prepare(c, *keys, t, digest, clock_wall_us() / 1000000);
}

static int sign(struct contents *c, struct zone_keys *keys)
{
	struct bulk_progress progress = {0};
	const struct sign_check how = {.now = keys->terms.now,
	                               .seed = (uint32_t)keys->terms.now,
	                               .threads = threads_of_machine()};

	TRY(zone_contents_sign(c, keys, how.threads, &progress, NULL));
	return sign_check_sample(c, &how, NULL, 0);
}

uint64_t presign(struct engine *e, const uint8_t *name, struct contents *contents)
{
	struct zone_keys *keys = NULL;
	struct store_txn *t;

	if (contents->count <= ZONE_SIGN_AT_ONCE ||
	    store_begin_read(engine_store(e), &t) < 0)
		return 0;
	int err = prepare(e, t, name, contents, &keys);
	store_abort(&t);
	if (err == 0)
		err = sign(contents, keys);
	uint64_t version = err == 0 ? keys->state.version : 0;
	zone_keys_free(&keys);
	return version;
}

static bool is_wanted(const struct zone_change *z)
{
	return z->kind == ZONE_CONTENTS && z->contents && !z->signed_by &&
	       z->contents->count > ZONE_SIGN_AT_ONCE;
}

bool presign_is_wanted(const struct change *c)
{
	for (size_t i = 0; i < c->zone_count; i++)
		if (is_wanted(&c->zones[i]))
			return true;
	return false;
}

void presign_change(struct engine *e, struct change *c)
{
	for (size_t i = 0; i < c->zone_count; i++) {
		struct zone_change *z = &c->zones[i];
		if (is_wanted(z))
			z->signed_by = presign(e, z->name, z->contents);
	}
}
