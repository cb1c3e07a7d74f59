/* Years of keys' lives, and all validators of the world: none of them may ever fail. */
#include "control/sign/life_world.h"

static struct sign_policy two_keys(void)
{
	struct sign_policy p = sign_policy_default();

	p.csk = false;
	p.safety = 0; /* the waits themselves are under test */
	p.ksk_lifetime = 120 * DAY;
	p.zsk_lifetime = 30 * DAY;
	p.purge_after = 20 * DAY;
	return p;
}

static struct sign_policy one_key(void)
{
	struct sign_policy p = two_keys();

	p.csk = true;
	p.zsk_lifetime = 0;
	return p;
}

/* The one that tests are about; it is large. */
static struct world w;

static void expect_settled(void)
{
	if (!world_is_settled(&w))
		world_print(&w);
	assert_true(world_is_settled(&w));
}

/* Signs a zone, and forgets that it was insecure before. */
static void sign_world(struct sign_policy p)
{
	world_init(&w, p);
	world_days(&w, 20);
	expect_settled();
	assert_int_equal(w.bogus, 0);
	w.insecure = 0;
}

static void expect_fine(void)
{
	assert_int_equal(w.bogus, 0);
	assert_int_equal(w.insecure, 0);
}

static void years_of_rollovers(struct sign_policy p, unsigned made)
{
	sign_world(p);

	world_days(&w, 5 * YEAR);
	expect_fine();
	assert_in_range(w.made, made - 5, made + 2);
}

static void ksk_and_zsk_roll_for_years(UNUSED void **state)
{
	years_of_rollovers(two_keys(), 2 + 15 + 60);
}

static void a_csk_rolls_for_years(UNUSED void **state)
{
	years_of_rollovers(one_key(), 1 + 15);
}

static void ksk_rolls_by_double_ds(UNUSED void **state)
{
	struct sign_policy p = two_keys();

	p.double_ds = true;
	years_of_rollovers(p, 2 + 15 + 60);
}

static void zsks_and_csks_roll_by_double_signature(UNUSED void **state)
{
	struct sign_policy two = two_keys();
	struct sign_policy one = one_key();

	two.double_signature = one.double_signature = true;
	years_of_rollovers(two, 2 + 15 + 60);
	years_of_rollovers(one, 1 + 15);
}

/* With the numbers of another world the same must fail, or the validators here see nothing. */
static void too_short_a_wait_is_seen(UNUSED void **state)
{
	sign_world(two_keys());
	world_days(&w, YEAR);
	assert_int_equal(w.bogus, 0);
	sign_world(two_keys());
	w.propagation += 2; /* waits have a second more, since times have no fractions */
	world_days(&w, YEAR);
	assert_true(w.bogus > 0);
	sign_world(two_keys());
	w.p.parent_ds_ttl = 60;
	world_days(&w, YEAR);
	assert_int_equal(w.bogus, 0); /* the TTL that is seen counts */
}

static void algorithms_change_and_change_back(UNUSED void **state)
{
	static const uint8_t algorithms[] = {8, 15, 8, 13, 14, 13};

	sign_world(one_key());
	for (unsigned i = 0; i < ARRAY_LEN(algorithms); i++) {
		w.p.algorithm = algorithms[i];
		w.p.csk = i % 3 != 0;
		w.p.zsk_lifetime = w.p.csk ? 0 : 30 * DAY;
		world_days(&w, 40);
		expect_fine();
	}
	expect_settled();
}

static void going_insecure_and_back_breaks_nothing(UNUSED void **state)
{
	sign_world(two_keys());

	w.secure = false;
	world_days(&w, 20);
	expect_settled();
	assert_int_equal(world_served(&w.ds)->keys, 0);
	assert_int_equal(world_served(&w.dnskey)->keys, 0);
	w.secure = true;
	world_days(&w, 20);
	expect_settled();
	assert_int_equal(w.bogus, 0);
}

static void a_change_of_mind_on_the_way_breaks_nothing(UNUSED void **state)
{
	for (unsigned hours = 1; hours < 200; hours += 3) {
		sign_world(one_key());
		w.secure = false;
		world_run(&w, (uint64_t)hours * HOUR);
		w.secure = true;
		world_days(&w, 30);
		expect_settled();
		assert_int_equal(w.bogus, 0);
	}
}

static void a_parent_that_does_nothing_stops_everything(UNUSED void **state)
{
	sign_world(two_keys());
	uint64_t ds = world_served(&w.ds)->keys;
	unsigned made = w.made;

	w.mood = WORLD_DEAD;
	w.p.zsk_lifetime = 0;
	world_days(&w, 3 * YEAR);
	expect_fine();
	assert_true(world_served(&w.dnskey)->keys & ds);
	/* One successor that waits (and a ZSK, when it was due), not one for every lifetime that is over. */
	assert_in_range(w.made, made + 1, made + 2);
	w.mood = WORLD_HONEST;
	w.p.ksk_lifetime = 0;
	world_days(&w, 30);
	expect_fine();
	expect_settled();
}

