#include "control/sign/stored.h"

#include <string.h>
#include <sys/stat.h>

#include "control/sign/keyfile.h"
#include "control/sign/testing.h"
#include "control/store/testing.h"
#include "shared/err.h"

static const uint8_t zone_a[] = "\1a";
static const uint8_t zone_b[] = "\1b";
static const struct sign_stored_name name = {zone_a, 3};
static char why[VAULT_WHY_SIZE];

#define COUNTING "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER    "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* The file is read, and gone. */
static struct vault *vault_of(const char *text)
{
	char path[PATH_SIZE + 8];
	struct vault *v = NULL;

	(void)snprintf(path, sizeof path, "%s/master", dir);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(vault_open(path, &v, why), 0);
	assert_int_equal(unlink(path), 0);
	return v;
}

static struct sign_key *some_key(uint8_t algorithm)
{
	struct sign_key *k = NULL;

	assert_int_equal(
		sign_key_generate(algorithm, SIGN_RSA_BITS_MIN, SIGN_FLAGS_KSK, &k), 0);
	return k;
}

static void seal_one(const struct vault *v, struct sign_stored *out)
{
	struct sign_key *k = some_key(SIGN_ED25519);

	assert_int_equal(sign_stored_seal(v, &name, k, 1767323045, out), 0);
	sign_key_free(&k);
}

static void key_of_each_algorithm_is_sealed_and_opened(void **state)
{
	static const uint8_t algorithms[] = {8, 10, 13, 14, 15, 16};
	struct vault *v = vault_of(COUNTING);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *k = some_key(algorithms[i]);
		struct sign_key *again = NULL;
		struct sign_stored s;
		assert_int_equal(sign_stored_seal(v, &name, k, 1, &s), 0);
		assert_int_equal(sign_stored_algorithm(&s), algorithms[i]);
		assert_int_equal(sign_stored_flags(&s), SIGN_FLAGS_KSK);
		assert_int_equal(sign_stored_tag(&s), sign_key_tag(k));
		assert_int_equal(sign_stored_open(v, &name, &s, &again, why), 0);
		assert_int_equal(sign_key_tag(again), sign_key_tag(k));
		sign_key_free(&again);
		sign_key_free(&k);
	}
	vault_free(&v);
}

/* To make one would take seconds. */
static struct sign_key *largest_key(void)
{
	const struct keyfile_expected expected = {.flags = SIGN_FLAGS_ZSK};
	char reason[KEYFILE_WHY_SIZE] = "";
	char text[KEYFILE_TEXT_SIZE];
	struct keyfile k = {0};
	FILE *from =
		fopen(ANSER_SOURCE_DIR "/tests/fuzz/corpus/keyfile/bind-rsa-4096", "r");

	assert_non_null(from);
	size_t len = fread(text, 1, sizeof text, from);
	assert_int_equal(fclose(from), 0);
	if (keyfile_read_private(text, len, &expected, &k, reason) < 0)
		fail_msg("%s", reason);
	return k.key;
}

static void largest_key_has_room(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct sign_key *k = largest_key();
	struct sign_stored s;

	(void)state;
	assert_int_equal(sign_key_bits(k), SIGN_RSA_BITS_MAX);
	assert_int_equal(sign_stored_seal(v, &name, k, 1, &s), 0);
	assert_true(s.sealed_len > SIGN_SEALED_MAX - 200);
	sign_key_free(&k);
	vault_free(&v);
}

static void nothing_of_the_private_half_is_in_the_value(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct sign_key *k = some_key(SIGN_ED25519);
	uint8_t value[SIGN_STORED_MAX];
	struct sign_stored s;
	uint8_t *pkcs8;
	size_t len;

	(void)state;
	assert_int_equal(sign_stored_seal(v, &name, k, 1, &s), 0);
	assert_int_equal(sign_key_encode(k, &pkcs8, &len), 0);
	size_t size = sign_stored_encode(&s, value);
	assert_true(len > 8);
	for (size_t at = 0; at + 8 <= len; at++)
		assert_null(memmem(value, size, pkcs8 + at, 8));
	free(pkcs8);
	sign_key_free(&k);
	vault_free(&v);
}

/* Why a key is refused, which begins with which it is. */
static void assert_refused(const struct vault *v, const struct sign_stored_name *n,
                           const struct sign_stored *s, int err, const char *what)
{
	struct sign_key *k = NULL;
	char want[VAULT_WHY_SIZE];

	assert_int_equal(sign_stored_open(v, n, s, &k, why), err);
	(void)snprintf(want, sizeof want, "key %u (tag %u) of %s: %s", n->number,
	               sign_stored_tag(s), n->zone == zone_a ? "a." : "b.", what);
	assert_string_equal(why, want);
	assert_null(k);
}

