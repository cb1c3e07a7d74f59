#include "control/diag.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static void line_leaves_out_what_is_zero(void **state)
{
	static const struct {
		const char *file;
		unsigned line;
		unsigned column;
		const char *rule;
		const char *want;
	} cases[] = {
		{"a.zone", 3, 7, "r", "a.zone:3:7: error: text [r]"},
		{"a.zone", 3, 0, "r", "a.zone:3: error: text [r]"},
		{"a.zone", 0, 0, "r", "a.zone: error: text [r]"},
		{"a.zone", 0, 9, "r", "a.zone: error: text [r]"},
		{"", 3, 7, "r", "3:7: error: text [r]"},
		{NULL, 0, 0, "", "error: text"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag d;
		char line[256];

		diag_init(&d);
		diag_add(&d, DIAG_ERROR, cases[i].rule, cases[i].file, cases[i].line,
		         cases[i].column, "%s", "text");
		diag_format(&d.entries[0], line, sizeof line);
		assert_string_equal(line, cases[i].want);
		diag_fini(&d);
	}
}

static void long_line_is_cut_at_the_buffer(void **state)
{
	struct diag d;
	char line[16];

	(void)state;
	diag_init(&d);
	diag_add(&d, DIAG_WARNING, "rule", "file", 1, 1, "%0*d", 5000, 7);
	assert_int_equal(strlen(d.entries[0].text), 5000);
	diag_format(&d.entries[0], line, sizeof line);
	assert_string_equal(line, "file:1:1: warni");
	diag_fini(&d);
}

static void control_characters_do_not_reach_the_line(void **state)
{
	struct diag d;
	char line[64];

	(void)state;
	diag_init(&d);
	diag_add(&d, DIAG_ERROR, "r", "a\nb", 1, 1, "x%sy", "\n\x1b[31m\x7f");
	diag_format(&d.entries[0], line, sizeof line);
	assert_string_equal(line, "a?b:1:1: error: x??[31m?y [r]");
	diag_fini(&d);
}

static void entries_beyond_the_kept_ones_are_counted(void **state)
{
	struct diag d;
	char *printed = NULL;
	size_t size = 0;

	(void)state;
	diag_init(&d);
	for (unsigned i = 0; i < DIAG_KEEP + 5; i++)
		diag_add(&d, i % 2 ? DIAG_ERROR : DIAG_WARNING, "r", "f", i + 1, 0,
		         "n %u", i);
	assert_int_equal(d.kept, DIAG_KEEP);
	assert_int_equal(d.errors, 52);
	assert_int_equal(d.warnings, 53);

	FILE *to = open_memstream(&printed, &size);
	assert_non_null(to);
	diag_print(&d, to);
	assert_int_equal(fclose(to), 0);
	assert_non_null(strstr(printed, "f:100: error: n 99 [r]\n"));
	assert_null(strstr(printed, "f:101:"));
	assert_non_null(strstr(printed,
	                       "\n5 more not shown: 52 errors and 53 warnings in all\n"));
	free(printed);
	diag_fini(&d);
	assert_int_equal(d.errors, 0);
}

static void the_first_error_is_found_behind_warnings(void **state)
{
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_null(diag_first_error(&d));
	diag_add(&d, DIAG_WARNING, "w", NULL, 0, 0, "warning");
	assert_null(diag_first_error(&d));
	diag_add(&d, DIAG_ERROR, "e", NULL, 0, 0, "first");
	diag_add(&d, DIAG_ERROR, "e", NULL, 0, 0, "second");
	assert_non_null(diag_first_error(&d));
	assert_string_equal(diag_first_error(&d)->text, "first");
	diag_fini(&d);
}

static void nothing_is_printed_for_an_empty_list(void **state)
{
	struct diag d;
	char *printed = NULL;
	size_t size = 0;

	(void)state;
	diag_init(&d);
	FILE *to = open_memstream(&printed, &size);
	assert_non_null(to);
	diag_print(&d, to);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(size, 0);
	free(printed);
	diag_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_leaves_out_what_is_zero),
		cmocka_unit_test(long_line_is_cut_at_the_buffer),
		cmocka_unit_test(control_characters_do_not_reach_the_line),
		cmocka_unit_test(entries_beyond_the_kept_ones_are_counted),
		cmocka_unit_test(the_first_error_is_found_behind_warnings),
		cmocka_unit_test(nothing_is_printed_for_an_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
