#include "control/zone_marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_is_known_of_others(void **state)
{
	struct zone_marks m;

	(void)state;
	zone_marks_init(&m);
	zone_marks_set_check(&m, 7, 1000);
	assert_true(zone_marks_set_notified(&m, 7 + 64, 5));
	assert_int_equal(zone_marks_look(&m, 7).last_check, 1000);
	assert_false(zone_marks_look(&m, 7).is_notified);
	assert_int_equal(zone_marks_look(&m, 7 + 64).last_check, 0);
	assert_int_equal(zone_marks_look(&m, 7 + 64).notified_serial, 5);
	assert_int_equal(zone_marks_look(&m, 8).last_check, 0);
	assert_false(zone_marks_forget_notified(&m, 8));
	zone_marks_fini(&m);
}

static void serials_only_rise(void **state)
{
	struct zone_marks m;

	(void)state;
	zone_marks_init(&m);
	assert_true(zone_marks_set_notified(&m, 1, UINT32_MAX));
	assert_false(zone_marks_set_notified(&m, 1, UINT32_MAX));
	assert_false(zone_marks_set_notified(&m, 1, UINT32_MAX - 5));
	assert_true(zone_marks_set_notified(&m, 1, 0));
	assert_int_equal(zone_marks_look(&m, 1).notified_serial, 0);
	assert_true(zone_marks_look(&m, 1).is_notified);
	assert_true(zone_marks_forget_notified(&m, 1));
	assert_false(zone_marks_forget_notified(&m, 1));
	assert_true(zone_marks_set_notified(&m, 1, 3));
	zone_marks_fini(&m);
}

static void many_are_kept_and_the_forgotten_take_no_room(void **state)
{
	enum { COUNT = 10000 };
	struct zone_marks m;

	(void)state;
	zone_marks_init(&m);
	for (uint32_t id = 1; id <= COUNT; id++)
		zone_marks_set_check(&m, id * 3, id);
	for (uint32_t id = 1; id <= COUNT; id++)
		assert_int_equal(zone_marks_look(&m, id * 3).last_check, id);
	size_t room = m.room;
	for (uint32_t round = 0; round < 10; round++) {
		for (uint32_t id = 1; id <= COUNT; id++)
			zone_marks_set_check(&m, (round * COUNT + id) * 3, 0);
		for (uint32_t id = 1; id <= COUNT; id++)
			zone_marks_set_check(&m, ((round + 1) * COUNT + id) * 3, id);
	}
	assert_true(m.room <= room * 2);
	assert_int_equal(zone_marks_look(&m, (10 * COUNT + 5) * 3).last_check, 5);
	assert_int_equal(zone_marks_look(&m, 5 * 3).last_check, 0);
	zone_marks_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_of_others),
		cmocka_unit_test(serials_only_rise),
		cmocka_unit_test(many_are_kept_and_the_forgotten_take_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
