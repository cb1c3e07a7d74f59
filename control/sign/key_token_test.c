#include "control/sign/key_token.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "control/sign/bulk.h"
#include "control/sign/keyfile.h"
#include "control/sign/signer.h"
#include "control/sign/token_testing.h"

/* SoftHSM loses the name of Ed25519 whenever it looks at it. AddressSanitizer calls these, and learns that this is no
 * leak of ours, and that it has to look for the frames of libraries. */
#define VISIBLE __attribute__((visibility("default")))
/* NOLINTBEGIN(readability-identifier-naming): they are called so */
VISIBLE const char *__asan_default_options(void);
VISIBLE const char *__lsan_default_suppressions(void);

VISIBLE const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0:malloc_context_size=10";
}

VISIBLE const char *__lsan_default_suppressions(void)
{
	return "leak:libsofthsm2.so\n";
}
/* NOLINTEND(readability-identifier-naming) */

/* What SoftHSM does not have is ED448. */
static const uint8_t algorithms[] = {SIGN_RSASHA256, SIGN_RSASHA512, SIGN_ECDSAP256SHA256,
                                     SIGN_ECDSAP384SHA384, SIGN_ED25519};

static void assert_signs(const struct sign_key *k)
{
	static const uint8_t data[] = "what is signed";
	uint8_t signature[SIGN_SIGNATURE_MAX];
	struct dnskey *public = NULL;
	struct signer *s = NULL;

	assert_int_equal(signer_new(k, &s), 0);
	int len = signer_sign(s, data, sizeof data, signature);
	assert_true(len > 0);
	assert_int_equal(dnskey_open(sign_key_dnskey(k), &public), 0);
	assert_int_equal(dnskey_verify(public, data, sizeof data, signature, (size_t)len),
	                 0);
	dnskey_free(&public);
	signer_free(&s);
}

static void keys_of_each_algorithm_are_made_and_sign(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *k = token_new_key(algorithms[i]);

		assert_int_equal(sign_key_algorithm(k), algorithms[i]);
		assert_int_equal(sign_key_flags(k), SIGN_FLAGS_ZSK);
		assert_signs(k);
		sign_key_free(&k);
		assert_nothing_noted();
	}
}

/* ---- keys by their URI ---- */

static void assert_same_key(const struct sign_key *a, const struct sign_key *b)
{
	struct rdata ad = sign_key_dnskey(a);
	struct rdata bd = sign_key_dnskey(b);

	assert_int_equal(ad.len, bd.len);
	assert_memory_equal(ad.bytes, bd.bytes, ad.len);
	assert_int_equal(sign_key_tag(a), sign_key_tag(b));
	assert_int_equal(sign_key_bits(a), sign_key_bits(b));
	assert_int_equal(sign_key_algorithm(a), sign_key_algorithm(b));
	assert_int_equal(sign_key_flags(a), sign_key_flags(b));
}

static void keys_are_found_again_by_their_uri(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *k = token_new_key(algorithms[i]);
		struct sign_key *by_dnskey = NULL;
		struct sign_key *by_token = NULL;
		const char *uri = sign_key_uri(k);

		assert_int_equal(token_key_check(uri, token_why), 0);
		assert_int_equal(sign_key_from_token(uri, sign_key_dnskey(k), &by_dnskey,
		                                     token_why),
		                 0);
		assert_int_equal(sign_key_in_token(uri, algorithms[i], SIGN_FLAGS_ZSK,
		                                   &by_token, token_why),
		                 0);
		assert_same_key(k, by_dnskey);
		assert_same_key(k, by_token);
		sign_key_free(&k);
		assert_signs(by_dnskey);
		assert_signs(by_token);
		sign_key_free(&by_dnskey);
		sign_key_free(&by_token);
	}
}

static void uri_of_a_key_says_nothing_of_this_machine(void **state)
{
	struct sign_key *k = token_new_key(SIGN_ED25519);
	const char *uri = sign_key_uri(k);

	(void)state;
	assert_int_equal(strncmp(uri, "pkcs11:token=Anser;id=%", 23), 0);
	assert_int_equal(strlen(uri),
	                 strlen("pkcs11:token=Anser;id=") + (size_t)3 * TOKEN_ID_SIZE);
	sign_key_free(&k);

	k = new_key(SIGN_ED25519);
	assert_null(sign_key_uri(k));
	sign_key_free(&k);
}

