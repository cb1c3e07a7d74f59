#include "control/sign/check.h"
#include "control/sign/check_testing.h"

/* ---- the chain ---- */

static void a_wrong_nsec_is_found(void **state)
{
	static const struct {
		const char *chain, *rule, *text;
	} cases[] = {
		{NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP
	         "ns 300 NSEC plain A AAAA RRSIG NSEC TYPE65280\n" NSEC_PLAIN NSEC_PLAINS
	                 NSEC_RED NSEC_WILD,
	         "nsec-types", "ns.example. NSEC: tells of AAAA"},
		{NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP
	         "ns 300 NSEC plain A RRSIG NSEC\n" NSEC_PLAIN NSEC_PLAINS NSEC_RED
	                 NSEC_WILD,
	         "nsec-types", "ns.example. NSEC: does not tell of TYPE65280"},
		{NSEC_APEX NSEC_ALIAS
	         "cut 300 NSEC deep.empty NS DS TXT RRSIG NSEC\n" NSEC_DEEP NSEC_NS
	                 NSEC_PLAIN NSEC_PLAINS NSEC_RED NSEC_WILD,
	         "nsec-types", "cut.example. NSEC: tells of TXT"},
		{NSEC_APEX NSEC_ALIAS
	         "cut 300 NSEC deep.empty NS RRSIG NSEC\n" NSEC_DEEP NSEC_NS NSEC_PLAIN
	                 NSEC_PLAINS NSEC_RED NSEC_WILD,
	         "nsec-types", "cut.example. NSEC: does not tell of DS"},
		{NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP NSEC_NS NSEC_PLAIN NSEC_PLAINS
	         "red 300 NSEC *.wild DNAME NSEC\n" NSEC_WILD,
	         "nsec-types", "red.example. NSEC: does not tell of RRSIG"},
		{NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP NSEC_NS NSEC_PLAIN NSEC_PLAINS
	         "red 300 NSEC *.wild DNAME RRSIG\n" NSEC_WILD,
	         "nsec-types", "red.example. NSEC: does not tell of NSEC"},
		{NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP NSEC_NS NSEC_PLAIN NSEC_PLAINS
	                 NSEC_RED "*.wild 300 NSEC alias TXT RRSIG NSEC\n",
	         "nsec-next",
	         "*.wild.example. NSEC: names alias.example. as the next one, "
	         "which is example."},
		{NSEC_APEX NSEC_ALIAS
	         "cut 300 NSEC ns NS DS RRSIG NSEC\n" NSEC_DEEP NSEC_NS NSEC_PLAIN
	                 NSEC_PLAINS NSEC_RED NSEC_WILD,
	         "nsec-next",
	         "cut.example. NSEC: names ns.example. as the next one, which "
	         "is deep.empty.example."},
		{NSEC_APEX NSEC_ALIAS
	         "cut 300 NSEC ns.cut NS DS RRSIG NSEC\n" NSEC_DEEP NSEC_NS NSEC_PLAIN
	                 NSEC_PLAINS NSEC_RED NSEC_WILD,
	         "nsec-next", "cut.example. NSEC: names ns.cut.example."},
		{NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP NSEC_NS NSEC_PLAIN NSEC_PLAINS
	                 NSEC_RED,
	         "nsec-missing", "*.wild.example. NSEC: is not there"},
		{NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP NSEC_NS NSEC_PLAINS NSEC_RED
	                 NSEC_WILD,
	         "nsec-missing", "plain.example. NSEC: is not there"},
		{CHAIN "ns.cut 300 NSEC deep.empty A RRSIG NSEC\n", "nsec-unwanted",
	         "ns.cut.example. NSEC"},
		{CHAIN "below.red 300 NSEC *.wild A RRSIG NSEC\n", "nsec-unwanted",
	         "below.red.example. NSEC"},
		{CHAIN "empty 300 NSEC deep.empty RRSIG NSEC\n", "nsec-unwanted",
	         "empty.example. NSEC"},
		{CHAIN "ns 300 NSEC red A RRSIG NSEC TYPE65280\n", "nsec-malformed",
	         "ns.example. NSEC: is more than one record"},
		{NSEC_APEX NSEC_ALIAS NSEC_CUT NSEC_DEEP NSEC_NS NSEC_PLAIN NSEC_PLAINS
	                 NSEC_RED "*.wild 300 NSEC . TXT RRSIG NSEC\n",
	         "nsec-malformed",
	         "*.wild.example. NSEC: names a next one that is not in "
	         "the zone"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[4096];

		(void)snprintf(text, sizeof text, "%s%s", DATA, cases[i].chain);
		signed_zone(f, text);
		(void)check(f);
		/* Nothing but the chain is wrong; signatures at what is no name besides. */
		assert_null(test_rule(&f->found, "rrsig-bogus"));
		expect_said(f, cases[i].rule, cases[i].text);
		assert_int_equal(check(f), ERR_REFUSED);
	}
}

static void a_chain_that_lives_too_long_is_warned_of_once(void **state)
{
	struct fixture *f = *state;

	signed_zone(f, "@ 3600 SOA ns.example. host.example. 1 3600 600 86400 300\n"
	               "@ 3600 NS ns.other.\n"
	               "@ 301 NSEC a NS SOA RRSIG NSEC DNSKEY\n"
	               "a 600 TXT x\n"
	               "a 301 NSEC @ TXT RRSIG NSEC\n");
	expect_warning(f, "nsec-ttl");
	assert_int_equal(f->found.warnings, 1);
}

static void every_name_has_its_nsec3(void **state)
{
	static const char *const names[] = {"example.", "ns",    "cut",        "alias",
	                                    "plain",    "empty", "one.plains", "wild",
	                                    "*.wild",   "red",   "deep.empty"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		hashed_zone(f, false);
		drop(f, link_of(f, names[i]));
		sign_zone(f);
		assert_int_equal(check(f), ERR_REFUSED);
		/* What came before names it still. */
		assert_non_null(test_rule(&f->found, "nsec-next"));
		const char *rule = strncmp(names[i], "plain", 5) == 0 ||
		                                   strncmp(names[i], "one", 3) == 0
		                           ? "nsec3-opt-out"
		                           : "nsec-missing";
		assert_int_equal(strncmp(said(f, rule), names[i], strlen(names[i])), 0);
		assert_int_equal(f->found.errors, 2);
	}
}

/* The flag of the one before its hash decides. */
static void without_opt_out_each_delegation_has_its_nsec3(void **state)
{
	struct fixture *f = *state;
	struct contents *c;

	hashed_zone(f, true);
	c = f->zone.contents;
	for (size_t i = 0; i < c->count; i++)
		if (c->rrsets[i].type == RRTYPE_NSEC3)
			octets_of_record(&c->rrsets[i])[1] = 0;
	sign_zone(f);
	expect_error(f, "nsec3-opt-out");
	/* plain, one.plains, two.plains, plains */
	assert_int_equal(f->found.errors, 4);
	/* Those that have one all the same may say opt-out. */
	hashed_zone(f, false);
	c = f->zone.contents;
	for (size_t i = 0; i < c->count; i++)
		if (c->rrsets[i].type == RRTYPE_NSEC3)
			octets_of_record(&c->rrsets[i])[1] = 1;
	sign_zone(f);
	expect_good(f);
}

enum { HASH_AT = 7, BITMAP_AT = HASH_AT + NSEC3_HASH_LEN }; /* with a salt of one octet */

static void a_wrong_nsec3_is_found(void **state)
{
	static const struct {
		const char *name;
		unsigned octet;
		uint8_t flip;
		const char *rule, *text;
	} cases[] = {
		{"ns", 0, 2, "nsec-malformed", "hashed in another way"},
		{"ns", 1, 2, "nsec-malformed", "flags that validators do not know"},
		{"ns", 3, 1, "nsec-malformed", "hashed in another way"},
		{"ns", 5, 1, "nsec-malformed", "hashed in another way"},
		{"ns", HASH_AT, 1, "nsec-next", "as the next one, which is"},
		{"ns", BITMAP_AT - 1, 1, "nsec-next", "as the next one, which is"},
		{"ns", BITMAP_AT + 2, 0x40, "nsec-types", "does not tell of A,"},
		{"ns", BITMAP_AT + 2, 0x20, "nsec-types", "tells of NS,"},
		{"plain", BITMAP_AT + 2, 0x40, "nsec-types", "tells of A,"},
		{"red", BITMAP_AT + 6, 0x01, "nsec-types", "does not tell of DNAME,"},
		{"red", BITMAP_AT + 7, 0x02, "nsec-types", "does not tell of RRSIG,"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		hashed_zone(f, false);
		octets_of_record(link_of(f, cases[i].name))[cases[i].octet] ^=
			cases[i].flip;
		sign_zone(f);
		expect_error(f, cases[i].rule);
		expect_said(f, cases[i].rule, cases[i].text);
	}
}

static void an_nsec3_of_no_name_is_found(void **state)
{
	struct fixture *f = *state;

	hashed_zone(f, false);
	drop(f, at(f, "alias", RRTYPE_CNAME));
	sign_zone(f);
	assert_int_equal(check(f), ERR_REFUSED);
	expect_said(f, "nsec-unwanted", "NSEC3: is of no name in the zone");
	signed_zone(f, DATA CHAIN "ns 300 NSEC3 1 0 0 - "
	                          "2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG\n");
	assert_int_equal(check(f), ERR_REFUSED);
	expect_said(f, "nsec-unwanted", "no NSEC3PARAM says how it is hashed");
}

static void a_param_that_does_not_fit_is_found(void **state)
{
	static const struct {
		unsigned octet;
		uint8_t value;
		const char *rule;
	} cases[] = {{1, 1, "nsec-missing"},     /* flags: not for servers to use */
	             {0, 2, "nsec-missing"},     /* another hash */
	             {2, 1, "nsec3-iterations"}, /* more than 150 */
	             {3, 3, "nsec-missing"},     /* other hashes */
	             {5, 8, "nsec-missing"}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		hashed_zone(f, false);
		octets_of_record(at(f, "example.", RRTYPE_NSEC3PARAM))[cases[i].octet] =
			cases[i].value;
		sign_zone(f);
		assert_int_equal(check(f), ERR_REFUSED);
		assert_non_null(test_rule(&f->found, cases[i].rule));
	}
	hashed_zone(f, false);
	drop(f, at(f, "example.", RRTYPE_NSEC3PARAM));
	sign_zone(f);
	expect_error(f, "nsec-missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_wrong_nsec_is_found),
		TEST(a_chain_that_lives_too_long_is_warned_of_once),
		TEST(every_name_has_its_nsec3),
		TEST(without_opt_out_each_delegation_has_its_nsec3),
		TEST(a_wrong_nsec3_is_found),
		TEST(an_nsec3_of_no_name_is_found),
		TEST(a_param_that_does_not_fit_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
