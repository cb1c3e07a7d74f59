#include "control/keeper/tokens.h"

#include "control/sign/key_token.h"
#include "control/sign/token_testing.h"

static struct zone_key kept[4];
static struct zone_keys zone = {.zone = "\7example", .keys = kept};
static char why[TOKEN_WHY_SIZE];

/* A policy of one algorithm with a token. */
static struct config_dnssec_policy policy_of(uint8_t algorithm, char *token)
{
	return (struct config_dnssec_policy){
		.policy = {.algorithm = algorithm, .rsa_bits = 2048}, .token = token};
}

static void configure(const char *tokens)
{
	char text[1024];
	const struct config c = {.dnssec_tokens = text};

	(void)snprintf(text, sizeof text, "%s", tokens);
	keeper_set_tokens(&c);
}

static void key_is_made_as_the_policy_says(void **state)
{
	char tokens[1024];
	char token[] = "pkcs11:token=Anser";
	struct config_dnssec_policy p = policy_of(SIGN_RSASHA256, token);
	struct sign_key *k = NULL;
	struct sign_key *again = NULL;

	(void)state;
	(void)snprintf(tokens, sizeof tokens,
	               "pkcs11:token=Other?module-path=/none.so %s",
	               token_uri_of("Anser", "pin"));
	configure(tokens);
	if (keeper_key_in_token(&p, &zone, SIGN_FLAGS_KSK, &k, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(sign_key_algorithm(k), SIGN_RSASHA256);
	assert_int_equal(sign_key_bits(k), 2048);
	assert_int_equal(sign_key_flags(k), SIGN_FLAGS_KSK);
	assert_int_equal(sign_key_in_token("pkcs11:token=Anser;object=example.%20KSK",
	                                   SIGN_RSASHA256, SIGN_FLAGS_KSK, &again, why),
	                 0);
	assert_int_equal(sign_key_tag(again), sign_key_tag(k));
	sign_key_free(&again);
	sign_key_free(&k);
}

static void assert_not_made(char *token, const char *want)
{
	struct config_dnssec_policy p = policy_of(SIGN_ECDSAP256SHA256, token);
	struct sign_key *k = NULL;

	assert_int_equal(keeper_key_in_token(&p, &zone, SIGN_FLAGS_ZSK, &k, why),
	                 ERR_REFUSED);
	assert_string_equal(why, want);
	assert_null(k);
}

static void key_that_is_not_made_says_why(void **state)
{
	char anser[] = "pkcs11:token=Anser";
	char other[] = "pkcs11:token=Other";

	(void)state;
	configure("pkcs11:token=Other?module-path=/none.so");
	assert_not_made(anser, "no token Anser is configured");
	assert_not_made(other, "token Other: /none.so: No such file or directory");
	configure("");
	assert_not_made(other, "no token Other is configured");
}

/* Gives the URI of a key for the zone; the caller frees it. */
static char *key_for(const struct zone_keys *z, const struct config_dnssec_policy *p,
                     uint16_t flags)
{
	struct sign_key *k = NULL;

	if (keeper_key_in_token(p, z, flags, &k, why) < 0)
		fail_msg("%s", why);
	char *uri = strdup(sign_key_uri(k));
	assert_non_null(uri);
	sign_key_free(&k);
	return uri;
}

/* Whether two keys in turn for the zone are one, which is freed. */
static bool is_same(char *a, char *b)
{
	bool same = strcmp(a, b) == 0;

	free(a);
	free(b);
	return same;
}

static int with_token(void **state)
{
	(void)state;
	keeper_forget_tokens();
	configure(token_uri_of("Anser", "pin"));
	zone.count = 0;
	return 0;
}

static void key_that_was_not_stored_is_what_the_next_try_gets(void **state)
{
	char token[] = "pkcs11:token=Anser";
	struct config_dnssec_policy p = policy_of(SIGN_ECDSAP256SHA256, token);

	(void)state;
	assert_true(is_same(key_for(&zone, &p, SIGN_FLAGS_ZSK),
	                    key_for(&zone, &p, SIGN_FLAGS_ZSK)));
	assert_true(is_same(key_for(&zone, &p, SIGN_FLAGS_KSK),
	                    key_for(&zone, &p, SIGN_FLAGS_KSK)));
	assert_false(is_same(key_for(&zone, &p, SIGN_FLAGS_ZSK),
	                     key_for(&zone, &p, SIGN_FLAGS_KSK)));
}

static void key_for_something_else_is_another(void **state)
{
	char token[] = "pkcs11:token=Anser";
	char same_token[] = "pkcs11:token=%41nser";
	const struct zone_keys other = {.zone = "\5other"};
	struct config_dnssec_policy p = policy_of(SIGN_ECDSAP256SHA256, token);
	struct config_dnssec_policy q = policy_of(SIGN_ECDSAP384SHA384, token);
	struct config_dnssec_policy r = policy_of(SIGN_ECDSAP256SHA256, same_token);

	(void)state;
	assert_false(is_same(key_for(&zone, &p, SIGN_FLAGS_ZSK),
	                     key_for(&other, &p, SIGN_FLAGS_ZSK)));
	assert_false(is_same(key_for(&zone, &p, SIGN_FLAGS_ZSK),
	                     key_for(&zone, &q, SIGN_FLAGS_ZSK)));
	assert_false(is_same(key_for(&zone, &p, SIGN_FLAGS_ZSK),
	                     key_for(&zone, &r, SIGN_FLAGS_ZSK)));
}

static void key_that_the_zone_has_is_not_given_again(void **state)
{
	char token[] = "pkcs11:token=Anser";
	struct config_dnssec_policy p = policy_of(SIGN_ECDSAP256SHA256, token);
	char *first = key_for(&zone, &p, SIGN_FLAGS_ZSK);

	(void)state;
	/* In the step that it was made in, and then in the store, and after it was purged. */
	zone.count = 1;
	(void)snprintf(kept[0].stored.uri, sizeof kept[0].stored.uri, "%s", first);
	char *second = key_for(&zone, &p, SIGN_FLAGS_ZSK);
	assert_string_not_equal(first, second);
	keeper_keys_stored(&zone);
	zone.count = 0;
	assert_true(is_same(second, key_for(&zone, &p, SIGN_FLAGS_ZSK)));
	free(first);
}

static void key_that_is_gone_is_made_anew(void **state)
{
	char token[] = "pkcs11:token=Anser";
	struct config_dnssec_policy p = policy_of(SIGN_ECDSAP256SHA256, token);
	char *first = key_for(&zone, &p, SIGN_FLAGS_ZSK);

	(void)state;
	assert_int_equal(token_key_remove(first, why), 0);
	assert_false(is_same(first, key_for(&zone, &p, SIGN_FLAGS_ZSK)));
}

static int teardown(void **state)
{
	keeper_forget_tokens();
	return token_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_made_as_the_policy_says),
		cmocka_unit_test(key_that_is_not_made_says_why),
		cmocka_unit_test_setup(key_that_was_not_stored_is_what_the_next_try_gets,
	                               with_token),
		cmocka_unit_test_setup(key_for_something_else_is_another, with_token),
		cmocka_unit_test_setup(key_that_the_zone_has_is_not_given_again,
	                               with_token),
		cmocka_unit_test_setup(key_that_is_gone_is_made_anew, with_token),
	};

	if (access(SOFTHSM, R_OK) < 0)
		return TEST_SKIP;
	return cmocka_run_group_tests(tests, token_setup, teardown);
}