/* It puts the new DS beside the old one, and leaves it there. */
static void a_key_stays_while_the_parent_has_its_ds(UNUSED void **state)
{
	sign_world(two_keys());
	uint64_t old = world_served(&w.ds)->keys;

	w.p.ksk_lifetime = w.p.zsk_lifetime = 0;
	life_roll(&w.keys[0]);
	world_turn(&w);
	w.mood = WORLD_DEAD;
	world_serve(&w, &w.ds, old | 1ULL << w.bits[w.life.count - 1], w.ds_ttl,
	            w.parent_propagation);
	world_days(&w, 100);
	expect_fine();
	assert_true(world_served(&w.dnskey)->keys & old);
	w.mood = WORLD_HONEST;
	world_days(&w, 20);
	expect_fine();
	expect_settled();
	assert_false(world_served(&w.dnskey)->keys & old);
}

static void a_zone_without_its_first_ds_stays_signed(UNUSED void **state)
{
	world_init(&w, two_keys());

	w.mood = WORLD_DEAD;
	world_days(&w, 5);
	for (unsigned i = 0; i < 2000; i++) {
		world_turn(&w);
		uint64_t keys = world_served(&w.dnskey)->keys;
		assert_true(world_has(&w, keys & world_served(&w.data[1])->keys, 13,
		                      LIFE_ZSK));
		assert_true(world_has(&w, keys, 13, LIFE_KSK));
	}
	w.mood = WORLD_HONEST;
	world_days(&w, 20);
	assert_int_equal(w.bogus, 0);
	assert_int_not_equal(world_served(&w.ds)->keys, 0);
}

/* The new key's DS is put there by hand before anybody asked, beside the old one. */
static void a_ds_that_comes_early_is_taken_as_it_is(UNUSED void **state)
{
	sign_world(two_keys());

	w.p.ksk_lifetime = w.p.zsk_lifetime = 0;
	life_roll(&w.keys[0]);
	world_turn(&w);
	assert_int_equal(w.life.count, 3);
	world_serve(&w, &w.ds, world_served(&w.ds)->keys | 1ULL << w.bits[2], w.ds_ttl,
	            w.parent_propagation);
	w.mood = WORLD_DEAD;
	world_days(&w, 5);
	w.mood = WORLD_HONEST;
	world_days(&w, 20);
	expect_fine();
	expect_settled();
}

/* The old DS is taken away with nothing in its place, and nobody asked. */
static void a_ds_that_is_taken_away_comes_back(UNUSED void **state)
{
	sign_world(two_keys());

	w.p.ksk_lifetime = w.p.zsk_lifetime = 0;
	world_serve(&w, &w.ds, 0, w.ds_ttl, w.parent_propagation);
	world_days(&w, 10);
	assert_int_equal(w.bogus, 0);
	expect_settled();
	assert_int_not_equal(world_served(&w.ds)->keys, 0);
}

static void an_emergency_is_over_within_days(UNUSED void **state)
{
	sign_world(one_key());

	w.p.ksk_lifetime = 0;
	w.sign_delay = 0;
	w.parent_delay = 0;
	world_days(&w, 3);
	life_roll(&w.keys[0]);
	/* The DNSKEY's wait, then the DS's. */
	world_run(&w, (uint64_t)w.p.dnskey_ttl + w.p.propagation + (uint64_t)2 * HOUR);
	assert_int_equal(world_served(&w.ds)->keys, 1ULL << w.bits[1]);
	world_days(&w, 1);
	world_run(&w, (uint64_t)3 * HOUR);
	expect_fine();
	expect_settled();
}

/* Everything takes longer, and nothing goes wrong. */
static void a_clock_set_back_breaks_nothing(UNUSED void **state)
{
	sign_world(two_keys());

	for (unsigned i = 0; i < 30; i++) {
		w.wrong -= world_below(&w, 3 * DAY);
		world_run(&w, (uint64_t)world_below(&w, 20 * DAY));
		expect_fine();
	}
	world_days(&w, 20);
	assert_true(w.made > 8);
}

/* ---- anything, at any moment ---- */

