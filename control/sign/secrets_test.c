#include "control/sign/secrets.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/err.h"

enum { THREADS = 4, TURNS = 200, PATH_SIZE = 64 };

static char path[PATH_SIZE];
static char folder[PATH_SIZE / 2];
static struct sign_secrets *secrets;
static char why[VAULT_WHY_SIZE];

static int begin(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/secrets_test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	if (snprintf(path, sizeof path, "%s/s", folder) < 0)
		return -1;
	secrets = sign_secrets_new(path);
	why[0] = '\0';
	return 0;
}

static int end(void **state)
{
	(void)state;
	sign_secrets_free(&secrets);
	(void)unlink(path);
	return rmdir(folder);
}

static bool is_there(void)
{
	struct stat is;

	return stat(path, &is) == 0;
}

static void nothing_is_opened_nor_made_before_it_is_needed(void **state)
{
	(void)state;
	assert_string_equal(sign_secrets_path(secrets), path);
	assert_false(is_there());
	assert_null(sign_secrets_vault(secrets, false, why));
	assert_true(why[0] != '\0');
	assert_false(is_there());
}

static void missing_file_is_made_when_that_is_asked_for(void **state)
{
	struct stat is;

	(void)state;
	const struct vault *v = sign_secrets_vault(secrets, true, why);
	assert_non_null(v);
	assert_int_equal(stat(path, &is), 0);
	assert_int_equal(is.st_mode & 0777, 0600);
	assert_ptr_equal(sign_secrets_vault(secrets, true, why), v);
	assert_ptr_equal(sign_secrets_vault(secrets, false, why), v);
}

static void write_file(const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

/* Nor is one put in its place, whatever is asked for. */
static void file_that_is_not_right_gives_no_vault(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
	} cases[] = {
		{"", 0600},
		{"# nothing\n", 0600},
		{"0123\n", 0600},
		{"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
	         0644},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stat is;
		write_file(cases[i].text, cases[i].mode);
		why[0] = '\0';
		assert_null(sign_secrets_vault(secrets, true, why));
		assert_true(why[0] != '\0');
		assert_int_equal(stat(path, &is), 0);
		assert_int_equal(is.st_size, (off_t)strlen(cases[i].text));
	}
	write_file(cases[3].text, 0600);
	assert_non_null(sign_secrets_vault(secrets, false, why));
}

static void file_that_goes_leaves_the_vault(void **state)
{
	(void)state;
	const struct vault *v = sign_secrets_vault(secrets, true, why);
	assert_int_equal(unlink(path), 0);
	assert_ptr_equal(sign_secrets_vault(secrets, true, why), v);
	assert_false(is_there());
	assert_int_equal(sign_secrets_reload(secrets, why), ERR_NOTFOUND);
	assert_ptr_equal(sign_secrets_vault(secrets, true, why), v);
	write_file("not a secret\n", 0600);
	assert_int_equal(sign_secrets_reload(secrets, why), ERR_SYNTAX);
	assert_ptr_equal(sign_secrets_vault(secrets, true, why), v);
}

/* Whoever has the one of before may use it still. */
static void rotation_is_seen_after_a_reload(void **state)
{
	char id[VAULT_ID_TEXT_SIZE];
	char again[VAULT_ID_TEXT_SIZE];

	(void)state;
	const struct vault *before = sign_secrets_vault(secrets, true, why);
	(void)vault_id(before, 0, id);
	assert_int_equal(vault_rotate(before, why), 0);
	assert_ptr_equal(sign_secrets_vault(secrets, false, why), before);
	assert_int_equal(sign_secrets_reload(secrets, why), 0);
	const struct vault *after = sign_secrets_vault(secrets, false, why);
	assert_ptr_not_equal(after, before);
	assert_int_equal(vault_secrets(after), 2);
	assert_int_equal(vault_secrets(before), 1);
	assert_string_equal(vault_id(before, 0, again), id);
	assert_string_equal(vault_id(after, 1, again), id);
}

static void *ask(void *arg)
{
	char mine[VAULT_WHY_SIZE];
	unsigned *missing = arg;

	for (unsigned i = 0; i < TURNS; i++) {
		const struct vault *v = sign_secrets_vault(secrets, true, mine);
		*missing += !v || vault_secrets(v) != 1;
		*missing += i % 16 == 0 && sign_secrets_reload(secrets, mine) < 0;
	}
	return NULL;
}

static void threads_make_one_file(void **state)
{
	pthread_t threads[THREADS];
	unsigned missing[THREADS] = {0};

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &missing[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(missing[i], 0);
	}
}

static void freed_twice_is_fine(void **state)
{
	(void)state;
	sign_secrets_free(&secrets);
	assert_null(secrets);
	sign_secrets_free(&secrets);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_opened_nor_made_before_it_is_needed),
		TEST(missing_file_is_made_when_that_is_asked_for),
		TEST(file_that_is_not_right_gives_no_vault),
		TEST(file_that_goes_leaves_the_vault),
		TEST(rotation_is_seen_after_a_reload),
		TEST(threads_make_one_file),
		TEST(freed_twice_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
