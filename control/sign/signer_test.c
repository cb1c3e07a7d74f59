#include "control/sign/signer.h"

#include <pthread.h>

#include "control/sign/dnskey.h"
#include "control/sign/testing.h"

/* A key with something that it has signed. */
struct signed_data {
	struct sign_key *key;
	struct dnskey *public;
	uint8_t data[16];
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
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct signed_data d;

		sign(&d, test_algorithms[i]);
		assert_int_equal(verify(&d), 0);
		assert_int_equal(verify(&d), 0);
		signed_data_fini(&d);
	}
}

/* An ECDSA signature whose r or s begins with a zero octet is as long as any other. */
static void one_signer_signs_many_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct signed_data d;
		struct signer *s = NULL;
		bool seen_zero =
			is_rsa(test_algorithms[i]) || test_algorithms[i] >= SIGN_ED25519;

		sign(&d, test_algorithms[i]);
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
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct signed_data d;

		sign(&d, test_algorithms[i]);
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
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct signed_data d;

		sign(&d, test_algorithms[i]);
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
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct signed_data d;

		sign(&d, test_algorithms[i]);
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
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct signed_data a;
		struct signed_data b;

		sign(&a, test_algorithms[i]);
		sign(&b, test_algorithms[i]);
		memcpy(a.signature, b.signature, b.len);
		assert_int_equal(verify(&a), ERR_REFUSED);
		signed_data_fini(&a);
		signed_data_fini(&b);
	}
}

/* ---- threads ---- */

enum { THREADS = 4, EACH = 16 };

/* One thread's work with a key that all have. */
struct thread {
	const struct sign_key *key;
	uint8_t signatures[EACH][SIGN_SIGNATURE_MAX];
	size_t len;
};

static void *sign_many(void *arg)
{
	struct thread *t = arg;
	struct signer *s = NULL;

	if (signer_new(t->key, &s) < 0)
		return NULL;
	for (unsigned i = 0; i < EACH; i++) {
		int len = signer_sign(s, (const uint8_t *)&i, sizeof i, t->signatures[i]);
		t->len = len > 0 ? (size_t)len : 0;
	}
	signer_free(&s);
	return NULL;
}

static void threads_sign_with_one_key_at_once(void **state)
{
	(void)state;
	for (size_t a = 0; a < ARRAY_LEN(test_algorithms); a++) {
		struct sign_key *k = new_key(test_algorithms[a]);
		struct thread *work = calloc(THREADS, sizeof *work);
		pthread_t threads[THREADS];
		struct dnskey *public = NULL;

		assert_non_null(work);
		assert_int_equal(dnskey_open(sign_key_dnskey(k), &public), 0);
		for (unsigned t = 0; t < THREADS; t++) {
			work[t].key = k;
			assert_int_equal(
				pthread_create(&threads[t], NULL, sign_many, &work[t]),
				0);
		}
		for (unsigned t = 0; t < THREADS; t++)
			assert_int_equal(pthread_join(threads[t], NULL), 0);
		for (unsigned n = 0; n < THREADS * EACH; n++) {
			const struct thread *t = &work[n / EACH];
			unsigned i = n % EACH;
			assert_int_equal(dnskey_verify(public, (const uint8_t *)&i,
			                               sizeof i, t->signatures[i],
			                               t->len),
			                 0);
		}
		dnskey_free(&public);
		sign_key_free(&k);
		free(work);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_key_signs_its_dnskey_verifies),
		cmocka_unit_test(one_signer_signs_many_times),
		cmocka_unit_test(a_bit_flipped_anywhere_fails),
		cmocka_unit_test(a_signature_of_another_length_is_refused),
		cmocka_unit_test(a_signature_of_zeros_and_one_of_ones_fail),
		cmocka_unit_test(another_key_does_not_verify),
		cmocka_unit_test(threads_sign_with_one_key_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
