/* The parts of a key's life by themselves: waits, steps, clocks, and what is said. life_world_test.c has
 * the whole. */
#include "control/sign/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/sign/life_times.h"
#include "shared/compiler.h"

enum { HOUR = 3600, DAY = 24 * HOUR, NOW = 1700000000, KEYS_MAX = 4 };

static const struct life_record nowhere;
static const struct life_record everywhere = {.until = LIFE_NEVER, .done = 1};
static const struct life_record coming = {.from = NOW - 10, .until = LIFE_NEVER};
static const struct life_record going = {.until = NOW - 10};

/* A zone in the middle of something. */
struct zone {
	struct sign_policy p;
	struct life_now in;
	struct life_key keys[KEYS_MAX];
	struct life life;
	struct life_result out;
};

static void zone_init(struct zone *z, size_t count)
{
	*z = (struct zone){.p = sign_policy_default(), .in = {NOW, true, DAY}};
	z->life = (struct life){.keys = z->keys, .count = count};
}

static void step(struct zone *z)
{
	life_step(&z->p, &z->in, &z->life, &z->out);
}

static void add(struct zone *z, enum life_role role)
{
	z->keys[z->life.count++] = life_key_new(role, &z->p, z->in.now);
}

static void put(struct life_key *k, uint8_t role, struct life_record dnskey,
                struct life_record rrsig, struct life_record ds)
{
	*k = (struct life_key){
		.role = role, .algorithm = 13, .records = {dnskey, rrsig, ds}};
}

/* Signed, in use, with a DS. */
static void zone_in_use(struct zone *z)
{
	zone_init(z, 1);
	z->keys[0] = life_key_known(LIFE_CSK, 13, 0, NOW - 100 * DAY);
	step(z);
	assert_int_equal(z->out.generate_count, 0);
	assert_true(z->out.changed); /* TTLs are remembered */
	step(z);
	assert_false(z->out.changed);
}

/* ---- waits ---- */

/* And the rest of the second in which the wait begins. */
static void waits_are_ttl_and_propagation_and_safety(UNUSED void **state)
{
	struct sign_policy p = sign_policy_default();

	p.propagation = 100;
	p.parent_propagation = 2000;
	p.safety = 30000;
	assert_int_equal(life_interval(&p, LIFE_DNSKEY, 7), 30108);
	assert_int_equal(life_interval(&p, LIFE_RRSIG, 7), 30108);
	assert_int_equal(life_interval(&p, LIFE_DS, 7), 32008);
	assert_true(life_interval(&p, LIFE_DS, UINT32_MAX) > UINT32_MAX);
}

static void nothing_is_waited_for_that_is_not_done(UNUSED void **state)
{
	struct zone z;

	zone_init(&z, 1);
	put(&z.keys[0], LIFE_CSK, coming, coming, nowhere);
	assert_int_equal(life_deadline(&z.p, &z.life, &z.keys[0], LIFE_DNSKEY),
	                 LIFE_NEVER);
	life_published(&z.life, NOW);
	assert_int_not_equal(life_deadline(&z.p, &z.life, &z.keys[0], LIFE_DNSKEY),
	                     LIFE_NEVER);
	assert_int_equal(life_deadline(&z.p, &z.life, &z.keys[0], LIFE_RRSIG),
	                 LIFE_NEVER);
	life_signed(&z.life, NOW);
	assert_int_not_equal(life_deadline(&z.p, &z.life, &z.keys[0], LIFE_RRSIG),
	                     LIFE_NEVER);
	/* That it is done is not said twice. */
	life_signed(&z.life, NOW + DAY);
	assert_int_equal(z.keys[0].records[LIFE_RRSIG].done, NOW);
}

