#include "control/http/json.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

static void what_is_read_is_written_in_order(void **state)
{
	static const char *const cases[][2] = {
		{"{\"b\":[1,true,null],\"a\":\"x\"}",
	         "{\"a\": \"x\", \"b\": [1, true, null]}"},
		{" [ ] ", "[]"},
		{"\"\\u00e9\"", "\"\xc3\xa9\""},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"},
		{"[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]",
	         "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]"},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *v = http_json_read(cases[i][0], strlen(cases[i][0]), text,
		                           sizeof text);
		assert_non_null(v);
		char *written = http_json_write(v);
		assert_string_equal(written, cases[i][1]);
		free(written);
		json_decref(v);
	}
}

static void what_is_no_json_is_refused_with_a_place(void **state)
{
	static const char *const cases[][2] = {
		{"", "line 1, column 0"},
		{"{", "line 1, column 1"},
		{"{}\n{}", "line 2"},
		{"{\"a\":1,\"a\":2}", "duplicate"},
		{"[1,]", "column 4"},
		{"[9223372036854775808]", "too big"},
		{"[1e999]", "real number overflow"},
		{"\"\xff\"", "line 1"},
		{"\"\\u0000\"", "line 1"},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	         "nested"},
		{"{\"\\\"\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nested"},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(http_json_read(cases[i][0], strlen(cases[i][0]), text,
		                           sizeof text));
		if (!strstr(text, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_written_in_order),
		cmocka_unit_test(what_is_no_json_is_refused_with_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
