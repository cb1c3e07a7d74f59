#include "control/qlog/zones.h"

#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static const uint8_t example[NAME_MAX_LEN] = "\7example";
static const uint8_t sub[NAME_MAX_LEN] = "\3sub\7example";

static void only_zones_of_the_list_are_counted(void **state)
{
	static struct zone_counts c;
	static struct zone_count out[CONFIG_COUNTED_ZONES_MAX];

	(void)state;
	zone_counts_init(&c);
	zone_counts_add(&c, example, 0, 10);
	zone_counts_set(&c, "Example . example.");
	zone_counts_add(&c, example, 0, 10);
	zone_counts_add(&c, example, 3, 10);
	zone_counts_add(&c, example, 5, 1);
	zone_counts_add(&c, sub, 0, 10);
	assert_int_equal(zone_counts_look(&c, out), 2);
	assert_memory_equal(out[0].name, example, 9);
	assert_int_equal(out[0].noerror, 10);
	assert_int_equal(out[0].nxdomain, 10);
	assert_int_equal(out[0].other, 1);
	assert_int_equal(out[1].noerror + out[1].nxdomain + out[1].other, 0);
	zone_counts_fini(&c);
}

static void zones_that_stay_keep_their_counts(void **state)
{
	static struct zone_counts c;
	static struct zone_count out[CONFIG_COUNTED_ZONES_MAX];

	(void)state;
	zone_counts_init(&c);
	zone_counts_set(&c, "sub.example example");
	zone_counts_add(&c, example, 0, 7);
	zone_counts_add(&c, sub, 0, 8);
	zone_counts_set(&c, "example");
	zone_counts_set(&c, "other example. sub.example");
	assert_int_equal(zone_counts_look(&c, out), 3);
	assert_int_equal(out[0].noerror, 0);
	assert_int_equal(out[1].noerror, 7);
	assert_int_equal(out[2].noerror, 0);
	zone_counts_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_zones_of_the_list_are_counted),
		cmocka_unit_test(zones_that_stay_keep_their_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
