#include "control/keeper/parent_read.h"

#include "control/keeper/testing.h"

enum { KEYS = 3 };

static struct test_answer answer;

/* What came of reading it. */
static struct {
	int err;
	struct parent_reading r;
	bool has[KEYS];
} got;

static void read_octets(const uint8_t *bytes, size_t len)
{
	struct rdata keys[KEYS];
	struct message m;

	for (unsigned i = 0; i < KEYS; i++)
		keys[i] = test_key(i);
	memset(&got, 0, sizeof got);
	memset(got.has, 1, sizeof got.has);
	got.r = (struct parent_reading){
		.zone = test_apex, .dnskeys = keys, .dnskey_count = KEYS, .has = got.has};
	got.err = message_open(bytes, len, &m);
	if (got.err == 0)
		got.err = parent_read(&m, &got.r);
}

static void end_and_read(void)
{
	test_end(&answer);
	read_octets(answer.bytes, answer.len);
}

static void begin(uint16_t flags)
{
	test_begin(&answer, 1, flags);
}

static void put(const struct test_record *r)
{
	test_put(&answer, r);
}

static void assert_read(unsigned ds_count, uint32_t ttl)
{
	assert_int_equal(got.err, 0);
	assert_null(got.r.why);
	assert_int_equal(got.r.ds_count, ds_count);
	assert_int_equal(got.r.ttl, ttl);
}

static void assert_has(bool first, bool second, bool third)
{
	assert_int_equal(got.has[0], first);
	assert_int_equal(got.has[1], second);
	assert_int_equal(got.has[2], third);
}

static void assert_refused(int err, const char *why)
{
	assert_int_equal(got.err, err);
	assert_string_equal(got.r.why, why);
	assert_int_equal(got.r.ds_count, 0);
	assert_int_equal(got.r.ttl, 0);
	assert_false(got.r.foreign);
	assert_has(false, false, false);
}

/* ---- answers ---- */

static void a_key_has_a_ds_by_any_digest(void **state)
{
	(void)state;
	begin(TEST_ANSWER);
	test_put_ds(&answer, 0, DS_SHA256, 3600);
	test_put_ds(&answer, 2, DS_SHA384, 3600);
	end_and_read();
	assert_read(2, 3600);
	assert_has(true, false, true);
	assert_false(got.r.foreign);
}

static void one_of_two_digests_is_enough(void **state)
{
	uint8_t unknown[DS_HEADER + 5] = {0, 1, 13, 250};
	const struct test_record ds = {.section = SECTION_ANSWER,
	                               .owner = "example.",
	                               .type = RRTYPE_DS,
	                               .ttl = 5,
	                               .rdata = {unknown, sizeof unknown}};

	(void)state;
	begin(TEST_ANSWER);
	test_put_ds(&answer, 1, DS_SHA256, 5);
	put(&ds);
	end_and_read();
	assert_read(2, 5);
	assert_has(false, true, false);
	assert_true(got.r.foreign);
}

static void the_largest_ttl_counts(void **state)
{
	(void)state;
	begin(TEST_ANSWER);
	test_put_ds(&answer, 0, DS_SHA256, 60);
	test_put_ds(&answer, 1, DS_SHA256, 86400);
	test_put_ds(&answer, 2, DS_SHA256, 3600);
	end_and_read();
	assert_read(3, 86400);
}

static void a_ds_of_nobodys_is_foreign(void **state)
{
	(void)state;
	begin(TEST_ANSWER);
	test_put_ds(&answer, KEYS, DS_SHA256, 60);
	end_and_read();
	assert_read(1, 60);
	assert_has(false, false, false);
	assert_true(got.r.foreign);
}

/* Zone names make the digest: the same key elsewhere is another DS. */
static void a_ds_of_the_key_in_another_zone_is_foreign(void **state)
{
	uint8_t ds[DS_MAX];
	int len = ds_make((const uint8_t *)"\5other", test_key(0), DS_SHA256, ds);
	const struct test_record r = {.section = SECTION_ANSWER,
	                              .owner = "example.",
	                              .type = RRTYPE_DS,
	                              .rdata = {ds, (uint16_t)len}};

	(void)state;
	begin(TEST_ANSWER);
	put(&r);
	end_and_read();
	assert_read(1, 0);
	assert_has(false, false, false);
	assert_true(got.r.foreign);
}

static void what_is_beside_the_ds_is_passed_over(void **state)
{
	static const uint8_t any[] = {0};
	const struct test_record beside[] = {
		{.section = SECTION_ANSWER,
	         .owner = "example.",
	         .type = RRTYPE_RRSIG,
	         .ttl = 9,
	         .rdata = {any, sizeof any}},
		{.section = SECTION_AUTHORITY,
	         .owner = ".",
	         .type = RRTYPE_NS,
	         .ttl = 9,
	         .rdata = {any, sizeof any}},
	};

	(void)state;
	begin(TEST_ANSWER);
	test_put_ds(&answer, 0, DS_SHA256, 7);
	for (size_t i = 0; i < ARRAY_LEN(beside); i++)
		put(&beside[i]);
	end_and_read();
	assert_read(1, 7);
	assert_has(true, false, false);
}