static void write_pem(const struct example *e, const char *name)
{
	struct test_bytes pkcs8 = test_hex(e->pkcs8);
	const uint8_t *at = pkcs8.at;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len);
	FILE *to = fopen(name, "w");

	assert_non_null(info);
	assert_non_null(to);
	assert_int_equal(PEM_write_PKCS8_PRIV_KEY_INFO(to, info), 1);
	assert_int_equal(fclose(to), 0);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static bool softhsm_has(uint8_t algorithm)
{
	return memchr(algorithms, algorithm, sizeof algorithms);
}

/* The keys of the RFCs' examples, put there by another program. */
static void keys_that_others_put_into_a_token_are_what_they_are(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(examples); i++) {
		const struct example *e = &examples[i];
		struct sign_key *there = NULL;
		struct sign_key *here;
		char uri[64];

		if (!softhsm_has(e->algorithm))
			continue;
		here = key_of(e);
		(void)snprintf(
			uri, sizeof uri,
			i % 2 ? "pkcs11:token=Anser;object=example%%20%u;type=private"
			      : "pkcs11:token=Anser;id=%%a%u",
			i);
		if (sign_key_in_token(uri, e->algorithm, e->flags, &there, token_why) < 0)
			fail_msg("%s: %s", uri, token_why);
		assert_same_key(here, there);
		assert_signs(there);
		sign_key_free(&there);
		sign_key_free(&here);
	}
}

static void private_half_is_not_given_away(void **state)
{
	char text[KEYFILE_TEXT_SIZE];
	uint8_t *pkcs8 = NULL;
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *k = token_new_key(algorithms[i]);

		assert_int_equal(sign_key_encode(k, &pkcs8, &len), ERR_SYSTEM);
		assert_null(pkcs8);
		assert_int_equal(keyfile_write_private(k, NULL, text), ERR_SYSTEM);
		assert_nothing_noted();
		sign_key_free(&k);
	}
}

/* ---- threads ---- */

enum { NAMES = 200 };

static void zone_with_names(struct test_zone *z)
{
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	(void)fprintf(to, "@ 3600 SOA ns host 1 3600 600 86400 300\n@ 3600 NS ns\n");
	for (unsigned i = 0; i < NAMES; i++)
		(void)fprintf(to, "n%u 3600 TXT %u\n", i, i);
	assert_int_equal(fclose(to), 0);
	test_zone_of(z, text, size);
	assert_int_equal(z->err, 0);
	free(text);
}

static void sign_zone(const struct sign_key *k, struct test_zone *z, unsigned threads)
{
	static const struct sign_periods periods = {
		.validity = 1209600, .jitter = 43200, .refresh = 604800, .skew = 3600};
	const struct sign_with key = {.key = k, .parts = SIGN_KEYS | SIGN_ZONE};
	const struct sign_terms terms = {
		.zone = test_apex,
		.keys = &key,
		.key_count = 1,
		.periods = &periods,
		.serial = 1,
		.now = 1700000000,
	};
	struct bulk_progress progress = {.total = 0};
	const struct bulk b = {
		.contents = z->contents,
		.terms = &terms,
		.threads = threads,
		.progress = &progress,
	};

	assert_int_equal(bulk_sign(&b), 0);
	assert_int_equal(atomic_load(&progress.done), NAMES + 2);
}

static void assert_same_zone(const struct contents *a, const struct contents *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->rrsets[i].size, b->rrsets[i].size);
		assert_memory_equal(a->rrsets[i].blob, b->rrsets[i].blob,
		                    a->rrsets[i].size);
	}
}

