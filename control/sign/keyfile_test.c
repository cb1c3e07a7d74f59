/* Private keys of RFCs and of other programs, in text. keyfile_peers_test.c asks the programs themselves. */
#include "control/sign/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "control/sign/testing.h"
#include "shared/err.h"

#define FORMAT "Private-key-format: v1.2\n"

/* Keys as RFCs show them, in the form of BIND's files. */
static const struct {
	const char *private;
	const char *public;
	const char *name;
} rfc[] = {
	/* RFC 6605 §6.1 */
	{FORMAT "Algorithm: 13 (ECDSAP256SHA256)\n"
                "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n",
         "example.net. 3600 IN DNSKEY 257 3 13 ("
         "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
         "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA== )",
         "Kexample.net.+013+55648"},
	/* §6.2 */
	{FORMAT "Algorithm: 14 (ECDSAP384SHA384)\n"
                "PrivateKey: WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vw"
                "W7BOrbawVmVe0d9V94SR\n",
         "example.net. 3600 IN DNSKEY 257 3 14 ("
         "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RC"
         "OpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40 )",
         "Kexample.net.+014+10771"},
	/* RFC 8080 §6.1 */
	{FORMAT "Algorithm: 15 (ED25519)\n"
                "PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n",
         "example.com. 3600 IN DNSKEY 257 3 15 ("
         "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4= )",
         "Kexample.com.+015+03613"},
	/* §6.2 */
	{FORMAT "Algorithm: 16 (ED448)\n"
                "PrivateKey: xZ+5Cgm463xugtkY5B0Jx6erFTXp13rYegst0qRtNsOYnaVpMx0Z/c5E"
                "iA9x8wWbDDct/U3FhYWA\n",
         "example.com. 3600 IN DNSKEY 257 3 16 ("
         "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYU"
         "cJKm1MDpJtIA )",
         "Kexample.com.+016+09713"},
};

/* Of 1024 bits, by dnssec-keygen. */
#define RSA_FRONT "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\n"
#define RSA_MODULUS                                                                 \
	"Modulus: "                                                                 \
	"xi8tiY4OBuC4yq8AVqxCw0LManFuwmr8St4NeOkw3/R/jK4CCwisOpucWwXd02Ad8gGWZHvN4" \
	"WOeTWPx8K4WtoGLwCxapLJgeDdtzT19jUYLkGvweRI4EZoRpATbXP7d+umYTHSvl4H9sq7JEx" \
	"WDq7r7TO8nIC0gzgosXdLck6U=\n"
#define RSA_EXPONENT "PublicExponent: AQAB\n"
#define RSA_PRIVATE                                                         \
	"PrivateExponent: "                                                 \
	"PWJhfWiliZXTRtwbg70JVMd83z9RKiDPEjVjAN9hhwyI8T74XQiLp/"            \
	"+I11yiz5TG0a2SMn9yTmx3nMrnJkAVwlglanpiPu4C2chPnrrq1pF4zTR8DlgBRe+" \
	"d8ZQNph4VNF1ixx7j4J7vq2vZaoRId5JRbMWSquvmftakekiQmIU=\n"
#define RSA_PRIME_1                                                      \
	"Prime1: "                                                       \
	"42/qbmuVqnKdxFZLg40Yuu2KHMGdaEU1A2CdAq3ajoiPNA0/Rs5c1Bcb2Imtq/" \
	"0zfc3u07xmYtA8tGawTXM8Lw==\n"
#define RSA_PRIME_2                                                                 \
	"Prime2: "                                                                  \
	"3xLI3j9z613vF63MBrkpFc0DQPQ6xB9OIYhXIQ90SskJdVyVoHR2KEQcfJHR7MxTjhExRfzV+" \
	"3tF/hFvj31Uaw==\n"
#define RSA_EXPONENT_1                         \
	"Exponent1: "                          \
	"wFWejO6STOhMnwLTLVae+UV0LMlXUhxkrox/" \
	"ewqG705wu/YP8tMFEZ7RP5d+tRmU9+i09X43n4y2KWFF6tlupQ==\n"