static void something_happens(bool may_be_insecure)
{
	static const uint8_t algorithms[] = {8, 13, 15};
	static const uint32_t ttls[] = {5 * MINUTE, HOUR, DAY, 2 * DAY};

	switch (world_below(&w, 13)) {
	case 0: w.p.algorithm = algorithms[world_below(&w, 3)]; break;
	case 1: w.p.rsa_bits = world_below(&w, 2) ? 2048 : 3072; break;
	case 2:
	case 3:
		w.p.csk = !w.p.csk;
		w.p.zsk_lifetime = w.p.csk ? 0 : 30 * DAY;
		w.p.double_ds = false;
		break;
	case 4: w.p.double_ds = !w.p.csk && !w.p.double_ds; break;
	case 5: w.p.dnskey_ttl = ttls[world_below(&w, 4)]; break;
	case 6: w.zone_ttl = ttls[world_below(&w, 4)]; break;
	case 7: w.ds_ttl = ttls[world_below(&w, 4)]; break;
	case 8:
	case 9: life_roll(&w.keys[world_below(&w, (uint32_t)w.life.count)]); break;
	case 10: w.p.double_signature = !w.p.double_signature; break;
	case 11: w.mood = w.mood == WORLD_DEAD ? WORLD_HONEST : WORLD_DEAD; break;
	default: w.secure = !may_be_insecure || !w.secure; break;
	}
	assert_null(sign_policy_check(&w.p).setting);
}

static void anything_at_any_moment(bool may_be_insecure)
{
	for (uint32_t seed = 1; seed <= 100; seed++) {
		sign_world(seed % 2 ? one_key() : two_keys());
		w.seed = seed;
		w.commit_delay = 20;
		for (unsigned i = 0; i < 60; i++) {
			something_happens(may_be_insecure);
			world_run(&w, (uint64_t)world_below(&w, 4 * DAY));
			if (w.bogus)
				print_message("seed %u, event %u\n", seed, i);
			assert_int_equal(w.bogus, 0);
		}
		if (!may_be_insecure)
			expect_fine();
		w.mood = WORLD_HONEST;
		w.p.ksk_lifetime = w.p.zsk_lifetime = 0;
		world_days(&w, 60);
		assert_int_equal(w.bogus, 0);
		expect_settled();
	}
}

static void anything_may_happen_to_a_secure_zone(UNUSED void **state)
{
	anything_at_any_moment(false);
}

static void anything_may_happen(UNUSED void **state)
{
	anything_at_any_moment(true);
}

/* The parent has the DS of any keys, of some that are not published too: that can fail, and it ends. */
static void whatever_the_parent_does_it_ends_well(UNUSED void **state)
{
	for (uint32_t seed = 1; seed <= 50; seed++) {
		sign_world(seed % 2 ? one_key() : two_keys());
		w.seed = seed;
		for (unsigned i = 0; i < 30; i++) {
			uint64_t keys = 0;

			something_happens(true);
			for (size_t k = 0; k < w.life.count; k++)
				if (life_has(&w.keys[k], LIFE_DS) && world_below(&w, 2))
					keys |= 1ULL << w.bits[k];
			if (world_below(&w, 2))
				world_serve(&w, &w.ds, keys, w.ds_ttl,
				            w.parent_propagation);
			world_run(&w, (uint64_t)world_below(&w, 4 * DAY));
		}
		w.mood = WORLD_HONEST;
		w.p.ksk_lifetime = w.p.zsk_lifetime = 0;
		world_days(&w, 60);
		expect_settled();
		w.bogus = 0;
		world_days(&w, 1);
		assert_int_equal(w.bogus, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ksk_and_zsk_roll_for_years),
		cmocka_unit_test(a_csk_rolls_for_years),
		cmocka_unit_test(ksk_rolls_by_double_ds),
		cmocka_unit_test(zsks_and_csks_roll_by_double_signature),
		cmocka_unit_test(too_short_a_wait_is_seen),
		cmocka_unit_test(algorithms_change_and_change_back),
		cmocka_unit_test(going_insecure_and_back_breaks_nothing),
		cmocka_unit_test(a_change_of_mind_on_the_way_breaks_nothing),
		cmocka_unit_test(a_parent_that_does_nothing_stops_everything),
		cmocka_unit_test(a_key_stays_while_the_parent_has_its_ds),
		cmocka_unit_test(a_zone_without_its_first_ds_stays_signed),
		cmocka_unit_test(a_ds_that_comes_early_is_taken_as_it_is),
		cmocka_unit_test(a_ds_that_is_taken_away_comes_back),
		cmocka_unit_test(an_emergency_is_over_within_days),
		cmocka_unit_test(a_clock_set_back_breaks_nothing),
		cmocka_unit_test(anything_may_happen_to_a_secure_zone),
		cmocka_unit_test(anything_may_happen),
		cmocka_unit_test(whatever_the_parent_does_it_ends_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
