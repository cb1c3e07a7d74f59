#include <string.h>

#include "control/sign/keyfile.h"
#include "control/sign/testing.h"
#include "shared/err.h"

#define ED_RDATA "256 3 15 ua7inKZO+uuCawwa7pHOuk8vhIoPbegFIoQXzOHl9/4="

static void public_half_is_read_in_any_notation(void **state)
{
	static const struct {
		const char *text;
		const char *owner;
		int64_t ttl;
	} cases[] = {
		{"ldns.Example.\tIN\tDNSKEY\t" ED_RDATA " ;{id = 27849 (zsk)}\n",
	         "ldns.example.", -1},
		{"a.example IN DNSKEY " ED_RDATA, "a.example.", -1},
		{". DNSKEY " ED_RDATA, ".", -1},
		{"; comment\n\nb. 0 DNSKEY " ED_RDATA, "b.", 0},
		{"b. 1h IN DNSKEY " ED_RDATA, "b.", 3600},
		{"b. IN 60 dnskey (" ED_RDATA "\n)\n", "b.", 60},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct keyfile_public p = {0};
		char why[KEYFILE_WHY_SIZE] = "";
		char name[NAME_TEXT_MAX];
		if (keyfile_read_public(cases[i].text, strlen(cases[i].text), &p, why) <
		    0)
			fail_msg("%s: %s", cases[i].text, why);
		assert_string_equal(name_to_text(p.owner, name), cases[i].owner);
		assert_int_equal(p.has_ttl ? (int64_t)p.ttl : -1, cases[i].ttl);
		assert_int_equal(p.rdata_len, 36);
		assert_memory_equal(p.rdata, "\1\0\3\17\xb9\xae", 6);
	}
}

static void what_is_no_public_half_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{"", "line 1: there is no DNSKEY record"},
		{"; nothing\n", "line 2: there is no DNSKEY record"},
		{" IN DNSKEY " ED_RDATA, "line 1: the record has no owner"},
		{"a..b. IN DNSKEY " ED_RDATA, "line 1: the record has no owner"},
		{"a. IN\n", "line 1: this is not a DNSKEY record"},
		{"a. IN KEY " ED_RDATA, "line 1: this is not a DNSKEY record"},
		{"a. CH DNSKEY " ED_RDATA, "line 1: this is not a DNSKEY record"},
		{"a. IN IN DNSKEY " ED_RDATA, "line 1: this is not a DNSKEY record"},
		{"a. 1 2 DNSKEY " ED_RDATA, "line 1: this is not a DNSKEY record"},
		{"a. 4294967295 DNSKEY " ED_RDATA, "line 1: this is not a DNSKEY record"},
		{"a. DNSKEY 256 3 5 AQID", "line 1: zones are not signed with its "
	                                   "algorithm here"},
		{"a. DNSKEY 256 4 15 AQID", "line 1: this is not a key of DNSSEC"},
		{"a. DNSKEY 256 3 15 ", NULL},
		{"a. DNSKEY 256 3 15 AQ*D", NULL},
		{"a. DNSKEY 256 3 15 (AQID", NULL},
		{"\na. DNSKEY " ED_RDATA "\na. DNSKEY " ED_RDATA "\n",
	         "line 3: there is a second record"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct keyfile_public p;
		char why[KEYFILE_WHY_SIZE] = "";
		assert_int_equal(keyfile_read_public(cases[i].text, strlen(cases[i].text),
		                                     &p, why),
		                 ERR_SYNTAX);
		assert_true(strncmp(why, "line ", 5) == 0);
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
	}
}

static void names_of_files_are_those_of_bind(void **state)
{
	static const struct {
		const char *owner;
		const char *name;
	} cases[] = {
		{"a/B.example.", "Ka%2Fb.example.+010+03740"},
		{"_X-y.example.", "K_x-y.example.+010+03740"},
		{"*.w.", "K%2A.w.+010+03740"},
		{"sp\\032ce.x.", "Ksp%20ce.x.+010+03740"},
		{"\\255\\.q.x.", "K%FF%2Eq.x.+010+03740"},
		{".", "K.+010+03740"},
	};
	struct sign_key *k = key_of(&examples[0]);
	char name[KEYFILE_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(keyfile_name(k, test_name(cases[i].owner).wire, name),
		                    cases[i].name);
	sign_key_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_half_is_read_in_any_notation),
		cmocka_unit_test(what_is_no_public_half_is_refused),
		cmocka_unit_test(names_of_files_are_those_of_bind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
