#include "control/sign/keyfile_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#define FORMAT "Private-key-format: v1.3\n"
#define P256   "Algorithm: 13 (ECDSAP256SHA256)\n"
#define ED     "Algorithm: 15 (ED25519)\n"
#define RSA    "Algorithm: 8 (RSASHA256)\n"
#define TIMES  " is not a time from 1970 to 2106 in the form YYYYMMDDHHMMSS"

static const struct {
	const char *text;
	const char *why;
} refused[] = {
	{"", "line 0: there is no private key"},
	{"\n\n", "line 2: there is no private key"},
	{FORMAT, "line 1: the key has no algorithm"},
	{FORMAT P256, "line 2: the key has no PrivateKey"},
	{P256 FORMAT, "line 1: a private key begins with \"Private-key-format\""},
	{"PrivateKey: AQID\n",
         "line 1: a private key begins with \"Private-key-format\""},
	{"Private-key-format: v2.0\n", "line 1: this is not version 1 of the format"},
	{"Private-key-format: v1.\n", "line 1: this is not version 1 of the format"},
	{"Private-key-format: v1.x\n", "line 1: this is not version 1 of the format"},
	{"Private-key-format:\n", "line 1: this is not version 1 of the format"},
	{FORMAT FORMAT, "line 2: another key begins here; one is taken at a time"},
	{FORMAT "what is this\n", "line 2: there is no colon"},
	{FORMAT "Algorithm: ED25519\n", "line 2: an algorithm is a number up to 255"},
	{FORMAT "Algorithm: 256\n", "line 2: an algorithm is a number up to 255"},
	{FORMAT "Algorithm: -8\n", "line 2: an algorithm is a number up to 255"},
	{FORMAT "Algorithm:\n", "line 2: an algorithm is a number up to 255"},
	{FORMAT "Algorithm: 5 (RSASHA1)\n",
         "line 2: zones are not signed with algorithm 5 here"},
	{FORMAT "Algorithm: 157 (HMAC_MD5)\n",
         "line 2: zones are not signed with algorithm 157 here"},
	{FORMAT ED P256, "line 3: there is a second algorithm"},
	{FORMAT ED "PrivateKey: A*\n", "line 3: PrivateKey is not base64"},
	{FORMAT ED "PrivateKey: AQI\n", "line 3: PrivateKey is not base64"},
	{FORMAT ED "PrivateKey: AQID BAUG\n", "line 3: PrivateKey is not base64"},
	{FORMAT ED "PrivateKey:\n", "line 3: PrivateKey is empty"},
	{FORMAT ED "PrivateKey: AQID\nPrivateKey: AQID\n",
         "line 4: PrivateKey is there twice"},
	{FORMAT ED "PrivateKey: AQID\nModulus: AQID\n",
         "line 4: keys of algorithm 15 have no Modulus"},
	{FORMAT RSA "PrivateKey: AQID\n", "line 3: the key has no Modulus"},
	{FORMAT RSA "Modulus: AQID\nPublicExponent: AQAB\nPrivateExponent: AQ==\n"
                    "Prime1: AQ==\nPrime2: AQ==\nExponent1: AQ==\nExponent2: AQ==\n",
         "line 9: the key has no Coefficient"},
	{FORMAT ED "Created: yesterday\n", "line 3: Created" TIMES},
	{FORMAT ED "Created: 2026112208164\n", "line 3: Created" TIMES},
	{FORMAT ED "Publish: 20261322081646\n", "line 3: Publish" TIMES},
	{FORMAT ED "Delete: 21060207062816\n", "line 3: Delete" TIMES},
	{FORMAT ED "Delete: 19691231235959\n", "line 3: Delete" TIMES},
	{FORMAT ED "Delete: 19700101000000\n", "line 3: Delete" TIMES},
	{FORMAT ED "Revoke: 20260101000000\nRevoke: 20260101000000\n",
         "line 4: Revoke is there twice"},
	{FORMAT ED "Engine: cGtjczExAA==\nLabel: a2V5AA==\n",
         "line 3: the key is in a device, of which this has only the name"},
};

static void what_is_no_private_key_is_refused(void **state)
{
	static const struct keyfile_text zero;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *text = refused[i].text;
		char why[KEYFILE_WHY_SIZE] = "";
		struct keyfile_text k;
		memset(&k, 0xaa, sizeof k);
		assert_int_equal(keyfile_text_read(text, strlen(text), &k, why),
		                 ERR_SYNTAX);
		assert_string_equal(why, refused[i].why);
		assert_memory_equal(&k, &zero, sizeof k);
	}
}

