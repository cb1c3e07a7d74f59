/*
 * From a plan to what validators have in their caches: policies at random, a request for months, its response as text, and
 * then at each moment at which anything changes every DNSKEY RRset and every other RRset that a cache can hold, each
 * put together with each. Once as it is planned, and once as the life of keys has it, whose steps are late.
 */
#include "control/sign/bundle_check.h"
#include "control/sign/bundle_plan.h"
#include "control/sign/bundle_testing.h"
#include "control/sign/life.h"

static struct sign_key *another; /* KSK */

enum { WORLDS = 24, TURNS = 64, ZSK_SIZE = 36, MOMENTS = 4, YEAR = 365 * DAY };

struct world {
	struct sign_policy policy;
	uint32_t zone_ttl, slack;
	uint64_t end;
	uint8_t keys[TURNS][ZSK_SIZE]; /* nobody looks into them here */
	struct bundle_turn turns[TURNS];
	struct bundle_zsk zsks[TURNS];
	size_t count;
	struct bundles *response;
	uint32_t seed;
	/* When each ZSK's signatures were served. */
	struct bundle_span signed_by[TURNS];
};

static uint32_t between(struct world *w, uint32_t least, uint32_t most)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return least + (uint32_t)(((uint64_t)(w->seed >> 8) * (most - least + 1)) >> 24);
}

static void make_policy(struct world *w)
{
	struct sign_policy *p = &w->policy;

	*p = sign_policy_default();
	p->csk = false;
	p->algorithm = SIGN_ED25519;
	p->dnskey_ttl = between(w, 60, DAY);
	p->propagation = between(w, 0, 2 * HOUR);
	p->safety = between(w, 0, HOUR);
	p->zsk_lifetime = between(w, 8, 60) * DAY;
	p->signatures.skew = between(w, 0, HOUR);
	/* In it a cache can have a DNSKEY RRset from other servers. */
	p->signatures.refresh = p->dnskey_ttl + p->propagation + between(w, 0, 5 * DAY);
	p->dnskey_validity = p->signatures.refresh + between(w, 2, 20) * DAY;
	w->zone_ttl = between(w, 60, 2 * DAY);
	w->slack = between(w, 0, DAY);
	w->end = START + between(w, 1, 200) * (uint64_t)DAY;
}

static void make_zsks(struct world *w)
{
	const struct bundle_pace pace = {.policy = &w->policy,
	                                 .zone_ttl = w->zone_ttl,
	                                 .slack = w->slack,
	                                 .from = START,
	                                 .until = w->end};
	int count = bundle_plan(&pace, w->turns, 0, TURNS);

	assert_true(count > 0);
	w->count = (size_t)count;
	for (size_t i = 0; i < w->count; i++) {
		uint8_t *key = w->keys[i];
		memset(key, (int)between(w, 0, 255), ZSK_SIZE);
		memcpy(key, (const uint8_t[]){1, 0, 3, SIGN_ED25519, (uint8_t)i}, 5);
		w->zsks[i] = (struct bundle_zsk){
			{key, ZSK_SIZE}, w->turns[i].from, w->turns[i].until};
	}
}

/* The KSK is replaced somewhere on the way. */
static void make_response(struct world *w)
{
	uint64_t second = START + between(w, 0, 200) * (uint64_t)DAY;
	const struct bundle_ksk ksks[2] = {
		{ring.ksks[2], 0, second + 20 * (uint64_t)DAY, 0, second + DAY},
		{another, second, BUNDLE_FOREVER, second + DAY, BUNDLE_FOREVER},
	};
	const struct bundle_safe safe = {.ksks = ksks, .count = 2, .policy = &w->policy};
	const struct bundle_wish wish = {.zone = test_apex,
	                                 .zsks = w->zsks,
	                                 .count = w->count,
	                                 .ttl = w->policy.dnskey_ttl,
	                                 .from = START,
	                                 .until = w->end};
	struct bundles *request = NULL;
	struct bundles *response = NULL;
	char why[BUNDLE_WHY_SIZE];

	assert_int_equal(bundle_request(&wish, &request), 0);
	if (bundle_respond(request, &safe, &response, why) < 0)
		fail_msg("%s", why);
	char *text = text_of(response);
	w->response = read_or_fail(text, BUNDLE_RESPONSE);
	assert_same_bundles(w->response, response);
	free(text);
	bundles_free(&request);
	bundles_free(&response);
}

