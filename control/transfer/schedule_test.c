/* The order in which secondaries are looked at, and what a million of them cost. */
#include "control/transfer/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shared/compiler.h"

static const uint8_t name[] = "\7example";

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void count_one(UNUSED struct secondary *one, void *arg)
{
	++*(size_t *)arg;
}

static void they_come_in_the_order_of_time(UNUSED void **state)
{
	enum { COUNT = 1000 };
	struct schedule *s = schedule_new();
	uint64_t last = 0;
	size_t count = 0;
	size_t given = 0;

	assert_null(schedule_first(s));
	for (uint32_t id = 1; id <= COUNT; id++)
		schedule_at(s, schedule_add(s, id, name), random_below(5000));
	/* Some at another time, some not at all, and some not any more. */
	for (uint32_t id = 1; id <= COUNT; id++) {
		struct secondary *one = schedule_find(s, id);

		assert_int_equal(one->at.id, id);
		if (id % 5 == 0)
			schedule_at(s, one, random_below(5000));
		if (id % 5 == 1)
			schedule_pause(s, one);
		if (id % 5 == 2)
			schedule_remove(s, one);
	}
	schedule_each(s, count_one, &count);
	assert_int_equal(count, COUNT - COUNT / 5);
	for (struct secondary *one; (one = schedule_first(s)); given++) {
		assert_true(one->at.due >= last);
		last = one->at.due;
		schedule_pause(s, one);
	}
	assert_int_equal(given, COUNT - 2 * (COUNT / 5));
	assert_null(schedule_find(s, 2));
	schedule_free(s);
}

static void there_may_be_a_million(UNUSED void **state)
{
	enum { COUNT = 1000000 };
	struct schedule *s = schedule_new();
	size_t count = 0;

	for (uint32_t id = 1; id <= COUNT; id++)
		schedule_at(s, schedule_add(s, id, name), random_below(3600000));
	for (unsigned i = 0; i < COUNT; i++) {
		struct secondary *one = schedule_first(s);
		schedule_at(s, one, one->at.due + 3600000);
	}
	schedule_each(s, count_one, &count);
	assert_int_equal(count, COUNT);
	assert_true(sizeof(struct secondary) <= 112);
	schedule_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_come_in_the_order_of_time),
		cmocka_unit_test(there_may_be_a_million),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