#define CHANGED "the sealed value was changed, or is that of another record"
#define UNLIKE  "its private half is not that of the DNSKEY stored with it"

static void key_under_another_name_is_refused(void **state)
{
	struct vault *v = vault_of(COUNTING);
	const struct sign_stored_name other_number = {zone_a, 4};
	const struct sign_stored_name other_zone = {zone_b, 3};
	struct sign_stored s;

	(void)state;
	seal_one(v, &s);
	assert_refused(v, &other_number, &s, ERR_CORRUPT, CHANGED);
	assert_refused(v, &other_zone, &s, ERR_CORRUPT, CHANGED);
	vault_free(&v);
}

static void key_under_another_master_secret_is_refused(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct vault *other = vault_of(OTHER);
	struct sign_stored s;
	char what[VAULT_WHY_SIZE];
	char id[VAULT_ID_TEXT_SIZE];

	(void)state;
	seal_one(v, &s);
	(void)snprintf(what, sizeof what,
	               "the value is sealed under master secret %s, which is not in "
	               "%s/master",
	               vault_id(v, 0, id), dir);
	assert_refused(other, &name, &s, ERR_NOTFOUND, what);
	assert_int_equal(sign_stored_reseal(other, &name, &s, why), ERR_NOTFOUND);
	vault_free(&other);
	vault_free(&v);
}

static void key_that_was_tampered_with_is_refused(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct sign_stored other;
	struct sign_stored s;

	(void)state;
	seal_one(v, &s);
	seal_one(v, &other);
	s.sealed[s.sealed_len - 20] ^= 1;
	assert_refused(v, &name, &s, ERR_CORRUPT, CHANGED);
	s.sealed[s.sealed_len - 20] ^= 1;
	s.dnskey[10] ^= 1;
	assert_refused(v, &name, &s, ERR_CORRUPT, UNLIKE);
	s.dnskey[10] ^= 1;
	s.dnskey[3] = SIGN_ED448;
	assert_refused(v, &name, &s, ERR_CORRUPT, UNLIKE);
	s.dnskey[3] = SIGN_ED25519;
	s.sealed_len--;
	assert_refused(v, &name, &s, ERR_CORRUPT, CHANGED);
	s.sealed_len++;
	/* What was sealed for the same name once, of a key that is gone. */
	memcpy(s.sealed, other.sealed, s.sealed_len);
	assert_refused(v, &name, &s, ERR_CORRUPT, UNLIKE);
	vault_free(&v);
}

static void key_that_was_left_out_says_so(void **state)
{
	struct vault *v = vault_of(COUNTING);
	struct sign_stored s;

	(void)state;
	seal_one(v, &s);
	s.sealed_len = 0;
	assert_refused(v, &name, &s, ERR_NOTFOUND,
	               "its private half was left out of the backup that this store "
	               "comes from; it has to be imported again");
	assert_int_equal(sign_stored_reseal(v, &name, &s, why), 0);
	vault_free(&v);
}

static void key_is_sealed_anew_under_a_new_master_secret(void **state)
{
	struct vault *old = vault_of(COUNTING);
	struct vault *both = vault_of(OTHER "\n" COUNTING);
	struct vault *now = vault_of(OTHER);
	const struct sign_stored_name other_zone = {zone_b, 3};
	struct sign_key *k = NULL;
	struct sign_stored s;

	(void)state;
	seal_one(old, &s);
	assert_int_equal(sign_stored_reseal(old, &name, &s, why), 0);
	assert_int_equal(sign_stored_reseal(both, &other_zone, &s, why), ERR_CORRUPT);
	assert_int_equal(sign_stored_reseal(both, &name, &s, why), 1);
	assert_int_equal(sign_stored_reseal(both, &name, &s, why), 0);
	assert_int_equal(sign_stored_open(now, &name, &s, &k, why), 0);
	assert_int_equal(sign_key_tag(k), sign_stored_tag(&s));
	sign_key_free(&k);
	assert_int_equal(sign_stored_open(old, &name, &s, &k, why), ERR_NOTFOUND);
	vault_free(&now);
	vault_free(&both);
	vault_free(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_of_each_algorithm_is_sealed_and_opened),
		cmocka_unit_test(largest_key_has_room),
		cmocka_unit_test(nothing_of_the_private_half_is_in_the_value),
		cmocka_unit_test(key_under_another_name_is_refused),
		cmocka_unit_test(key_under_another_master_secret_is_refused),
		cmocka_unit_test(key_that_was_tampered_with_is_refused),
		cmocka_unit_test(key_that_was_left_out_says_so),
		cmocka_unit_test(key_is_sealed_anew_under_a_new_master_secret),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
