#include "control/uploads.h"

#include <dirent.h>
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

static char dir[] = "/tmp/anser-uploads-XXXXXX";

static int setup(void **state)
{
	struct uploads *u = malloc(sizeof *u);

	(void)strcpy(dir + sizeof dir - 7, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_non_null(u);
	uploads_init(u, dir);
	*state = u;
	return 0;
}

static int teardown(void **state)
{
	uploads_fini(*state);
	free(*state);
	/* Nothing has a name there. */
	return rmdir(dir);
}

static void pieces_become_one_file(void **state)
{
	struct uploads *u = *state;
	char name[UPLOAD_NAME_SIZE];
	char text[16] = "";
	size_t size = 0;
	int fd = -1;

	assert_int_equal(uploads_begin(u, name), 0);
	assert_int_equal(strlen(name), UPLOAD_NAME_SIZE - 1);
	assert_int_equal(uploads_add(u, name, "one ", 4), 0);
	assert_int_equal(uploads_add(u, name, "", 0), 0);
	assert_int_equal(uploads_add(u, name, "two", 3), 0);
	assert_int_equal(uploads_take(u, name, &fd, &size), 0);
	assert_int_equal(size, 7);
	assert_int_equal(pread(fd, text, sizeof text, 0), 7);
	assert_string_equal(text, "one two");
	assert_int_equal(close(fd), 0);
	assert_int_equal(uploads_take(u, name, &fd, &size), ERR_NOTFOUND);
	assert_int_equal(uploads_add(u, name, "x", 1), ERR_NOTFOUND);
	assert_int_equal(uploads_add(u, "", "x", 1), ERR_NOTFOUND);
}

static void only_idle_ones_make_room(void **state)
{
	struct uploads *u = *state;
	char names[UPLOADS_MAX][UPLOAD_NAME_SIZE];
	char more[UPLOAD_NAME_SIZE];

	for (size_t i = 0; i < UPLOADS_MAX; i++)
		assert_int_equal(uploads_begin(u, names[i]), 0);
	assert_int_equal(uploads_begin(u, more), ERR_LIMITED);
	for (size_t i = 0; i < UPLOADS_MAX; i++)
		if (strcmp(u->items[i].name, names[3]) == 0)
			u->items[i].used_at_ms -= UPLOAD_IDLE_MS + 1;
	assert_int_equal(uploads_begin(u, more), 0);
	assert_int_equal(uploads_add(u, names[3], "x", 1), ERR_NOTFOUND);
	assert_int_equal(uploads_add(u, names[4], "x", 1), 0);
	assert_int_equal(uploads_add(u, more, "x", 1), 0);
}

static void too_much_ends_an_upload(void **state)
{
	struct uploads *u = *state;
	char name[UPLOAD_NAME_SIZE];

	assert_int_equal(uploads_begin(u, name), 0);
	for (size_t i = 0; i < UPLOADS_MAX; i++)
		if (strcmp(u->items[i].name, name) == 0)
			u->items[i].size = UPLOAD_SIZE_MAX - 2;
	assert_int_equal(uploads_add(u, name, "ab", 2), 0);
	assert_int_equal(uploads_add(u, name, "c", 1), ERR_TOOBIG);
	assert_int_equal(uploads_add(u, name, "c", 1), ERR_NOTFOUND);
}

static void directory_that_is_not_there_is_an_error(void **state)
{
	struct uploads u;
	char name[UPLOAD_NAME_SIZE];

	(void)state;
	uploads_init(&u, "/no/such/directory");
	assert_int_equal(uploads_begin(&u, name), ERR_IO);
	uploads_fini(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pieces_become_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(only_idle_ones_make_room, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(too_much_ends_an_upload, setup, teardown),
		cmocka_unit_test(directory_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
