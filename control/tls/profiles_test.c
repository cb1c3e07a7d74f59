#include "control/tls/profiles.h"

#include <fcntl.h>
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

/* Standard error is a pipe meanwhile. */
struct fixture {
	struct tls_profiles *profiles;
	int saved;
	int pipe[2];
	char heard[4096];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	assert_int_equal(pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	f->saved = dup(STDERR_FILENO);
	assert_true(dup2(f->pipe[1], STDERR_FILENO) >= 0);
	f->profiles = tls_profiles_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tls_profiles_free(&f->profiles);
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

	f->heard[n > 0 ? n : 0] = '\0';
	return f->heard;
}

static char name[] = "xot";
static char no_pin[] = "abc=";
static char pin[] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
static char no_file[] = "/nonexistent/ca.pem";
static char host[] = "ns.example";

static void what_is_wrong_is_said_once(void **state)
{
	struct fixture *f = *state;
	struct config_tls profile = {.name = name, .pins = no_pin};
	struct tls_client *client = NULL;

	assert_int_equal(tls_profiles_get(f->profiles, &profile, &client), ERR_INVALID);
	assert_non_null(strstr(heard(f), "tls-profiles: xot: "));
	assert_int_equal(tls_profiles_get(f->profiles, &profile, &client), ERR_INVALID);
	assert_string_equal(heard(f), "");

	/* Something else is wrong by now. */
	profile.pins = pin;
	profile.host = host;
	profile.ca = no_file;
	assert_int_equal(tls_profiles_get(f->profiles, &profile, &client), ERR_IO);
	assert_non_null(strstr(heard(f), no_file));
	assert_null(client);
}

static void what_is_mended_is_used_at_the_next_try(void **state)
{
	struct fixture *f = *state;
	struct config_tls profile = {.name = name, .pins = no_pin};
	struct tls_client *client = NULL;
	struct tls_client *same = NULL;

	assert_int_equal(tls_profiles_get(f->profiles, &profile, &client), ERR_INVALID);
	profile.pins = pin;
	assert_int_equal(tls_profiles_get(f->profiles, &profile, &client), 0);
	assert_non_null(client);
	assert_int_equal(tls_profiles_get(f->profiles, &profile, &same), 0);
	assert_ptr_equal(same, client);
}

static void another_configuration_says_it_again(void **state)
{
	struct fixture *f = *state;
	const struct config_tls profile = {.name = name, .pins = no_pin};
	struct tls_client *client = NULL;

	assert_int_equal(tls_profiles_get(f->profiles, &profile, &client), ERR_INVALID);
	assert_string_not_equal(heard(f), "");
	tls_profiles_forget(f->profiles);
	assert_int_equal(tls_profiles_get(f->profiles, &profile, &client), ERR_INVALID);
	assert_string_not_equal(heard(f), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_wrong_is_said_once, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(what_is_mended_is_used_at_the_next_try,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(another_configuration_says_it_again,
	                                        setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