/* The same key here and there, of algorithms that make the same signature each time. */
static void zone_is_signed_by_many_threads_as_by_one(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(examples); i++) {
		struct sign_key *there = NULL;
		struct sign_key *here;
		struct test_zone a;
		struct test_zone b;
		char uri[64];

		if (examples[i].algorithm != SIGN_RSASHA512 &&
		    examples[i].algorithm != SIGN_ED25519)
			continue;
		here = key_of(&examples[i]);
		(void)snprintf(uri, sizeof uri, "pkcs11:token=Anser;id=%%a%u", i);
		assert_int_equal(sign_key_from_token(uri, sign_key_dnskey(here), &there,
		                                     token_why),
		                 0);
		zone_with_names(&a);
		zone_with_names(&b);
		sign_zone(here, &a, 1);
		sign_zone(there, &b, 6);
		assert_same_zone(a.contents, b.contents);
		test_zone_fini(&a);
		test_zone_fini(&b);
		sign_key_free(&here);
		sign_key_free(&there);
	}
}

/* ---- what is refused ---- */

static void assert_not_found(const char *uri, uint8_t algorithm, int err, const char *why)
{
	struct sign_key *k = NULL;

	assert_int_equal(sign_key_in_token(uri, algorithm, SIGN_FLAGS_KSK, &k, token_why),
	                 err);
	assert_string_equal(token_why, why);
	assert_null(k);
	assert_nothing_noted();
}

static void keys_that_are_not_there_are_refused(void **state)
{
	(void)state;
	assert_not_found("pkcs11:token=Other;id=%a2", SIGN_ED25519, ERR_NOTFOUND,
	                 "no token Other is configured");
	assert_not_found("pkcs11:token=Anser;serial=1;id=%a2", SIGN_ED25519, ERR_NOTFOUND,
	                 "token Anser is not the one that is meant");
	assert_not_found("pkcs11:token=Anser;id=%aa", SIGN_ED25519, ERR_NOTFOUND,
	                 "token Anser: no key is pkcs11:token=Anser;id=%aa");
	assert_not_found("pkcs11:token=Anser;id=%a2;object=no", SIGN_ED25519,
	                 ERR_NOTFOUND,
	                 "token Anser: no key is pkcs11:token=Anser;id=%a2;object=no");
}

static void keys_that_are_not_told_apart_are_refused(void **state)
{
	struct sign_key *a = token_new_key(SIGN_ED25519);
	struct sign_key *b = token_new_key(SIGN_ED25519);

	(void)state;
	assert_not_found("pkcs11:token=Anser;object=example.%20ZSK", SIGN_ED25519,
	                 ERR_EXISTS,
	                 "token Anser: more than one key is "
	                 "pkcs11:token=Anser;object=example.%20ZSK");
	sign_key_free(&a);
	sign_key_free(&b);
}

static void keys_of_another_algorithm_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *k = token_new_key(algorithms[i]);
		for (size_t j = 0; j < ARRAY_LEN(algorithms); j++) {
			struct sign_key *as = NULL;
			int err = sign_key_in_token(sign_key_uri(k), algorithms[j],
			                            SIGN_FLAGS_KSK, &as, token_why);
			bool fits = i == j ||
			            (is_rsa(algorithms[i]) && is_rsa(algorithms[j]));
			assert_int_equal(err, fits ? 0 : ERR_INVALID);
			sign_key_free(&as);
		}
		sign_key_free(&k);
	}
}

static void key_of_another_dnskey_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *k = token_new_key(algorithms[i]);
		struct sign_key *other = new_key(algorithms[i]);
		struct sign_key *both = NULL;
		char want[TOKEN_WHY_SIZE];

		assert_int_equal(sign_key_from_token(sign_key_uri(k),
		                                     sign_key_dnskey(other), &both,
		                                     token_why),
		                 ERR_INVALID);
		(void)snprintf(want, sizeof want, "%s is not the key of the DNSKEY",
		               sign_key_uri(k));
		assert_string_equal(token_why, want);
		assert_null(both);
		assert_nothing_noted();
		sign_key_free(&other);
		sign_key_free(&k);
	}
}

