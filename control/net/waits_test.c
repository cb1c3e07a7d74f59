#include "control/net/waits.h"

#include <stdlib.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static struct waits make(void)
{
	struct waits waits = {0};

	waits.of[WAIT_QUERY].timeout = 100;
	waits.of[WAIT_MESSAGE].timeout = 10;
	waits.of[WAIT_TAKEN].timeout = 50;
	waits.of[WAIT_LEAVE].timeout = 5;
	return waits;
}

static void nothing_ends_when_nothing_waits(void **state)
{
	struct waits waits = make();

	(void)state;
	assert_null(waits_over(&waits, UINT64_MAX));
	assert_true(waits_next_end(&waits) == UINT64_MAX);
}

static void waits_end_in_time_and_not_before(void **state)
{
	struct waits waits = make();
	struct wait a = {0};
	struct wait b = {0};

	(void)state;
	waits_start(&waits, &a, WAIT_QUERY, 1000);
	waits_start(&waits, &b, WAIT_MESSAGE, 1020);
	assert_int_equal(waits_next_end(&waits), 1030);
	assert_null(waits_over(&waits, 1029));
	assert_ptr_equal(waits_over(&waits, 1030), &b);
	waits_stop(&waits, &b);
	assert_int_equal(waits_next_end(&waits), 1100);
	assert_null(waits_over(&waits, 1099));
	assert_ptr_equal(waits_over(&waits, 1100), &a);
}

static void starting_anew_moves_behind_the_others(void **state)
{
	struct waits waits = make();
	struct wait w[3] = {{0}};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		waits_start(&waits, &w[i], WAIT_QUERY, i);
	waits_start(&waits, &w[0], WAIT_QUERY, 10);
	assert_ptr_equal(waits.of[WAIT_QUERY].first, &w[1]);
	waits_start(&waits, &w[2], WAIT_LEAVE, 11);
	assert_ptr_equal(waits.of[WAIT_LEAVE].first, &w[2]);
	waits_stop(&waits, &w[1]);
	assert_ptr_equal(waits.of[WAIT_QUERY].first, &w[0]);
	assert_ptr_equal(waits.of[WAIT_QUERY].last, &w[0]);
	waits_stop(&waits, &w[0]);
	assert_null(waits.of[WAIT_QUERY].first);
	assert_null(waits.of[WAIT_QUERY].last);
}

static void stopping_twice_does_nothing(void **state)
{
	struct waits waits = make();
	struct wait a = {0};
	struct wait b = {0};

	(void)state;
	waits_start(&waits, &a, WAIT_TAKEN, 0);
	waits_start(&waits, &b, WAIT_TAKEN, 1);
	waits_stop(&waits, &a);
	waits_stop(&waits, &a);
	assert_ptr_equal(waits.of[WAIT_TAKEN].first, &b);
	assert_ptr_equal(waits.of[WAIT_TAKEN].last, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_ends_when_nothing_waits),
		cmocka_unit_test(waits_end_in_time_and_not_before),
		cmocka_unit_test(starting_anew_moves_behind_the_others),
		cmocka_unit_test(stopping_twice_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
