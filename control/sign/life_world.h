/*
 * A world for tests of life.h: a zone whose servers lag behind, a parent with delays and moods, and
 * validators with caches of all ages. Every RRset has a history; what a cache can hold is every version of it
 * that a server may have served less than its TTL ago, and each is put together with each of the others.
 */
#ifndef CONTROL_SIGN_LIFE_WORLD_H
#define CONTROL_SIGN_LIFE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/sign/life.h"
#include "shared/compiler.h"

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	YEAR = 365, /* days */
	WORLD_START = 1700000000,
	WORLD_KEYS = 64, /* a key is a bit */
	WORLD_VERSIONS = 64,
	WORLD_DATA = 2, /* RRsets: one is signed at once, one when its turn comes */
	WORLD_HISTORIES = WORLD_DATA + 2,
};

enum world_mood {
	WORLD_HONEST,
	WORLD_DEAD, /* the parent does nothing */
};

struct world_version {
	uint64_t since, until;
	uint64_t keys; /* that are in it, or have signed it */
	uint32_t ttl;
};

struct world_history {
	struct world_version versions[WORLD_VERSIONS]; /* the last is served */
	unsigned count;
};

struct world {
	uint64_t now;
	int64_t wrong; /* how far the clock is ahead */
	struct sign_policy p;
	bool secure;
	uint32_t zone_ttl;
	uint32_t propagation, parent_propagation; /* as they are */
	uint32_t ds_ttl;
	uint32_t commit_delay, parent_delay, sign_delay; /* at most */
	enum world_mood mood;
	uint64_t parent_due, sign_due; /* 0: nothing is to be done */
	uint64_t due;                  /* of the next step */

	struct life life;
	struct life_key keys[WORLD_KEYS];
	uint8_t bits[WORLD_KEYS];                          /* of the key at that place */
	uint64_t used;                                     /* bits */
	uint8_t algorithms[WORLD_KEYS], roles[WORLD_KEYS]; /* by bit */

	struct world_history dnskey, ds, data[WORLD_DATA];
	uint64_t bogus;    /* checks that found a validator that fails */
	uint64_t insecure; /* and one that finds no DS */
	unsigned made;
	uint32_t seed;
};

static inline uint32_t world_below(struct world *w, uint32_t n)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)(w->seed >> 8) * n) >> 24);
}

/* ---- histories ---- */

static inline const struct world_version *world_served(const struct world_history *h)
{
	return &h->versions[h->count - 1];
}

static inline bool world_is_cached(const struct world_version *v, uint64_t now,
                                   uint32_t propagation)
{
	return v->until == LIFE_NEVER || now < v->until + propagation + v->ttl;
}

static inline void world_serve(const struct world *w, struct world_history *h,
                               uint64_t keys, uint32_t ttl, uint32_t propagation)
{
	unsigned kept = 0;

	if (h->count && world_served(h)->keys == keys && world_served(h)->ttl == ttl)
		return;
	if (h->count)
		h->versions[h->count - 1].until = w->now;
	for (unsigned i = 0; i < h->count; i++)
		if (world_is_cached(&h->versions[i], w->now, propagation))
			h->versions[kept++] = h->versions[i];
	assert_true(kept < WORLD_VERSIONS);
	h->versions[kept] = (struct world_version){w->now, LIFE_NEVER, keys, ttl};
	h->count = kept + 1;
}

/* ---- validators ---- */

static inline bool world_has(const struct world *w, uint64_t keys, uint8_t algorithm,
                             unsigned role)
{
	for (unsigned bit = 0; bit < WORLD_KEYS; bit++)
		if (keys >> bit & 1 && w->algorithms[bit] == algorithm &&
		    w->roles[bit] & role)
			return true;
	return false;
}

/* As strict as any: every algorithm of the DS RRset has its chain, and every one of the DNSKEY RRset has
 * signed that one and everything else. */
static inline bool world_validates(const struct world *w, uint64_t ds, uint64_t dnskey,
                                   uint64_t data)
{
	if (!ds)
		return true;
	for (unsigned bit = 0; bit < WORLD_KEYS; bit++) {
		uint8_t algorithm = w->algorithms[bit];

		if (ds >> bit & 1 && !world_has(w, ds & dnskey, algorithm, LIFE_KSK))
			return false;
		if (dnskey >> bit & 1 &&
		    (!world_has(w, dnskey & data, algorithm, LIFE_ZSK) ||
		     !world_has(w, dnskey, algorithm, LIFE_KSK)))
			return false;
	}
	return true;
}

