#include "control/http/target.h"

#include <stdio.h>
#include <string.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

/* "a|b ?n=v" */
static void print(const struct target *t, char *to, size_t size)
{
	size_t len = 0;

	to[0] = 0;
	for (unsigned i = 0; i < t->segment_count; i++)
		len += (size_t)snprintf(to + len, size - len, "%s%s", i ? "|" : "",
		                        t->segments[i]);
	for (unsigned i = 0; i < t->parameter_count; i++)
		len += (size_t)snprintf(to + len, size - len, " ?%s=%s",
		                        t->parameters[i].name, t->parameters[i].value);
}

static void targets_are_taken_apart(void **state)
{
	static const struct {
		const char *raw;
		const char *want;
	} cases[] = {
		{"/", ""},
		{"/api", "api"},
		{"/api/", "api"},
		{"/api//v1", "api||v1"},
		{"/zones/a%2Fb/x", "zones|a/b|x"},
		{"/%c3%A9", "\xc3\xa9"},
		{"/a+b", "a+b"},
		{"/a?x=1&y=2", "a ?x=1 ?y=2"},
		{"/a?x=1+2%2b3", "a ?x=1 2+3"},
		{"/a?x&y=&&=z", "a ?x= ?y="},
		{"/a?x=1=2&y=%26", "a ?x=1=2 ?y=&"},
		{"/?q=/etc/passwd", " ?q=/etc/passwd"},
		{"/../..", "..|.."},
		{"http://h:80/a/b?c=d", "a|b ?c=d"},
		{"HTTPS://h", ""},
		{"/1/2/3/4/5/6/7/8/9/a/b/c", "1|2|3|4|5|6|7|8|9|a|b|c"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct target t;
		char text[256];

		assert_int_equal(target_parse(cases[i].raw, &t), 0);
		print(&t, text, sizeof text);
		assert_string_equal(text, cases[i].want);
		target_fini(&t);
	}
}

static void what_has_no_one_meaning_is_refused(void **state)
{
	static const struct {
		const char *raw;
		int want;
	} cases[] = {
		{"", ERR_SYNTAX},
		{"*", ERR_SYNTAX},
		{"api", ERR_SYNTAX},
		{"ftp://h/a", ERR_SYNTAX},
		{"http://h?a=b", ERR_SYNTAX},
		{"/%", ERR_SYNTAX},
		{"/%4", ERR_SYNTAX},
		{"/%4g", ERR_SYNTAX},
		{"/%00", ERR_SYNTAX},
		{"/a?b=%00", ERR_SYNTAX},
		{"/a?%zz=1", ERR_SYNTAX},
		{"/a\tb", ERR_SYNTAX},
		{"/a\x7f", ERR_SYNTAX},
		{"/\xff", ERR_SYNTAX},
		{"/%ff", ERR_SYNTAX},
		{"/a?b=%c3", ERR_SYNTAX},
		{"/1/2/3/4/5/6/7/8/9/a/b/c/d", ERR_TOOBIG},
		{"/?a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a",
	         ERR_TOOBIG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct target t;
		assert_int_equal(target_parse(cases[i].raw, &t), cases[i].want);
	}
}

static void first_parameter_of_a_name_counts(void **state)
{
	struct target t;

	(void)state;
	assert_int_equal(target_parse("/?a=1&b=2&a=3", &t), 0);
	assert_string_equal(target_parameter(&t, "a"), "1");
	assert_string_equal(target_parameter(&t, "b"), "2");
	assert_null(target_parameter(&t, "c"));
	assert_true(target_flag(&t, "a"));
	assert_false(target_flag(&t, "c"));
	target_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_taken_apart),
		cmocka_unit_test(what_has_no_one_meaning_is_refused),
		cmocka_unit_test(first_parameter_of_a_name_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