static void dnskeys_that_are_none_are_refused(void **state)
{
	static const uint8_t flags[] = {1, 129, 3, SIGN_ED25519, 1};
	static const uint8_t algorithm[] = {1, 1, 3, 17, 1};
	static const uint8_t short_one[] = {1, 1, 3, SIGN_ED25519, 1};
	static const struct rdata none[] = {
		{flags, sizeof flags},
		{algorithm, sizeof algorithm},
		{short_one, sizeof short_one},
		{short_one, DNSKEY_HEADER},
		{NULL, 0},
	};
	struct sign_key *k = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_int_equal(sign_key_from_token("pkcs11:token=Anser;id=%a1", none[i],
		                                     &k, token_why),
		                 ERR_INVALID);
	assert_null(k);
	assert_nothing_noted();
}

static void keys_that_cannot_be_are_not_made(void **state)
{
	static const struct {
		struct sign_key_wanted wanted;
		int err;
	} cases[] = {
		{{"pkcs11:token=Anser", 17, SIGN_FLAGS_ZSK, 0, ""}, ERR_INVALID},
		{{"pkcs11:token=Anser", SIGN_ED25519, 0, 0, ""}, ERR_INVALID},
		{{"pkcs11:token=Anser", SIGN_RSASHA256, SIGN_FLAGS_ZSK, 1000, ""},
	         ERR_RANGE},
		{{"pkcs11:token=Other", SIGN_ED25519, SIGN_FLAGS_ZSK, 0, ""},
	         ERR_NOTFOUND},
		{{"pkcs11:id=%01", SIGN_ED25519, SIGN_FLAGS_ZSK, 0, ""}, ERR_INVALID},
		{{"Anser", SIGN_ED25519, SIGN_FLAGS_ZSK, 0, ""}, ERR_INVALID},
	};
	struct sign_key *k = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			sign_key_generate_in_token(&cases[i].wanted, &k, token_why),
			cases[i].err);
	assert_null(k);
}

static void key_that_was_removed_is_gone(void **state)
{
	struct sign_key *k = token_new_key(SIGN_ECDSAP256SHA256);
	uint8_t signature[SIGN_SIGNATURE_MAX];
	struct sign_key *again = NULL;
	struct signer *s = NULL;

	(void)state;
	assert_int_equal(token_key_remove(sign_key_uri(k), token_why), 0);
	assert_int_equal(token_key_remove(sign_key_uri(k), token_why), ERR_NOTFOUND);
	assert_int_equal(sign_key_from_token(sign_key_uri(k), sign_key_dnskey(k), &again,
	                                     token_why),
	                 ERR_NOTFOUND);
	assert_int_equal(signer_new(k, &s), 0);
	assert_int_equal(signer_sign(s, signature, 10, signature), ERR_GONE);
	assert_null(again);
	signer_free(&s);
	sign_key_free(&k);
}

static int setup(void **state)
{
	if (token_setup(state) < 0)
		return -1;
	for (unsigned i = 0; i < ARRAY_LEN(examples); i++) {
		if (!softhsm_has(examples[i].algorithm))
			continue;
		write_pem(&examples[i], "key.pem");
		token_run(
			"softhsm2-util --import key.pem --token Anser --label 'example %u' "
			"--id A%u --pin '" TEST_PIN "' >log 2>&1",
			i, i);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_each_algorithm_are_made_and_sign),
		cmocka_unit_test(keys_are_found_again_by_their_uri),
		cmocka_unit_test(uri_of_a_key_says_nothing_of_this_machine),
		cmocka_unit_test(keys_that_others_put_into_a_token_are_what_they_are),
		cmocka_unit_test(private_half_is_not_given_away),
		cmocka_unit_test(zone_is_signed_by_many_threads_as_by_one),
		cmocka_unit_test(keys_that_are_not_there_are_refused),
		cmocka_unit_test(keys_that_are_not_told_apart_are_refused),
		cmocka_unit_test(keys_of_another_algorithm_are_refused),
		cmocka_unit_test(key_of_another_dnskey_is_refused),
		cmocka_unit_test(dnskeys_that_are_none_are_refused),
		cmocka_unit_test(keys_that_cannot_be_are_not_made),
		cmocka_unit_test(key_that_was_removed_is_gone),
	};

	if (access(SOFTHSM, R_OK) < 0)
		return TEST_SKIP;
	return cmocka_run_group_tests(tests, setup, token_teardown);
}