static void the_second_in_which_it_is_done_is_waited_for(UNUSED void **state)
{
	struct zone z;

	zone_init(&z, 1);
	put(&z.keys[0], LIFE_CSK, coming, everywhere, nowhere);
	z.p.safety = z.p.propagation = 0;
	life_published(&z.life, NOW);
	z.in.now = life_deadline(&z.p, &z.life, &z.keys[0], LIFE_DNSKEY) - 1;
	assert_int_equal(z.in.now, NOW + z.life.ttl[LIFE_DNSKEY].ttl);
	step(&z);
	assert_int_equal(life_state(&z.keys[0], LIFE_DNSKEY), LIFE_RUMOURED);
}

static void answers_with_the_longer_ttl_are_waited_for(UNUSED void **state)
{
	struct zone z;

	zone_init(&z, 1);
	put(&z.keys[0], LIFE_CSK, coming, nowhere, nowhere);
	life_ttl_is(&z.life.ttl[LIFE_DNSKEY], 2 * DAY);
	life_ttl_is(&z.life.ttl[LIFE_DNSKEY], HOUR);
	z.keys[0].records[LIFE_DNSKEY].done = NOW;
	assert_int_equal(life_deadline(&z.p, &z.life, &z.keys[0], LIFE_DNSKEY),
	                 LIFE_NEVER);
	life_published(&z.life, NOW);
	assert_int_equal(life_deadline(&z.p, &z.life, &z.keys[0], LIFE_DNSKEY),
	                 NOW + life_interval(&z.p, LIFE_DNSKEY, 2 * DAY));
	/* Until no cache has them. */
	life_ttl_elapse(&z.p, &z.life, LIFE_DNSKEY, NOW + 2 * DAY);
	assert_int_equal(z.life.ttl[LIFE_DNSKEY].older, 2 * DAY);
	life_ttl_elapse(&z.p, &z.life, LIFE_DNSKEY, NOW + 3 * DAY);
	assert_int_equal(life_deadline(&z.p, &z.life, &z.keys[0], LIFE_DNSKEY),
	                 NOW + life_interval(&z.p, LIFE_DNSKEY, HOUR));
}

static void the_first_dnskey_waits_for_negative_answers(UNUSED void **state)
{
	struct zone z;

	zone_init(&z, 0);
	step(&z);
	add(&z, LIFE_CSK);
	step(&z);
	life_published(&z.life, NOW);
	assert_int_equal(life_deadline(&z.p, &z.life, &z.keys[0], LIFE_DNSKEY),
	                 NOW + life_interval(&z.p, LIFE_DNSKEY, DAY));
}

/* ---- steps ---- */

static void keys_are_asked_for_and_none_leaves_before_they_are_there(UNUSED void **state)
{
	struct zone z;

	zone_in_use(&z);
	z.p.csk = false;
	step(&z);
	assert_int_equal(z.out.generate_count, 2);
	assert_int_equal(z.out.generate[0], LIFE_KSK);
	assert_int_equal(z.out.generate[1], LIFE_ZSK);
	add(&z, LIFE_KSK);
	step(&z);
	assert_int_equal(z.out.generate_count, 1);
	assert_int_equal(z.keys[0].retired, 0);
	add(&z, LIFE_ZSK);
	step(&z);
	assert_int_equal(z.out.generate_count, 0);
	assert_int_equal(z.keys[0].retired, NOW);
	/* It goes on as before, with a company that is published only. */
	assert_true(life_publishes(&z.keys[0]) && life_signs(&z.keys[0]));
	assert_true(life_publishes(&z.keys[1]) && life_publishes(&z.keys[2]));
	assert_false(life_signs(&z.keys[2]) || life_wants_ds(&z.keys[1]));
}

/* A DNSKEY RRset is signed by each algorithm in it: its KSK waits for ZSKs that are still exchanged. */
static void another_zsk_signs_when_caches_know_it_or_at_once(UNUSED void **state)
{
	struct zone z;

	for (unsigned i = 0; i < 2; i++) {
		zone_init(&z, 0);
		z.p.csk = false;
		z.p.double_signature = i == 1;
		z.life.count = 2;
		put(&z.keys[0], LIFE_KSK, everywhere, nowhere, everywhere);
		put(&z.keys[1], LIFE_ZSK, everywhere, everywhere, nowhere);
		add(&z, LIFE_ZSK);
		step(&z);
		assert_true(life_publishes(&z.keys[2]));
		assert_int_equal(life_signs(&z.keys[2]), z.p.double_signature);
		assert_true(life_signs(&z.keys[1]));
	}
}

