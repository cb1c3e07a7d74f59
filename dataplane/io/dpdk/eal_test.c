#include "dataplane/io/dpdk/eal.h"

#include <stdio.h>
#include <string.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

/* All words but the program's own, with a blank behind each. */
static const char *made(const char *given, int cpu)
{
	static char text[EAL_TEXT_SIZE + EAL_ARGS_MAX];
	static struct eal_args args;
	char *end = text;

	memset(&args, 0xa5, sizeof args);
	assert_int_equal(eal_make_args(&args, given, cpu), 0);
	assert_true(args.count >= 1 && args.count <= EAL_ARGS_MAX);
	assert_string_equal(args.words[0], "anser-dataplane");
	assert_null(args.words[args.count]);
	text[0] = '\0';
	for (int i = 1; i < args.count; i++) {
		end = stpcpy(end, args.words[i]);
		end = stpcpy(end, " ");
	}
	return text;
}

struct args_case {
	const char *given;
	const char *want;
};

static void make_all(const struct args_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_string_equal(made(cases[i].given, 3), cases[i].want);
}

static void what_is_missing_is_added(void **state)
{
	static const struct args_case cases[] = {
		{"", "--in-memory --no-telemetry -l 3 "},
		{" \t\n", "--in-memory --no-telemetry -l 3 "},
		{"-n 4 -a 0000:01:00.0",
	         "-n 4 -a 0000:01:00.0 --in-memory --no-telemetry -l 3 "},
		/* Not the words themselves, but others that begin or end like them. */
		{"--in-memoryx", "--in-memoryx --in-memory --no-telemetry -l 3 "},
		{"--lcoresx=1", "--lcoresx=1 --in-memory --no-telemetry -l 3 "},
		{"--vdev=net_tap0,x=--no-huge",
	         "--vdev=net_tap0,x=--no-huge --in-memory --no-telemetry -l 3 "},
	};

	(void)state;
	make_all(cases, ARRAY_LEN(cases));
}

static void shared_files_are_avoided_unless_they_are_asked_for(void **state)
{
	static const struct args_case cases[] = {
		{"--in-memory", "--in-memory --no-telemetry -l 3 "},
		{"--no-huge", "--no-huge --no-shconf --no-telemetry -l 3 "},
		{"--no-huge --no-shconf", "--no-huge --no-shconf --no-telemetry -l 3 "},
		{"--no-shconf", "--no-shconf --in-memory --no-telemetry -l 3 "},
		{"--file-prefix a", "--file-prefix a --no-telemetry -l 3 "},
		{"--file-prefix=a", "--file-prefix=a --no-telemetry -l 3 "},
		{"--no-huge --file-prefix=a",
	         "--no-huge --file-prefix=a --no-telemetry -l 3 "},
		{"--huge-dir /mnt", "--huge-dir /mnt --no-telemetry -l 3 "},
		{"--huge-unlink=never", "--huge-unlink=never --no-telemetry -l 3 "},
	};

	(void)state;
	make_all(cases, ARRAY_LEN(cases));
}

static void telemetry_is_off_unless_it_is_asked_for(void **state)
{
	static const struct args_case cases[] = {
		{"--telemetry", "--telemetry --in-memory -l 3 "},
		{"--no-telemetry", "--no-telemetry --in-memory -l 3 "},
	};

	(void)state;
	make_all(cases, ARRAY_LEN(cases));
}

static void one_lcore_is_enough_unless_others_are_asked_for(void **state)
{
	static const struct args_case cases[] = {
		{"-l 1", "-l 1 --in-memory --no-telemetry "},
		{"-l1,2", "-l1,2 --in-memory --no-telemetry "},
		{"-c 0x2", "-c 0x2 --in-memory --no-telemetry "},
		{"-cf", "-cf --in-memory --no-telemetry "},
		{"-s 3", "-s 3 --in-memory --no-telemetry "},
		{"--lcores 0@1", "--lcores 0@1 --in-memory --no-telemetry "},
		{"--lcores=0@1", "--lcores=0@1 --in-memory --no-telemetry "},
	};

	(void)state;
	make_all(cases, ARRAY_LEN(cases));
	assert_string_equal(made("", 1023), "--in-memory --no-telemetry -l 1023 ");
}

static void words_are_split_at_blanks_and_nowhere_else(void **state)
{
	static const struct args_case cases[] = {
		{"  -n\t4\n\n -l  1 ", "-n 4 -l 1 --in-memory --no-telemetry "},
		{"-l 1 --vdev \"net_tap0 x\"",
	         "-l 1 --vdev \"net_tap0 x\" --in-memory --no-telemetry "},
	};
	struct eal_args args;

	(void)state;
	make_all(cases, ARRAY_LEN(cases));
	assert_int_equal(eal_make_args(&args, "'a b' c\\ d", 0), 0);
	assert_string_equal(args.words[1], "'a");
	assert_string_equal(args.words[2], "b'");
	assert_string_equal(args.words[3], "c\\");
	assert_string_equal(args.words[4], "d");
}

/* One word for the program, two for what is added, and two for the lcore. */
static void too_many_words_are_refused(void **state)
{
	enum { MOST = EAL_ARGS_MAX - 5 };
	char given[2 * EAL_ARGS_MAX + 1] = "";
	struct eal_args args;
	char *end = given;

	(void)state;
	for (int i = 0; i < MOST; i++)
		end = stpcpy(end, "x ");
	assert_int_equal(eal_make_args(&args, given, 0), 0);
	assert_int_equal(args.count, EAL_ARGS_MAX);
	assert_null(args.words[EAL_ARGS_MAX]);
	(void)stpcpy(end, "x");
	assert_int_equal(eal_make_args(&args, given, 0), ERR_TOOBIG);
}

static void too_long_words_are_refused(void **state)
{
	static const char around[] = "anser-dataplane --in-memory --no-telemetry -l 0";
	enum { MOST = EAL_TEXT_SIZE - sizeof around - 1 };
	static char given[2 * EAL_TEXT_SIZE];
	static struct eal_args args;

	(void)state;
	memset(given, 'x', MOST);
	assert_int_equal(eal_make_args(&args, given, 0), 0);
	assert_int_equal(strlen(args.words[1]), MOST);
	assert_string_equal(args.words[args.count - 1], "0");
	for (size_t len = MOST + 1; len < sizeof given; len++) {
		memset(given, 'x', len);
		assert_int_equal(eal_make_args(&args, given, 0), ERR_TOOBIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_added),
		cmocka_unit_test(shared_files_are_avoided_unless_they_are_asked_for),
		cmocka_unit_test(telemetry_is_off_unless_it_is_asked_for),
		cmocka_unit_test(one_lcore_is_enough_unless_others_are_asked_for),
		cmocka_unit_test(words_are_split_at_blanks_and_nowhere_else),
		cmocka_unit_test(too_many_words_are_refused),
		cmocka_unit_test(too_long_words_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
