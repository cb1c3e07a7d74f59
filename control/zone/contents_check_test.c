#include "control/zone/testing.h"

#define APEX                                            \
	"$TTL 1h\n"                                     \
	"@ SOA ns hostmaster 1 2h 30m 2w 1h\n@ NS ns\n" \
	"ns A 192.0.2.1\n"
#define SIG(type, signer) \
	"RRSIG " type " 8 2 3600 20380101000000 20200101000000 1 " signer " AAEC\n"
#define HASH "2vptu5timamqttgl4luu9kg21e0aor3s"

struct zone {
	const char *text;
	const char *rule; /* NULL: nothing to say */
	enum diag_severity severity;
};

static void check(const struct zone *zone)
{
	struct test_zone z;

	test_zone_of(&z, zone->text, strlen(zone->text));
	test_expect(&z.diag, NULL, zone->text);
	assert_int_equal(z.err, 0);
	int err = contents_check(z.contents, &z.diag);
	test_expect(&z.diag, zone->rule, zone->text);
	if (zone->rule) {
		assert_int_equal(test_found(&z.diag, zone->rule).severity,
		                 zone->severity);
		assert_int_equal(z.diag.kept, 1);
	}
	bool refused = zone->rule && zone->severity == DIAG_ERROR;
	assert_int_equal(err, refused ? ERR_REFUSED : 0);
	test_zone_fini(&z);
}

