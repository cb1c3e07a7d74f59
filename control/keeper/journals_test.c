/* Which files in the store's directory are taken for journals of signings, and which of them go. */
#include "control/keeper/journals.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/compiler.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

enum { PATH_SIZE = 96, SEEN_MAX = 8 };

static char dir[32];
static struct config config;
static struct zone_keys keys = {.zone = "\7example", .id = 7};

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/journals.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	config = (struct config){.store = dir};
	return 0;
}

static int end(void **state)
{
	(void)state;
	return rmdir(dir); /* each test removes what it has made */
}

static const char *path_of(const char *name)
{
	static char path[PATH_SIZE];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void make(const char *name)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

static bool is_there(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

/* ---- one ---- */

static void journal_is_a_file_of_its_zone_that_stays_until_it_is_removed(void **state)
{
	struct stat is;
	struct sign_journal *j = journals_open(&config, &keys);

	(void)state;
	assert_non_null(j);
	assert_int_equal(sign_journal_close(&j), 0);
	assert_int_equal(stat(path_of("signing-7"), &is), 0);
	assert_int_equal(is.st_mode & 0777, 0600);
	journals_remove(&config, 70);
	assert_true(is_there("signing-7"));
	journals_remove(&config, 7);
	assert_false(is_there("signing-7"));
	journals_remove(&config, 7); /* there may be none */
}

static void without_a_directory_there_is_none(void **state)
{
	static char gone[] = "/nonexistent/store";
	static const struct config nowhere;
	static const struct config lost = {.store = gone};

	(void)state;
	assert_null(journals_open(&nowhere, &keys));
	journals_remove(&nowhere, 7);
	journals_sweep(&nowhere, NULL, NULL);
	assert_null(journals_open(&lost, &keys));
	journals_sweep(&lost, NULL, NULL);
}

/* The path does not fit, and no other is taken for it. */
static void path_that_is_too_long_is_none(void **state)
{
	static char longest[PATH_MAX];
	static const struct config c = {.store = longest};

	(void)state;
	memset(longest, '/', sizeof longest - 1);
	assert_null(journals_open(&c, &keys));
	journals_remove(&c, 7);
}

static void what_cannot_be_opened_is_none(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("signing-7"), 0700), 0);
	assert_null(journals_open(&config, &keys));
	journals_remove(&config, 7); /* says so, and goes on */
	assert_true(is_there("signing-7"));
	assert_int_equal(rmdir(path_of("signing-7")), 0);
}

/* ---- those that are left ---- */

struct asked {
	uint32_t zones[SEEN_MAX];
	size_t count;
	uint32_t wanted;
};

static bool is_wanted(uint32_t zone, void *arg)
{
	struct asked *a = arg;

	assert_true(a->count < SEEN_MAX);
	a->zones[a->count++] = zone;
	return zone == a->wanted;
}

static void journals_of_zones_that_are_not_wanted_go(void **state)
{
	struct asked a = {.wanted = 12};

	(void)state;
	make("signing-1");
	make("signing-12");
	make("signing-4294967295");
	journals_sweep(&config, is_wanted, &a);
	assert_int_equal(a.count, 3);
	assert_false(is_there("signing-1"));
	assert_true(is_there("signing-12"));
	assert_false(is_there("signing-4294967295"));
	journals_remove(&config, 12);
}

/* They are somebody else's, and nobody is asked about them. */
static void other_files_are_left_alone(void **state)
{
	static const char *const names[] = {
		"signing-",   "signing-0",     "signing-01",
		"signing--1", "signing-+1",    "signing- 1",
		"signing-1x", "signing-1.tmp", "signing-4294967296",
		"signing-x",  "xsigning-1",    "Signing-1",
		"signing",    "signing-0x1",   "signing-99999999999999999999999",
		"data.mdb",   ".signing-1",    "signing_1",
	};
	struct asked a = {.wanted = 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		make(names[i]);
	journals_sweep(&config, is_wanted, &a);
	assert_int_equal(a.count, 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!is_there(names[i]))
			fail_msg("%s is gone", names[i]);
		assert_int_equal(unlink(path_of(names[i])), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(journal_is_a_file_of_its_zone_that_stays_until_it_is_removed),
		TEST(without_a_directory_there_is_none),
		TEST(path_that_is_too_long_is_none),
		TEST(what_cannot_be_opened_is_none),
		TEST(journals_of_zones_that_are_not_wanted_go),
		TEST(other_files_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
