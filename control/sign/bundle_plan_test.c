/* When ZSKs are to be there, and that the life of keys comes to the same. */
#include "control/sign/bundle_plan.h"

#include "control/sign/bundle_testing.h"
#include "control/sign/life.h"

enum { ROOM = 8, ZONE_TTL = 2 * HOUR, SLACK = 600 };

/* One and a quarter of an hour, and a second, before a ZSK signs, and two and a quarter after. */
static struct bundle_pace pace(void)
{
	ring.policy.propagation = 900;
	ring.policy.safety = 0;
	ring.policy.zsk_lifetime = 10 * DAY;
	return (struct bundle_pace){.policy = &ring.policy,
	                            .zone_ttl = ZONE_TTL,
	                            .from = START,
	                            .until = START + 25 * DAY};
}

enum { LEAD = HOUR + 901, OUT = ZONE_TTL + 901 };

static void assert_turns(const struct bundle_turn *got, const struct bundle_turn *want,
                         int count)
{
	for (int i = 0; i < count; i++) {
		assert_int_equal(got[i].from, want[i].from);
		assert_int_equal(got[i].active, want[i].active);
		assert_int_equal(got[i].until, want[i].until);
	}
}

static void keys_follow_one_another(void **state)
{
	static const struct bundle_turn want[] = {
		{START, START, START + 10 * DAY + OUT},
		{START + 10 * DAY - LEAD, START + 10 * DAY, START + 20 * DAY + OUT},
		{START + 20 * DAY - LEAD, START + 20 * DAY, BUNDLE_FOREVER},
	};
	const struct bundle_pace p = pace();
	struct bundle_turn turns[ROOM];

	(void)state;
	assert_int_equal(bundle_plan(&p, turns, 0, ROOM), 3);
	assert_turns(turns, want, 3);
}

static void slack_makes_both_waits_longer(void **state)
{
	static const struct bundle_turn want[] = {
		{START, START, START + 10 * DAY + OUT + SLACK},
		{START + 10 * DAY - LEAD - SLACK, START + 10 * DAY,
	         START + 20 * DAY + OUT + SLACK},
		{START + 20 * DAY - LEAD - SLACK, START + 20 * DAY, BUNDLE_FOREVER},
	};
	struct bundle_pace p = pace();
	struct bundle_turn turns[ROOM];

	(void)state;
	p.slack = SLACK;
	assert_int_equal(bundle_plan(&p, turns, 0, ROOM), 3);
	assert_turns(turns, want, 3);
}

static void plan_goes_on_where_it_ended(void **state)
{
	struct bundle_pace p = pace();
	struct bundle_turn whole[ROOM];
	struct bundle_turn turns[ROOM];

	(void)state;
	p.until = START + 60 * DAY;
	int count = bundle_plan(&p, whole, 0, ROOM);
	assert_int_equal(count, 7);
	int parts = 0;
	for (unsigned end = 1; end <= 60; end++) {
		p.until = START + end * (uint64_t)DAY;
		parts = bundle_plan(&p, turns, (size_t)parts, ROOM);
		assert_true(parts > 0);
		p.from = p.until;
	}
	assert_int_equal(parts, count);
	assert_turns(turns, whole, count);
}

/* The end of a request is asked for, too. */
static void key_comes_with_the_last_bundle_it_is_due_in(void **state)
{
	struct bundle_pace p = pace();
	struct bundle_turn turns[ROOM];

	(void)state;
	p.until = START + 10 * DAY - LEAD - 1;
	assert_int_equal(bundle_plan(&p, turns, 0, ROOM), 1);
	assert_true(turns[0].until == BUNDLE_FOREVER);
	p.until++;
	assert_int_equal(bundle_plan(&p, turns, 0, ROOM), 2);
}

static void late_key_begins_with_the_request(void **state)
{
	static const struct bundle_turn want[] = {
		{START - 90 * DAY, START - 90 * DAY, START + LEAD + OUT},
		{START, START + LEAD, START + LEAD + 10 * DAY + OUT},
		{START + 10 * DAY, START + LEAD + 10 * DAY,
	         START + LEAD + 20 * DAY + OUT},
		{START + 20 * DAY, START + LEAD + 20 * DAY, BUNDLE_FOREVER},
	};
	const struct bundle_pace p = pace();
	struct bundle_turn turns[ROOM] = {
		{START - 90 * DAY, START - 90 * DAY, BUNDLE_FOREVER}};

	(void)state;
	assert_int_equal(bundle_plan(&p, turns, 1, ROOM), 4);
	assert_turns(turns, want, 4);
}

