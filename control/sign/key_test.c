#include "control/sign/key.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "control/sign/dnskey.h"
#include "control/sign/signer.h"
#include "control/sign/testing.h"

static const uint8_t algorithms[] = {
#define SIGN_ALGORITHM(number, name, text, type, group, digest, public, signature) number,
#include "control/sign/algorithms.def"
#undef SIGN_ALGORITHM
};

enum { RSA_BITS = 1024 };

static struct sign_key *new_key(uint8_t algorithm)
{
	struct sign_key *k = NULL;

	assert_int_equal(sign_key_generate(algorithm, RSA_BITS, SIGN_FLAGS_ZSK, &k), 0);
	return k;
}

static void assert_same_rdata(struct rdata a, struct rdata b)
{
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.bytes, b.bytes, a.len);
}

static void assert_nothing_noted(void)
{
	assert_int_equal(ERR_peek_error(), 0);
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

static void a_tag_is_of_any_algorithm_and_length(void **state)
{
	(void)state;
	/* RFC 4034 §5.4 */
	struct test_bytes dnskey = test_rdata(
		RRTYPE_DNSKEY,
		"256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BM"
		"zNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5"
		"f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==");
	assert_int_equal(dnskey_tag(rdata_of(&dnskey)), 60485);

	/* An odd number of octets, and a sum that carries: 0xffff + 0xffff + 0xff00 = 0x2fefe. */
	struct test_bytes odd = test_hex("ffffffffff");
	assert_int_equal(dnskey_tag(rdata_of(&odd)), 0xff00);
}

static void keys_come_back_out_of_pkcs8(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *k = new_key(algorithms[i]);
		struct sign_key *back = NULL;
		uint8_t *pkcs8 = NULL;
		size_t len = 0;

		assert_int_equal(sign_key_encode(k, &pkcs8, &len), 0);
		assert_int_equal(
			sign_key_open(algorithms[i], SIGN_FLAGS_ZSK, pkcs8, len, &back),
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
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct sign_key *a = new_key(algorithms[i]);
		struct sign_key *b = new_key(algorithms[i]);
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

static bool is_rsa(uint8_t algorithm)
{
	return algorithm == SIGN_RSASHA256 || algorithm == SIGN_RSASHA512;
}

static void a_key_of_another_algorithm_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		struct test_bytes pkcs8 = test_hex(examples[i].pkcs8);
		uint8_t own = examples[i].algorithm;

		for (size_t a = 0; a < ARRAY_LEN(algorithms); a++) {
			struct sign_key *k = NULL;

			if (algorithms[a] == own ||
			    (is_rsa(own) && is_rsa(algorithms[a])))
				continue;
			assert_int_equal(sign_key_open(algorithms[a], SIGN_FLAGS_ZSK,
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
	for (size_t a = 0; a < ARRAY_LEN(algorithms); a++) {
		EVP_PKEY *others[] = {
			EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp521r1"),
			EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"),
			EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
		};
		for (size_t i = 0; i < ARRAY_LEN(others); i++) {
			struct sign_key *k = NULL;

			assert_non_null(others[i]);
			assert_int_equal(sign_key_new(algorithms[a], SIGN_FLAGS_ZSK,
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
	assert_int_equal(sign_key_bits(k), RSA_BITS);
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

/* ---- signing and verifying ---- */

/* A key with something that it has signed. */
struct signed_data {
	struct sign_key *key;
	struct dnskey *public;
	uint8_t data[64];
	size_t len;
	uint8_t signature[SIGN_SIGNATURE_MAX];
};

static void sign(struct signed_data *d, uint8_t algorithm)
{
	struct signer *s = NULL;

	d->key = new_key(algorithm);
	for (size_t i = 0; i < sizeof d->data; i++)
		d->data[i] = (uint8_t)(i * 7);
	assert_int_equal(signer_new(d->key, &s), 0);
	assert_ptr_equal(signer_key(s), d->key);
	int len = signer_sign(s, d->data, sizeof d->data, d->signature);
	assert_true(len > 0);
	d->len = (size_t)len;
	signer_free(&s);
	assert_int_equal(dnskey_open(sign_key_dnskey(d->key), &d->public), 0);
	assert_int_equal(dnskey_signature_len(d->public), d->len);
}

static int verify(struct signed_data *d)
{
	return dnskey_verify(d->public, d->data, sizeof d->data, d->signature, d->len);
}

static void signed_data_fini(struct signed_data *d)
{
	dnskey_free(&d->public);
	assert_null(d->public);
	sign_key_free(&d->key);
}

static void what_a_key_signs_its_dnskey_verifies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct signed_data d;

		sign(&d, algorithms[i]);
		assert_int_equal(verify(&d), 0);
		assert_int_equal(verify(&d), 0);
		signed_data_fini(&d);
	}
}

/* An ECDSA signature whose r or s begins with a zero octet is as long as any other. */
static void one_signer_signs_many_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct signed_data d;
		struct signer *s = NULL;
		bool seen_zero = is_rsa(algorithms[i]) || algorithms[i] >= SIGN_ED25519;

		sign(&d, algorithms[i]);
		assert_int_equal(signer_new(d.key, &s), 0);
		for (unsigned n = 0; n < 20 || (!seen_zero && n < 100000); n++) {
			memcpy(d.data, &n, sizeof n);
			int len = signer_sign(s, d.data, sizeof d.data, d.signature);
			assert_int_equal(len, d.len);
			assert_int_equal(verify(&d), 0);
			seen_zero = seen_zero || d.signature[0] == 0;
		}
		assert_true(seen_zero);
		signer_free(&s);
		assert_null(s);
		signed_data_fini(&d);
	}
}

static void a_bit_flipped_anywhere_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct signed_data d;

		sign(&d, algorithms[i]);
		for (size_t bit = 0; bit < d.len * 8; bit++) {
			d.signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(verify(&d), ERR_REFUSED);
			d.signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t bit = 0; bit < sizeof d.data * 8; bit++) {
			d.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(verify(&d), ERR_REFUSED);
			d.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_nothing_noted();
		assert_int_equal(verify(&d), 0);
		signed_data_fini(&d);
	}
}

static void a_signature_of_another_length_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct signed_data d;

		sign(&d, algorithms[i]);
		for (size_t len = 0; len < SIGN_SIGNATURE_MAX; len++) {
			int err = dnskey_verify(d.public, d.data, sizeof d.data,
			                        d.signature, len);
			assert_int_equal(err, len == d.len ? 0 : ERR_INVALID);
		}
		signed_data_fini(&d);
	}
}

static void a_signature_of_zeros_and_one_of_ones_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct signed_data d;

		sign(&d, algorithms[i]);
		memset(d.signature, 0, d.len);
		assert_int_equal(verify(&d), ERR_REFUSED);
		memset(d.signature, 0xff, d.len);
		assert_int_equal(verify(&d), ERR_REFUSED);
		assert_nothing_noted();
		signed_data_fini(&d);
	}
}

static void another_key_does_not_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		struct signed_data a;
		struct signed_data b;

		sign(&a, algorithms[i]);
		sign(&b, algorithms[i]);
		memcpy(a.signature, b.signature, b.len);
		assert_int_equal(verify(&a), ERR_REFUSED);
		signed_data_fini(&a);
		signed_data_fini(&b);
	}
}

