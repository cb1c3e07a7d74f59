/* What the parent was seen to have, asked or unasked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "control/sign/life.h"
#include "shared/compiler.h"

enum { NOW = 1700000000 };

static const struct life_record nowhere;
static const struct life_record everywhere = {.until = LIFE_NEVER};
static const struct life_record coming = {.from = NOW - 10, .until = LIFE_NEVER};
static const struct life_record going = {.until = NOW - 10};

static void put(struct life_key *k, struct life_record dnskey, struct life_record rrsig,
                struct life_record ds)
{
	*k = (struct life_key){
		.role = LIFE_KSK, .algorithm = 13, .records = {dnskey, rrsig, ds}};
}

static void a_ds_nobody_asked_for_counts(UNUSED void **state)
{
	struct life_key k;

	put(&k, coming, nowhere, nowhere);
	life_saw_ds(&k, LIFE_ABSENT, NOW);
	assert_int_equal(life_state(&k, LIFE_DS), LIFE_HIDDEN);
	life_saw_ds(&k, LIFE_SOME, NOW);
	assert_int_equal(life_state(&k, LIFE_DS), LIFE_RUMOURED);
	assert_int_equal(k.records[LIFE_DS].done, 0);
	life_saw_ds(&k, LIFE_PRESENT, NOW + 5);
	life_saw_ds(&k, LIFE_PRESENT, NOW + 9);
	assert_int_equal(k.records[LIFE_DS].done, NOW + 5);
}

static void a_ds_that_somebody_took_away_is_not_everywhere(UNUSED void **state)
{
	struct life_key k;

	put(&k, everywhere, nowhere, everywhere);
	life_saw_ds(&k, LIFE_SOME, NOW);
	assert_int_equal(life_state(&k, LIFE_DS), LIFE_RUMOURED);
	assert_int_equal(k.records[LIFE_DS].done, 0);
	assert_true(life_wants_ds(&k));
}

static void a_ds_that_lingers_is_not_gone(UNUSED void **state)
{
	struct life_key k;

	put(&k, everywhere, nowhere, going);
	life_saw_ds(&k, LIFE_SOME, NOW);
	assert_int_equal(k.records[LIFE_DS].done, 0);
	life_saw_ds(&k, LIFE_ABSENT, NOW);
	assert_int_equal(k.records[LIFE_DS].done, NOW);
	life_saw_ds(&k, LIFE_SOME, NOW + 1);
	assert_int_equal(k.records[LIFE_DS].done, 0);
}

static void what_was_seen_before_the_move_is_no_answer(UNUSED void **state)
{
	struct life_key k;

	put(&k, everywhere, nowhere, going);
	life_saw_ds(&k, LIFE_ABSENT, NOW - 11);
	assert_int_equal(k.records[LIFE_DS].done, 0);
	put(&k, everywhere, nowhere, coming);
	life_saw_ds(&k, LIFE_PRESENT, NOW - 11);
	assert_int_equal(k.records[LIFE_DS].done, 0);
}

static void every_role_has_a_name(UNUSED void **state)
{
	assert_string_equal(life_role_name(LIFE_KSK), "ksk");
	assert_string_equal(life_role_name(LIFE_ZSK), "zsk");
	assert_string_equal(life_role_name(LIFE_CSK), "csk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ds_nobody_asked_for_counts),
		cmocka_unit_test(a_ds_that_somebody_took_away_is_not_everywhere),
		cmocka_unit_test(a_ds_that_lingers_is_not_gone),
		cmocka_unit_test(what_was_seen_before_the_move_is_no_answer),
		cmocka_unit_test(every_role_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