static void the_last_ksk_of_an_algorithm_goes_with_its_zsks(UNUSED void **state)
{
	struct zone z;

	zone_in_use(&z);
	z.life.count = 4;
	put(&z.keys[1], LIFE_KSK, everywhere, nowhere, nowhere);
	put(&z.keys[2], LIFE_ZSK, everywhere, going, nowhere);
	put(&z.keys[3], LIFE_ZSK, everywhere, coming, nowhere);
	for (unsigned i = 1; i < 4; i++) {
		z.keys[i].algorithm = 8;
		z.keys[i].retired = NOW - 20;
	}
	step(&z);
	assert_true(life_publishes(&z.keys[1]) && life_publishes(&z.keys[2]));
	life_signed(&z.life, NOW);
	z.in.now = NOW + 2 * DAY;
	step(&z);
	assert_false(life_publishes(&z.keys[1]) || life_publishes(&z.keys[2]) ||
	             life_publishes(&z.keys[3]));
	assert_true(life_signs(&z.keys[3])); /* until nobody has its DNSKEY */
	life_published(&z.life, z.in.now);
	z.in.now += (uint64_t)2 * DAY;
	step(&z);
	assert_false(life_signs(&z.keys[3]));
	assert_true(life_publishes(&z.keys[0]));
}

/* A key that is wanted is not withdrawn because the KSK beside it leaves. */
static void what_is_wanted_does_not_go_with_a_ksk(UNUSED void **state)
{
	struct zone z;

	zone_in_use(&z);
	z.life.count = 4;
	put(&z.keys[1], LIFE_KSK, everywhere, nowhere, nowhere);
	put(&z.keys[2], LIFE_KSK, going, nowhere,
	    nowhere); /* and comes back when it is gone */
	put(&z.keys[3], LIFE_ZSK, everywhere, everywhere, nowhere);
	for (unsigned i = 1; i < 4; i++)
		z.keys[i].algorithm = 15;
	z.keys[1].retired = NOW - 20;
	z.p.csk = false;
	z.p.algorithm = 15;
	step(&z);
	assert_int_equal(z.out.generate_count, 0);
	assert_true(life_publishes(&z.keys[1]) && life_publishes(&z.keys[3]));
}

static unsigned signers(const struct zone *z)
{
	unsigned count = 0;

	for (size_t i = 0; i < z->life.count; i++)
		count += life_publishes(&z->keys[i]) && life_signs(&z->keys[i]);
	return count;
}

static void a_key_that_nobody_knows_yet_goes_when_another_signs(UNUSED void **state)
{
	struct zone z;

	zone_init(&z, 0);
	step(&z);
	add(&z, LIFE_CSK);
	step(&z);
	assert_int_equal(signers(&z), 1);
	life_published(&z.life, NOW);
	life_signed(&z.life, NOW);
	z.p.csk = false;
	z.in.now += 10;
	step(&z);
	assert_int_equal(z.out.generate_count, 2);
	add(&z, LIFE_KSK);
	add(&z, LIFE_ZSK);
	step(&z);
	assert_int_equal(signers(&z), 1);
}

static void what_came_and_went_within_a_second_is_waited_for(UNUSED void **state)
{
	struct zone z;

	zone_init(&z, 0);
	add(&z, LIFE_CSK);
	step(&z);
	z.in.secure = false;
	step(&z);
	assert_int_equal(life_state(&z.keys[0], LIFE_DNSKEY), LIFE_UNRETENTIVE);
	life_published(&z.life, NOW);
	assert_int_equal(z.keys[0].gone, 0);
	/* It comes back only when it is gone. */
	z.in.secure = true;
	step(&z);
	assert_int_equal(life_state(&z.keys[0], LIFE_DNSKEY), LIFE_UNRETENTIVE);
	z.in.now = z.out.again;
	step(&z);
	assert_int_equal(life_state(&z.keys[0], LIFE_DNSKEY), LIFE_RUMOURED);
}

