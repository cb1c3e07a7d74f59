/* Requests and responses as text: what is written is read as the same, and what is not one is refused. */
#include "control/sign/bundle_testing.h"

#define KEY \
	"example. 3600 DNSKEY 256 3 13 R3dRGIO86zSG1gOrmEELyVcbsjSJZtUaY6wSUs4CGeDSBfzLNFOhkeGhBrntMddTUgcAQ3hX+HUOnHjh/W/9Rw==\n"
#define FIRST \
	"; ; KeySigningRequest 1.0 5\n;; KeySigningRequest 1.0 1795346257 (2026-11-22T11:17:37Z) =========\n"
#define SECOND ";; KeySigningRequest 1.0 1796210257\n"
#define LAST \
	";; KeySigningRequest 1.0 generated at 2026-11-22T11:17:37Z by Knot DNS 3.2.6\n"
#define RESPONSE      ";; SignedKeyResponse 1.0 1795346257\n"
#define RESPONSE_LAST ";; SignedKeyResponse 1.0 generated\n"
#define SIGNATURE(type)             \
	"example. 3600 RRSIG " type \
	" 13 1 3600 20261206111737 20261122094737 54713 example. AAAA\n"

static void written_request_is_read_as_the_same(void **state)
{
	struct bundles *b = request_of(START, START + 30 * DAY);
	char *text = text_of(b);
	struct bundles *again = read_or_fail(text, BUNDLE_REQUEST);

	(void)state;
	assert_int_equal(b->count, 4);
	assert_same_bundles(b, again);
	free(text);
	bundles_free(&b);
	bundles_free(&again);
}

static void written_response_is_read_as_the_same(void **state)
{
	struct bundles *b = response_of(request_of(START, START + 30 * DAY), 2);
	char *text = text_of(b);
	struct bundles *again = read_or_fail(text, BUNDLE_RESPONSE);

	(void)state;
	assert_same_bundles(b, again);
	free(text);
	bundles_free(&b);
	bundles_free(&again);
}

static void comments_and_long_forms_are_read(void **state)
{
	static const char text[] =
		"; a comment, and an empty line\n\n" FIRST
		"EXAMPLE. IN 1h DNSKEY 256 3 ECDSAP256SHA256 (\r\n"
		"  R3dRGIO86zSG1gOrmEELyVcbsjSJZtUaY6wSUs4C ; of it half\r\n"
		"  GeDSBfzLNFOhkeGhBrntMddTUgcAQ3hX+HUOnHjh/W/9Rw==\r\n  )\r\n"
		";; some other comment\n" SECOND KEY KEY LAST "; the end";
	struct bundles *b;

	(void)state;
	b = read_or_fail(text, BUNDLE_REQUEST);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->list[0].from, 1795346257);
	assert_int_equal(b->list[0].sets[BUNDLE_DNSKEY].ttl, 3600);
	assert_int_equal(b->list[0].sets[BUNDLE_DNSKEY].count, 1);
	assert_int_equal(b->list[1].sets[BUNDLE_DNSKEY].count, 1);
	assert_memory_equal(b->list[0].sets[BUNDLE_DNSKEY].bytes,
	                    b->list[1].sets[BUNDLE_DNSKEY].bytes,
	                    b->list[0].sets[BUNDLE_DNSKEY].size);
	bundles_free(&b);
}

struct refused {
	const char *text;
	const char *why; /* its beginning */
};

static void assert_refused(const struct refused *cases, size_t count,
                           enum bundle_kind kind)
{
	for (size_t i = 0; i < count; i++) {
		char why[BUNDLE_WHY_SIZE] = "";
		struct bundles *b = NULL;
		size_t len = strlen(cases[i].why);

		assert_int_equal(bundles_read(cases[i].text, strlen(cases[i].text),
		                              test_apex, kind, &b, why),
		                 ERR_SYNTAX);
		if (strncmp(why, cases[i].why, len) != 0)
			fail_msg("case %zu: %s", i, why);
		assert_null(b);
	}
}

