/* Keys that are kept by what finds them in a token. */
#include "control/sign/stored.h"
#include "control/sign/token_testing.h"

static const uint8_t zone_a[] = "\1a";
static const struct sign_stored_name name = {zone_a, 3};
static char why[VAULT_WHY_SIZE];

/* No vault: nothing is sealed. */
static void keep_new_key(uint8_t algorithm, struct sign_stored *out)
{
	struct sign_key *k = token_new_key(algorithm);

	assert_int_equal(sign_stored_seal(NULL, &name, k, 1767323045, out), 0);
	assert_string_equal(out->uri, sign_key_uri(k));
	assert_int_equal(out->sealed_len, 0);
	sign_key_free(&k);
}

static void key_in_a_token_is_kept_by_its_uri(void **state)
{
	uint8_t value[SIGN_STORED_MAX];
	struct sign_key *k = NULL;
	struct sign_stored kept;
	struct sign_stored s;

	(void)state;
	keep_new_key(SIGN_ECDSAP384SHA384, &kept);
	size_t size = sign_stored_encode(&kept, value);
	assert_int_equal(sign_stored_decode(value, size, &s), 0);
	assert_int_equal(sign_stored_algorithm(&s), SIGN_ECDSAP384SHA384);
	assert_int_equal(sign_stored_flags(&s), SIGN_FLAGS_ZSK);
	assert_int_equal(sign_stored_reseal(NULL, &name, &s, why), 0);
	assert_int_equal(sign_stored_open(NULL, &name, &s, &k, why), 0);
	assert_string_equal(sign_key_uri(k), kept.uri);
	assert_int_equal(sign_key_tag(k), sign_stored_tag(&kept));
	sign_key_free(&k);
}

static void assert_refused(const struct sign_stored *s, int err, const char *what)
{
	struct sign_key *k = NULL;
	char want[VAULT_WHY_SIZE];

	assert_int_equal(sign_stored_open(NULL, &name, s, &k, why), err);
	(void)snprintf(want, sizeof want, "key 3 (tag %u) of a.: %s", sign_stored_tag(s),
	               what);
	assert_string_equal(why, want);
	assert_null(k);
}

static void key_in_a_token_that_is_not_here_is_refused(void **state)
{
	struct sign_stored s;

	(void)state;
	keep_new_key(SIGN_ECDSAP256SHA256, &s);
	tokens_forget();
	assert_refused(&s, ERR_NOTFOUND, "no token Anser is configured");
	token_configure(token_uri_of("Anser", "missing"));
	struct sign_key *k = NULL;
	assert_int_equal(sign_stored_open(NULL, &name, &s, &k, why), ERR_REFUSED);
	token_configure(token_uri_of("Anser", "pin"));
	assert_int_equal(sign_stored_open(NULL, &name, &s, &k, why), 0);
	sign_key_free(&k);
}

static void key_of_another_zone_is_refused(void **state)
{
	char what[TOKEN_WHY_SIZE];
	struct sign_stored other;
	struct sign_stored s;

	(void)state;
	keep_new_key(SIGN_ECDSAP256SHA256, &s);
	keep_new_key(SIGN_ECDSAP256SHA256, &other);
	memcpy(s.uri, other.uri, sizeof s.uri);
	(void)snprintf(what, sizeof what, "%.200s is not the key of the DNSKEY", s.uri);
	assert_refused(&s, ERR_INVALID, what);
}

static void uri_that_says_how_the_token_is_reached_is_refused(void **state)
{
	struct sign_stored s;

	(void)state;
	keep_new_key(SIGN_ECDSAP256SHA256, &s);
	size_t len = strlen(s.uri);
	(void)snprintf(s.uri + len, sizeof s.uri - len, "?module-path=/tmp/other.so");
	assert_refused(&s, ERR_INVALID,
	               "how a token is reached is for the configuration to say: nothing "
	               "may follow a \"?\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_in_a_token_is_kept_by_its_uri),
		cmocka_unit_test(key_in_a_token_that_is_not_here_is_refused),
		cmocka_unit_test(key_of_another_zone_is_refused),
		cmocka_unit_test(uri_that_says_how_the_token_is_reached_is_refused),
	};

	if (access(SOFTHSM, R_OK) < 0)
		return TEST_SKIP;
	return cmocka_run_group_tests(tests, token_setup, token_teardown);
}