static void a_step_that_moves_nothing_changes_nothing(UNUSED void **state)
{
	struct zone z;

	zone_in_use(&z);
	life_roll(&z.keys[0]);
	step(&z);
	assert_int_equal(z.out.generate_count, 1);
	add(&z, LIFE_CSK);
	step(&z);
	assert_true(z.out.changed);
	struct life_key before[KEYS_MAX];
	memcpy(before, z.keys, sizeof before);
	step(&z);
	assert_false(z.out.changed);
	assert_memory_equal(before, z.keys, sizeof before);
}

static void the_next_look_is_when_something_is_due(UNUSED void **state)
{
	struct zone z;

	zone_in_use(&z);
	assert_int_equal(z.out.again, LIFE_NEVER);
	assert_false(z.out.ask);
	z.p.ksk_lifetime = 200 * DAY;
	step(&z);
	uint64_t roll = life_roll_time(&z.p, &z.keys[0]);
	assert_int_equal(z.out.again, roll);
	z.in.now = roll - 1;
	step(&z);
	assert_int_equal(z.out.generate_count, 0);
	z.in.now = roll;
	step(&z);
	assert_int_equal(z.out.generate_count, 1);
	add(&z, LIFE_CSK);
	step(&z);
	assert_int_equal(z.out.again, LIFE_NEVER); /* it is not published yet */
	life_published(&z.life, roll);
	step(&z);
	assert_int_equal(z.out.again, roll + life_interval(&z.p, LIFE_DNSKEY, HOUR));
	z.in.now = z.out.again;
	step(&z);
	assert_true(z.out.ask);
	assert_true(life_wants_ds(&z.keys[1]));
	assert_false(life_wants_ds(&z.keys[0]));
}

static void keys_of_no_use_are_kept_for_a_while(UNUSED void **state)
{
	struct zone z;

	zone_in_use(&z);
	add(&z, LIFE_CSK);
	z.keys[0].records[LIFE_DNSKEY] = z.keys[0].records[LIFE_RRSIG] =
		z.keys[0].records[LIFE_DS] = nowhere;
	z.keys[1] = life_key_known(LIFE_CSK, 13, 0, NOW);
	step(&z);
	assert_int_equal(z.keys[0].gone, NOW);
	assert_int_equal(z.out.again, NOW + z.p.purge_after);
	assert_false(life_may_purge(&z.p, &z.keys[0], NOW + z.p.purge_after - 1));
	assert_true(life_may_purge(&z.p, &z.keys[0], NOW + z.p.purge_after));
	assert_false(life_may_purge(&z.p, &z.keys[1], LIFE_NEVER));
}

static void cds_ask_for_no_ds_only_when_the_zone_goes_insecure(UNUSED void **state)
{
	struct zone z;

	zone_in_use(&z);
	assert_false(life_wants_no_ds(&z.life, true));
	z.in.secure = false;
	step(&z);
	assert_true(life_wants_no_ds(&z.life, false));
	assert_true(life_publishes(&z.keys[0]) && life_signs(&z.keys[0]));
	life_saw_ds(&z.keys[0], LIFE_ABSENT, NOW);
	z.in.now = NOW + 2 * DAY;
	step(&z);
	assert_false(life_wants_no_ds(&z.life, false));
	assert_false(life_publishes(&z.keys[0]) || life_signs(&z.keys[0]));
}

/* ---- clocks ---- */