static inline uint64_t world_failures(const struct world *w, uint64_t ds, uint64_t dnskey)
{
	uint64_t failures = 0;

	for (unsigned h = 0; h < WORLD_DATA; h++)
		for (unsigned i = 0; i < w->data[h].count; i++) {
			const struct world_version *v = &w->data[h].versions[i];
			failures += world_is_cached(v, w->now, w->propagation) &&
			            !world_validates(w, ds, dnskey, v->keys);
		}
	return failures;
}

static inline void world_check(struct world *w)
{
	for (unsigned d = 0; d < w->ds.count; d++) {
		const struct world_version *ds = &w->ds.versions[d];

		if (!world_is_cached(ds, w->now, w->parent_propagation))
			continue;
		w->insecure += !ds->keys;
		for (unsigned i = 0; i < w->dnskey.count; i++) {
			const struct world_version *dnskey = &w->dnskey.versions[i];
			if (world_is_cached(dnskey, w->now, w->propagation))
				w->bogus += world_failures(w, ds->keys, dnskey->keys);
		}
	}
}

/* ---- the parent ---- */

/* What CDS says, or what is there already when CDS says nothing. */
static inline uint64_t world_wanted_ds(const struct world *w)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < w->life.count; i++)
		keys |= (uint64_t)life_wants_ds(&w->keys[i]) << w->bits[i];
	if (keys || life_wants_no_ds(&w->life, w->secure))
		return keys;
	return world_served(&w->ds)->keys;
}

static inline void world_parent(struct world *w)
{
	uint64_t wanted = world_wanted_ds(w);

	if (w->mood == WORLD_DEAD || wanted == world_served(&w->ds)->keys) {
		w->parent_due = 0;
		return;
	}
	if (!w->parent_due)
		w->parent_due = w->now + world_below(w, w->parent_delay + 1);
	if (w->now < w->parent_due)
		return;
	world_serve(w, &w->ds, wanted, w->ds_ttl, w->parent_propagation);
	w->parent_due = 0;
}

/* Some of the parent's servers may be behind; those that are furthest behind are not always met. */
static inline void world_look(struct world *w)
{
	uint64_t behind = w->now - world_below(w, w->parent_propagation + 1);
	uint64_t all = world_served(&w->ds)->keys;
	uint64_t any = all;
	uint64_t at = w->now + (uint64_t)w->wrong;

	for (unsigned i = 0; i < w->ds.count; i++) {
		const struct world_version *v = &w->ds.versions[i];
		if (v->until > behind) {
			all &= v->keys;
			any |= v->keys;
		}
	}
	if (any)
		life_saw_ds_ttl(&w->life, world_served(&w->ds)->ttl, at);
	for (size_t i = 0; i < w->life.count; i++)
		if (life_has(&w->keys[i], LIFE_DS))
			life_saw_ds(&w->keys[i],
			            all >> w->bits[i] & 1   ? LIFE_PRESENT
			            : any >> w->bits[i] & 1 ? LIFE_SOME
			                                    : LIFE_ABSENT,
			            at);
}

/* ---- the zone ---- */

static inline void world_add(struct world *w, struct life_key key)
{
	unsigned bit = 0;

	while (w->used >> bit & 1)
		bit++;
	assert_true(bit < WORLD_KEYS && w->life.count < WORLD_KEYS);
	w->used |= 1ULL << bit;
	w->algorithms[bit] = key.algorithm;
	w->roles[bit] = key.role;
	w->bits[w->life.count] = (uint8_t)bit;
	w->keys[w->life.count++] = key;
	w->made++;
}

static inline void world_purge(struct world *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->life.count; i++) {
		if (life_may_purge(&w->p, &w->keys[i], w->now + (uint64_t)w->wrong)) {
			w->used &= ~(1ULL << w->bits[i]);
			continue;
		}
		w->bits[kept] = w->bits[i];
		w->keys[kept++] = w->keys[i];
	}
	w->life.count = kept;
}

static inline void world_step(struct world *w)
{
	struct life_now in = {w->now + (uint64_t)w->wrong, w->secure, w->zone_ttl};
	struct life_result out;

	do {
		life_step(&w->p, &in, &w->life, &out);
		for (unsigned i = 0; i < out.generate_count; i++)
			world_add(w, life_key_new(out.generate[i], &w->p, in.now));
	} while (out.generate_count);
	w->due = out.again == LIFE_NEVER ? LIFE_NEVER : out.again - (uint64_t)w->wrong;
}