#define RSA_EXPONENT_2                                               \
	"Exponent2: "                                                \
	"IezqbZp6163WgeRlphQc4nrmZsd99HvKVyE0FwwRpJoEfTvSaa+slJ0fM/" \
	"a9VWURxAZrVviH1pI959DhBZKK9w==\n"
#define RSA_COEFFICIENT                                                     \
	"Coefficient: "                                                     \
	"ZmJ1LTZN53/ekNsgRHTnc59FJKwbNqKONO52Mz4gsHboClzvTMmPJNDfiPPI3uGM/" \
	"ujrXlEAKdUiJkJM+xROUg==\n"
#define RSA_TIMES                                            \
	"Created: 20261122083257\nPublish: 20220101000000\n" \
	"Activate: 20220101000000\nDelete: 20220301000000\n"
static const char rsa_private[] = RSA_FRONT RSA_MODULUS RSA_EXPONENT RSA_PRIVATE
	RSA_PRIME_1 RSA_PRIME_2 RSA_EXPONENT_1 RSA_EXPONENT_2 RSA_COEFFICIENT RSA_TIMES;
static const char rsa_public[] =
	"; This is a zone-signing key, keyid 8764, for example.\n"
	"; Created: 20261122083257 (Sun Nov 22 08:32:57 2026)\n"
	"; Publish: 20220101000000 (Sat Jan  1 00:00:00 2022)\n"
	"; Activate: 20220101000000 (Sat Jan  1 00:00:00 2022)\n"
	"; Delete: 20220301000000 (Tue Mar  1 00:00:00 2022)\n"
	"example. IN DNSKEY 256 3 8 "
	"AwEAAcYvLYmODgbguMqvAFasQsNCzGpxbsJq/EreDXjpMN/0f4yuAgsI "
	"rDqbnFsF3dNgHfIBlmR7zeFjnk1j8fCuFraBi8AsWqSyYHg3bc09fY1G "
	"C5Br8HkSOBGaEaQE21z+3frpmEx0r5eB/bKuyRMVg6u6+0zvJyAtIM4K LF3S3JOl\n";

static struct keyfile_public public_of(const char *text)
{
	struct keyfile_public p;
	char why[KEYFILE_WHY_SIZE] = "";

	if (keyfile_read_public(text, strlen(text), &p, why) < 0)
		fail_msg("%s: %s", text, why);
	return p;
}

static void keys_of_rfcs_are_read_and_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rfc); i++) {
		struct keyfile_public p = public_of(rfc[i].public);
		const struct keyfile_expected expected = {.public = &p};
		char why[KEYFILE_WHY_SIZE] = "";
		char text[KEYFILE_TEXT_SIZE];
		char name[KEYFILE_NAME_SIZE];
		struct keyfile k;
		assert_int_equal(keyfile_read_private(rfc[i].private,
		                                      strlen(rfc[i].private), &expected,
		                                      &k, why),
		                 0);
		assert_true(p.has_ttl && p.ttl == 3600);
		assert_string_equal(keyfile_name(k.key, p.owner, name), rfc[i].name);
		assert_true(keyfile_write_private(k.key, NULL, text) > 0);
		assert_string_equal(text, rfc[i].private);
		sign_key_free(&k.key);
	}
}

static void times_are_kept_and_files_are_those_of_bind(void **state)
{
	struct keyfile_public p = public_of(rsa_public);
	const struct keyfile_expected expected = {.public = &p};
	char why[KEYFILE_WHY_SIZE];
	char text[KEYFILE_TEXT_SIZE];
	struct keyfile k;

	(void)state;
	assert_false(p.has_ttl);
	assert_int_equal(keyfile_read_private(rsa_private, strlen(rsa_private), &expected,
	                                      &k, why),
	                 0);
	assert_int_equal(k.times[KEYFILE_PUBLISH], 1640995200);
	assert_int_equal(k.times[KEYFILE_REVOKE], 0);
	assert_int_equal(sign_key_tag(k.key), 8764);
	assert_int_equal(keyfile_write_private(k.key, k.times, text),
	                 strlen(rsa_private));
	assert_string_equal(text, rsa_private);
	assert_int_equal(keyfile_write_public(k.key, p.owner, -1, k.times, text),
	                 strlen(rsa_public));
	assert_string_equal(text, rsa_public);
	(void)keyfile_write_public(k.key, p.owner, 86400, NULL, text);
	assert_non_null(strstr(text, "example.\nexample. 86400 IN DNSKEY 256 3 8 AwEA"));
	sign_key_free(&k.key);
}

