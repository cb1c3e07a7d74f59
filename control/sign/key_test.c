#include "control/sign/key.h"

#include <openssl/evp.h>

#include "control/sign/dnskey.h"
#include "control/sign/testing.h"

static void assert_same_rdata(struct rdata a, struct rdata b)
{
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.bytes, b.bytes, a.len);
}

/* ---- what is known of algorithms ---- */

static void algorithms_have_names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(sign_algorithm_from_text("ECDSAP256SHA256"), 13);
	assert_int_equal(sign_algorithm_from_text("ed25519"), 15);
	assert_int_equal(sign_algorithm_from_text("8"), 8);
	assert_string_equal(sign_algorithm(SIGN_ED448)->name, "ED448");

	static const char *const unknown[] = {"",         "5",  "RSASHA1", "ED2551",
	                                      "ED255199", "0",  "013",     "ECDSAP256",
	                                      " 13",      "256"};
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		assert_int_equal(sign_algorithm_from_text(unknown[i]), ERR_NOTFOUND);
	assert_null(sign_algorithm(0));
	assert_null(sign_algorithm(5));
	assert_null(sign_algorithm(7));
	assert_null(sign_algorithm(255));
}

/* ---- keys ---- */

static void the_examples_keys_have_the_dnskey_and_the_tag_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		const struct example *e = &examples[i];
		struct sign_key *k = key_of(e);
		struct test_zone z;

		zone_of(e, &z);
		struct rrset set = set_at(&z, "@", RRTYPE_DNSKEY);
		assert_same_rdata(sign_key_dnskey(k), rrset_first_record(&set));
		assert_int_equal(sign_key_tag(k), e->tag);
		assert_int_equal(sign_key_algorithm(k), e->algorithm);
		assert_int_equal(sign_key_flags(k), e->flags);
		assert_non_null(sign_key_pkey(k));
		test_zone_fini(&z);
		sign_key_free(&k);
		assert_null(k);
	}
}

static void keys_come_back_out_of_pkcs8(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct sign_key *k = new_key(test_algorithms[i]);
		struct sign_key *back = NULL;
		uint8_t *pkcs8 = NULL;
		size_t len = 0;

		assert_int_equal(sign_key_encode(k, &pkcs8, &len), 0);
		assert_int_equal(sign_key_open(test_algorithms[i], SIGN_FLAGS_ZSK, pkcs8,
		                               len, &back),
		                 0);
		assert_same_rdata(sign_key_dnskey(k), sign_key_dnskey(back));
		assert_int_equal(sign_key_bits(k), sign_key_bits(back));
		free(pkcs8);
		sign_key_free(&k);
		sign_key_free(&back);
	}
}

static void no_two_new_keys_are_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct sign_key *a = new_key(test_algorithms[i]);
		struct sign_key *b = new_key(test_algorithms[i]);
		struct rdata ad = sign_key_dnskey(a);
		struct rdata bd = sign_key_dnskey(b);

		assert_true(ad.len != bd.len || memcmp(ad.bytes, bd.bytes, ad.len) != 0);
		sign_key_free(&a);
		sign_key_free(&b);
	}
}

static void a_key_is_a_zsk_or_a_ksk(void **state)
{
	static const uint16_t others[] = {0, 1, 128, 255, 258, 384, 385, 513, 0xffff};
	struct test_bytes pkcs8 = test_hex(examples[1].pkcs8);
	struct sign_key *k = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_int_equal(sign_key_generate(SIGN_ED25519, 0, others[i], &k),
		                 ERR_INVALID);
		assert_int_equal(sign_key_open(examples[1].algorithm, others[i], pkcs8.at,
		                               pkcs8.len, &k),
		                 ERR_INVALID);
	}
	assert_null(k);
}

static void algorithms_that_are_not_known_make_no_keys(void **state)
{
	static const uint8_t others[] = {0, 1, 3, 5, 7, 12, 17, 253, 255};
	struct test_bytes pkcs8 = test_hex(examples[0].pkcs8);
	struct sign_key *k = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_int_equal(sign_key_generate(others[i], 2048, SIGN_FLAGS_KSK, &k),
		                 ERR_INVALID);
		assert_int_equal(
			sign_key_open(others[i], SIGN_FLAGS_KSK, pkcs8.at, pkcs8.len, &k),
			ERR_INVALID);
	}
	assert_null(k);
}

static void a_key_of_another_algorithm_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		struct test_bytes pkcs8 = test_hex(examples[i].pkcs8);
		uint8_t own = examples[i].algorithm;

		for (size_t a = 0; a < ARRAY_LEN(test_algorithms); a++) {
			struct sign_key *k = NULL;

			if (test_algorithms[a] == own ||
			    (is_rsa(own) && is_rsa(test_algorithms[a])))
				continue;
			assert_int_equal(sign_key_open(test_algorithms[a], SIGN_FLAGS_ZSK,
			                               pkcs8.at, pkcs8.len, &k),
			                 ERR_INVALID);
			assert_null(k);
			assert_nothing_noted();
		}
	}
}

static void a_key_that_is_of_no_algorithm_here_is_refused(void **state)
{
	(void)state;
	for (size_t a = 0; a < ARRAY_LEN(test_algorithms); a++) {
		EVP_PKEY *others[] = {
			EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp521r1"),
			EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"),
			EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
		};
		for (size_t i = 0; i < ARRAY_LEN(others); i++) {
			struct sign_key *k = NULL;

			assert_non_null(others[i]);
			assert_int_equal(sign_key_new(test_algorithms[a], SIGN_FLAGS_ZSK,
			                              others[i], &k),
			                 ERR_INVALID);
			assert_null(k);
			assert_nothing_noted();
		}
	}
}

