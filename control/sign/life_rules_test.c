/* Which mixtures of records keep every validator happy, and which do not. */
#include "control/sign/life_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shared/compiler.h"

static const struct life_record nowhere;
static const struct life_record everywhere = {.until = LIFE_NEVER};
static const struct life_record coming = {.from = 1000, .until = LIFE_NEVER};
static const struct life_record going = {.until = 1000};

static void put(struct life_key *k, uint8_t role, struct life_record dnskey,
                struct life_record rrsig, struct life_record ds)
{
	*k = (struct life_key){
		.role = role, .algorithm = 13, .records = {dnskey, rrsig, ds}};
}

static void what_is_exchanged_leaves_no_gap(UNUSED void **state)
{
	struct life_key keys[2];
	struct life l = {.keys = keys, .count = 2};

	put(&keys[0], LIFE_ZSK, everywhere, going, nowhere);
	put(&keys[1], LIFE_ZSK, everywhere, coming, nowhere);
	assert_true(life_is_signed(&l, 13));
	keys[1].records[LIFE_RRSIG].from++; /* a second without either */
	assert_false(life_is_signed(&l, 13));
	keys[1].records[LIFE_RRSIG].from--;
	keys[0].records[LIFE_RRSIG].from = 1; /* and the old one was not everywhere */
	assert_false(life_is_signed(&l, 13));
	put(&keys[0], LIFE_ZSK, going, going,
	    nowhere); /* signed by what is not known any more */
	assert_false(life_is_signed(&l, 13));
}

static void a_dnskey_of_an_algorithm_comes_with_one_that_signs(UNUSED void **state)
{
	struct life_key keys[2];
	struct life l = {.keys = keys, .count = 2};

	put(&keys[0], LIFE_KSK, coming, nowhere, nowhere);
	put(&keys[1], LIFE_ZSK, coming, everywhere, nowhere);
	assert_true(life_is_signed(&l, 13));
	keys[0].records[LIFE_DNSKEY].from--; /* before it */
	assert_false(life_is_signed(&l, 13));
	put(&keys[0], LIFE_KSK, going, nowhere, nowhere);
	put(&keys[1], LIFE_ZSK, going, everywhere, nowhere);
	assert_true(life_is_signed(&l, 13));
	keys[0].records[LIFE_DNSKEY].until++; /* after it */
	assert_false(life_is_signed(&l, 13));
	keys[1].records[LIFE_DNSKEY] = everywhere;
	assert_true(life_is_signed(&l, 13));
	keys[1].algorithm = 15;
	assert_false(life_is_signed(&l, 13));
}

static void a_ds_goes_with_any_dnskey_rrset(UNUSED void **state)
{
	struct life_key keys[2];
	struct life l = {.keys = keys, .count = 2};

	put(&keys[0], LIFE_KSK, everywhere, nowhere, going);
	put(&keys[1], LIFE_KSK, everywhere, nowhere, coming);
	assert_true(life_is_chained(&l, 13)); /* double-KSK */
	keys[1].records[LIFE_DNSKEY] = coming;
	assert_false(life_is_chained(&l, 13));
	put(&keys[0], LIFE_KSK, going, nowhere, everywhere);
	put(&keys[1], LIFE_KSK, coming, nowhere, everywhere);
	assert_true(life_is_chained(&l, 13)); /* double-DS */
	keys[1].records[LIFE_DS] = coming;
	assert_false(life_is_chained(&l, 13));
	keys[1].algorithm = 15;
	keys[0].records[LIFE_DNSKEY] = everywhere;
	assert_true(life_is_chained(&l, 13));
	assert_false(life_is_chained(&l, 15)); /* each by itself */
}

/* ---- moves ---- */

static void a_new_algorithm_signs_before_it_is_published(UNUSED void **state)
{
	struct life_key keys[2];
	struct life l = {.keys = keys, .count = 2};

	put(&keys[0], LIFE_CSK, everywhere, everywhere, everywhere);
	put(&keys[1], LIFE_CSK, nowhere, nowhere, nowhere);
	assert_true(life_may_introduce(&l, &keys[1], LIFE_DNSKEY, 2000));
	keys[1].algorithm = 15;
	assert_false(life_may_introduce(&l, &keys[1], LIFE_DNSKEY, 2000));
	assert_true(life_may_introduce(&l, &keys[1], LIFE_RRSIG, 2000));
	keys[1].records[LIFE_RRSIG] = coming;
	assert_false(life_may_introduce(&l, &keys[1], LIFE_DNSKEY, 2000));
	keys[1].records[LIFE_RRSIG] = everywhere;
	assert_true(life_may_introduce(&l, &keys[1], LIFE_DNSKEY, 2000));
	assert_false(life_may_introduce(&l, &keys[1], LIFE_DS, 2000));
	keys[1].records[LIFE_DNSKEY] = everywhere;
	assert_true(life_may_introduce(&l, &keys[1], LIFE_DS, 2000));
}