static void the_case_of_names_does_not_matter(void **state)
{
	uint8_t ds[DS_MAX];
	int len = ds_make(test_apex, test_key(0), DS_SHA256, ds);
	const struct test_record r = {.section = SECTION_ANSWER,
	                              .owner = "eXAMPLe.",
	                              .type = RRTYPE_DS,
	                              .ttl = 7,
	                              .rdata = {ds, (uint16_t)len}};

	(void)state;
	begin(TEST_ANSWER);
	put(&r);
	end_and_read();
	assert_read(1, 7);
	assert_has(true, false, false);
}

static void a_denial_comes_from_above(void **state)
{
	(void)state;
	begin(TEST_ANSWER);
	test_put_soa(&answer, ".");
	end_and_read();
	assert_read(0, 0);
	assert_has(false, false, false);
	assert_false(got.r.foreign);
}

/* ---- what is no answer ---- */

static void errors_do_not_count(void **state)
{
	static const struct {
		unsigned rcode;
		const char *why;
	} cases[] = {
		{RCODE_FORMERR, "it answers FORMERR"},
		{RCODE_SERVFAIL, "it answers SERVFAIL"},
		{RCODE_NXDOMAIN, "it answers NXDOMAIN: it knows of no delegation"},
		{RCODE_NOTIMP, "it answers NOTIMP"},
		{RCODE_REFUSED, "it answers REFUSED"},
		{RCODE_NOTAUTH, "it answers NOTAUTH"},
		{RCODE_YXDOMAIN, "it answers with an error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin((uint16_t)(TEST_ANSWER | cases[i].rcode));
		test_put_ds(&answer, 0, DS_SHA256, 60);
		test_put_soa(&answer, ".");
		end_and_read();
		assert_refused(ERR_REFUSED, cases[i].why);
	}
}

/* The bits of BADVERS are all in the OPT. */
static void an_extended_error_does_not_count(void **state)
{
	const struct message_opt opt = {.there = true, .rcode_high = RCODE_BADVERS >> 4};

	(void)state;
	begin(TEST_ANSWER);
	test_put_soa(&answer, ".");
	assert_true(message_put_opt(&answer.w, &opt));
	end_and_read();
	assert_refused(ERR_REFUSED, "it answers with an error");
}

static void neither_a_server_nor_a_resolver_counts(void **state)
{
	(void)state;
	begin(MESSAGE_QR);
	test_put_ds(&answer, 0, DS_SHA256, 60);
	end_and_read();
	assert_refused(ERR_REFUSED, "it is neither authoritative nor a resolver");
	begin(MESSAGE_QR);
	test_put_soa(&answer, ".");
	end_and_read();
	assert_refused(ERR_REFUSED, "it is neither authoritative nor a resolver");
}

static void a_resolver_counts_but_for_its_ttl(void **state)
{
	(void)state;
	begin(MESSAGE_QR | MESSAGE_RA);
	test_put_ds(&answer, 0, DS_SHA256, 60);
	end_and_read();
	assert_int_equal(got.err, 0);
	assert_true(got.has[0]);
	assert_int_equal(got.r.ttl, 0);
}

static void half_an_answer_does_not_count(void **state)
{
	(void)state;
	begin(TEST_ANSWER | MESSAGE_TC);
	test_put_ds(&answer, 0, DS_SHA256, 60);
	end_and_read();
	assert_refused(ERR_CORRUPT, "its answer is cut short");
}

static void denials_of_the_zone_itself_do_not_count(void **state)
{
	static const char why[] = "it answers for the zone itself, not for its parent";

	(void)state;
	begin(TEST_ANSWER);
	test_put_soa(&answer, "EXAMPLE.");
	end_and_read();
	assert_refused(ERR_REFUSED, why);
	begin(TEST_ANSWER);
	test_put_soa(&answer, ".");
	test_put_soa(&answer, "example.");
	end_and_read();
	assert_refused(ERR_REFUSED, why);
}

static void a_denial_says_of_which_zone(void **state)
{
	struct test_record below = test_soa("sub.example.");
	struct test_record unrelated = test_soa("org.");
	struct test_record other_class = test_soa(".");
	struct test_record additional = test_soa(".");
	struct test_record no_soa = test_soa(".");
	const struct test_record *const cases[] = {
		NULL, &below, &unrelated, &other_class, &additional, &no_soa,
	};

	(void)state;
	other_class.rrclass = 3;
	additional.section = SECTION_ADDITIONAL;
	no_soa.type = RRTYPE_NS;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(TEST_ANSWER);
		if (cases[i])
			put(cases[i]);
		end_and_read();
		assert_refused(ERR_REFUSED, "it does not say that there is no DS");
	}
}

