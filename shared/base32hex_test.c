// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "shared/base32hex.h"

#include <string.h>

#include "shared/err.h"

/* RFC 4648 §10, without the padding. */
static const struct {
	const char *bytes;
	const char *text;
} vectors[] = {
	{"", ""},
	{"f", "co"},
	{"fo", "cpng"},
	{"foo", "cpnmu"},
	{"foob", "cpnmuog"},
	{"fooba", "cpnmuoj1"},
	{"foobar", "cpnmuoj1e8"},
};

static void vectors_of_rfc_4648(void **state)
{
	uint8_t text[16];
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		size_t len = strlen(vectors[i].bytes);
		size_t digits = strlen(vectors[i].text);
		assert_int_equal(base32hex_len(len), digits);
		assert_int_equal(
			base32hex_encode((const uint8_t *)vectors[i].bytes, len, text),
			digits);
		assert_memory_equal(text, vectors[i].text, digits);
		assert_int_equal(
			base32hex_decode((const uint8_t *)vectors[i].text, digits, bytes),
			len);
		assert_memory_equal(bytes, vectors[i].bytes, len);
	}
}

static void every_length_and_octet_comes_back(void **state)
{
	uint8_t bytes[256];
	uint8_t text[512];
	uint8_t back[256];

	(void)state;
	for (size_t len = 0; len < sizeof bytes; len++) {
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(i * 167 + len);
		size_t digits = base32hex_encode(bytes, len, text);
		assert_int_equal(digits, base32hex_len(len));
		assert_int_equal(base32hex_decode(text, digits, back), len);
		assert_memory_equal(back, bytes, len);
	}
}

static void either_case_is_read(void **state)
{
	uint8_t lower[5];
	uint8_t upper[5];

	(void)state;
	assert_int_equal(base32hex_decode((const uint8_t *)"0a9vkuom", 8, lower), 5);
	assert_int_equal(base32hex_decode((const uint8_t *)"0A9VKUOM", 8, upper), 5);
	assert_memory_equal(lower, upper, 5);
}

static void other_text_is_refused(void **state)
{
	static const char *const cases[] = {
		"0",        /* 5 bits */
		"000",      /* 15 bits */
		"000000",   /* 30 bits */
		"01",       /* bits left over */
		"co======", /* padding */
		"cw",       "c:",    "c/",    "c@", "c[",         "c`",
		"c ",       "c\x80", "c\xe1", "-0", "cpnmuoj1e9",
	};
	uint8_t bytes[16] = {7};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(base32hex_decode((const uint8_t *)cases[i],
		                                  strlen(cases[i]), bytes),
		                 ERR_SYNTAX);
	assert_int_equal(base32hex_decode((const uint8_t *)"c\0", 2, bytes), ERR_SYNTAX);
	assert_int_equal(bytes[0], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_rfc_4648),
		cmocka_unit_test(every_length_and_octet_comes_back),
		cmocka_unit_test(either_case_is_read),
		cmocka_unit_test(other_text_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