static void rsa_is_of_1024_to_4096_bits(void **state)
{
	static const unsigned sizes[] = {0, 1, 512, 1023, 4097, 8192, UINT32_MAX};
	struct test_bytes pkcs8 = test_hex(small_rsa);
	struct sign_key *k = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(
			sign_key_generate(SIGN_RSASHA256, sizes[i], SIGN_FLAGS_ZSK, &k),
			ERR_RANGE);
		assert_int_equal(
			sign_key_generate(SIGN_RSASHA512, sizes[i], SIGN_FLAGS_ZSK, &k),
			ERR_RANGE);
	}
	assert_int_equal(
		sign_key_open(SIGN_RSASHA256, SIGN_FLAGS_ZSK, pkcs8.at, pkcs8.len, &k),
		ERR_RANGE);
	assert_null(k);

	k = new_key(SIGN_RSASHA256);
	assert_int_equal(sign_key_bits(k), TEST_RSA_BITS);
	sign_key_free(&k);
}

static void pkcs8_that_is_cut_or_goes_on_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		struct test_bytes pkcs8 = test_hex(examples[i].pkcs8);
		struct sign_key *k = NULL;

		for (size_t len = 0; len < pkcs8.len; len++) {
			uint8_t *cut = malloc(len + 1); /* so that reading on is seen */
			assert_non_null(cut);
			memcpy(cut, pkcs8.at, len);
			assert_int_equal(sign_key_open(examples[i].algorithm,
			                               examples[i].flags, cut, len, &k),
			                 ERR_CORRUPT);
			free(cut);
		}
		assert_int_equal(sign_key_open(examples[i].algorithm, examples[i].flags,
		                               pkcs8.at, pkcs8.len + 1, &k),
		                 ERR_CORRUPT);
		assert_null(k);
		assert_nothing_noted();
	}
}

/* What changes the private half but not the public one, or the other way round, must show. */
static void pkcs8_with_any_octet_changed_is_no_key_that_lies(void **state)
{
	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(examples); i++) {
		const struct example *e = &examples[i];
		struct test_bytes pkcs8 = test_hex(e->pkcs8);

		for (size_t at = 0; at < pkcs8.len; at++) {
			struct sign_key *k = NULL;

			pkcs8.at[at] ^= 0x10;
			int err = sign_key_open(e->algorithm, e->flags, pkcs8.at,
			                        pkcs8.len, &k);
			pkcs8.at[at] ^= 0x10;
			assert_true(err == 0 || err == ERR_CORRUPT || err == ERR_INVALID);
			assert_true((err == 0) == (k != NULL));
			/* Of ECDSA the public half is written there too: no other will do. */
			if (k && e->algorithm < SIGN_ED25519)
				assert_int_equal(sign_key_tag(k), e->tag);
			sign_key_free(&k);
		}
	}
}

static void halves_that_do_not_belong_together_are_refused(void **state)
{
	struct test_bytes pkcs8 = test_hex(examples[1].pkcs8);
	struct sign_key *other = new_key(SIGN_ECDSAP256SHA256);
	struct sign_key *k = NULL;

	(void)state;
	memcpy(pkcs8.at + pkcs8.len - 64, sign_key_dnskey(other).bytes + DNSKEY_HEADER,
	       64);
	assert_int_equal(sign_key_open(SIGN_ECDSAP256SHA256, SIGN_FLAGS_ZSK, pkcs8.at,
	                               pkcs8.len, &k),
	                 ERR_INVALID);
	assert_null(k);
	assert_nothing_noted();
	sign_key_free(&other);
}

static void a_key_without_its_private_half_is_refused(void **state)
{
	(void)state;
	struct sign_key *k = new_key(SIGN_ED25519);
	struct sign_key *half = NULL;
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(
		EVP_PKEY_ED25519, NULL, sign_key_dnskey(k).bytes + DNSKEY_HEADER, 32);

	assert_non_null(public);
	assert_int_equal(sign_key_new(SIGN_ED25519, SIGN_FLAGS_ZSK, public, &half),
	                 ERR_INVALID);
	assert_null(half);
	assert_nothing_noted();
	sign_key_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algorithms_have_names_and_numbers),
		cmocka_unit_test(
			the_examples_keys_have_the_dnskey_and_the_tag_of_the_rfc),
		cmocka_unit_test(keys_come_back_out_of_pkcs8),
		cmocka_unit_test(no_two_new_keys_are_the_same),
		cmocka_unit_test(a_key_is_a_zsk_or_a_ksk),
		cmocka_unit_test(algorithms_that_are_not_known_make_no_keys),
		cmocka_unit_test(a_key_of_another_algorithm_is_refused),
		cmocka_unit_test(a_key_that_is_of_no_algorithm_here_is_refused),
		cmocka_unit_test(rsa_is_of_1024_to_4096_bits),
		cmocka_unit_test(pkcs8_that_is_cut_or_goes_on_is_refused),
		cmocka_unit_test(pkcs8_with_any_octet_changed_is_no_key_that_lies),
		cmocka_unit_test(halves_that_do_not_belong_together_are_refused),
		cmocka_unit_test(a_key_without_its_private_half_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
