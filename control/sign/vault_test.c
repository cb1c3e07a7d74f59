#include "control/sign/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static char directory[] = "/tmp/vault_test.XXXXXX";
static char path[sizeof directory + 8];
static char why[VAULT_WHY_SIZE];

/* The octets 0 to 31, and some others. */
#define COUNTING    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER       "f00102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
#define COUNTING_ID "85529071bb8bca61"

static const struct vault_bytes name = {"key 1", 5};
static const struct vault_bytes other_name = {"key 2", 5};
static const struct vault_bytes secret = {"the secret", 10};
enum { SEALED_SIZE = 10 + VAULT_OVERHEAD };

/* "the secret" of "key 1" under COUNTING, as another program has sealed it (AESGCM of Python's cryptography). */
static const uint8_t sealed_by_others[] =
	"\x01\x85\x52\x90\x71\xbb\x8b\xca\x61"
	"nonce-nonce."
	"\x32\xea\x9c\xa9\xaf\xa9\x34\xbe\x96\x9b"
	"\x16\x01\x57\x46\x4a\x89\x32\x7a\x10\x5f\x30\x3b\x87\xb1\x34\xb5";

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	(void)snprintf(path, sizeof path, "%s/master", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int remove_file(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

static void write_file(const char *text, mode_t mode)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static struct vault *open_vault(void)
{
	struct vault *v = NULL;

	assert_int_equal(vault_open(path, &v, why), 0);
	return v;
}

static struct vault *vault_of(const char *text)
{
	write_file(text, 0600);
	return open_vault();
}

static struct vault_bytes seal(const struct vault *v, uint8_t out[static SEALED_SIZE])
{
	assert_int_equal(vault_seal(v, name, secret, out), 0);
	return (struct vault_bytes){out, SEALED_SIZE};
}

static void assert_opens(const struct vault *v, struct vault_bytes sealed)
{
	uint8_t out[SEALED_SIZE];

	assert_int_equal(vault_unseal(v, name, sealed, out, why), 0);
	assert_memory_equal(out, secret.bytes, secret.size);
}

/* ---- values ---- */

static void what_others_have_sealed_opens(void **state)
{
	struct vault *v = vault_of(COUNTING "\n");
	char id[VAULT_ID_TEXT_SIZE];

	(void)state;
	assert_opens(v, (struct vault_bytes){sealed_by_others, SEALED_SIZE});
	assert_string_equal(vault_id(v, 0, id), COUNTING_ID);
	vault_free(&v);
	assert_null(v);
	vault_free(&v);
}

static void same_secret_is_never_sealed_alike(void **state)
{
	struct vault *v = vault_of(COUNTING);
	uint8_t one[SEALED_SIZE];
	uint8_t two[SEALED_SIZE];

	(void)state;
	assert_opens(v, seal(v, one));
	assert_opens(v, seal(v, two));
	assert_memory_equal(one, two, 1 + VAULT_ID_SIZE);
	assert_memory_not_equal(one + 9, two + 9, 12);
	assert_memory_not_equal(one + 21, two + 21, secret.size);
	vault_free(&v);
}

static void sealed_value_is_of_one_record(void **state)
{
	struct vault *v = vault_of(COUNTING);
	uint8_t sealed[SEALED_SIZE];
	uint8_t out[SEALED_SIZE];
	static const uint8_t zero[10];

	(void)state;
	(void)seal(v, sealed);
	memset(out, 'x', sizeof out);
	assert_int_equal(vault_unseal(v, other_name,
	                              (struct vault_bytes){sealed, SEALED_SIZE}, out,
	                              why),
	                 ERR_CORRUPT);
	assert_string_equal(why,
	                    "the sealed value was changed, or is that of another record");
	assert_memory_equal(out, zero, sizeof zero);
	vault_free(&v);
}

static void every_bit_of_a_sealed_value_counts(void **state)
{
	struct vault *v = vault_of(COUNTING);
	uint8_t sealed[SEALED_SIZE];
	uint8_t out[SEALED_SIZE];

	(void)state;
	struct vault_bytes s = seal(v, sealed);
	for (size_t i = 0; i < 8 * sizeof sealed; i++) {
		int want = i / 8 == 0               ? ERR_VERSION
		           : i / 8 <= VAULT_ID_SIZE ? ERR_NOTFOUND
		                                    : ERR_CORRUPT;
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(vault_unseal(v, name, s, out, why), want);
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_opens(v, s);
	vault_free(&v);
}

static void sealed_value_is_whole(void **state)
{
	struct vault *v = vault_of(COUNTING);
	uint8_t sealed[SEALED_SIZE + 1] = {0};
	uint8_t out[SEALED_SIZE];

	(void)state;
	(void)seal(v, sealed);
	for (size_t size = 0; size <= sizeof sealed; size++) {
		struct vault_bytes part = {sealed, size};
		if (size != SEALED_SIZE)
			assert_int_equal(vault_unseal(v, name, part, out, why),
			                 ERR_CORRUPT);
	}
	vault_free(&v);
}

static void nothing_and_much_are_sealed_and_more_is_not(void **state)
{
	static uint8_t large[VAULT_PLAIN_MAX + 1];
	static uint8_t sealed[sizeof large + VAULT_OVERHEAD];
	static uint8_t out[sizeof large];
	struct vault *v = vault_of(COUNTING);
	static const size_t sizes[] = {0, 1, VAULT_PLAIN_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct vault_bytes plain = {large, sizes[i]};
		struct vault_bytes s = {sealed, sizes[i] + VAULT_OVERHEAD};
		memset(large, (int)i + 1, sizes[i]);
		assert_int_equal(vault_seal(v, name, plain, sealed), 0);
		assert_int_equal(vault_unseal(v, name, s, out, why), 0);
		assert_memory_equal(out, large, sizes[i]);
	}
	assert_int_equal(
		vault_seal(v, name, (struct vault_bytes){large, sizeof large}, sealed),
		ERR_TOOBIG);
	vault_free(&v);
}

static void missing_master_secret_is_named(void **state)
{
	struct vault *v = vault_of(OTHER "\n");
	char want[VAULT_WHY_SIZE];
	uint8_t out[SEALED_SIZE];

	(void)state;
	assert_int_equal(vault_unseal(v, name,
	                              (struct vault_bytes){sealed_by_others, SEALED_SIZE},
	                              out, why),
	                 ERR_NOTFOUND);
	(void)snprintf(want, sizeof want,
	               "the value is sealed under master secret " COUNTING_ID
	               ", which is not in %s",
	               path);
	assert_string_equal(why, want);
	vault_free(&v);
}

/* ---- the file ---- */

#define NOT_A_SECRET "a master secret is 64 hexadecimal digits and nothing else"

static const struct {
	const char *text;
	unsigned line;
	const char *what;
} refused[] = {
	{"", 0, "there is no master secret"},
	{"# only this\n\n", 2, "there is no master secret"},
	{"secret\n", 1, NOT_A_SECRET},
	{COUNTING "0\n", 1, NOT_A_SECRET},
	{"\n" COUNTING "00\n", 2, NOT_A_SECRET},
	{" " COUNTING "\n", 1, NOT_A_SECRET},
	{COUNTING " \n", 1, NOT_A_SECRET},
	{COUNTING " # mine\n", 1, NOT_A_SECRET},
	{COUNTING OTHER "\n", 1, NOT_A_SECRET},
	{COUNTING "\n" OTHER "\n" COUNTING "\n", 3, "this master secret is there twice"},
	{"0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 1,
         NOT_A_SECRET},
};

static void file_of_anything_else_is_refused(void **state)
{
	struct vault *v = NULL;
	char want[VAULT_WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		write_file(refused[i].text, 0600);
		assert_int_equal(vault_open(path, &v, why), ERR_SYNTAX);
		(void)snprintf(want, sizeof want, "%s: line %u: %s", path,
		               refused[i].line, refused[i].what);
		assert_string_equal(why, want);
		assert_null(v);
	}
}

static void file_that_others_may_read_is_refused(void **state)
{
	struct vault *v = NULL;

	(void)state;
	write_file(COUNTING, 0644);
	assert_int_equal(vault_open(path, &v, why), ERR_REFUSED);
	assert_non_null(strstr(why, "mode 0644"));
	assert_null(strstr(why, COUNTING));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vault_open(path, &v, why), ERR_NOTFOUND);
	assert_int_equal(vault_open(directory, &v, why), ERR_REFUSED);
}

static void first_of_several_secrets_seals_and_all_open(void **state)
{
	struct vault *v = vault_of("# new\r\n" OTHER "\r\n\n# old\n" COUNTING);
	uint8_t sealed[SEALED_SIZE];
	struct vault_bytes old = {sealed_by_others, SEALED_SIZE};

	(void)state;
	assert_int_equal(vault_secrets(v), 2);
	assert_opens(v, old);
	assert_false(vault_is_current(v, old));
	assert_true(vault_is_current(v, seal(v, sealed)));
	assert_opens(v, seal(v, sealed));
	assert_false(vault_is_current(v, (struct vault_bytes){sealed, 36}));
	sealed[0]++;
	assert_false(vault_is_current(v, (struct vault_bytes){sealed, SEALED_SIZE}));
	vault_free(&v);
}

static void made_file_is_its_owners_and_replaces_none(void **state)
{
	char before[VAULT_ID_TEXT_SIZE];
	char after[VAULT_ID_TEXT_SIZE];
	struct stat st;

	(void)state;
	assert_int_equal(vault_make(path, why), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	struct vault *v = open_vault();
	assert_int_equal(vault_secrets(v), 1);
	(void)vault_id(v, 0, before);
	vault_free(&v);
	assert_int_equal(vault_make(path, why), ERR_EXISTS);
	v = open_vault();
	assert_string_equal(vault_id(v, 0, after), before);
	vault_free(&v);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vault_make(path, why), 0);
	v = open_vault();
	assert_string_not_equal(vault_id(v, 0, after), before);
	vault_free(&v);
	assert_int_equal(vault_make("/nonexistent/master", why), ERR_SYSTEM);
	assert_int_equal(vault_make("master", why), ERR_INVALID);
}

/* ---- rotation ---- */

static void rotation_goes_step_by_step(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct vault_bytes old = {sealed_by_others, SEALED_SIZE};
	uint8_t sealed[SEALED_SIZE];
	uint8_t out[SEALED_SIZE];
	struct stat st;

	(void)state;
	assert_int_equal(vault_rotate(v, why), 0);
	assert_true(vault_is_current(v, old));
	vault_free(&v);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	v = open_vault();
	assert_int_equal(vault_secrets(v), 2);
	assert_false(vault_is_current(v, old));
	assert_opens(v, old);
	struct vault_bytes anew = seal(v, sealed);
	assert_int_equal(vault_prune(v, why), 0);
	vault_free(&v);

	v = open_vault();
	assert_int_equal(vault_secrets(v), 1);
	assert_opens(v, anew);
	assert_int_equal(vault_unseal(v, name, old, out, why), ERR_NOTFOUND);
	assert_int_equal(vault_prune(v, why), 0);
	vault_free(&v);
	v = open_vault();
	assert_opens(v, anew);
	vault_free(&v);
}

static void file_that_somebody_else_has_changed_is_left_alone(void **state)
{
	struct vault *v = vault_of(COUNTING);

	(void)state;
	write_file(OTHER "\n" COUNTING, 0600);
	assert_int_equal(vault_rotate(v, why), ERR_STALE);
	assert_int_equal(vault_prune(v, why), ERR_STALE);
	write_file(OTHER, 0600);
	assert_int_equal(vault_rotate(v, why), ERR_STALE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vault_rotate(v, why), ERR_NOTFOUND);
	assert_int_equal(vault_prune(v, why), ERR_NOTFOUND);
	vault_free(&v);
}

static void sealed_value_says_under_what(void **state)
{
	struct vault *v = vault_of(COUNTING);
	char id[VAULT_ID_TEXT_SIZE];
	char text[VAULT_ID_TEXT_SIZE];
	uint8_t out[VAULT_OVERHEAD + 1];

	(void)state;
	assert_int_equal(vault_seal(v, (struct vault_bytes){"n", 1},
	                            (struct vault_bytes){"s", 1}, out),
	                 0);
	assert_string_equal(
		vault_sealed_under((struct vault_bytes){out, sizeof out}, text),
		vault_id(v, 0, id));
	assert_null(
		vault_sealed_under((struct vault_bytes){out, VAULT_OVERHEAD - 1}, text));
	assert_null(vault_sealed_under((struct vault_bytes){NULL, 0}, text));
	out[0]++;
	assert_null(vault_sealed_under((struct vault_bytes){out, sizeof out}, text));
	vault_free(&v);
}

static void secrets_do_not_pile_up(void **state)
{
	struct vault *v = vault_of(COUNTING);

	(void)state;
	for (size_t i = 1; i < VAULT_SECRETS_MAX; i++) {
		assert_int_equal(vault_rotate(v, why), 0);
		vault_free(&v);
		v = open_vault();
		assert_int_equal(vault_secrets(v), i + 1);
	}
	assert_opens(v, (struct vault_bytes){sealed_by_others, SEALED_SIZE});
	assert_int_equal(vault_rotate(v, why), ERR_FULL);
	assert_non_null(strstr(why, "8 master secrets"));
	vault_free(&v);

	FILE *to = fopen(path, "a");
	assert_non_null(to);
	assert_true(fputs(OTHER "\n", to) >= 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(vault_open(path, &v, why), ERR_SYNTAX);
	assert_non_null(strstr(why, "too many"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_others_have_sealed_opens, remove_file),
		cmocka_unit_test_teardown(same_secret_is_never_sealed_alike, remove_file),
		cmocka_unit_test_teardown(sealed_value_is_of_one_record, remove_file),
		cmocka_unit_test_teardown(every_bit_of_a_sealed_value_counts,
	                                  remove_file),
		cmocka_unit_test_teardown(sealed_value_is_whole, remove_file),
		cmocka_unit_test_teardown(nothing_and_much_are_sealed_and_more_is_not,
	                                  remove_file),
		cmocka_unit_test_teardown(missing_master_secret_is_named, remove_file),
		cmocka_unit_test_teardown(sealed_value_says_under_what, remove_file),
		cmocka_unit_test_teardown(file_of_anything_else_is_refused, remove_file),
		cmocka_unit_test_teardown(file_that_others_may_read_is_refused,
	                                  remove_file),
		cmocka_unit_test_teardown(first_of_several_secrets_seals_and_all_open,
	                                  remove_file),
		cmocka_unit_test_teardown(made_file_is_its_owners_and_replaces_none,
	                                  remove_file),
		cmocka_unit_test_teardown(rotation_goes_step_by_step, remove_file),
		cmocka_unit_test_teardown(
			file_that_somebody_else_has_changed_is_left_alone, remove_file),
		cmocka_unit_test_teardown(secrets_do_not_pile_up, remove_file),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