static inline void world_publish(struct world *w)
{
	uint64_t dnskey = 0;
	uint64_t signs = 0;

	w->now += world_below(w, w->commit_delay + 1);
	for (size_t i = 0; i < w->life.count; i++) {
		dnskey |= (uint64_t)life_publishes(&w->keys[i]) << w->bits[i];
		signs |= (uint64_t)life_signs(&w->keys[i]) << w->bits[i];
	}
	world_serve(w, &w->dnskey, dnskey, dnskey ? w->p.dnskey_ttl : w->zone_ttl,
	            w->propagation);
	life_published(&w->life, w->now + (uint64_t)w->wrong);
	world_serve(w, &w->data[0], signs, w->zone_ttl, w->propagation);
	world_serve(w, &w->data[1], world_served(&w->data[1])->keys, w->zone_ttl,
	            w->propagation);
	if (!w->sign_due)
		w->sign_due = w->now + world_below(w, w->sign_delay + 1);
	if (w->now < w->sign_due)
		return;
	world_serve(w, &w->data[1], signs, w->zone_ttl, w->propagation);
	life_signed(&w->life, w->now + (uint64_t)w->wrong);
	w->sign_due = 0;
}

static inline void world_init(struct world *w, struct sign_policy p)
{
	memset(w, 0, sizeof *w);
	w->now = WORLD_START;
	w->p = p;
	w->secure = true;
	w->zone_ttl = DAY;
	w->propagation = p.propagation;
	w->parent_propagation = p.parent_propagation;
	w->ds_ttl = p.parent_ds_ttl;
	w->parent_delay = 3 * DAY;
	w->sign_delay = 2 * DAY;
	w->seed = 1;
	assert_null(sign_policy_check(&p).setting);
	world_serve(w, &w->ds, 0, w->ds_ttl, 0);
	world_serve(w, &w->dnskey, 0, w->zone_ttl, 0);
	for (unsigned i = 0; i < WORLD_DATA; i++)
		world_serve(w, &w->data[i], 0, w->zone_ttl, 0);
}

/* One look: the parent acts and is looked at, keys move, the zone follows, and all validators look. The
 * time goes on to the next thing that is due, an hour at most. */
static inline void world_turn(struct world *w)
{
	w->life.keys = w->keys;
	world_parent(w);
	world_check(w);
	world_look(w);
	world_step(w);
	world_publish(w);
	world_check(w);
	world_purge(w);

	uint64_t next = w->now + HOUR;
	if (w->due < next && w->due > w->now)
		next = w->due;
	if (w->parent_due > w->now && w->parent_due < next)
		next = w->parent_due;
	if (w->sign_due > w->now && w->sign_due < next)
		next = w->sign_due;
	w->now = next;
}

static inline void world_run(struct world *w, uint64_t seconds)
{
	for (uint64_t end = w->now + seconds; w->now < end;)
		world_turn(w);
}

static inline void world_days(struct world *w, unsigned days)
{
	world_run(w, (uint64_t)days * DAY);
}

/* Says whether all is as the policy wants it, and nothing else is left in the world. */
static inline bool world_is_settled(const struct world *w)
{
	unsigned used = 0;

	for (size_t i = 0; i < w->life.count; i++) {
		const struct life_key *k = &w->keys[i];
		bool leaving = k->retired || !w->secure;

		for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++) {
			enum life_state wanted = leaving || !life_has(k, kind)
			                                 ? LIFE_HIDDEN
			                                 : LIFE_OMNIPRESENT;
			if (life_state(k, kind) != wanted)
				return false;
		}
		if (leaving)
			continue;
		if (k->algorithm != w->p.algorithm || (k->role == LIFE_CSK) != w->p.csk)
			return false;
		used++;
	}
	return used == (!w->secure ? 0U : w->p.csk ? 1U : 2U);
}

/* For a person who looks for why a test fails. */
static inline void world_print(const struct world *w)
{
	struct life_now in = {w->now + (uint64_t)w->wrong, w->secure, w->zone_ttl};

	for (size_t i = 0; i < w->life.count; i++) {
		const struct life_key *k = &w->keys[i];
		char words[LIFE_WORDS];

		life_words(&w->p, &in, &w->life, k, words);
		printf("%u: role %u algorithm %u states %u %u %u: %s\n", w->bits[i],
		       k->role, k->algorithm, life_state(k, 0), life_state(k, 1),
		       life_state(k, 2), words);
	}
}

#endif