/* ---- DNSKEYs of others ---- */

#define X32 "0101010101010101010101010101010101010101010101010101010101010101"

static const struct {
	const char *rdata;
	int err;
} bad_keys[] = {
	{"", ERR_CORRUPT},
	{"0100", ERR_CORRUPT},
	{"010003", ERR_CORRUPT},
	{"0100020f" X32, ERR_CORRUPT}, /* protocol 2 */
	{"01000305" X32, ERR_NOTFOUND},
	{"01000300", ERR_NOTFOUND},
	{"0100030f", ERR_CORRUPT},
	{"0100030f" X32 "01", ERR_CORRUPT},
	{"0100030f01" X32, ERR_CORRUPT},
	{"01000310" X32, ERR_CORRUPT},
	{"0100030d" X32, ERR_CORRUPT},
	{"0100030d" X32 X32, ERR_CORRUPT}, /* not on the curve */
	{"0100030d" X32 X32 "01", ERR_CORRUPT},
	{"0100030e" X32 X32 X32, ERR_CORRUPT},
	{"01000308", ERR_CORRUPT},
	{"0100030800", ERR_CORRUPT},
	{"010003080003", ERR_CORRUPT},
	{"0100030803010001", ERR_CORRUPT},       /* no modulus */
	{"01000308000000" X32, ERR_CORRUPT},     /* no exponent */
	{"0100030804000100" X32, ERR_CORRUPT},   /* a zero before it */
	{"010003080301000100" X32, ERR_CORRUPT}, /* likewise */
	{"0100030803010001" X32 X32, ERR_RANGE}, /* 512 bits */
	{"0100030809010101010101010101" X32 X32 X32 X32, ERR_RANGE},
	{"0100030801018"
         "1" X32 X32 X32 X32,
         ERR_RANGE}, /* the exponent is 1 */
	{"0100030801048"
         "1" X32 X32 X32 X32,
         ERR_RANGE}, /* even */
};