/* Each of them is a DS of ours but for one thing, and the denial would be good without it. */
static void records_of_others_do_not_count(void **state)
{
	uint8_t ds[DS_MAX];
	int len = ds_make(test_apex, test_key(0), DS_SHA256, ds);
	const struct rdata rdata = {ds, (uint16_t)len};
	const struct test_record cases[] = {
		{SECTION_ANSWER, "sub.example.", RRTYPE_DS, 0, 60, rdata},
		{SECTION_ANSWER, "example.", RRTYPE_DS, 3, 60, rdata},
		{SECTION_ANSWER, "example.", RRTYPE_CDS, 0, 60, rdata},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(TEST_ANSWER);
		put(&cases[i]);
		test_put_soa(&answer, ".");
		end_and_read();
		assert_refused(ERR_REFUSED, "it answers with other records");
	}
}

static void a_ds_beside_a_denial_is_not_in_the_answer(void **state)
{
	uint8_t ds[DS_MAX];
	int len = ds_make(test_apex, test_key(0), DS_SHA256, ds);
	const struct test_record r = {.section = SECTION_AUTHORITY,
	                              .owner = "example.",
	                              .type = RRTYPE_DS,
	                              .ttl = 60,
	                              .rdata = {ds, (uint16_t)len}};

	(void)state;
	begin(TEST_ANSWER);
	put(&r);
	test_put_soa(&answer, ".");
	end_and_read();
	assert_read(0, 0);
	assert_has(false, false, false);
}

static void too_many_are_not_looked_at(void **state)
{
	(void)state;
	begin(TEST_ANSWER);
	for (unsigned i = 0; i < PARENT_DS_MAX; i++)
		test_put_ds(&answer, 0, DS_SHA256, 60);
	end_and_read();
	assert_read(PARENT_DS_MAX, 60);
	begin(TEST_ANSWER);
	for (unsigned i = 0; i <= PARENT_DS_MAX; i++)
		test_put_ds(&answer, 0, DS_SHA256, 60);
	end_and_read();
	assert_refused(ERR_TOOBIG, "it has too many DS records");
}

static void a_malformed_ds_spoils_the_answer(void **state)
{
	static const uint8_t octets[DS_HEADER - 1];
	const struct test_record r = {.section = SECTION_ANSWER,
	                              .owner = "example.",
	                              .type = RRTYPE_DS,
	                              .ttl = 60,
	                              .rdata = {octets, sizeof octets}};

	(void)state;
	begin(TEST_ANSWER);
	test_put_ds(&answer, 0, DS_SHA256, 60);
	put(&r);
	end_and_read();
	assert_refused(ERR_CORRUPT, "it has a DS record that is malformed");
}

static void no_part_of_an_answer_is_one(void **state)
{
	(void)state;
	begin(TEST_ANSWER);
	test_put_ds(&answer, 0, DS_SHA256, 60);
	test_put_ds(&answer, 1, DS_SHA256, 60);
	end_and_read();
	assert_read(2, 60);
	for (uint16_t len = 0; len < answer.len; len++) {
		uint8_t *part = malloc(len + 1U);
		assert_non_null(part);
		memcpy(part, answer.bytes, len);
		read_octets(part, len);
		assert_int_equal(got.err, ERR_CORRUPT);
		assert_int_equal(got.r.ds_count, 0);
		free(part);
	}
	read_octets(answer.bytes, answer.len + 1U);
	assert_refused(ERR_CORRUPT, "it answers garbage");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_a_ds_by_any_digest),
		cmocka_unit_test(one_of_two_digests_is_enough),
		cmocka_unit_test(the_largest_ttl_counts),
		cmocka_unit_test(a_ds_of_nobodys_is_foreign),
		cmocka_unit_test(a_ds_of_the_key_in_another_zone_is_foreign),
		cmocka_unit_test(what_is_beside_the_ds_is_passed_over),
		cmocka_unit_test(the_case_of_names_does_not_matter),
		cmocka_unit_test(a_denial_comes_from_above),
		cmocka_unit_test(errors_do_not_count),
		cmocka_unit_test(an_extended_error_does_not_count),
		cmocka_unit_test(neither_a_server_nor_a_resolver_counts),
		cmocka_unit_test(a_resolver_counts_but_for_its_ttl),
		cmocka_unit_test(half_an_answer_does_not_count),
		cmocka_unit_test(denials_of_the_zone_itself_do_not_count),
		cmocka_unit_test(a_denial_says_of_which_zone),
		cmocka_unit_test(records_of_others_do_not_count),
		cmocka_unit_test(a_ds_beside_a_denial_is_not_in_the_answer),
		cmocka_unit_test(too_many_are_not_looked_at),
		cmocka_unit_test(a_malformed_ds_spoils_the_answer),
		cmocka_unit_test(no_part_of_an_answer_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