/* ---- refusals ---- */

#define NO_KEY "its numbers are those of no key"
#define NO_PARTS                                                                \
	"it is not a private key of its algorithm, or its parts do not belong " \
	"together"
#define NO_PEM   "the PEM text has no private key, or one under a passphrase"
#define NOT_THIS "it is not a key of the algorithm that is expected"
#define ED_PEM                                                               \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MC4CAQAwBQYDK2VwBCIEILsrc3jhqNkpnw0bblu1QdJzPdCsNnuxzpRF/g7+k/pM\n" \
	"-----END PRIVATE KEY-----\n"

static const struct {
	const char *private;
	uint8_t algorithm;
	uint16_t flags;
	int err;
	const char *why;
} refused[] = {
	{ED_PEM, 0, 385, ERR_REFUSED,
         "flags 385: only keys with 256 (ZSK) or 257 (KSK) sign here"},
	{ED_PEM, 0, 0, ERR_REFUSED,
         "flags 0: only keys with 256 (ZSK) or 257 (KSK) sign here"},
	{ED_PEM, 5, 256, ERR_REFUSED, "zones are not signed with algorithm 5 here"},
	{ED_PEM, 13, 256, ERR_REFUSED, NOT_THIS},
	{FORMAT "Algorithm: 15\nPrivateKey: AQID\n", 13, 256, ERR_REFUSED, NOT_THIS},
	{FORMAT "Algorithm: 15\nPrivateKey: AQID\n", 0, 256, ERR_REFUSED, NO_KEY},
	{FORMAT "Algorithm: 16\n"
                "PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n",
         0, 256, ERR_REFUSED, NO_KEY},
	/* No number of the curve: zero, the order, and more octets than it has. */
	{FORMAT "Algorithm: 13\nPrivateKey: AAAA\n", 0, 256, ERR_REFUSED, NO_KEY},
	{FORMAT "Algorithm: 13\n"
                "PrivateKey: /////wAAAAD//////////7zm+q2nF56E87nKwvxjJVE=\n",
         0, 256, ERR_REFUSED, NO_KEY},
	{FORMAT "Algorithm: 13\nPrivateKey: WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vw"
                "W7BOrbawVmVe0d9V94SR\n",
         0, 256, ERR_REFUSED, NO_KEY},
	{"", 0, 256, ERR_SYNTAX, "line 0: there is no private key"},
	{"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0, 256,
         ERR_SYNTAX, NO_PEM},
	{"\n-----BEGIN PRIVATE KEY-----\n", 0, 256, ERR_SYNTAX, NO_PEM},
	{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0, 256,
         ERR_SYNTAX, NO_PEM},
	/* Under the passphrase "x". */
	{"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
         "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjlhoyATGqucgICCAAw\n"
         "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAaFsO4/aryA7B0tdx/czzQEQBFY\n"
         "-----END ENCRYPTED PRIVATE KEY-----\n",
         0, 256, ERR_SYNTAX, NO_PEM},
	/* secp256k1, and X25519: keys, but none of DNSSEC's. */
	{"-----BEGIN EC PRIVATE KEY-----\n"
         "MHQCAQEEIMjaDqPvJcsTm0+kwV2qbwJi/vvy5ULsJCtTBecrGyhooAcGBSuBBAAK\n"
         "oUQDQgAEtsxKmoYUHcxp405LW0q3ZUbDqnVScb/Yy9aZunbrqAv/tuj6M81hTGgT\n"
         "tUFKlBQ8NeznZOJ1LjobI+fdfQGlGw==\n"
         "-----END EC PRIVATE KEY-----\n",
         13, 256, ERR_REFUSED, NO_PARTS},
	{"-----BEGIN PRIVATE KEY-----\n"
         "MC4CAQAwBQYDK2VuBCIEINi0464Oma+FIeLZhkiqMnm1XW4X4l/KhkSpuImK39Z/\n"
         "-----END PRIVATE KEY-----\n",
         15, 256, ERR_REFUSED, NO_PARTS},
	/* RFC 5702 §6.1: 512 bits. */
	{FORMAT "Algorithm: 8 (RSASHA256)\n"
                "Modulus: wVwaxrHF2CK64aYKRUibLiH30KpPuPBjel7E8ZydQW1HYWHfoGm"
                "idzC2RnhwCC293hCzw+TFR2nqn8OVSY5t2Q==\n"
                "PublicExponent: AQAB\n"
                "PrivateExponent: UR44xX6zB3eaeyvTRzmskHADrPCmPWnr8dxsNwiDGHzrMKLN+i/"
                "HAam+97HxIKVWNDH2ba9Mf1SA8xu9dcHZAQ==\n"
                "Prime1: 4c8IvFu1AVXGWeFLLFh5vs7fbdzdC6U82fduE6KkSWk=\n"
                "Prime2: 2zZpBE8ZXVnL74QjG4zINlDfH+EOEtjJJ3RtaYDugvE=\n"
                "Exponent1: G2xAPfK0KGxGANDVNxd1K1c9wOmmJ51mGbzKFFNMFFk=\n"
                "Exponent2: GYxP1Pa7CAwtHm8SAGX594qZVofOMhgd6YFCNyeVpKE=\n"
                "Coefficient: icQdNRjlZGPmuJm2TIadubcO8X7V4y07aVhX464tx8Q=\n",
         0, 256, ERR_REFUSED,
         "RSA keys have from 1024 to 4096 bits, and an odd exponent of at most 64"},
};