static const struct zone zones[] = {
	{APEX, NULL, 0},

	/* SOA and NS */
	{"$TTL 1h\n@ NS ns\nns A 192.0.2.1\n", "soa-missing", DIAG_ERROR},
	{APEX "@ SOA ns hostmaster 2 2h 30m 2w 1h\n", "soa-multiple", DIAG_ERROR},
	{APEX "sub SOA ns hostmaster 1 2h 30m 2w 1h\n", "soa-not-at-apex", DIAG_ERROR},
	{"$TTL 1h\n@ SOA ns hostmaster 1 2h 30m 2w 1h\nns A 192.0.2.1\n", "ns-missing",
         DIAG_ERROR},
	{APEX "sub NS ns\n", NULL, 0},

	/* CNAME */
	{APEX "a CNAME ns\n", NULL, 0},
	{APEX "a CNAME ns\na NSEC ns CNAME RRSIG NSEC\na " SIG("CNAME",
                                                               "@") "a " SIG("NSEC", "@"),
         NULL, 0},
	{APEX "a CNAME ns\na A 192.0.2.1\n", "cname-and-other-data", DIAG_ERROR},
	{APEX "a CNAME ns\na NS ns\n", "cname-and-other-data", DIAG_ERROR},
	{APEX "a CNAME ns\na DNAME x.test.\n", "cname-and-other-data", DIAG_ERROR},
	{APEX "a CNAME ns\na TYPE65280 \\# 0\n", "cname-and-other-data", DIAG_ERROR},
	{APEX "a CNAME ns\na CNAME x.test.\n", "cname-multiple", DIAG_ERROR},
	{APEX "a CNAME a\n", "cname-loop", DIAG_WARNING},
	{APEX "a CNAME b\nb CNAME a\n", NULL, 0}, /* the compiler stops such chains */
	{APEX "*.w CNAME x.w\n", "cname-loop", DIAG_WARNING},
	{APEX "*.w CNAME x.w\nx.w A 192.0.2.1\n", NULL, 0},
	{APEX "*.w CNAME x.v\n", NULL, 0},
	{APEX "*.w CNAME y.x.w\nx.w A 192.0.2.1\n", NULL, 0},

	/* DNAME */
	{APEX "d DNAME x.test.\nd A 192.0.2.1\nd TXT x\n", NULL, 0},
	{APEX "@ DNAME x.test.\n", "data-below-dname", DIAG_ERROR},
	{"$TTL 1h\n@ SOA ns.test. h.test. 1 2h 30m 2w 1h\n@ NS ns.test.\n@ DNAME x.test.\n",
         NULL, 0},
	{"$TTL 1h\n@ SOA ns.test. h.test. 1 2h 30m 2w 1h\n@ NS ns.test.\n@ DNAME x.test.\n" HASH
         " NSEC3 1 0 0 - " HASH " DNAME\n" HASH " " SIG("NSEC3", "@"),
         NULL, 0},
	{APEX "d DNAME x.test.\nd DNAME y.test.\n", "dname-multiple", DIAG_ERROR},
	{APEX "d DNAME x.test.\nd NS ns.test.\n", "dname-and-ns", DIAG_ERROR},
	{APEX "d DNAME x.test.\na.d A 192.0.2.1\n", "data-below-dname", DIAG_ERROR},
	{APEX "d DNAME x.test.\na.b.d TXT x\n", "data-below-dname", DIAG_ERROR},
	{APEX "d DNAME x.test.\ndd A 192.0.2.1\nd-d A 192.0.2.1\n", NULL, 0},
	{APEX "d DNAME x.test.\na.d NSEC d NSEC\n", NULL, 0},
	{APEX "*.d DNAME x.test.\n", "wildcard-dname", DIAG_WARNING},

	/* delegations and glue */
	{APEX "sub NS ns.sub\nns.sub A 192.0.2.1\n", NULL, 0},
	{APEX "sub NS ns.sub\nns.sub AAAA 2001:db8::1\n", NULL, 0},
	{APEX "sub NS ns.sub\n", "glue-missing", DIAG_WARNING},
	{APEX "sub NS sub\n", "glue-missing", DIAG_WARNING},
	{APEX "sub NS sub\nsub A 192.0.2.1\n", NULL, 0},
	{APEX "sub NS SUB\nsub AAAA 2001:db8::1\n", NULL, 0},
	{APEX "sub NS ns.other.test.\n", NULL, 0},
	{APEX "sub NS ns\nsub A 192.0.2.1\n", "occluded-data", DIAG_WARNING},
	{APEX "sub NS ns\nsub TXT x\n", "occluded-data", DIAG_WARNING},
	{APEX "sub NS ns\nsub DS 1 8 2 00\nsub NSEC ns NS DS\nsub " SIG("DS", "@"), NULL,
         0},
	{APEX "sub NS ns\na.sub TXT x\n", "occluded-data", DIAG_WARNING},
	{APEX "sub NS ns\na.sub MX 10 ns\n", "occluded-data", DIAG_WARNING},
	{APEX "sub NS ns\na.sub NS ns\n", "occluded-data", DIAG_WARNING},
	{APEX "sub NS ns\na.sub A 192.0.2.1\n", NULL, 0},
	{APEX "a NS ns.b\nb NS ns.b\nns.b A 192.0.2.1\n", NULL, 0},
	{APEX "a NS ns.b\nb NS ns\n", NULL, 0}, /* reached by way of b */
	{APEX "a NS nowhere\n", "ns-target-no-address", DIAG_WARNING},
	{APEX "a NS t\nt TXT x\n", "ns-target-no-address", DIAG_WARNING},
	{APEX "a NS x.t\nx.x.t A 192.0.2.1\n", "ns-target-no-address", DIAG_WARNING},
	{APEX "a NS x.w\n*.w A 192.0.2.1\n", NULL, 0},
	{APEX "a NS x.w\n*.w TXT x\n", "ns-target-no-address", DIAG_WARNING},
	{APEX "a NS c\nc CNAME ns\n", "ns-target-cname", DIAG_WARNING},
	{APEX "a NS x.w\n*.w CNAME ns\n", "ns-target-cname", DIAG_WARNING},
	{APEX "a NS x.d\nd DNAME x.test.\n", "ns-target-cname", DIAG_WARNING},
	{APEX "@ NS nowhere\n", "ns-target-no-address", DIAG_WARNING},
	{APEX "*.w NS ns\n", "wildcard-ns", DIAG_WARNING},
	{APEX "a.* NS ns\n", NULL, 0},
	{APEX "sub DS 1 8 2 00\n", "ds-without-ns", DIAG_WARNING},
	{APEX "@ DS 1 8 2 00\n", "ds-at-apex", DIAG_WARNING},

	/* aliases as targets */
	{APEX "@ MX 10 c\nc CNAME ns\n", "mx-target-cname", DIAG_WARNING},
	{APEX "@ MX 10 c\nc A 192.0.2.1\n", NULL, 0},
	{APEX "@ MX 0 .\n", NULL, 0},
	{APEX "@ MX 10 c.test.\n", NULL, 0},
	{APEX "_x._tcp SRV 0 0 1 C\nc CNAME ns\n", "srv-target-cname", DIAG_WARNING},
	{APEX "_x._tcp SRV 0 0 1 c\nc A 192.0.2.1\n", NULL, 0},

	/* DNSSEC */
	{APEX "@ NSEC3PARAM 1 0 0 -\n", NULL, 0},
	{APEX "@ NSEC3PARAM 2 0 0 -\n", "nsec3param-algorithm", DIAG_ERROR},
	{APEX "@ NSEC3PARAM 1 0 1 -\n", "nsec3param-iterations", DIAG_WARNING},
	{APEX "@ NSEC3PARAM 1 0 150 -\n", "nsec3param-iterations", DIAG_WARNING},
	{APEX "@ NSEC3PARAM 1 0 151 -\n", "nsec3param-iterations", DIAG_ERROR},
	{APEX "@ NSEC ns NS SOA\n" HASH " NSEC3 1 0 0 - " HASH " A\n", "nsec-and-nsec3",
         DIAG_ERROR},
	{APEX "@ NSEC ns NS SOA\n", NULL, 0},
	{APEX "ns " SIG("A", "@"), NULL, 0},
	{APEX "ns " SIG("A", "EXAMPLE."), NULL, 0},
	{APEX "ns " SIG("A", "ns"), "rrsig-signer", DIAG_WARNING},
	{APEX "ns " SIG("A", "."), "rrsig-signer", DIAG_WARNING},
	{APEX "ns " SIG("TXT", "@"), "rrsig-covers-nothing", DIAG_WARNING},
};

