// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/respond/nsec3hash.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "dataplane/respond/sha1.h"
#include "shared/base32hex.h"
#include "shared/name.h"

enum { BLOCKS_MAX = 9 };

static uint64_t random_state = 0x452821e638d01377;

static uint8_t random_octet(void)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (uint8_t)(random_state >> 56);
}

static void random_bytes(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = random_octet();
}

/* ---- the compression function ---- */

typedef void blocks_fn(uint32_t state[static SHA1_WORDS], const uint8_t *blocks,
                       size_t n);

/* FIPS 180-4 §5.1.1 */
static size_t pad(uint8_t *message, size_t len)
{
	size_t end = (len + 9 + SHA1_BLOCK - 1) / SHA1_BLOCK * SHA1_BLOCK;

	message[len] = 0x80;
	memset(message + len + 1, 0, end - len - 1);
	message[end - 1] = (uint8_t)(len * 8);
	message[end - 2] = (uint8_t)(len * 8 >> 8);
	return end / SHA1_BLOCK;
}

static void digest(blocks_fn *blocks, const uint8_t *message, size_t len, uint8_t out[20])
{
	uint8_t padded[BLOCKS_MAX * SHA1_BLOCK];
	uint32_t words[SHA1_WORDS];

	memcpy(padded, message, len);
	sha1_init(words);
	blocks(words, padded, pad(padded, len));
	for (unsigned i = 0; i < 20; i++)
		out[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
}

static void agrees_with_openssl(blocks_fn *blocks)
{
	uint8_t message[BLOCKS_MAX * SHA1_BLOCK];
	uint8_t ours[20];
	uint8_t theirs[20];

	for (unsigned round = 0; round < 20; round++) {
		for (size_t len = 0; len <= sizeof message - 9; len++) {
			random_bytes(message, len);
			digest(blocks, message, len, ours);
			assert_int_equal(
				EVP_Digest(message, len, theirs, NULL, EVP_sha1(), NULL),
				1);
			assert_memory_equal(ours, theirs, 20);
		}
	}
}

static void portable_sha1_agrees_with_openssl(void **state)
{
	(void)state;
	agrees_with_openssl(sha1_blocks_portable);
}

static void native_sha1_agrees_with_openssl(void **state)
{
	(void)state;
	if (!sha1_is_native())
		skip();
	agrees_with_openssl(sha1_blocks_native);
}

static void chosen_sha1_agrees_with_openssl(void **state)
{
	(void)state;
	agrees_with_openssl(sha1_blocks);
}

static void sha1_of_abc_is_that_of_fips_180(void **state)
{
	static const uint8_t abc[20] = {
		0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
		0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d,
	};
	uint8_t out[20];

	(void)state;
	digest(sha1_blocks_portable, (const uint8_t *)"abc", 3, out);
	assert_memory_equal(out, abc, 20);
}

/* ---- hashes of names ---- */

static void hashes_are_those_of_rfc_5155(void **state)
{
	/* Appendix A: salt aabbccdd, 12 additional iterations. */
	static const uint8_t salt[] = {0xaa, 0xbb, 0xcc, 0xdd};
	static const struct {
		const char *name;
		const char *hash;
	} cases[] = {
		{"example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
		{"a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
		{"ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi"},
		{"ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
		{"ns2.example.", "q04jkcevqvmu85r014c7dkba38o0ji5r"},
		{"w.example.", "k8udemvp1j2f7eg6jebps17vp3n8i58h"},
		{"*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
		{"x.w.example.", "b4um86eghhds6nea196smvmlo4ors995"},
		{"y.w.example.", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"},
		{"x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s"},
		{"xx.example.", "t644ebqk9bibcna874givr6joj62mlhv"},
	};
	uint8_t name[NAME_MAX_LEN];
	uint8_t hash[NSEC3_HASH_LEN];
	uint8_t text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int len =
			name_from_text(cases[i].name, strlen(cases[i].name), NULL, name);
		assert_true(len > 0);
		nsec3_hash(name, (size_t)len, salt, sizeof salt, 12, hash);
		assert_int_equal(base32hex_encode(hash, sizeof hash, text), 32);
		assert_memory_equal(text, cases[i].hash, 32);
	}
}

/* RFC 5155 §5, word for word. */
static void hash_plainly(const uint8_t *name, size_t name_len, const uint8_t *salt,
                         size_t salt_len, unsigned iterations, uint8_t *out)
{
	uint8_t message[NAME_MAX_LEN + 255];
	size_t len = name_len;

	memcpy(message, name, name_len);
	for (unsigned k = 0; k <= iterations; k++) {
		memcpy(message + len, salt, salt_len);
		assert_int_equal(
			EVP_Digest(message, len + salt_len, out, NULL, EVP_sha1(), NULL),
			1);
		memcpy(message, out, NSEC3_HASH_LEN);
		len = NSEC3_HASH_LEN;
	}
}

static void every_length_of_name_and_salt_is_hashed_right(void **state)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t salt[255];
	uint8_t ours[NSEC3_HASH_LEN];
	uint8_t plain[NSEC3_HASH_LEN];

	(void)state;
	random_bytes(name, sizeof name);
	random_bytes(salt, sizeof salt);
	for (size_t name_len = 1; name_len <= sizeof name; name_len++) {
		for (size_t salt_len = 0; salt_len <= sizeof salt; salt_len += 3) {
			unsigned iterations = (unsigned)(name_len + salt_len) % 3;
			nsec3_hash(name, name_len, salt, salt_len, iterations, ours);
			hash_plainly(name, name_len, salt, salt_len, iterations, plain);
			assert_memory_equal(ours, plain, NSEC3_HASH_LEN);
		}
	}
}

static void many_iterations_are_done(void **state)
{
	static const uint8_t name[] = "\7example";
	uint8_t ours[NSEC3_HASH_LEN];
	uint8_t plain[NSEC3_HASH_LEN];

	(void)state;
	nsec3_hash(name, sizeof name, NULL, 0, 2500, ours);
	hash_plainly(name, sizeof name, name, 0, 2500, plain);
	assert_memory_equal(ours, plain, NSEC3_HASH_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portable_sha1_agrees_with_openssl),
		cmocka_unit_test(native_sha1_agrees_with_openssl),
		cmocka_unit_test(chosen_sha1_agrees_with_openssl),
		cmocka_unit_test(sha1_of_abc_is_that_of_fips_180),
		cmocka_unit_test(hashes_are_those_of_rfc_5155),
		cmocka_unit_test(every_length_of_name_and_salt_is_hashed_right),
		cmocka_unit_test(many_iterations_are_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