static void times_to_come_are_not_waited_for_longer_than_now(UNUSED void **state)
{
	struct zone z;

	zone_init(&z, 2);
	put(&z.keys[0], LIFE_CSK, going, everywhere, nowhere);
	put(&z.keys[1], LIFE_CSK, coming, everywhere, nowhere);
	z.keys[0].records[LIFE_DNSKEY] =
		(struct life_record){.from = NOW + DAY, .until = NOW + 2 * DAY};
	z.keys[1].records[LIFE_DNSKEY].from = NOW + 2 * DAY;
	z.keys[1].records[LIFE_DNSKEY].done = NOW + 9 * DAY;
	step(&z);
	assert_int_equal(life_state(&z.keys[0], LIFE_DNSKEY), LIFE_UNRETENTIVE);
	assert_int_equal(z.keys[1].records[LIFE_DNSKEY].from, NOW);
	assert_int_equal(z.keys[1].records[LIFE_DNSKEY].done, NOW);
}

/* ---- words ---- */

static void expect_words(const struct zone *z, const struct life_key *k,
                         const char *wanted)
{
	char words[LIFE_WORDS];

	life_words(&z->p, &z->in, &z->life, k, words);
	assert_string_equal(words, wanted);
}

static void a_key_says_what_it_waits_for(UNUSED void **state)
{
	struct zone z;

	zone_in_use(&z);
	z.p.safety = z.p.propagation = z.p.parent_propagation = 0;
	expect_words(&z, &z.keys[0], "is in use, and waits for nothing");
	z.p.ksk_lifetime = 100 * DAY + HOUR + 1;
	expect_words(&z, &z.keys[0],
	             "is in use; its successor is made from 2023-11-14T22:13:20Z on");
	add(&z, LIFE_CSK);
	expect_words(&z, &z.keys[1],
	             "its DNSKEY can follow only when other records are known");
	step(&z);
	expect_words(&z, &z.keys[0], "serves until its successor can take over");
	expect_words(&z, &z.keys[1], "waits for its DNSKEY to be published");
	life_published(&z.life, NOW);
	expect_words(
		&z, &z.keys[1],
		"waits for caches everywhere to have its DNSKEY, until 2023-11-14T23:13:21Z");
	z.in.now += HOUR + 1;
	step(&z);
	expect_words(&z, &z.keys[0], "waits for the parent to withdraw its DS");
	expect_words(&z, &z.keys[1], "waits for the parent to publish its DS");
	life_saw_ds(&z.keys[0], LIFE_ABSENT, z.in.now);
	expect_words(
		&z, &z.keys[0],
		"waits for caches everywhere to forget its DS, until 2023-11-15T23:13:22Z");
	z.in.now += DAY + 1;
	step(&z);
	expect_words(&z, &z.keys[0], "waits for its signatures to be replaced");
	put(&z.keys[0], LIFE_CSK, nowhere, nowhere, nowhere);
	z.keys[0].retired = z.keys[0].gone = NOW;
	expect_words(&z, &z.keys[0],
	             "is of no use any more, and kept until 2024-02-12T22:13:20Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_are_ttl_and_propagation_and_safety),
		cmocka_unit_test(nothing_is_waited_for_that_is_not_done),
		cmocka_unit_test(the_second_in_which_it_is_done_is_waited_for),
		cmocka_unit_test(answers_with_the_longer_ttl_are_waited_for),
		cmocka_unit_test(the_first_dnskey_waits_for_negative_answers),
		cmocka_unit_test(
			keys_are_asked_for_and_none_leaves_before_they_are_there),
		cmocka_unit_test(another_zsk_signs_when_caches_know_it_or_at_once),
		cmocka_unit_test(the_last_ksk_of_an_algorithm_goes_with_its_zsks),
		cmocka_unit_test(what_is_wanted_does_not_go_with_a_ksk),
		cmocka_unit_test(a_key_that_nobody_knows_yet_goes_when_another_signs),
		cmocka_unit_test(what_came_and_went_within_a_second_is_waited_for),
		cmocka_unit_test(a_step_that_moves_nothing_changes_nothing),
		cmocka_unit_test(the_next_look_is_when_something_is_due),
		cmocka_unit_test(keys_of_no_use_are_kept_for_a_while),
		cmocka_unit_test(cds_ask_for_no_ds_only_when_the_zone_goes_insecure),
		cmocka_unit_test(times_to_come_are_not_waited_for_longer_than_now),
		cmocka_unit_test(a_key_says_what_it_waits_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