static void dnskeys_that_are_not_of_their_algorithm_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_keys); i++) {
		struct test_bytes rdata = test_hex(bad_keys[i].rdata);
		struct dnskey *k = NULL;

		int err = dnskey_open(rdata_of(&rdata), &k);
		if (err != bad_keys[i].err)
			fail_msg("%s: %d", bad_keys[i].rdata, err);
		assert_null(k);
		assert_nothing_noted();
	}
}

static int open_rsa(size_t modulus_octets)
{
	struct test_bytes rdata = test_hex("0100030803010001");
	struct dnskey *k = NULL;

	memset(rdata.at + rdata.len, 0xff, modulus_octets);
	rdata.len += modulus_octets;
	int err = dnskey_open(rdata_of(&rdata), &k);
	dnskey_free(&k);
	return err;
}

static void dnskeys_of_rsa_are_of_1024_to_4096_bits(void **state)
{
	(void)state;
	assert_int_equal(open_rsa(127), ERR_RANGE);
	assert_int_equal(open_rsa(128), 0);
	assert_int_equal(open_rsa(512), 0);
	assert_int_equal(open_rsa(513), ERR_RANGE);
}

/* RFC 3110 §2: the length of an exponent may stand in three octets. */
static void the_length_of_an_exponent_may_be_written_long(void **state)
{
	(void)state;
	struct test_bytes rdata = test_hex("01000308000003010001");
	struct dnskey *k = NULL;

	memset(rdata.at + rdata.len, 0xff, 128);
	rdata.len += 128;
	assert_int_equal(dnskey_open(rdata_of(&rdata), &k), 0);
	dnskey_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algorithms_have_names_and_numbers),
		cmocka_unit_test(
			the_examples_keys_have_the_dnskey_and_the_tag_of_the_rfc),
		cmocka_unit_test(a_tag_is_of_any_algorithm_and_length),
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
		cmocka_unit_test(what_a_key_signs_its_dnskey_verifies),
		cmocka_unit_test(one_signer_signs_many_times),
		cmocka_unit_test(a_bit_flipped_anywhere_fails),
		cmocka_unit_test(a_signature_of_another_length_is_refused),
		cmocka_unit_test(a_signature_of_zeros_and_one_of_ones_fail),
		cmocka_unit_test(another_key_does_not_verify),
		cmocka_unit_test(dnskeys_that_are_not_of_their_algorithm_are_refused),
		cmocka_unit_test(dnskeys_of_rsa_are_of_1024_to_4096_bits),
		cmocka_unit_test(the_length_of_an_exponent_may_be_written_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
