// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "shared/io_settings.h"

#include <string.h>

#include "shared/compiler.h"

static void names_are_read_in_their_order(void **state)
{
	static const char *const expected[] = {"net_memif0", "0000:05:00.0", "e"};
	const char *at = "net_memif0 0000:05:00.0 e";
	char name[IO_NAMES_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_true(io_names_next(&at, name));
		assert_string_equal(name, expected[i]);
	}
	assert_false(io_names_next(&at, name));
	assert_false(io_names_next(&at, name));
}

static void an_empty_list_has_no_name(void **state)
{
	const char *at = "";
	char name[IO_NAMES_SIZE];

	(void)state;
	assert_false(io_names_next(&at, name));
	assert_false(io_names_have("", "eth0"));
	assert_false(io_names_have("", ""));
}

static void the_longest_name_fits_and_no_longer_one(void **state)
{
	char list[IO_NAMES_SIZE + 1];
	char name[IO_NAMES_SIZE];
	const char *at = list;

	(void)state;
	memset(list, 'x', sizeof list);
	list[IO_NAMES_SIZE] = '\0';
	assert_false(io_names_next(&at, name));
	list[IO_NAMES_SIZE - 1] = '\0';
	assert_true(io_names_next(&at, name));
	assert_string_equal(name, list);
}

static void only_whole_names_are_there(void **state)
{
	static const char list[] = "eth10 veth1 eth1";

	(void)state;
	assert_true(io_names_have(list, "eth10"));
	assert_true(io_names_have(list, "veth1"));
	assert_true(io_names_have(list, "eth1"));
	assert_false(io_names_have(list, "eth"));
	assert_false(io_names_have(list, "th1"));
	assert_false(io_names_have(list, "eth100"));
	assert_false(io_names_have(list, "eth10 veth1"));
	assert_false(io_names_have(list, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_in_their_order),
		cmocka_unit_test(an_empty_list_has_no_name),
		cmocka_unit_test(the_longest_name_fits_and_no_longer_one),
		cmocka_unit_test(only_whole_names_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