static void what_does_not_sign_zones_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct keyfile_expected expected = {
			.algorithm = refused[i].algorithm, .flags = refused[i].flags};
		char why[KEYFILE_WHY_SIZE] = "";
		struct keyfile k = {0};
		int err = keyfile_read_private(refused[i].private,
		                               strlen(refused[i].private), &expected, &k,
		                               why);
		assert_string_equal(why, refused[i].why);
		assert_int_equal(err, refused[i].err);
		assert_null(k.key);
	}
}

/* Each but the modulus. */
static void rsa_key_with_a_wrong_part_is_refused(void **state)
{
	static const char *const broken[] = {
		RSA_FRONT RSA_MODULUS RSA_EXPONENT RSA_PRIVATE RSA_PRIME_1 RSA_PRIME_2
			RSA_EXPONENT_1 RSA_EXPONENT_2 "Coefficient: AQID\n",
		RSA_FRONT RSA_MODULUS "PublicExponent: AQAD\n" RSA_PRIVATE RSA_PRIME_1
			RSA_PRIME_2 RSA_EXPONENT_1 RSA_EXPONENT_2 RSA_COEFFICIENT,
		RSA_FRONT RSA_MODULUS RSA_EXPONENT
		"PrivateExponent: AQID\n" RSA_PRIME_1 RSA_PRIME_2 RSA_EXPONENT_1
			RSA_EXPONENT_2 RSA_COEFFICIENT,
		RSA_FRONT RSA_MODULUS RSA_EXPONENT RSA_PRIVATE
		"Prime1: AQID\n" RSA_PRIME_2 RSA_EXPONENT_1 RSA_EXPONENT_2
			RSA_COEFFICIENT,
		RSA_FRONT RSA_MODULUS RSA_EXPONENT RSA_PRIVATE RSA_PRIME_1
		"Prime2: AQID\n" RSA_EXPONENT_1 RSA_EXPONENT_2 RSA_COEFFICIENT,
		RSA_FRONT RSA_MODULUS RSA_EXPONENT RSA_PRIVATE RSA_PRIME_1 RSA_PRIME_2
		"Exponent1: AQID\n" RSA_EXPONENT_2 RSA_COEFFICIENT,
		RSA_FRONT RSA_MODULUS RSA_EXPONENT RSA_PRIVATE RSA_PRIME_1 RSA_PRIME_2
			RSA_EXPONENT_1 "Exponent2: AQID\n" RSA_COEFFICIENT,
	};
	const struct keyfile_expected expected = {.flags = 256};
	char why[KEYFILE_WHY_SIZE];
	struct keyfile k = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		assert_int_equal(keyfile_read_private(broken[i], strlen(broken[i]),
		                                      &expected, &k, why),
		                 ERR_REFUSED);
		assert_true(strcmp(why, NO_PARTS) == 0 || strcmp(why, NO_KEY) == 0);
		assert_null(k.key);
	}
}