static void what_is_no_request_is_refused_with_its_line(void **state)
{
	static const struct refused cases[] = {
		{"",
	         "line 1: the last line, \";; KeySigningRequest 1.0 generated ...\", is"},
		{FIRST KEY, "line 4: the last line, "},
		{FIRST KEY SECOND KEY, "line 6: the last line, "},
		{LAST, "line 2: there is nothing in it"},
		{KEY FIRST KEY LAST, "line 1: this record stands below no time"},
		{FIRST KEY LAST KEY, "line 5: this record stands below no time"},
		{FIRST KEY LAST SECOND KEY LAST, "line 5: there is more behind"},
		{FIRST LAST, "line 3: there is no DNSKEY below this line"},
		{FIRST KEY SECOND LAST, "line 5: there is no DNSKEY below this line"},
		{FIRST KEY FIRST KEY LAST, "line 5: this time is not later"},
		{SECOND KEY FIRST KEY LAST, "line 4: this time is not later"},
		{RESPONSE KEY RESPONSE_LAST,
	         "line 1: this is a SignedKeyResponse, not a KeySigningRequest"},
		{FIRST KEY RESPONSE_LAST, "line 4: this is a SignedKeyResponse"},
		{";; KeySigningRequest 2.0 5\n" KEY LAST,
	         "line 1: this is not version 1.0"},
		{";; KeySigningRequest\n" KEY LAST, "line 1: this is not version 1.0"},
		{";; KeySigningRequest 1.0\n" KEY LAST, "line 1: the time has to be"},
		{";; KeySigningRequest 1.0 5s\n" KEY LAST, "line 1: the time has to be"},
		{";; KeySigningRequest 1.0 -5\n" KEY LAST, "line 1: the time has to be"},
		{";; KeySigningRequest 1.0 0\n" KEY LAST,
	         "line 1: no such time will come"},
		{";; KeySigningRequest 1.0 253402300800\n" KEY LAST,
	         "line 1: no such time will come"},
		{";; KeySigningRequest 1.0 18446744073709551617\n" KEY LAST,
	         "line 1: the time has to be"},
		{FIRST "example.org. 3600 DNSKEY 256 3 13 AAAA\n" LAST,
	         "line 3: the record is not of the zone example."},
		{FIRST KEY " 3600 DNSKEY 256 3 13 AAAA\n" LAST,
	         "line 4: the record is not of the zone example."},
		{FIRST "@ 3600 DNSKEY 256 3 13 AAAA\n" LAST, "line 3: the record is not"},
		{FIRST "example. DNSKEY 256 3 13 AAAA\n" LAST,
	         "line 3: a record has its owner, TTL and type first"},
		{FIRST "example. 3600\n" LAST, "line 3: a record has"},
		{FIRST "example. 4294967295 DNSKEY 256 3 13 AAAA\n" LAST,
	         "line 3: a record has"},
		{FIRST "example. 3600 CH DNSKEY 256 3 13 AAAA\n" LAST,
	         "line 3: records of this type"},
		{FIRST "example. 3600 A 192.0.2.1\n" LAST,
	         "line 3: records of this type have no place in a KeySigningRequest"},
		{FIRST KEY SIGNATURE("DNSKEY") LAST, "line 4: records of this type"},
		{FIRST "example. 3600 DNSKEY 256 3 13 *\n" LAST, "line 3: "},
		{FIRST "example. 3600 DNSKEY 256 3 (13 AAAA\n" LAST, "line 3: "},
		{FIRST "$INCLUDE /etc/passwd\n" LAST,
	         "line 3: the record is not of the zone"},
		{FIRST "(\n$INCLUDE /etc/passwd )\n" LAST, "line 4: the record is not"},
		{FIRST "$ORIGIN example.\n" KEY LAST, "line 3: the record is not"},
	};

	(void)state;
	assert_refused(cases, ARRAY_LEN(cases), BUNDLE_REQUEST);
}

static void what_is_no_response_is_refused_with_its_line(void **state)
{
	static const struct refused cases[] = {
		{FIRST KEY LAST, "line 2: this is a KeySigningRequest, not a Signed"},
		{RESPONSE KEY SIGNATURE("CDS") RESPONSE_LAST,
	         "line 3: this is the signature of what is not there"},
		{RESPONSE KEY SIGNATURE("SOA") RESPONSE_LAST,
	         "line 3: this is the signature of what is not there"},
		{RESPONSE SIGNATURE("DNSKEY") RESPONSE_LAST,
	         "line 2: this is the signature of what is not there"},
		{RESPONSE "example. 3600 CDS 1 13 2 AA\n" RESPONSE_LAST,
	         "line 2: there is no DNSKEY below this line"},
		{RESPONSE KEY "example. 3600 DS 1 13 2 AA\n" RESPONSE_LAST,
	         "line 3: records of this type"},
	};

	(void)state;
	assert_refused(cases, ARRAY_LEN(cases), BUNDLE_RESPONSE);
}

/* A stick that was pulled out too early. */
static void cut_text_is_refused_wherever_it_is_cut(void **state)
{
	struct bundles *b = response_of(request_of(START, START + DAY), 1);
	char *text = text_of(b);
	size_t last = (size_t)(strstr(text, "generated") - text) + strlen("generated");

	(void)state;
	bundles_free(&b);
	for (size_t len = 0; len < last; len++) {
		char why[BUNDLE_WHY_SIZE] = "";
		assert_int_equal(
			bundles_read(text, len, test_apex, BUNDLE_RESPONSE, &b, why),
			ERR_SYNTAX);
		assert_true(why[0] != '\0');
	}
	free(text);
}

static void too_many_records_are_refused(void **state)
{
	char *text;
	size_t size;
	FILE *to = must_open_text(&text, &size);
	char why[BUNDLE_WHY_SIZE] = "";
	struct bundles *b = NULL;

	(void)state;
	(void)fputs(FIRST, to);
	for (unsigned i = 0; i <= BUNDLE_KEYS_MAX; i++)
		(void)fprintf(to, "example. 60 DNSKEY 256 3 15 AA%02u\n", i);
	(void)fputs(LAST, to);
	must_close_text(to);
	assert_int_equal(bundles_read(text, size, test_apex, BUNDLE_REQUEST, &b, why),
	                 ERR_SYNTAX);
	assert_non_null(strstr(why, "more than 32 records"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(written_request_is_read_as_the_same, fresh_ring),
		cmocka_unit_test_setup(written_response_is_read_as_the_same, fresh_ring),
		cmocka_unit_test(comments_and_long_forms_are_read),
		cmocka_unit_test(what_is_no_request_is_refused_with_its_line),
		cmocka_unit_test(what_is_no_response_is_refused_with_its_line),
		cmocka_unit_test_setup(cut_text_is_refused_wherever_it_is_cut,
	                               fresh_ring),
		cmocka_unit_test(too_many_records_are_refused),
	};

	return cmocka_run_group_tests(tests, make_ring, free_ring);
}
