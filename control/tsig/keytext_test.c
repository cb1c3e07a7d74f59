// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "control/tsig/keytext.h"

#include <stdio.h>
#include <string.h>

#include "shared/err.h"

/* Keys as "algorithm name secret;". */
static int note_key(const struct keytext *k, void *arg)
{
	char *to = arg;
	char name[NAME_TEXT_MAX];
	char secret[TSIG_SECRET_TEXT_SIZE];

	tsig_secret_to_text(k->secret, k->secret_len, secret);
	(void)sprintf(to + strlen(to), "%s %s %s;", tsig_algorithms[k->algorithm].text,
	              name_to_text(k->name, name), secret);
	return 0;
}

static const struct {
	const char *text;
	const char *keys; /* NULL: refused */
	const char *why;
} cases[] = {
	{"key \"k.Example\" {\n\talgorithm hmac-sha256;\n\tsecret \"AQIDBA==\";\n};\n",
         "hmac-sha256 k.example. AQIDBA==;", NULL},
	{"key k { secret AQID; algorithm HMAC-MD5.SIG-ALG.REG.INT; };key l{algorithm "
         "hmac-sha1;secret \"AQ//AQ//\";};",
         "hmac-md5 k. AQID;hmac-sha1 l. AQ//AQ//;", NULL},
	{"# hmac-sha512:k:AAAA\nkey:\n- id: k\n  algorithm: hmac-sha512\n  secret: "
         "BBBB\n  - id: \"l.\"\n    algorithm: hmac-sha384\n    secret: CCCC\n",
         "hmac-sha512 k. BBBB;hmac-sha384 l. CCCC;", NULL},
	{"hmac-sha256:k.example.:AQID\nhmac-sha1:l:BBBB",
         "hmac-sha256 k.example. AQID;hmac-sha1 l. BBBB;", NULL},
	{"options { directory \"/x\"; };\n/* key \"no\" { */ // nor key this {\n"
         "key k { algorithm hmac-sha256; secret AQID; };\n"
         "zone \"example.\" { type primary; allow-transfer { key k; }; };\n"
         "server ::1 { keys { k; }; };\n",
         "hmac-sha256 k. AQID;", NULL},
	{"", "", NULL},
	{"key \"k\" { algorithm hmac-sha256; };", NULL,
         "line 1: the key before this has no secret"},
	{"key k {\nsecret AQID;\n};", NULL,
         "line 3: the key before this has no algorithm"},
	{"key k {\nalgorithm hmac-sha3;", NULL, "line 2: the algorithm is not known"},
	{"key k { secret \"A*\";", NULL, "line 1: the secret is not base64, or too long"},
	{"key k { secret", NULL, "line 1: the text ends in a key"},
	{"key \".\" { ", NULL,
         "line 1: what should be the name of a key is no domain name"},
	{"hmac-sha256:a..b:AQID", NULL,
         "line 1: what should be the name of a key is no domain name"},
};

static void keys_are_read_in_the_forms_of_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char keys[1024] = "";
		char why[KEYTEXT_WHY_SIZE] = "";
		int count = keytext_each(cases[i].text, strlen(cases[i].text), note_key,
		                         keys, why);
		int want = 0;
		for (const char *c = cases[i].keys; c && *c; c++)
			want += *c == ';';
		assert_int_equal(count, cases[i].keys ? want : ERR_SYNTAX);
		assert_string_equal(cases[i].keys ? keys : why,
		                    cases[i].keys ? cases[i].keys : cases[i].why);
	}
}

static void any_cut_of_a_text_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t len = 0; len < strlen(cases[i].text); len++) {
			char keys[1024] = "";
			char why[KEYTEXT_WHY_SIZE];
			(void)!keytext_each(cases[i].text, len, note_key, keys, why);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read_in_the_forms_of_others),
		cmocka_unit_test(any_cut_of_a_text_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
