#include "control/spool/spool.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

enum { LONG = 3 * SPOOL_MEMORY };

static char dir[] = "/tmp/spool_test.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void write_octets(struct spool *s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)putc_unlocked((int)('a' + i % 26), spool_writer(s));
}

static unsigned names_in_dir(void)
{
	unsigned count = 0;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while (readdir(d))
		count++;
	(void)closedir(d);
	return count - 2;
}

static void what_is_written_is_counted_wherever_it_is(void **state)
{
	static const size_t sizes[] = {0, 1, 65536, SPOOL_MEMORY, SPOOL_MEMORY + 1, LONG};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct spool *s = spool_new(dir);
		write_octets(s, sizes[i]);
		assert_int_equal(ftell(spool_writer(s)), sizes[i]);
		assert_int_equal(spool_end(s), 0);
		assert_int_equal(spool_size(s), sizes[i]);
		assert_int_equal(names_in_dir(), 0);
		spool_free(s);
	}
}

static void going_back_forgets_what_was_behind(void **state)
{
	static const size_t sizes[] = {10, LONG};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct spool *s = spool_new(dir);
		write_octets(s, sizes[i]);
		rewind(spool_writer(s));
		write_octets(s, 5);
		assert_int_equal(spool_end(s), 0);
		assert_int_equal(spool_size(s), 5);
		spool_free(s);
	}
}

static void what_cannot_be_kept_is_told_at_the_end(void **state)
{
	struct spool *s = spool_new("/tmp/spool_test.is.not.there");

	(void)state;
	write_octets(s, SPOOL_MEMORY);
	assert_int_equal(spool_end(s), 0);
	spool_free(s);
	s = spool_new("/tmp/spool_test.is.not.there");
	write_octets(s, LONG);
	assert_int_equal(spool_end(s), ERR_FULL);
	spool_free(s);
}

static void one_that_nobody_ends_leaves_nothing(void **state)
{
	struct spool *s = spool_new(dir);

	(void)state;
	write_octets(s, LONG);
	spool_free(s);
	spool_free(NULL);
	assert_int_equal(names_in_dir(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_counted_wherever_it_is),
		cmocka_unit_test(going_back_forgets_what_was_behind),
		cmocka_unit_test(what_cannot_be_kept_is_told_at_the_end),
		cmocka_unit_test(one_that_nobody_ends_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
