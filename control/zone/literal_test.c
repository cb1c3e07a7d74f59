#include "control/zone/literal.h"

#include "control/zone/testing.h"

static struct entry_token word(const char *text)
{
	return (struct entry_token){
		.text = text,
		.len = (uint32_t)strlen(text),
		.escaped = strchr(text, '\\') != NULL,
	};
}

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t max;
		int err;
		uint32_t value;
	} cases[] = {
		{"0", 255, 0, 0},
		{"255", 255, 0, 255},
		{"000000000000000000000007", 255, 0, 7},
		{"4294967295", UINT32_MAX, 0, UINT32_MAX},
		{"256", 255, ERR_RANGE, 0},
		{"65536", 65535, ERR_RANGE, 0},
		{"4294967296", UINT32_MAX, ERR_RANGE, 0},
		{"99999999999999999999999999", UINT32_MAX, ERR_RANGE, 0},
		{"", 255, ERR_SYNTAX, 0},
		{"-1", 255, ERR_SYNTAX, 0},
		{"+1", 255, ERR_SYNTAX, 0},
		{"1a", 255, ERR_SYNTAX, 0},
		{"0x10", 255, ERR_SYNTAX, 0},
		{" 1", 255, ERR_SYNTAX, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct entry_token t = word(cases[i].text);
		uint32_t value = 0;
		assert_int_equal(literal_number(&t, cases[i].max, &value), cases[i].err);
		assert_int_equal(value, cases[i].value);
	}
}

static void periods(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int err;
		uint32_t value;
	} cases[] = {
		{"0", 0, 0},
		{"3600", 0, 3600},
		{"1h30m", 0, 5400},
		{"1W2D3h4M5S", 0, 788645},
		{"1s1s", 0, 2},
		{"4294967295", 0, UINT32_MAX},
		{"7102w", ERR_RANGE, 0},
		{"4294967296", ERR_RANGE, 0},
		{"4294967295s1s", ERR_RANGE, 0},
		{"", ERR_SYNTAX, 0},
		{"h", ERR_SYNTAX, 0},
		{"1h30", ERR_SYNTAX, 0},
		{"1y", ERR_SYNTAX, 0},
		{"1hh", ERR_SYNTAX, 0},
		{"-1h", ERR_SYNTAX, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct entry_token t = word(cases[i].text);
		uint32_t value = 0;
		assert_int_equal(literal_period(&t, &value), cases[i].err);
		assert_int_equal(value, cases[i].value);
	}
}

static void times(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int err;
		uint32_t value;
	} cases[] = {
		{"19700101000000", 0, 0},
		{"20170821040000", 0, 1503288000},
		{"20240229235959", 0, 1709251199},
		{"21060207062816", 0,
	         0}, /* one past 2^32 - 1: serial arithmetic, RFC 4034 §3.1.5 */
		{"20230229000000", ERR_SYNTAX, 0},
		{"21000229000000", ERR_SYNTAX, 0},
		{"20241301000000", ERR_SYNTAX, 0},
		{"20240001000000", ERR_SYNTAX, 0},
		{"20240132000000", ERR_SYNTAX, 0},
		{"20240100000000", ERR_SYNTAX, 0},
		{"20240101240000", ERR_SYNTAX, 0},
		{"20240101006000", ERR_SYNTAX, 0},
		{"20240101000060", ERR_SYNTAX, 0},
		{"19691231235959", ERR_SYNTAX, 0},
		{"1503288000", ERR_SYNTAX, 0},
		{"2024010100000x", ERR_SYNTAX, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct entry_token t = word(cases[i].text);
		uint32_t value = 0;
		assert_int_equal(literal_time(&t, &value), cases[i].err);
		assert_int_equal(value, cases[i].value);
	}
}

