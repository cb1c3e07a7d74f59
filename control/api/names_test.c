#include "control/api/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shared/err.h"

static void id_is_the_name_with_the_unusual_encoded(void **state)
{
	static const struct {
		const char *name, *id;
	} cases[] = {
		{".", "=2E"},
		{"example.com.", "example.com."},
		{"_tcp.example.com.", "=5Ftcp.example.com."},
		{"0/25.2.0.192.in-addr.arpa.", "0=2F25.2.0.192.in-addr.arpa."},
		{"*.example.com.", "=2A.example.com."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t name[NAME_MAX_LEN];
		uint8_t back[NAME_MAX_LEN];
		char id[API_ID_MAX];
		int len =
			name_from_text(cases[i].name, strlen(cases[i].name), NULL, name);
		assert_true(len > 0);
		assert_string_equal(api_zone_id(name, id), cases[i].id);
		assert_int_equal(api_zone_from_id(id, back), 0);
		assert_memory_equal(back, name, (size_t)len);
	}
}

static void longest_name_fits_its_id(void **state)
{
	uint8_t name[NAME_MAX_LEN] = {0};
	uint8_t back[NAME_MAX_LEN];
	char id[API_ID_MAX];

	(void)state;
	for (unsigned at = 0; at + 2 < NAME_MAX_LEN; at += 2) {
		name[at] = 1;
		name[at + 1] = 1;
	}
	assert_true(name_len(name, sizeof name) > 0);
	api_zone_id(name, id);
	assert_int_equal(api_zone_from_id(id, back), 0);
	assert_true(name_equal(name, back));
}

static void final_dot_and_case_of_an_id_are_free(void **state)
{
	static const char *const ids[] = {"example.com.", "example.com", "EXAMPLE.com",
	                                  "=65xample.com", "ex=61mple=2ecom"};
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_int_equal(api_zone_from_id(ids[i], name), 0);
		assert_string_equal(name_to_text(name, text), "example.com.");
	}
	assert_int_equal(api_zone_from_id("=2E", name), 0);
	assert_string_equal(name_to_text(name, text), ".");
}

static void ids_of_no_zone_are_refused(void **state)
{
	static const char *const ids[] = {"",    "=",    "=2",    "=2G",
	                                  "a..", "a..b", "a.=Z1", "=00=2"};
	uint8_t name[NAME_MAX_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		assert_int_equal(api_zone_from_id(ids[i], name), ERR_SYNTAX);
}

static void names_are_absolute_and_plain(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"example.com.", NULL},
		{"*.example.com.", NULL},
		{"_sip._TCP.0/25.Example.com.", NULL},
		{"example.com", "DNS Name 'example.com' is not canonical"},
		{"", "DNS Name '' is not canonical"},
		{"a!.example.com.",
	         "Name 'a!.example.com.' contains unsupported characters"},
		{"a.*.test.", "Name 'a.*.test.' contains unsupported characters"},
		{"a\\.b.test.", "Name 'a\\.b.test.' contains unsupported characters"},
		{"a..test.", "Unable to parse DNS Name 'a..test.': syntax error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t name[NAME_MAX_LEN];
		struct api_fault fault = {0};
		int err = api_new_name_read(cases[i].text, name, &fault);

		assert_int_equal(err, cases[i].fault ? ERR_REFUSED : 0);
		assert_int_equal(fault.status, cases[i].fault ? 422 : 0);
		if (cases[i].fault)
			assert_string_equal(fault.text, cases[i].fault);
		api_fault_fini(&fault);
	}
}

static void names_come_folded(void **state)
{
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];
	struct api_fault fault = {0};

	(void)state;
	assert_int_equal(api_new_name_read("WWW.Example.", name, &fault), 0);
	assert_string_equal(name_to_text(name, text), "www.example.");
}

static void hosts_have_letters_digits_and_inner_hyphens(void **state)
{
	static const struct {
		const char *text;
		bool host;
	} cases[] = {
		{".", true},      {"a-1.b.", true}, {"3com.test.", true},
		{"_a.b.", false}, {"-a.b.", false}, {"a-.b.", false},
		{"a/b.", false},  {"*.b.", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t name[NAME_MAX_LEN];
		assert_true(name_from_text(cases[i].text, strlen(cases[i].text), NULL,
		                           name) > 0);
		assert_int_equal(api_is_hostname(name), cases[i].host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_is_the_name_with_the_unusual_encoded),
		cmocka_unit_test(longest_name_fits_its_id),
		cmocka_unit_test(final_dot_and_case_of_an_id_are_free),
		cmocka_unit_test(ids_of_no_zone_are_refused),
		cmocka_unit_test(names_are_absolute_and_plain),
		cmocka_unit_test(names_come_folded),
		cmocka_unit_test(hosts_have_letters_digits_and_inner_hyphens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
