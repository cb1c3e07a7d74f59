// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "perf/loadgen/histogram.h"

#include <stdlib.h>

static void buckets_meet_without_a_gap(void **state)
{
	(void)state;
	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		uint64_t first = histogram_floor(i);
		uint64_t last = histogram_floor(i + 1) - 1;
		assert_int_equal(histogram_bucket(first), i);
		assert_int_equal(histogram_bucket(last), i);
		/* Never wider than a 32nd of its values. */
		assert_true(last - first <= first / HISTOGRAM_STEPS);
	}
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void quantiles_are_those_of_the_sorted_values(void **state)
{
	enum { VALUES = 20000 };
	static const double shares[] = {0.001, 0.5, 0.9, 0.99, 0.999, 1};
	static uint64_t values[VALUES];
	static struct histogram h;
	uint64_t random = 88172645463325252;

	(void)state;
	for (unsigned i = 0; i < VALUES; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		values[i] = random >> (20 + random % 40); /* of all magnitudes */
		histogram_add(&h, values[i]);
	}
	qsort(values, VALUES, sizeof values[0], compare);
	for (unsigned i = 0; i < ARRAY_LEN(shares); i++) {
		uint64_t want = values[(size_t)(shares[i] * VALUES + 0.5) - 1];
		uint64_t got = histogram_quantile(&h, shares[i]);
		assert_true(got >= want && got - want <= want / HISTOGRAM_STEPS);
	}
	assert_int_equal(h.max, values[VALUES - 1]);
	assert_int_equal(histogram_quantile(&h, 1), h.max);
}

static void quantiles_of_nothing_and_of_one(void **state)
{
	static struct histogram h;

	(void)state;
	assert_int_equal(histogram_quantile(&h, 0.5), 0);
	histogram_add(&h, 12345);
	assert_int_equal(histogram_quantile(&h, 0), 12345);
	assert_int_equal(histogram_quantile(&h, 0.999), 12345);
	histogram_add(&h, UINT64_MAX);
	assert_int_equal(histogram_quantile(&h, 1), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_meet_without_a_gap),
		cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
		cmocka_unit_test(quantiles_of_nothing_and_of_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
