#include "control/sign/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/sign/token_key.h"
#include "shared/err.h"

static char why[TOKEN_WHY_SIZE];

#define MODULE "?module-path=/usr/lib/x.so"

static void tokens_are_said_by_uris(void **state)
{
	static const char *const good[] = {
		"pkcs11:token=Anser" MODULE,
		"pkcs11:token=Anser" MODULE "&pin-source=file:/etc/anser/pin",
		"pkcs11:token=Anser" MODULE "&pin-source=file:///etc/anser/pin",
		"pkcs11:token=Anser" MODULE "&pin-source=/etc/anser/pin",
		"pkcs11:token=The%20software%20token;manufacturer=Snake%20Oil,%20Inc.;"
		"model=1.0;serial=0001" MODULE,
		"pkcs11:token=Anser;slot-id=3;library-description=x" MODULE,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (token_check(good[i], why) < 0)
			fail_msg("%s: %s", good[i], why);
}

struct wrong {
	const char *uri;
	const char *why; /* NULL: as the parser has it */
};

static void uris_of_no_token_are_refused(void **state)
{
	static const struct wrong wrong[] = {
		{"", NULL},
		{"Anser", NULL},
		{"pkcs11", NULL},
		{"file:/usr/lib/x.so", NULL},
		{"pkcs11:token=%zz" MODULE, NULL},
		{"pkcs11:token=Anser;id=%" MODULE, NULL},
		{"pkcs11:token=longer-than-the-32-octets-of-a-label" MODULE, NULL},
		{"pkcs11:", "token=LABEL is wanted"},
		{"pkcs11:" MODULE, "token=LABEL is wanted"},
		{"pkcs11:serial=1" MODULE, "token=LABEL is wanted"},
		{"pkcs11:token=Anser;colour=blue" MODULE,
	         "it has an attribute that is not known"},
		{"pkcs11:token=Anser" MODULE "&pin-value=1234",
	         "a PIN belongs in a file: pin-source=file:/PATH"},
		{"pkcs11:token=Anser;pin-value=1234" MODULE, NULL},
		{"pkcs11:token=Anser;id=%01" MODULE,
	         "it is of a token, and not of something in it"},
		{"pkcs11:token=Anser;object=x" MODULE,
	         "it is of a token, and not of something in it"},
		{"pkcs11:token=Anser;type=private" MODULE,
	         "it is of a token, and not of something in it"},
		{"pkcs11:token=Anser",
	         "module-path=/PATH of its PKCS#11 library is wanted"},
		{"pkcs11:token=Anser?module-path=x.so",
	         "module-path=/PATH of its PKCS#11 library is wanted"},
		{"pkcs11:token=Anser?module-name=softhsm2",
	         "module-path=/PATH of its PKCS#11 library is wanted"},
		{"pkcs11:token=Anser" MODULE "&pin-source=pin",
	         "pin-source is no absolute path of a file"},
		{"pkcs11:token=Anser" MODULE "&pin-source=file:pin",
	         "pin-source is no absolute path of a file"},
		{"pkcs11:token=Anser" MODULE "&pin-source=%7C/usr/bin/pin",
	         "pin-source is no absolute path of a file"},
		{"pkcs11:token=Anser" MODULE "&pin-source=https://example/pin",
	         "pin-source is no absolute path of a file"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		why[0] = '\0';
		if (token_check(wrong[i].uri, why) != ERR_INVALID)
			fail_msg("%s is taken", wrong[i].uri);
		assert_true(why[0] != '\0');
		if (wrong[i].why)
			assert_string_equal(why, wrong[i].why);
	}
}

static void keys_are_said_by_uris(void **state)
{
	static const char *const good[] = {
		"pkcs11:token=Anser;id=%01",
		"pkcs11:token=Anser;object=example.%20KSK",
		"pkcs11:id=%01%02;token=Anser;object=x;type=private",
		"pkcs11:token=Anser;serial=1;manufacturer=x;id=%00",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (token_key_check(good[i], why) < 0)
			fail_msg("%s: %s", good[i], why);
}

static void uris_of_no_key_are_refused(void **state)
{
	static const char nothing_else[] =
		"how a token is reached is for the configuration to say: nothing may "
		"follow a \"?\"";
	static const struct wrong wrong[] = {
		{"", NULL},
		{"pkcs11:", "token=LABEL is wanted"},
		{"pkcs11:id=%01", "token=LABEL is wanted"},
		{"pkcs11:token=Anser",
	         "it says of no key: id=%.. or object=LABEL is wanted"},
		{"pkcs11:token=Anser;type=private",
	         "it says of no key: id=%.. or object=LABEL is wanted"},
		{"pkcs11:token=Anser;id=%01;type=public", "its type is not \"private\""},
		{"pkcs11:token=Anser;id=%01;type=cert", "its type is not \"private\""},
		{"pkcs11:token=Anser;id=%01?module-path=/tmp/mine.so", nothing_else},
		{"pkcs11:token=Anser;id=%01?module-name=mine", nothing_else},
		{"pkcs11:token=Anser;id=%01?pin-source=/etc/shadow", nothing_else},
		{"pkcs11:token=Anser;id=%01?", nothing_else},
		{"pkcs11:token=Anser;id=%01?pin-value=1",
	         "a PIN belongs in a file: pin-source=file:/PATH"},
		{"pkcs11:token=Anser;id=%01;colour=blue",
	         "it has an attribute that is not known"},
	};
	char text[TOKEN_KEY_URI_SIZE + 1] = "pkcs11:token=Anser;object=";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		why[0] = '\0';
		if (token_key_check(wrong[i].uri, why) != ERR_INVALID)
			fail_msg("%s is taken", wrong[i].uri);
		assert_true(why[0] != '\0');
		if (wrong[i].why)
			assert_string_equal(why, wrong[i].why);
	}
	memset(text + strlen(text), 'x', sizeof text - 1 - strlen(text));
	assert_int_equal(token_key_check(text, why), ERR_INVALID);
	assert_string_equal(why, "it is too long");
}

static void tokens_are_told_apart_by_their_labels(void **state)
{
	(void)state;
	assert_true(token_is_same("pkcs11:token=Anser",
	                          "pkcs11:serial=1;token=Anser" MODULE));
	assert_true(token_is_same("pkcs11:token=A%20b", "pkcs11:token=A%20%62;id=%01"));
	assert_false(token_is_same("pkcs11:token=Anser", "pkcs11:token=anser"));
	assert_false(token_is_same("pkcs11:token=Anser", "pkcs11:token=Anse"));
	assert_false(token_is_same("Anser", "Anser"));
	assert_false(token_is_same("pkcs11:", "pkcs11:"));
}

static void list_with_a_wrong_one_is_refused(void **state)
{
	const char *uris[TOKENS_MAX + 1] = {"pkcs11:token=A" MODULE, "pkcs11:token=B"};

	(void)state;
	assert_int_equal(tokens_set(uris, 2, why), ERR_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(uris); i++)
		uris[i] = "pkcs11:token=A" MODULE;
	assert_int_equal(tokens_set(uris, TOKENS_MAX + 1, why), ERR_INVALID);
	assert_string_equal(why, "there are more than 16 tokens");
	assert_int_equal(tokens_set(uris, TOKENS_MAX, why), 0);
	assert_int_equal(tokens_set(uris, 1, why), 0);
	tokens_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_said_by_uris),
		cmocka_unit_test(uris_of_no_token_are_refused),
		cmocka_unit_test(keys_are_said_by_uris),
		cmocka_unit_test(uris_of_no_key_are_refused),
		cmocka_unit_test(tokens_are_told_apart_by_their_labels),
		cmocka_unit_test(list_with_a_wrong_one_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