static struct bundle_span check_response(const struct world *w)
{
	const struct bundle_terms t = {.policy = &w->policy,
	                               .zsks = w->zsks,
	                               .zsk_count = w->count,
	                               .now = START};
	char why[BUNDLE_WHY_SIZE];
	struct bundle_span span = {0};

	if (bundle_check(w->response, &t, &span, why) < 0)
		fail_msg("%s", why);
	return span;
}

/* ---- validators ---- */

static uint64_t end_of(const struct world *w, size_t i)
{
	return i + 1 < w->response->count ? w->response->list[i + 1].from
	                                  : BUNDLE_FOREVER;
}

/* Says whether a cache can have the DNSKEY RRset of a bundle. */
static bool has_bundle(const struct world *w, size_t i, uint64_t at)
{
	uint64_t end = end_of(w, i);

	return at >= w->response->list[i].from &&
	       (end == BUNDLE_FOREVER ||
	        at < end + w->policy.propagation + w->policy.dnskey_ttl);
}

/* Says whether a cache can have an RRset that a ZSK has signed. */
static bool has_signatures_of(const struct world *w, size_t i, uint64_t at)
{
	const struct bundle_span *s = &w->signed_by[i];

	if (!s->from || at < s->from)
		return false;
	return s->until == BUNDLE_FOREVER ||
	       at < s->until + w->policy.propagation + w->zone_ttl;
}

static void check_moment(const struct world *w, uint64_t at)
{
	for (size_t i = 0; i < w->response->count; i++) {
		const struct bundle *b = &w->response->list[i];
		if (!has_bundle(w, i, at))
			continue;
		/* It is served so long, and cached so long only where it was served late. */
		assert_true(at < bundle_last_until(b, 0));
		for (size_t k = 0; k < w->count; k++)
			if (has_signatures_of(w, k, at) &&
			    !bundle_publishes(b, w->zsks[k].dnskey))
				fail_msg("bundle %zu has no ZSK %zu after %llu s", i, k,
				         (unsigned long long)at - START);
	}
}

static void check_around(const struct world *w, uint64_t at, uint64_t end)
{
	const uint64_t moments[MOMENTS] = {
		at - 1,
		at,
		at + w->policy.propagation + w->policy.dnskey_ttl - 1,
		at + w->policy.propagation + w->zone_ttl - 1,
	};

	for (size_t i = 0; i < MOMENTS; i++)
		if (moments[i] >= START && moments[i] < end)
			check_moment(w, moments[i]);
}

static void check_all(const struct world *w)
{
	for (size_t i = 0; i < w->response->count; i++)
		check_around(w, w->response->list[i].from, w->end);
	for (size_t k = 0; k < w->count; k++) {
		check_around(w, w->signed_by[k].from, w->end);
		check_around(w, w->signed_by[k].until, w->end);
	}
}

static void make_world(struct world *w, uint32_t seed)
{
	*w = (struct world){.seed = seed * 2654435761U};
	make_policy(w);
	make_zsks(w);
	make_response(w);
	assert_true(check_response(w).until > w->end);
}

/* ---- as it is planned ---- */

static void every_cache_finds_its_zsk(void **state)
{
	static struct world w;

	(void)state;
	for (uint32_t seed = 1; seed <= WORLDS; seed++) {
		make_world(&w, seed);
		for (size_t i = 0; i < w.count; i++)
			w.signed_by[i] = (struct bundle_span){
				w.turns[i].active,
				i + 1 < w.count ? w.turns[i + 1].active : BUNDLE_FOREVER};
		check_all(&w);
		bundles_free(&w.response);
	}
}

/* ---- as keys live ---- */