static void private_key_of_another_record_is_refused(void **state)
{
	struct keyfile_public p = public_of(rfc[2].public);
	const struct keyfile_expected expected = {.public = &p};
	char why[KEYFILE_WHY_SIZE];
	struct keyfile k = {0};

	(void)state;
	assert_int_equal(keyfile_read_private(ED_PEM, strlen(ED_PEM), &expected, &k, why),
	                 ERR_REFUSED);
	assert_string_equal(why, "the private key is not that of the DNSKEY record");
	assert_int_equal(keyfile_read_private(rfc[0].private, strlen(rfc[0].private),
	                                      &expected, &k, why),
	                 ERR_REFUSED);
	assert_string_equal(why, NOT_THIS);
	assert_null(k.key);
}

static void pem_of_rsa_has_to_be_told_its_algorithm(void **state)
{
	/* As pdnsutil export-zone-key-pem and openssl genrsa have it. */
	struct test_bytes pkcs8 = test_hex(examples[0].pkcs8);
	struct keyfile_expected expected = {.flags = 256};
	char pem[2048] = "-----BEGIN PRIVATE KEY-----\n";
	char *to = pem + strlen(pem);
	char why[KEYFILE_WHY_SIZE];
	struct keyfile k = {0};

	(void)state;
	assert_int_equal(examples[0].algorithm, SIGN_RSASHA512);
	for (size_t at = 0; at < pkcs8.len; at += 48) {
		size_t len = pkcs8.len - at < 48 ? pkcs8.len - at : 48;
		to += EVP_EncodeBlock((unsigned char *)to, pkcs8.at + at, (int)len);
		*to++ = '\n';
	}
	(void)snprintf(to, 32, "-----END PRIVATE KEY-----\n");
	assert_int_equal(keyfile_read_private(pem, strlen(pem), &expected, &k, why),
	                 ERR_REFUSED);
	assert_string_equal(why, "the PEM text does not say which algorithm the key is "
	                         "for: it has to be given");
	expected.algorithm = SIGN_RSASHA512;
	assert_int_equal(keyfile_read_private(pem, strlen(pem), &expected, &k, why), 0);
	assert_int_equal(sign_key_tag(k.key), examples[0].tag);
	sign_key_free(&k.key);
	expected.algorithm = SIGN_ED448;
	assert_int_equal(keyfile_read_private(pem, strlen(pem), &expected, &k, why),
	                 ERR_REFUSED);
}

/* BIND once wrote, and ldns writes, such numbers without the zeros in front. */
static void short_number_of_a_curve_is_one(void **state)
{
	static const char text[] = FORMAT "Algorithm: 13\nPrivateKey: AQ==\n";
	const struct keyfile_expected expected = {.flags = 256};
	char why[KEYFILE_WHY_SIZE];
	char again[KEYFILE_TEXT_SIZE];
	struct keyfile k;

	(void)state;
	assert_int_equal(keyfile_read_private(text, strlen(text), &expected, &k, why), 0);
	assert_true(keyfile_write_private(k.key, NULL, again) > 0);
	assert_non_null(strstr(
		again, "PrivateKey: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n"));
	sign_key_free(&k.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_rfcs_are_read_and_written),
		cmocka_unit_test(times_are_kept_and_files_are_those_of_bind),
		cmocka_unit_test(what_does_not_sign_zones_is_refused),
		cmocka_unit_test(rsa_key_with_a_wrong_part_is_refused),
		cmocka_unit_test(private_key_of_another_record_is_refused),
		cmocka_unit_test(pem_of_rsa_has_to_be_told_its_algorithm),
		cmocka_unit_test(short_number_of_a_curve_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
