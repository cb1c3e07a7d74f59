#include "control/zone/contents.h"

#include "control/zone/testing.h"
#include "shared/rrtype.h"

struct adding {
	struct contents_builder *builder;
	struct diag diag;
	uint16_t file;
	uint32_t line;
};

static int setup(void **state)
{
	struct adding *a = calloc(1, sizeof *a);

	assert_non_null(a);
	a->builder = contents_builder_new(test_apex);
	a->file = contents_builder_file(a->builder, "some.zone");
	diag_init(&a->diag);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	struct adding *a = *state;

	contents_builder_free(a->builder);
	diag_fini(&a->diag);
	free(a);
	return 0;
}

struct given {
	const char *owner;
	uint16_t type;
	uint32_t ttl;
	size_t len;
	const char *rdata;
};

#define GIVEN(owner, type, ttl, rdata)                     \
	{                                                  \
		owner, type, ttl, sizeof(rdata) - 1, rdata \
	}

static int add(struct adding *a, const struct given *g)
{
	struct test_name owner = test_name(g->owner);

	return contents_builder_add(a->builder, owner.wire, g->type, g->ttl,
	                            (const uint8_t *)g->rdata, g->len, a->file, ++a->line,
	                            &a->diag);
}

static struct contents *finish(struct adding *a)
{
	struct contents *c = NULL;

	assert_int_equal(contents_builder_finish(&a->builder, &c, &a->diag), 0);
	assert_null(a->builder);
	return c;
}

#define SIGNATURE(type, key)         \
	"\0" type "\10\1"            \
	"\0\0\0\1"                   \
	"\0\0\0\2"                   \
	"\0\0\0\1" key "\7example\0" \
	"s"