/* A keeper of keys, whose first is the KSK, and the others are ZSKs in their order. */
struct keeper {
	struct life life;
	struct life_key keys[1 + TURNS];
	struct life_now now;
	uint64_t signed_at; /* when the zone will have been signed anew; 0: it is */
};

/* Lets keys live from when the bundle in force has them. */
static void take_keys(const struct world *w, struct keeper *k)
{
	const struct bundle *b = bundles_at(w->response, k->now.now);

	while (k->life.count <= w->count &&
	       bundle_publishes(b, w->zsks[k->life.count - 1].dnskey))
		k->keys[k->life.count++] = life_key_new(LIFE_ZSK, &w->policy, k->now.now);
}

/* Notes whose signatures are wanted, and says whether they are others than before. */
static bool note_signers(struct world *w, const struct keeper *k)
{
	bool changed = false;

	for (size_t i = 1; i < k->life.count; i++) {
		struct bundle_span *s = &w->signed_by[i - 1];
		bool wanted = life_signs(&k->keys[i]);

		changed |= wanted != (s->from && s->until == BUNDLE_FOREVER);
		if (wanted && !s->from)
			*s = (struct bundle_span){k->now.now, BUNDLE_FOREVER};
	}
	return changed;
}

/* The zone has been signed by those that are to sign it. */
static void finish_signing(struct world *w, struct keeper *k)
{
	k->signed_at = 0;
	life_signed(&k->life, k->now.now);
	for (size_t i = 1; i < k->life.count; i++)
		if (w->signed_by[i - 1].until == BUNDLE_FOREVER &&
		    !life_signs(&k->keys[i]))
			w->signed_by[i - 1].until = k->now.now;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a && a < b ? a : b;
}

/* Does all that is due, and gives when to look again. Who looks is late, too. */
static uint64_t look(struct world *w, struct keeper *k)
{
	struct life_result r;
	uint64_t next;

	take_keys(w, k);
	if (k->signed_at && k->signed_at <= k->now.now)
		finish_signing(w, k);
	life_step(&w->policy, &k->now, &k->life, &r);
	life_published(&k->life, k->now.now);
	if (note_signers(w, k) && !k->signed_at)
		k->signed_at = k->now.now + 1 + between(w, 0, w->slack / 2);
	life_step(&w->policy, &k->now, &k->life, &r);
	next = sooner(k->signed_at, r.again);
	for (size_t i = 0; i < w->response->count; i++)
		if (w->response->list[i].from > k->now.now)
			next = sooner(w->response->list[i].from, next);
	return next + between(w, 0, w->slack / 8);
}

/* Each that was to sign has signed, and its predecessor not for too long. */
static void check_turns(const struct world *w)
{
	for (size_t i = 0; i + 1 < w->count; i++) {
		uint64_t latest = w->turns[i + 1].active + w->slack + 1;

		if (latest < w->end)
			assert_true(w->signed_by[i + 1].from &&
			            w->signed_by[i].until <= latest);
	}
}

static void keys_live_as_the_bundles_have_them(void **state)
{
	static struct world w;

	(void)state;
	for (uint32_t seed = 1; seed <= WORLDS; seed++) {
		struct keeper k = {.life = {.count = 1}};

		make_world(&w, seed);
		k.life.keys = k.keys;
		k.keys[0] = life_key_known(LIFE_KSK, SIGN_ED25519, 0, START - YEAR);
		k.now = (struct life_now){
			.now = START, .secure = true, .zone_ttl = w.zone_ttl};
		while (k.now.now < w.end)
			k.now.now = look(&w, &k);
		check_all(&w);
		check_turns(&w);
		bundles_free(&w.response);
	}
}

static int make_another(void **state)
{
	if (make_ring(state) != 0)
		return -1;
	return sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_KSK, &another);
}

static int free_another(void **state)
{
	sign_key_free(&another);
	return free_ring(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_cache_finds_its_zsk, fresh_ring),
		cmocka_unit_test_setup(keys_live_as_the_bundles_have_them, fresh_ring),
	};

	return cmocka_run_group_tests(tests, make_another, free_another);
}