static void key_without_a_lifetime_stays(void **state)
{
	const struct bundle_pace p = pace();
	struct bundle_turn turns[ROOM];

	(void)state;
	ring.policy.zsk_lifetime = 0;
	assert_int_equal(bundle_plan(&p, turns, 0, ROOM), 1);
	assert_true(turns[0].until == BUNDLE_FOREVER);
	assert_int_equal(bundle_plan(&p, turns, 1, ROOM), 1);
}

static void plan_that_cannot_be_is_refused(void **state)
{
	struct bundle_pace p = pace();
	struct bundle_turn turns[ROOM] = {{START, START, BUNDLE_FOREVER}};

	(void)state;
	assert_int_equal(bundle_plan(&p, turns, 0, 2), ERR_TOOBIG);
	assert_int_equal(bundle_plan(&p, turns, 1, 2), ERR_TOOBIG);
	assert_true(turns[0].until == BUNDLE_FOREVER);
	assert_int_equal(bundle_plan(&p, turns, 0, 0), ERR_TOOBIG);
	p.until = p.from;
	assert_int_equal(bundle_plan(&p, turns, 1, ROOM), ERR_INVALID);
}

/* ---- life ---- */

enum { KEYS = 1 + ROOM };

/* Lets a zone live whose servers and signers have no delay; the first key is its KSK. Writes when which ZSK was there. */
static unsigned live(const struct bundle_pace *p, struct bundle_turn *out)
{
	struct life_key keys[KEYS] = {
		life_key_known(LIFE_KSK, p->policy->algorithm, 0, START - 400 * DAY),
		life_key_known(LIFE_ZSK, p->policy->algorithm, 0, START),
	};
	struct life l = {.keys = keys, .count = 2};
	struct life_now now = {.now = START, .secure = true, .zone_ttl = ZONE_TTL};
	struct life_result r;

	while (now.now <= p->until) {
		life_step(p->policy, &now, &l, &r);
		for (unsigned i = 0; i < r.generate_count; i++) {
			assert_true(l.count < KEYS);
			keys[l.count++] = life_key_new((enum life_role)r.generate[i],
			                               p->policy, now.now);
		}
		if (r.generate_count)
			life_step(p->policy, &now, &l, &r);
		life_published(&l, now.now);
		life_signed(&l, now.now);
		for (size_t i = 1; i < l.count; i++) {
			struct bundle_turn *t = &out[i - 1];
			bool published = life_publishes(&keys[i]);
			if (published && !t->from)
				t->from = now.now;
			if (life_signs(&keys[i]) && !t->active)
				t->active = now.now;
			if (!published && t->from && !t->until)
				t->until = now.now;
		}
		life_step(p->policy, &now, &l, &r);
		now.now = r.again;
	}
	return (unsigned)l.count - 1;
}

static void plan_is_what_life_comes_to(void **state)
{
	struct bundle_pace p = pace();
	struct bundle_turn lived[ROOM] = {0};
	struct bundle_turn turns[ROOM];

	(void)state;
	p.until = START + 45 * DAY;
	int count = bundle_plan(&p, turns, 0, ROOM);
	assert_int_equal(count, 5);
	assert_int_equal(live(&p, lived), count);
	for (int i = 0; i < count; i++) {
		assert_int_equal(lived[i].from, turns[i].from);
		assert_int_equal(lived[i].active, turns[i].active);
		if (i < count - 1)
			assert_int_equal(lived[i].until, turns[i].until);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_follow_one_another, fresh_ring),
		cmocka_unit_test_setup(slack_makes_both_waits_longer, fresh_ring),
		cmocka_unit_test_setup(plan_goes_on_where_it_ended, fresh_ring),
		cmocka_unit_test_setup(key_comes_with_the_last_bundle_it_is_due_in,
	                               fresh_ring),
		cmocka_unit_test_setup(late_key_begins_with_the_request, fresh_ring),
		cmocka_unit_test_setup(key_without_a_lifetime_stays, fresh_ring),
		cmocka_unit_test_setup(plan_that_cannot_be_is_refused, fresh_ring),
		cmocka_unit_test_setup(plan_is_what_life_comes_to, fresh_ring),
	};

	return cmocka_run_group_tests(tests, make_ring, free_ring);
}