static void each_rule_speaks_where_it_should_and_only_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(zones); i++)
		check(&zones[i]);
}

/* Header 12, question 11 + 4 ("x.example."), and 12 + 4 octets for each address. */
static void an_rrset_too_large_for_any_message_is_refused(void **state)
{
	(void)state;
	enum { FITS = (65535 - 12 - 11 - 4) / (12 + 4) };
	size_t room = 1 << 20;
	char *text = malloc(room);

	assert_non_null(text);
	for (int records = FITS; records <= FITS + 1; records++) {
		size_t at = (size_t)snprintf(text, room, "%s", APEX);
		for (int i = 0; i < records; i++)
			at += (size_t)snprintf(text + at, room - at, "x A 10.0.%d.%d\n",
			                       i / 256, i % 256);
		struct zone zone = {text, records > FITS ? "rrset-too-large" : NULL,
		                    DIAG_ERROR};
		check(&zone);
	}
	free(text);
}

static void a_name_of_too_many_types_is_refused(void **state)
{
	(void)state;
	enum { ROOM = 1 << 14 };
	char *text = malloc(ROOM);

	assert_non_null(text);
	for (int types = RRSET_TYPES_MAX; types <= RRSET_TYPES_MAX + 1; types++) {
		size_t at = (size_t)snprintf(text, ROOM, "%s", APEX);
		for (int i = 0; i < types; i++)
			at += (size_t)snprintf(text + at, ROOM - at, "x TYPE%d \\# 0\n",
			                       65280 + i);
		struct zone zone = {text,
		                    types > RRSET_TYPES_MAX ? "too-many-types" : NULL,
		                    DIAG_ERROR};
		check(&zone);
	}
	free(text);
}

static void what_is_wrong_is_placed(void **state)
{
	(void)state;
	static const char text[] = APEX "a CNAME ns\n\na TXT x\n";
	struct test_zone z;

	test_zone_of(&z, text, strlen(text));
	assert_int_equal(contents_check(z.contents, &z.diag), ERR_REFUSED);
	const struct diag_entry e = test_found(&z.diag, "cname-and-other-data");
	assert_string_equal(e.file, "test.zone");
	assert_int_equal(e.line, 7);
	assert_string_equal(e.text, "a.example. TXT: beside a CNAME");
	test_zone_fini(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_speaks_where_it_should_and_only_there),
		cmocka_unit_test(an_rrset_too_large_for_any_message_is_refused),
		cmocka_unit_test(a_name_of_too_many_types_is_refused),
		cmocka_unit_test(what_is_wrong_is_placed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
