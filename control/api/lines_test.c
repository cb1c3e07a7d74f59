#include "control/api/lines.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "shared/compiler.h"

enum { MOST = 4 };

/* Adds the text in pieces of so many octets and gives what was taken, each time when something was
 * whole. */
static char *through(const char *text, size_t piece, bool ends)
{
	struct lines l = {.most = MOST};
	char *all = calloc(1, strlen(text) + 2);
	size_t len;
	char *taken;

	assert_non_null(all);
	for (size_t at = 0; at < strlen(text); at += piece) {
		size_t left = strlen(text) - at;
		size_t now = left < piece ? left : piece;
		bool whole = lines_add(&l, text + at, now);
		assert_int_equal(whole, memchr(text + at, '\n', now) != NULL);
		taken = lines_take(&l, &len);
		assert_int_equal(whole, taken != NULL);
		if (taken)
			(void)strncat(all, taken, len);
		free(taken);
	}
	if (ends)
		lines_end(&l);
	taken = lines_take(&l, &len);
	if (taken)
		(void)strncat(all, taken, len);
	free(taken);
	lines_fini(&l);
	return all;
}

static void lines_come_out_however_they_came_in(void **state)
{
	static const struct {
		const char *in, *out, *ended;
	} cases[] = {
		{"", "", ""},
		{"\n", "\n", "\n"},
		{"a\nbc\n\nd\n", "a\nbc\n\nd\n", "a\nbc\n\nd\n"},
		{"a\nbc", "a\n", "a\nbc\n"},
		{"abcd\nabcde\n", "abcd\nabcde\n", "abcd\nabcde\n"},
		/* Of what is too long one octet more is kept than may be. */
		{"abcdefghij\nx\n", "abcde\nx\n", "abcde\nx\n"},
		{"x\nabcdefghij", "x\n", "x\nabcde\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t piece = 1; piece < 8; piece++) {
			char *out = through(cases[i].in, piece, false);
			char *ended = through(cases[i].in, piece, true);
			assert_string_equal(out, cases[i].out);
			assert_string_equal(ended, cases[i].ended);
			free(out);
			free(ended);
		}
	}
}

static void a_block_is_walked_line_by_line(void **state)
{
	static const char block[] = "one\n\nthree\n";
	const char *at = block;
	const char *end = block + sizeof block - 1;

	(void)state;
	assert_int_equal(lines_next(&at, end), 3);
	assert_int_equal(lines_next(&at, end), 0);
	assert_string_equal(at, "three\n");
	assert_int_equal(lines_next(&at, end), 5);
	assert_ptr_equal(at, end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_however_they_came_in),
		cmocka_unit_test(a_block_is_walked_line_by_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
