#include "control/api/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shared/compiler.h"

static void all_of_the_text_has_to_match(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"example.com", "example.com.", true},
		{"example.com.", "EXAMPLE.com", true},
		{"example", "example.com.", false},
		{"*", "", true},
		{"*", "anything", true},
		{"*.com", "example.com.", true},
		{"*.com.", "example.com.", true},
		{"ex*le.c?m", "example.com.", true},
		{"?", "", false},
		{"?", "ab", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"*aab", "aaaab", true},
		{"**", "x", true},
		{"", "", true},
		{"", "x", false},
		{".", ".", true},
		{"192.0.2.*", "192.0.2.1", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(search_matches(cases[i].pattern, cases[i].text),
		                 cases[i].matches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_the_text_has_to_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
