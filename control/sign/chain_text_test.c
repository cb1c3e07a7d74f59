/* Parameters of NSEC3 as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/sign/chain.h"
#include "control/sign/policy.h"
#include "shared/err.h"

static void what_a_record_has_is_read(UNUSED void **state)
{
	static const struct {
		const char *text;
		bool opt_out;
		uint16_t iterations;
		uint8_t salt_len;
		const char *salt;
	} cases[] = {
		{"1 0 0 -", false, 0, 0, ""},
		{"1 1 0 -", true, 0, 0, ""},
		{" 1\t0  50 Ab0F", false, SIGN_ITERATIONS_MAX, 2, "\xab\x0f"},
		{"01 00 000 00", false, 0, 1, "\0"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct chain_params p;
		assert_int_equal(chain_params_read(cases[i].text, &p), 0);
		assert_int_equal(p.kind, CHAIN_NSEC3);
		assert_int_equal(p.opt_out, cases[i].opt_out);
		assert_int_equal(p.iterations, cases[i].iterations);
		assert_int_equal(p.salt_len, cases[i].salt_len);
		assert_memory_equal(p.salt, cases[i].salt, cases[i].salt_len);
	}
}

static void anything_else_is_refused(UNUSED void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", ERR_SYNTAX},          {"1", ERR_SYNTAX},
		{"1 0", ERR_SYNTAX},       {"1 0 0", ERR_SYNTAX},
		{"1 0 0 ", ERR_SYNTAX},    {"1 0 0 - ", ERR_SYNTAX},
		{"1 0 0 -x", ERR_SYNTAX},  {"1 0 0 abc", ERR_SYNTAX},
		{"1 0 0 ag", ERR_SYNTAX},  {"1 0 0 ab cd", ERR_SYNTAX},
		{"1 0 -1 -", ERR_SYNTAX},  {"+1 0 0 -", ERR_SYNTAX},
		{"1 0x0 0 -", ERR_SYNTAX}, {"1 0 65536 -", ERR_SYNTAX},
		{"1 256 0 -", ERR_SYNTAX}, {"1 0 4294967296 -", ERR_SYNTAX},
		{"2 0 0 -", ERR_RANGE},    {"0 0 0 -", ERR_RANGE},
		{"1 2 0 -", ERR_RANGE},    {"1 0 51 -", ERR_RANGE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct chain_params p = {.iterations = 7};
		assert_int_equal(chain_params_read(cases[i].text, &p), cases[i].err);
		assert_int_equal(p.iterations, 7);
	}
}

static void a_salt_has_room_for_no_more_than_255_octets(UNUSED void **state)
{
	char text[6 + 2 * 256 + 1] = "1 0 0 ";
	struct chain_params p;

	memset(text + 6, 'a', (size_t)2 * 255);
	assert_int_equal(chain_params_read(text, &p), 0);
	assert_int_equal(p.salt_len, 255);
	memset(text + 6, 'a', (size_t)2 * 256);
	assert_int_equal(chain_params_read(text, &p), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_record_has_is_read),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(a_salt_has_room_for_no_more_than_255_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
