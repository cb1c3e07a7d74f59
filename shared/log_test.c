#include "shared/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"

/* Standard error is a pipe while something is said. */
struct fixture {
	int saved;
	int pipe[2];
	char heard[16384];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_int_equal(pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	f->saved = dup(STDERR_FILENO);
	assert_true(dup2(f->pipe[1], STDERR_FILENO) >= 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dup2(f->saved, STDERR_FILENO);
	close(f->saved);
	close(f->pipe[0]);
	close(f->pipe[1]);
	free(f);
	return 0;
}

static const char *heard(struct fixture *f)
{
	ssize_t n = read(f->pipe[0], f->heard, sizeof f->heard - 1);

	f->heard[n > 0 ? n : 0] = 0;
	return f->heard;
}

static void text_begins_with_the_program(void **state)
{
	struct fixture *f = *state;

	log_configure("anser-test", LOG_FORM_TEXT, LOG_LEVEL_INFO);
	log_error("%s: %d", "one", 1);
	assert_string_equal(heard(f), "anser-test: one: 1\n");
}

static void less_important_than_asked_for_is_not_said(void **state)
{
	struct fixture *f = *state;

	log_configure("p", LOG_FORM_TEXT, LOG_LEVEL_WARNING);
	log_error("e");
	log_warning("w");
	log_info("i");
	assert_string_equal(heard(f), "p: e\np: w\n");
	log_configure("p", LOG_FORM_TEXT, LOG_LEVEL_ERROR);
	log_warning("w");
	assert_string_equal(heard(f), "");
	log_configure("p", LOG_FORM_TEXT, LOG_LEVEL_INFO);
	log_debug("d");
	assert_string_equal(heard(f), "");
	log_configure("p", LOG_FORM_TEXT, LOG_LEVEL_DEBUG);
	log_debug("%s", "d");
	log_info("i");
	assert_string_equal(heard(f), "p: d\np: i\n");
}

static void json_is_one_object_a_line(void **state)
{
	struct fixture *f = *state;
	char expected[128];
	int year;
	int end = 0;

	log_configure("anser-test", LOG_FORM_JSON, LOG_LEVEL_INFO);
	log_warning("a \"quoted\" back\\slash");
	const char *line = heard(f);
	assert_int_equal(sscanf(line,
	                        "{\"time\":\"%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ\"%n",
	                        &year, &end),
	                 1);
	assert_true(year >= 2024 && end > 0);
	snprintf(expected, sizeof expected,
	         ",\"level\":\"warning\",\"program\":\"anser-test\",\"pid\":%d,"
	         "\"text\":\"a \\\"quoted\\\" back\\\\slash\"}\n",
	         getpid());
	assert_string_equal(line + end, expected);
}

/* Who has a say in what is said cannot make it look like two lines, nor like no JSON. */
static void what_is_no_text_is_made_harmless(void **state)
{
	const struct {
		const char *said;
		const char *shown;
	} cases[] = {
		{"a\nanser-control: b\r\x1b[1m\x7f", "a?anser-control: b??[1m?"},
		{"Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\xb0",
	         "Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8d\xb0"},
		{"\xc3", "?"},                /* cut */
		{"\xc0\xaf", "??"},           /* overlong */
		{"\xe0\x80\xaf", "???"},      /* overlong */
		{"\xed\xa0\x80", "???"},      /* a surrogate */
		{"\xf4\x90\x80\x80", "????"}, /* beyond the last */
		{"\xff", "?"},
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		char expected[256];
		log_configure("p", LOG_FORM_TEXT, LOG_LEVEL_INFO);
		log_info("%s", cases[i].said);
		snprintf(expected, sizeof expected, "p: %s\n", cases[i].shown);
		assert_string_equal(heard(f), expected);
		log_configure("p", LOG_FORM_JSON, LOG_LEVEL_INFO);
		log_info("%s", cases[i].said);
		snprintf(expected, sizeof expected, "\"text\":\"%s\"}\n", cases[i].shown);
		assert_non_null(strstr(heard(f), expected));
	}
}

static void what_is_too_long_is_cut_and_still_an_object(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(8001);

	memset(text, '"', 8000);
	text[8000] = 0;
	log_configure("p", LOG_FORM_JSON, LOG_LEVEL_INFO);
	log_info("%s", text);
	const char *line = heard(f);
	size_t len = strlen(line);
	assert_true(len > 4000 && len < 8000);
	assert_string_equal(line + len - 5, "\\\"\"}\n");
	free(text);
}

static void names_are_found(void **state)
{
	(void)state;
	assert_int_equal(log_form_named("json"), LOG_FORM_JSON);
	assert_int_equal(log_form_named("JSON"), ERR_NOTFOUND);
	assert_int_equal(log_level_named("info"), LOG_LEVEL_INFO);
	assert_int_equal(log_level_named("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_named(""), ERR_NOTFOUND);
}

static void strangers_have_a_share(void **state)
{
	struct fixture *f = *state;
	struct log_share share = {0};

	log_configure("p", LOG_FORM_TEXT, LOG_LEVEL_INFO);
	for (unsigned i = 0; i < LOG_SHARE_LINES; i++)
		assert_true(log_share_take(&share, 5000 + i));
	assert_false(log_share_take(&share, 5998));
	assert_false(log_share_take(&share, 5999));
	assert_true(log_share_take(&share, 6000));
	assert_string_equal(heard(f), "p: 2 lines like the next one were left out\n");
	assert_true(log_share_take(&share, 9000));
	assert_string_equal(heard(f), "");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(text_begins_with_the_program),
		T(less_important_than_asked_for_is_not_said),
		T(json_is_one_object_a_line),
		T(what_is_no_text_is_made_harmless),
		T(what_is_too_long_is_cut_and_still_an_object),
		T(names_are_found),
		T(strangers_have_a_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