static void records_become_sorted_rrsets(void **state)
{
	struct adding *a = *state;
	static const struct given given[] = {
		GIVEN("b", RRTYPE_A, 60, "\2\2\2\2"),
		GIVEN("@.example.", RRTYPE_TXT, 60, "\1x"),
		GIVEN("a.b", RRTYPE_A, 60, "\1\1\1\1"),
		GIVEN("B", RRTYPE_AAAA, 60, "0123456789abcdef"),
		GIVEN("example.", RRTYPE_NS, 60, "\1z\0"),
		GIVEN("b", RRTYPE_RRSIG, 30, SIGNATURE("\1", "\0\2")),
		GIVEN("b", RRTYPE_RRSIG, 30, SIGNATURE("\1", "\0\1")),
		GIVEN("b", RRTYPE_A, 60, "\1\1\1\1"),
		GIVEN("*", RRTYPE_RRSIG, 30, SIGNATURE("\20", "\0\1")),
	};
	static const struct {
		const char *key;
		size_t key_len;
		uint16_t type;
		uint32_t line;
	} expected[] = {
		{"", 0, RRTYPE_NS, 5},      {"*\0", 2, RRTYPE_TXT, 9},
		{"@\0", 2, RRTYPE_TXT, 2},  {"b\0", 2, RRTYPE_A, 8},
		{"b\0", 2, RRTYPE_AAAA, 4}, {"b\0a\0", 4, RRTYPE_A, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		assert_int_equal(add(a, &given[i]), 0);
	struct contents *c = finish(a);
	assert_int_equal(c->records, ARRAY_LEN(given));
	assert_int_equal(c->count, ARRAY_LEN(expected));
	for (size_t i = 0; i < c->count; i++) {
		assert_int_equal(c->rrsets[i].key_len, expected[i].key_len);
		assert_memory_equal(c->rrsets[i].key, expected[i].key,
		                    expected[i].key_len);
		assert_int_equal(c->rrsets[i].type, expected[i].type);
		assert_int_equal(c->rrsets[i].line, expected[i].line);
		assert_string_equal(contents_file(c, c->rrsets[i].file), "some.zone");
	}

	struct rrset b = test_rrset(c, "b", RRTYPE_A);
	assert_int_equal(b.count, 2);
	assert_int_equal(b.sig_count, 2);
	assert_int_equal(b.ttl, 60);
	assert_int_equal(b.sig_ttl, 30);
	const uint8_t *at = rrset_first(&b);
	assert_memory_equal(rrset_next(&at).bytes, "\1\1\1\1", 4);
	assert_memory_equal(rrset_next(&at).bytes, "\2\2\2\2", 4);
	assert_memory_equal(rrset_next(&at).bytes + 16, "\0\1", 2);
	assert_memory_equal(rrset_next(&at).bytes + 16, "\0\2", 2);
	struct rrset star = test_rrset(c, "*", RRTYPE_TXT);
	assert_int_equal(star.count, 0);
	assert_int_equal(star.sig_count, 1);
	test_expect(&a->diag, NULL, "clean records");
	contents_free(c);
}

static void duplicates_are_dropped_with_a_warning(void **state)
{
	struct adding *a = *state;
	static const struct given given[] = {
		GIVEN("x", RRTYPE_NS, 60, "\2Ns\7Example\0"),
		GIVEN("X", RRTYPE_NS, 60, "\2ns\7example\0"),
		GIVEN("x", RRTYPE_TXT, 60, "\1A"),
		GIVEN("x", RRTYPE_TXT, 60, "\1a"),
	};

	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		assert_int_equal(add(a, &given[i]), 0);
	struct contents *c = finish(a);
	struct rrset ns = test_rrset(c, "x", RRTYPE_NS);
	const uint8_t *at = rrset_first(&ns);

	assert_int_equal(ns.count, 1);
	assert_memory_equal(rrset_next(&at).bytes, given[0].rdata, given[0].len);
	assert_int_equal(test_rrset(c, "x", RRTYPE_TXT).count, 2);
	assert_int_equal(c->records, 3);
	assert_int_equal(a->diag.warnings, 1);
	assert_int_equal(a->diag.errors, 0);
	assert_int_equal(test_found(&a->diag, "duplicate-record").line, 2);
	contents_free(c);
}

static void the_lowest_ttl_wins_and_is_warned_of_once(void **state)
{
	struct adding *a = *state;
	static const struct given given[] = {
		GIVEN("x", RRTYPE_A, 300, "\1\1\1\1"),
		GIVEN("x", RRTYPE_A, 60, "\2\2\2\2"),
		GIVEN("x", RRTYPE_A, 600, "\3\3\3\3"),
		GIVEN("x", RRTYPE_RRSIG, 10, SIGNATURE("\1", "\0\1")),
		GIVEN("y", RRTYPE_A, 300, "\1\1\1\1"),
	};

	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		assert_int_equal(add(a, &given[i]), 0);
	struct contents *c = finish(a);

	assert_int_equal(test_rrset(c, "x", RRTYPE_A).ttl, 60);
	assert_int_equal(test_rrset(c, "x", RRTYPE_A).sig_ttl, 10);
	assert_int_equal(test_rrset(c, "y", RRTYPE_A).ttl, 300);
	assert_int_equal(a->diag.warnings, 1);
	assert_non_null(test_rule(&a->diag, "ttl-differs"));
	contents_free(c);
}

static void what_no_zone_holds_is_refused(void **state)
{
	struct adding *a = *state;
	static const struct {
		struct given given;
		const char *rule;
	} cases[] = {
		{GIVEN("test.", RRTYPE_A, 1, "\1\1\1\1"), "out-of-zone"},
		{GIVEN("notexample.", RRTYPE_A, 1, "\1\1\1\1"), "out-of-zone"},
		{GIVEN("\\007example.", RRTYPE_A, 1, "\1\1\1\1"), "out-of-zone"},
		{GIVEN(".", RRTYPE_A, 1, "\1\1\1\1"), "out-of-zone"},
		{GIVEN("x", RRTYPE_OPT, 1, ""), "meta-type"},
		{GIVEN("x", RRTYPE_TSIG, 1, ""), "meta-type"},
		{GIVEN("x", RRTYPE_AXFR, 1, ""), "meta-type"},
		{GIVEN("x", RRTYPE_ANY, 1, ""), "meta-type"},
		{GIVEN("x", 0, 1, ""), "meta-type"},
		{GIVEN("x", RRTYPE_RRSIG, 1, SIGNATURE("\372", "\0\1")), "meta-type"},
		{GIVEN("x", RRTYPE_RRSIG, 1, SIGNATURE("\56", "\0\1")),
	         "rrsig-covers-rrsig"},
		{GIVEN("x", RRTYPE_RRSIG, 1, "\0\1"), "rdata-format"},
		{GIVEN("x", RRTYPE_A, 1, "\1\1\1"), "rdata-format"},
		{GIVEN("x", RRTYPE_NS, 1, "\300\14"), "rdata-format"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t errors = a->diag.errors;
		assert_int_equal(add(a, &cases[i].given), ERR_REFUSED);
		assert_int_equal(a->diag.errors, errors + 1);
		assert_string_equal(a->diag.entries[a->diag.kept - 1].rule,
		                    cases[i].rule);
		assert_int_equal(a->diag.entries[a->diag.kept - 1].line, i + 1);
	}
	struct contents *c = finish(a);
	assert_int_equal(c->count, 0);
	contents_free(c);
}

static void more_records_than_can_be_counted_are_refused(void **state)
{
	struct adding *a = *state;
	struct contents *c = NULL;
	uint8_t rdata[4] = {10};
	struct test_name owner = test_name("x");

	for (unsigned i = 0; i <= 65535; i++) {
		rdata[1] = (uint8_t)(i >> 16);
		rdata[2] = (uint8_t)(i >> 8);
		rdata[3] = (uint8_t)i;
		assert_int_equal(contents_builder_add(a->builder, owner.wire, RRTYPE_A, 1,
		                                      rdata, sizeof rdata, a->file, i,
		                                      &a->diag),
		                 0);
	}
	assert_int_equal(contents_builder_finish(&a->builder, &c, &a->diag), ERR_REFUSED);
	assert_null(c);
	assert_non_null(a->builder);
	assert_non_null(test_rule(&a->diag, "rrset-too-large"));
}

static void owners_are_found_by_key(void **state)
{
	struct adding *a = *state;
	char owner[16];

	for (unsigned i = 0; i < 1000; i += 2) {
		(void)snprintf(owner, sizeof owner, "h%03u", i);
		struct given g = GIVEN(owner, RRTYPE_A, 1, "\1\1\1\1");
		assert_int_equal(add(a, &g), 0);
		g.type = RRTYPE_TXT;
		g.rdata = "\3abc";
		assert_int_equal(add(a, &g), 0);
	}
	struct contents *c = finish(a);
	for (unsigned i = 0; i < 1000; i++) {
		size_t len = (size_t)snprintf(owner, sizeof owner, "h%03u", i) + 1;
		const struct contents_rrset *r =
			contents_find(c, (const uint8_t *)owner, len);
		assert_int_equal(r != NULL, i % 2 == 0);
		if (r)
			assert_int_equal(r->type, RRTYPE_A);
		assert_int_equal(contents_lower_bound(c, (const uint8_t *)owner, len),
		                 (i + 1) / 2 * 2);
	}
	assert_null(contents_find(c, (const uint8_t *)"", 0));
	assert_int_equal(contents_lower_bound(c, (const uint8_t *)"\377", 1), c->count);
	contents_free(c);
}

static void an_empty_zone_has_nothing_to_find(void **state)
{
	struct adding *a = *state;
	struct contents *c = finish(a);

	assert_int_equal(c->count, 0);
	assert_null(contents_find(c, (const uint8_t *)"", 0));
	contents_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_become_sorted_rrsets, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(duplicates_are_dropped_with_a_warning,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(the_lowest_ttl_wins_and_is_warned_of_once,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(what_no_zone_holds_is_refused, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(
			more_records_than_can_be_counted_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(owners_are_found_by_key, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_zone_has_nothing_to_find, setup,
	                                        teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