static void the_last_ds_goes_only_from_a_zone_that_goes_insecure(UNUSED void **state)
{
	struct life_key keys[2];
	struct life l = {.keys = keys, .count = 2};

	put(&keys[0], LIFE_CSK, everywhere, everywhere, everywhere);
	put(&keys[1], LIFE_CSK, everywhere, everywhere, going);
	assert_false(life_may_withdraw(&l, &keys[0], LIFE_DS, 2000, true));
	assert_true(life_may_withdraw(&l, &keys[0], LIFE_DS, 2000, false));
	keys[1].records[LIFE_DS] = coming;
	assert_true(life_may_withdraw(&l, &keys[0], LIFE_DS, 2000, true));
	keys[1].records[LIFE_DNSKEY] =
		coming; /* its DS came too early: the other must stay */
	assert_false(life_may_withdraw(&l, &keys[0], LIFE_DS, 2000, true));
	assert_false(life_may_withdraw(&l, &keys[0], LIFE_DS, 2000, false));
}

static void what_a_ds_means_stays(UNUSED void **state)
{
	struct life_key keys[2];
	struct life l = {.keys = keys, .count = 2};

	put(&keys[0], LIFE_CSK, everywhere, everywhere, going);
	put(&keys[1], LIFE_CSK, everywhere, everywhere, coming);
	assert_false(life_may_withdraw(&l, &keys[0], LIFE_DNSKEY, 2000, true));
	assert_false(life_may_withdraw(&l, &keys[0], LIFE_DNSKEY, 2000, false));
	keys[1].records[LIFE_DS] = everywhere;
	assert_true(life_may_withdraw(&l, &keys[0], LIFE_DNSKEY, 2000, true));
	/* and so do signatures, by one key or the other */
	assert_true(life_may_withdraw(&l, &keys[0], LIFE_RRSIG, 2000, true));
	keys[1].records[LIFE_RRSIG] = nowhere;
	assert_false(life_may_withdraw(&l, &keys[0], LIFE_RRSIG, 2000, true));
	assert_false(life_may_withdraw(&l, &keys[0], LIFE_RRSIG, 2000, false));
}

static void without_a_ds_only_a_zone_to_be_insecure_is_taken_apart(UNUSED void **state)
{
	struct life_key keys[1];
	struct life l = {.keys = keys, .count = 1};

	put(&keys[0], LIFE_CSK, everywhere, everywhere, nowhere);
	assert_false(life_may_withdraw(&l, &keys[0], LIFE_RRSIG, 2000, true));
	assert_true(life_may_withdraw(&l, &keys[0], LIFE_RRSIG, 2000, false));
	keys[0].records[LIFE_RRSIG] = coming; /* it was not whole yet */
	assert_true(life_may_withdraw(&l, &keys[0], LIFE_DNSKEY, 2000, true));
}

static void an_algorithm_goes_at_once_when_all_have_company(UNUSED void **state)
{
	struct life_key keys[3];
	struct life l = {.keys = keys, .count = 3};

	put(&keys[0], LIFE_KSK, everywhere, nowhere, nowhere);
	put(&keys[1], LIFE_ZSK, everywhere, everywhere, nowhere);
	put(&keys[2], LIFE_KSK, nowhere, nowhere, going);
	assert_false(life_may_withdraw_algorithm(&l, 13,
	                                         true)); /* somebody looks for a DNSKEY */
	keys[2].algorithm = 15;
	assert_true(life_may_withdraw_algorithm(&l, 13, true));
	put(&keys[1], LIFE_ZSK, everywhere, coming, nowhere);
	put(&keys[2], LIFE_ZSK, everywhere, going, nowhere);
	assert_false(
		life_may_withdraw_algorithm(&l, 13, true)); /* signatures are exchanged */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_exchanged_leaves_no_gap),
		cmocka_unit_test(a_dnskey_of_an_algorithm_comes_with_one_that_signs),
		cmocka_unit_test(a_ds_goes_with_any_dnskey_rrset),
		cmocka_unit_test(a_new_algorithm_signs_before_it_is_published),
		cmocka_unit_test(the_last_ds_goes_only_from_a_zone_that_goes_insecure),
		cmocka_unit_test(what_a_ds_means_stays),
		cmocka_unit_test(an_algorithm_goes_at_once_when_all_have_company),
		cmocka_unit_test(without_a_ds_only_a_zone_to_be_insecure_is_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
