#include "control/access/rates.h"

#include <stdio.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

enum { SECOND = 1000000 };

static const char alice[KEY_ID_SIZE] = "0123456789abcdef";
static const char bob[KEY_ID_SIZE] = "fedcba9876543210";
static const char file[KEY_ID_SIZE] = "";

static unsigned taken(struct rates *r, const char *id, uint64_t now)
{
	unsigned count = 0;

	while (rates_take(r, id, now) == 0)
		assert_true(++count < 100000);
	return count;
}

static void a_burst_is_followed_by_the_rate(void **state)
{
	struct rates *r = rates_new(10, 5);

	(void)state;
	assert_int_equal(taken(r, alice, SECOND), 5);
	assert_int_equal(rates_take(r, alice, SECOND), 100);
	assert_int_equal(rates_take(r, alice, SECOND + 99001), 1);
	assert_int_equal(rates_take(r, alice, SECOND + 100000), 0);
	assert_int_equal(rates_take(r, alice, SECOND + 100000), 100);
	for (uint64_t now = 2 * SECOND; now < 12 * SECOND; now += SECOND / 10)
		assert_in_range(taken(r, alice, now), 1, 5);
	assert_int_equal(taken(r, alice, 12 * SECOND), 1);
	/* All of it is there again, and no more, however long it was quiet. */
	assert_int_equal(taken(r, alice, 3600 * (uint64_t)SECOND), 5);
	rates_free(r);
}

static void refusals_cost_nothing(void **state)
{
	struct rates *r = rates_new(1, 1);

	(void)state;
	assert_int_equal(rates_take(r, alice, SECOND), 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(rates_take(r, alice, SECOND), 1000);
	assert_int_equal(rates_take(r, alice, 2 * SECOND), 0);
	rates_free(r);
}

static void keys_do_not_wait_for_each_other(void **state)
{
	struct rates *r = rates_new(100, 7);
	char id[KEY_ID_SIZE];

	(void)state;
	assert_int_equal(taken(r, alice, SECOND), 7);
	assert_int_equal(taken(r, bob, SECOND), 7);
	assert_int_equal(taken(r, file, SECOND), 7);
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(id, sizeof id, "%016x", i * 2654435761U);
		assert_int_equal(taken(r, id, SECOND), 7);
	}
	rates_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_followed_by_the_rate),
		cmocka_unit_test(refusals_cost_nothing),
		cmocka_unit_test(keys_do_not_wait_for_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
