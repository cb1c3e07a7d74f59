/* Until when a response, and the chain from the parent to it, can be relied upon. */
#include "control/sign/bundle_check.h"
#include "control/sign/bundle_testing.h"
#include "control/sign/ds.h"

static void last_bundle_holds_as_long_as_its_signatures(void **state)
{
	struct bundles *b = response_of(request_of(START, START + DAY), 1);
	struct bundle *last = &b->list[1];

	(void)state;
	assert_int_equal(bundle_last_until(last, 0), START + 15 * DAY);
	assert_int_equal(bundle_last_until(last, HOUR), START + 15 * DAY - HOUR);
	sign_again(b, last, BUNDLE_CDS, ring.ksks[0],
	           (struct rrsig_times){START, START + 3 * DAY});
	assert_int_equal(bundle_last_until(last, 0), START + 3 * DAY);
	bundles_free(&b);
}

static void bundle_without_signatures_does_not_hold(void **state)
{
	struct bundles *b = request_of(START, START + DAY);

	(void)state;
	assert_int_equal(bundle_last_until(&b->list[0], 0), 0);
	bundles_free(&b);
}

static void ksks_are_told_from_other_keys(void **state)
{
	static const struct {
		uint8_t bytes[5];
		uint16_t len;
		bool is;
	} cases[] = {
		{{1, 1, 3, 13, 1}, 5, true},  {{1, 0, 3, 13, 1}, 5, false},
		{{0, 1, 3, 13, 1}, 5, false}, {{1, 129, 3, 13, 1}, 5, false},
		{{1, 1, 3, 13, 1}, 4, false}, {{0}, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			bundle_is_ksk((struct rdata){cases[i].bytes, cases[i].len}),
			cases[i].is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(last_bundle_holds_as_long_as_its_signatures,
	                               fresh_ring),
		cmocka_unit_test_setup(bundle_without_signatures_does_not_hold,
	                               fresh_ring),
		cmocka_unit_test(ksks_are_told_from_other_keys),
	};

	return cmocka_run_group_tests(tests, make_ring, free_ring);
}
