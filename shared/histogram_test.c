#include "shared/histogram.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

static void value_is_in_the_first_bucket_that_reaches_it(void **state)
{
	enum { LOW = 3, COUNT = 6 };
	const struct {
		uint64_t value;
		unsigned bucket;
	} cases[] = {{0, 0},   {1, 0},   {8, 0},   {9, 1},         {16, 1},  {17, 2},
	             {32, 2},  {33, 3},  {64, 3},  {65, 4},        {128, 4}, {129, 5},
	             {256, 5}, {257, 5}, {999, 5}, {UINT64_MAX, 5}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(histogram_bucket(cases[i].value, LOW, COUNT),
		                 cases[i].bucket);
}

static void limits_belong_to_their_buckets(void **state)
{
	(void)state;
	for (unsigned i = 0; i + 2 < DURATIONS; i++) {
		uint64_t limit = histogram_limit(i, DURATION_LOW);
		assert_int_equal(histogram_bucket(limit, DURATION_LOW, DURATIONS), i);
		assert_int_equal(histogram_bucket(limit + 1, DURATION_LOW, DURATIONS),
		                 i + 1);
	}
}

static void sizes_of_bursts_start_with_one(void **state)
{
	(void)state;
	assert_int_equal(histogram_bucket(1, 0, 7), 0);
	assert_int_equal(histogram_bucket(2, 0, 7), 1);
	assert_int_equal(histogram_bucket(3, 0, 7), 2);
	assert_int_equal(histogram_bucket(33, 0, 7), 6);
	assert_int_equal(histogram_bucket(64, 0, 7), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_is_in_the_first_bucket_that_reaches_it),
		cmocka_unit_test(limits_belong_to_their_buckets),
		cmocka_unit_test(sizes_of_bursts_start_with_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