static void number_beyond_the_largest_key_is_refused(void **state)
{
	char text[2048] = FORMAT RSA "Modulus: ";
	size_t front = strlen(text);
	size_t largest = KEYFILE_NUMBER_MAX / 3 * 4 + 4; /* of 513 octets and padding */
	char why[KEYFILE_WHY_SIZE];
	struct keyfile_text k;

	(void)state;
	memset(text + front, 'A', largest);
	assert_int_equal(keyfile_text_read(text, front + largest, &k, why), ERR_SYNTAX);
	assert_string_equal(why, "line 3: Modulus has more than 512 octets");
	text[front + largest - 1] = '=';
	assert_int_equal(keyfile_text_read(text, front + largest, &k, why), ERR_SYNTAX);
	assert_string_equal(why, "line 3: the key has no PublicExponent");
}

static void text_is_read_as_loosely_as_others_write_it(void **state)
{
	static const char text[] = "\r\nprivate-key-format:v1.2\r\n"
				   "ALGORITHM:\t15\r\n"
				   "Somethingnew: of v1.4\r\n"
				   " PrivateKey :  AQID \t\r\n"
				   "created: 20260102030405";
	char why[KEYFILE_WHY_SIZE] = "";
	struct keyfile_text k;

	(void)state;
	assert_int_equal(keyfile_text_read(text, strlen(text), &k, why), 0);
	assert_int_equal(k.algorithm, SIGN_ED25519);
	assert_int_equal(k.parts[KEYFILE_PRIVATE_KEY].len, 3);
	assert_memory_equal(k.parts[KEYFILE_PRIVATE_KEY].octets, "\1\2\3", 3);
	assert_int_equal(k.times[KEYFILE_CREATED], 1767323045);
	assert_int_equal(k.times[KEYFILE_PUBLISH], 0);
}

static void largest_key_has_room_and_comes_back(void **state)
{
	static struct keyfile_text k = {.algorithm = SIGN_RSASHA512};
	static struct keyfile_text again;
	char text[KEYFILE_TEXT_SIZE];
	char why[KEYFILE_WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < KEYFILE_PRIVATE_KEY; i++) {
		k.parts[i].len = KEYFILE_NUMBER_MAX;
		memset(k.parts[i].octets, (int)i + 1, KEYFILE_NUMBER_MAX);
	}
	for (size_t i = 0; i < KEYFILE_TIMES; i++)
		k.times[i] = UINT32_MAX - (uint32_t)i;
	size_t len = keyfile_text_write(&k, text);
	assert_int_equal(strlen(text), len);
	assert_non_null(strstr(text, "\nCreated: 21060207062815\n"));
	assert_int_equal(keyfile_text_read(text, len, &again, why), 0);
	assert_memory_equal(&again, &k, sizeof k);
}

static void key_without_times_is_of_the_older_version(void **state)
{
	struct keyfile_text k = {.algorithm = SIGN_ED25519};
	char text[KEYFILE_TEXT_SIZE];

	(void)state;
	k.parts[KEYFILE_PRIVATE_KEY] = (struct keyfile_number){3, {1, 2, 3}};
	(void)keyfile_text_write(&k, text);
	assert_string_equal(text, "Private-key-format: v1.2\n" ED "PrivateKey: AQID\n");
	k.times[KEYFILE_DS_PUBLISH] = 1;
	(void)keyfile_text_write(&k, text);
	assert_string_equal(text,
	                    FORMAT ED "PrivateKey: AQID\nDSPublish: 19700101000001\n");
}

static void any_cut_of_a_text_ends(void **state)
{
	static const char text[] =
		FORMAT ED "PrivateKey: AQID\nCreated: 20260102030405\n";
	char why[KEYFILE_WHY_SIZE];
	struct keyfile_text k;

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		char *cut = malloc(len + 1);
		assert_non_null(cut);
		memcpy(cut, text, len);
		int err = keyfile_text_read(cut, len, &k, why);
		assert_true(err == 0 || err == ERR_SYNTAX);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_private_key_is_refused),
		cmocka_unit_test(number_beyond_the_largest_key_is_refused),
		cmocka_unit_test(text_is_read_as_loosely_as_others_write_it),
		cmocka_unit_test(largest_key_has_room_and_comes_back),
		cmocka_unit_test(key_without_times_is_of_the_older_version),
		cmocka_unit_test(any_cut_of_a_text_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
