/* A zone's keys live on: time, what was seen of them, and the keys that are wanted now (control/sign/life.h). */
#include <stdlib.h>
#include <string.h>

#include "control/keeper/new_key.h"
#include "control/keeper/step_internal.h"
#include "control/keeper/tokens.h"
#include "control/sign/bundle_stored.h"
#include "control/zone/arena.h"
#include "shared/err.h"

enum { ROUNDS_MAX = 8 }; /* of new keys, which a step may ask for */

static int make_key(struct step_state *st, uint8_t role)
{
	struct life_key life =
		life_key_new((enum life_role)role, &st->numbers, st->step->now);
	const struct new_key n = {
		.txn = st->txn,
		.secrets = st->step->secrets,
		.policy = st->policy,
		.keys = st->keys,
		.number = zone_keys_next_number(st->keys),
		.flags = role & LIFE_KSK ? SIGN_FLAGS_KSK : SIGN_FLAGS_ZSK,
		.now = st->step->now,
	};
	struct sign_stored stored;

	life.waiting = st->fresh;
	TRY(new_key_make(&n, &stored, st->step->trouble));
	life_key_put(&life, &stored);
	(void)zone_keys_add(st->keys, n.number, &stored, &life);
	return 0;
}

static bool publishes_same(const struct zone_keys *k, const struct life_key *before,
                           size_t count)
{
	if (count != k->count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (life_publishes(&before[i]) != life_publishes(&k->lives[i]) ||
		    life_signs(&before[i]) != life_signs(&k->lives[i]) ||
		    life_wants_ds(&before[i]) != life_wants_ds(&k->lives[i]))
			return false;
	return true;
}

/* Gives what was seen of a key, by all of its DNSKEYs; LIFE_ABSENT - 1: nothing. */
static int seen_of(const struct step_seen *seen, uint32_t number)
{
	int most = (int)LIFE_ABSENT - 1;

	for (size_t i = 0; i < seen->count; i++)
		if (seen->numbers[i] == number && (int)seen->seen[i] > most)
			most = (int)seen->seen[i];
	return most;
}

static void take_seen(struct step_state *st, struct life *l)
{
	const struct step_seen *seen = &st->step->seen;

	for (size_t k = 0; k < st->keys->count; k++) {
		int what = seen_of(seen, st->keys->keys[k].number);
		if (what >= (int)LIFE_ABSENT)
			life_saw_ds(&l->keys[k], (enum life_seen)what, st->step->now);
	}
	if (seen->count)
		life_saw_ds_ttl(l, seen->ttl, st->step->now);
}

/* Steps until no more keys are asked for. */
static int live(struct step_state *st, const struct life_now *now, struct life_result *r)
{
	struct life l;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		l = zone_keys_life(st->keys);
		life_step(&st->numbers, now, &l, r);
		zone_keys_live(st->keys, &l);
		if (st->keys->state.bundle) /* which keys there are, requests plan */
			r->generate_count = 0;
		st->changed |= r->changed || r->generate_count;
		if (r->generate_count == 0)
			return 0;
		for (unsigned i = 0; i < r->generate_count; i++)
			TRY(make_key(st, r->generate[i]));
	}
	return 0;
}

static bool is_in_bundle(const struct zone_keys *k, size_t i)
{
	return k->bundles && bundle_publishes(&k->bundles->list[0],
	                                      sign_stored_dnskey(&k->keys[i].stored));
}

void step_purge(struct step_state *st)
{
	for (size_t i = st->keys->count; i-- > 0;) {
		uint32_t number = st->keys->keys[i].number;
		if (!life_may_purge(&st->numbers, &st->keys->lives[i], st->step->now) ||
		    is_in_bundle(st->keys, i))
			continue;
		zone_keys_remove(st->keys, i);
		sign_stored_change(st->step->change, st->zone.id, number, NULL);
		st->changed = true;
	}
}

/* Says whether a key goes together with the signatures that it has made, which are all over the zone: one that nobody
 * can have counted on yet (life_rules.h). Of an algorithm that comes or goes, signatures are there without their key for
 * a while. */
static bool goes_with_signatures(const struct zone_keys *k, const struct life_key *before,
                                 size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (life_signs(&before[i]) && life_publishes(&before[i]) &&
		    !life_signs(&k->lives[i]) && !life_publishes(&k->lives[i]))
			return true;
	return false;
}

static bool life_differs(const struct life_key *before, const struct zone_keys *k,
                         size_t count)
{
	return count != k->count || memcmp(before, k->lives, count * sizeof *before) != 0;
}

int step_live_on(struct step_state *st, struct life_result *r)
{
	struct zone_keys *k = st->keys;
	size_t count = k->count;
	struct life_key *before = memory_get((count + 1) * sizeof *before);
	struct life_now now = {.now = st->step->now, .secure = st->wanted};
	struct life l = zone_keys_life(k);

	if (count)
		memcpy(before, k->lives, count * sizeof *before);
	now.zone_ttl = st->step->scan.longest_ttl;
	if (st->was_signed) {
		life_published(&l, st->step->now);
		if (st->step->scan.due_count == 0)
			life_signed(&l, st->step->now);
	}
	take_seen(st, &l);
	zone_keys_live(k, &l);
	int err = live(st, &now, r);
	st->rekeyed |= !publishes_same(k, before, count);
	st->rechain |= st->was_signed && goes_with_signatures(k, before, count);
	st->changed |= life_differs(before, k, count);
	free(before);
	return err;
}