static void strings(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int len;
		const char *bytes;
	} cases[] = {
		{"", 0, ""},
		{"plain", 5, "plain"},
		{"\\\"\\\\\\;", 3, "\"\\;"},
		{"\\065\\000\\255", 3, "A\0\377"},
		{"\\1", ERR_SYNTAX, ""},
		{"\\12x", ERR_SYNTAX, ""},
		{"\\256", ERR_SYNTAX, ""},
		{"\\999", ERR_SYNTAX, ""},
		{"a\\", ERR_SYNTAX, ""},
	};
	uint8_t out[16];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct entry_token t = word(cases[i].text);
		assert_int_equal(literal_string(&t, out), cases[i].len);
		if (cases[i].len > 0)
			assert_memory_equal(out, cases[i].bytes, (size_t)cases[i].len);
	}
}

typedef int decoder(const struct entry_token *t, size_t count, struct wire_writer *to);

static int base32hex(const struct entry_token *t, size_t count, struct wire_writer *to)
{
	assert_int_equal(count, 1);
	return literal_base32hex(t, to);
}

static void encodings(void **state)
{
	(void)state;
	static const struct {
		decoder *decode;
		const char *text;
		int len;
		const char *bytes;
	} cases[] = {
		{literal_hex, "00fFaB", 3, "\x00\xff\xab"},
		{literal_hex, "", 0, ""},
		{literal_hex, "0", ERR_SYNTAX, ""},
		{literal_hex, "0g", ERR_SYNTAX, ""},
		{literal_hex, "0x00", ERR_SYNTAX, ""},
		{literal_base64, "AAEC", 3, "\x00\x01\x02"},
		{literal_base64, "+/8=", 2, "\xfb\xff"},
		{literal_base64, "/w==", 1, "\xff"},
		{literal_base64, "/x==", ERR_SYNTAX, ""}, /* bits left over */
		{literal_base64, "/w=", ERR_SYNTAX, ""},
		{literal_base64, "/w", ERR_SYNTAX, ""},
		{literal_base64, "A===", ERR_SYNTAX, ""},
		{literal_base64, "====", ERR_SYNTAX, ""},
		{literal_base64, "/w==AAAA", ERR_SYNTAX, ""},
		{literal_base64, "AA*A", ERR_SYNTAX, ""},
		{base32hex, "vvvvVVVV", 5, "\xff\xff\xff\xff\xff"},
		{base32hex, "vs", 1, "\xff"},
		{base32hex, "v", ERR_SYNTAX, ""},
		{base32hex, "vv", ERR_SYNTAX, ""},
		{base32hex, "vvv", ERR_SYNTAX, ""},
		{base32hex, "ww", ERR_SYNTAX, ""},
		{base32hex, "vs======", ERR_SYNTAX, ""},
	};
	uint8_t out[16];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct entry_token t = word(cases[i].text);
		struct wire_writer to = wire_writer_on(out, sizeof out);
		int err = cases[i].decode(&t, 1, &to);
		assert_int_equal(err < 0 ? err : (int)wire_written(&to), cases[i].len);
		if (err == 0)
			assert_memory_equal(out, cases[i].bytes, (size_t)cases[i].len);
	}
}

static void encodings_run_over_several_words(void **state)
{
	(void)state;
	struct entry_token hex[] = {word("0"), word("01"), word("2")};
	struct entry_token base64[] = {word("A"), word("AEC/w"), word("="), word("=")};
	uint8_t out[8];

	struct wire_writer to = wire_writer_on(out, sizeof out);
	assert_int_equal(literal_hex(hex, ARRAY_LEN(hex), &to), 0);
	assert_int_equal(wire_written(&to), 2);
	assert_memory_equal(out, "\0\22", 2);
	to = wire_writer_on(out, sizeof out);
	assert_int_equal(literal_base64(base64, ARRAY_LEN(base64), &to), 0);
	assert_int_equal(wire_written(&to), 4);
	assert_memory_equal(out, "\x00\x01\x02\xff", 4);
}

static void what_does_not_fit_shows(void **state)
{
	(void)state;
	struct entry_token t = word("000102");
	uint8_t out[2];
	struct wire_writer to = wire_writer_on(out, sizeof out);

	assert_int_equal(literal_hex(&t, 1, &to), 0);
	assert_false(to.ok);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(periods),
		cmocka_unit_test(times),
		cmocka_unit_test(strings),
		cmocka_unit_test(encodings),
		cmocka_unit_test(encodings_run_over_several_words),
		cmocka_unit_test(what_does_not_fit_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
