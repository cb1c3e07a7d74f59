#include "control/sign/rrsig.h"

#include "control/sign/testing.h"

/* One thread's means to sign. */
struct signing {
	struct sign_key *key;
	struct signer *signer;
	struct rrsig_room room;
};

static const struct rrsig_times times = {.inception = 1000, .expiration = 2000};

static int setup(void **state)
{
	struct signing *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->key = new_key(SIGN_ED25519);
	assert_int_equal(signer_new(s->key, &s->signer), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct signing *s = *state;

	signer_free(&s->signer);
	sign_key_free(&s->key);
	rrsig_room_fini(&s->room);
	free(s);
	return 0;
}

/* Signs the only RRset of a zone, whose name is test_apex. */
static struct test_bytes sign_text(struct signing *s, const char *owner, const char *type,
                                   const char *text)
{
	struct test_name name = test_name(owner);
	struct test_bytes out = {0};
	struct test_zone z;

	test_zone_of(&z, text, strlen(text));
	assert_int_equal(z.err, 0);
	assert_int_equal(z.contents->count, 1);
	struct rrset set = test_rrset(z.contents, owner,
	                              (uint16_t)rrtype_from_text(type, strlen(type)));
	const struct signed_set what = {
		.owner = name.wire, .zone = test_apex, .set = &set};
	int len = rrsig_make(s->signer, &s->room, &what, times, out.at);
	assert_true(len > 0);
	out.len = (size_t)len;
	test_zone_fini(&z);
	return out;
}

/* ---- the RFCs' examples ---- */

static void the_rfcs_signatures_come_out(void **state)
{
	struct signing *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		const struct example *e = &examples[i];
		struct sign_key *k = key_of(e);
		struct signer *signer = NULL;
		struct test_zone z;
		uint8_t made[RRSIG_MAX];
		struct rrsig theirs;

		zone_of(e, &z);
		struct rrset set =
			set_at(&z, e->owner,
		               (uint16_t)rrtype_from_text(e->type, strlen(e->type)));
		const uint8_t *at = rrset_first(&set);
		(void)rrset_next(&at);
		struct rdata want = rrset_next(&at);
		assert_int_equal(rrsig_open(want, &theirs), 0);
		struct test_name owner =
			test_name(e->owner[0] == '@' ? e->apex : "www.example.net.");
		const struct signed_set what = {
			.owner = owner.wire, .zone = z.contents->apex, .set = &set};
		assert_int_equal(signer_new(k, &signer), 0);
		int len = rrsig_make(
			signer, &s->room, &what,
			(struct rrsig_times){theirs.inception, theirs.expiration}, made);
		assert_int_equal(len, want.len);
		assert_memory_equal(made, want.bytes,
		                    e->repeats ? want.len
		                               : want.len - theirs.signature_len);
		signer_free(&signer);
		sign_key_free(&k);
		test_zone_fini(&z);
	}
}

/* ---- the canonical form ---- */

static void assert_same(struct signing *s, const char *owner, const char *type,
                        const char *one, const char *two)
{
	struct test_bytes a = sign_text(s, owner, type, one);
	struct test_bytes b = sign_text(s, owner, type, two);

	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.at, b.at, a.len);
}

static void assert_differ(struct signing *s, const char *owner, const char *type,
                          const char *one, const char *two)
{
	struct test_bytes a = sign_text(s, owner, type, one);
	struct test_bytes b = sign_text(s, owner, type, two);

	assert_int_equal(a.len, b.len);
	assert_memory_not_equal(a.at, b.at, a.len);
}

static void case_does_not_count_where_rfc_4034_says_so(void **state)
{
	static const struct {
		const char *type, *upper, *lower;
	} cases[] = {
		{"NS", "a 1 NS B.EXAMPLE.", "a 1 NS b.example."},
		{"CNAME", "a 1 CNAME B.example.", "a 1 CNAME b.example."},
		{"MX", "a 1 MX 5 B.example.", "a 1 MX 5 b.example."},
		{"SRV", "a 1 SRV 1 2 3 B.example.", "a 1 SRV 1 2 3 b.example."},
		{"RP", "a 1 RP A.example. B.example.", "a 1 RP a.example. b.example."},
		{"DNAME", "a 1 DNAME B.example.", "a 1 DNAME b.example."},
		{"NAPTR", "a 1 NAPTR 1 2 \"U\" \"\" \"\" B.example.",
	         "a 1 NAPTR 1 2 \"U\" \"\" \"\" b.example."},
		{"A", "A 1 A 192.0.2.1", "a 1 A 192.0.2.1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_same(*state, "a", cases[i].type, cases[i].upper, cases[i].lower);
}

static void case_counts_elsewhere(void **state)
{
	assert_differ(*state, "a", "TXT", "a 1 TXT B", "a 1 TXT b");
	assert_differ(*state, "a", "NSEC", "a 1 NSEC B.example. A", /* RFC 6840 §5.1 */
	              "a 1 NSEC b.example. A");
	assert_differ(*state, "a", "SVCB", "a 1 SVCB 1 B.example.",
	              "a 1 SVCB 1 b.example.");
	assert_differ(*state, "a", "NAPTR", "a 1 NAPTR 1 2 \"U\" \"\" \"\" b.example.",
	              "a 1 NAPTR 1 2 \"u\" \"\" \"\" b.example.");
}

static void the_order_of_records_and_copies_do_not_count(void **state)
{
	assert_same(*state, "a", "MX", "a 1 MX 2 b\na 1 MX 1 c\na 1 MX 3 a\n",
	            "a 1 MX 3 A\na 1 MX 2 B\na 1 MX 1 C\na 1 MX 1 c\n");
}

static void every_part_of_a_record_counts(void **state)
{
	assert_differ(*state, "a", "A", "a 1 A 192.0.2.1", "a 1 A 192.0.2.2");
	assert_differ(*state, "a", "A", "a 1 A 192.0.2.1", "a 2 A 192.0.2.1");
	assert_differ(*state, "a", "A", "a 1 A 192.0.2.1",
	              "a 1 A 192.0.2.1\na 1 A 192.0.2.2");
	struct test_bytes a = sign_text(*state, "a", "A", "a 1 A 192.0.2.1");
	struct test_bytes b = sign_text(*state, "b", "A", "b 1 A 192.0.2.1");
	assert_memory_not_equal(a.at, b.at, a.len);
}

/* What is signed, octet by octet (RFC 4034 §3.1.8.1). */
static void what_is_signed_is_the_rrsig_and_the_records(void **state)
{
	struct signing *s = *state;
	struct test_bytes rrsig =
		test_rdata(RRTYPE_RRSIG, "MX 15 2 300 2000 1000 7 EXAMPLE. c2lnbmF0dXJl");
	struct test_bytes want = test_hex("000f0f020000012c000007d0000003e80007"
	                                  "076578616d706c6500"
	                                  "0161076578616d706c6500000f00010000012c000d0001"
	                                  "0162076578616d706c6500"
	                                  "0161076578616d706c6500000f00010000012c000d0002"
	                                  "0163076578616d706c6500");
	struct test_zone z;
	static const char text[] = "A 9 MX 2 C.Example.\nA 9 MX 1 b.EXAMPLE.\n";

	test_zone_of(&z, text, strlen(text));
	struct rrset set = test_rrset(z.contents, "a", RRTYPE_MX);
	struct test_name owner = test_name("A.EXAMPLE.");
	const struct signed_set what = {
		.owner = owner.wire, .zone = test_apex, .set = &set};
	size_t len = rrsig_data(&s->room, rdata_of(&rrsig), &what);
	assert_int_equal(len, want.len);
	assert_memory_equal(s->room.bytes, want.at, len);
	test_zone_fini(&z);
}

static void an_rrset_of_many_octets_is_signed_whole(void **state)
{
	struct signing *s = *state;
	enum { RECORDS = 3000 };
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	for (unsigned i = 0; i < RECORDS; i++)
		(void)fprintf(to, "a 1 TXT \"%0200u\"\n", i);
	(void)fclose(to);
	struct test_bytes all = sign_text(s, "a", "TXT", text);
	text[size - 3] = 'x';
	struct test_bytes changed = sign_text(s, "a", "TXT", text);
	assert_memory_not_equal(all.at, changed.at, all.len);
	free(text);
}

/* ---- what a signature says ---- */

static void labels_are_counted_without_root_and_asterisk(void **state)
{
	static const struct {
		const char *owner;
		unsigned labels;
	} cases[] = {
		{".", 0},          {"*.", 0},           {"example.", 1},
		{"*.example.", 1}, {"a.b.example.", 3}, {"*.a.example.", 2},
		{"a.*.e.", 3},     {"**.example.", 2},  {"*a.example.", 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(rrsig_labels(test_name(cases[i].owner).wire),
		                 cases[i].labels);
}

static void an_rrsig_says_what_was_signed_by_whom_and_when(void **state)
{
	struct signing *s = *state;
	struct test_bytes rdata = sign_text(s, "*.Sub", "TXT", "*.Sub 7200 TXT \"x\"");
	struct rrsig r;

	assert_int_equal(rrsig_open(rdata_of(&rdata), &r), 0);
	assert_int_equal(r.covered, RRTYPE_TXT);
	assert_int_equal(r.algorithm, SIGN_ED25519);
	assert_int_equal(r.labels, 2);
	assert_int_equal(r.ttl, 7200);
	assert_int_equal(r.inception, 1000);
	assert_int_equal(r.expiration, 2000);
	assert_int_equal(r.tag, sign_key_tag(s->key));
	assert_true(name_equal(r.signer, test_apex));
	assert_int_equal(r.signer_len, sizeof test_apex);
	assert_int_equal(r.signature_len, 64);
}

static void an_rrsig_that_is_cut_is_none(void **state)
{
	struct test_bytes rdata = sign_text(*state, "a", "TXT", "a 1 TXT x");
	struct rrsig r;

	for (size_t len = 0; len <= RRSIG_FIXED + sizeof test_apex; len++) {
		uint8_t *cut = malloc(len + 1); /* so that reading on is seen */
		assert_non_null(cut);
		memcpy(cut, rdata.at, len);
		struct rdata d = {.bytes = cut, .len = (uint16_t)len};
		assert_int_equal(rrsig_open(d, &r), ERR_CORRUPT);
		free(cut);
	}
	rdata.at[RRSIG_FIXED] = 0xc0; /* a compressed name */
	assert_int_equal(rrsig_open(rdata_of(&rdata), &r), ERR_CORRUPT);
}

static void what_is_not_to_be_signed_is_refused(void **state)
{
	struct signing *s = *state;
	static const uint16_t types[] = {RRTYPE_RRSIG, RRTYPE_OPT, RRTYPE_TSIG,
	                                 RRTYPE_ANY, 0};
	uint8_t blob[RRSET_HEADER + 6] = {0};
	struct test_name inside = test_name("a.example.");
	struct test_name outside = test_name("a.example.net.");
	uint8_t out[RRSIG_MAX];
	struct rrset set = {
		.type = RRTYPE_A, .count = 1, .bytes = blob, .size = sizeof blob};
	struct signed_set what = {.owner = inside.wire, .zone = test_apex, .set = &set};

	rrset_write_header(blob, &set);
	(void)rrset_write_rdata(blob + RRSET_HEADER, (const uint8_t *)"\1\2\3\4", 4);
	assert_true(rrsig_make(s->signer, &s->room, &what, times, out) > 0);
	what.owner = outside.wire;
	assert_int_equal(rrsig_make(s->signer, &s->room, &what, times, out), ERR_INVALID);
	what.owner = inside.wire;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		set.type = types[i];
		assert_int_equal(rrsig_make(s->signer, &s->room, &what, times, out),
		                 ERR_INVALID);
	}
	set.type = RRTYPE_A;
	set.count = 0;
	assert_int_equal(rrsig_make(s->signer, &s->room, &what, times, out), ERR_INVALID);
}

/* ---- into the blob ---- */

static const char two_signatures[] = "a 300 A 192.0.2.2\na 300 A 192.0.2.1\n"
				     "a 300 RRSIG A 15 2 300 2000 1000 9 example. Yg==\n"
				     "a 300 RRSIG A 13 2 300 2000 1000 7 example. YQ==\n";

static void signatures_take_the_place_of_those_before(void **state)
{
	struct test_zone old;
	struct test_zone new;
	static const char unsigned_text[] = "a 300 A 192.0.2.1\na 300 A 192.0.2.2\n"
					    "a 60 RRSIG A 8 2 300 9 8 7 example. AAAA\n";

	(void)state;
	test_zone_of(&old, unsigned_text, strlen(unsigned_text));
	test_zone_of(&new, two_signatures, strlen(two_signatures));
	struct rrset before = test_rrset(old.contents, "a", RRTYPE_A);
	struct rrset want = test_rrset(new.contents, "a", RRTYPE_A);
	const uint8_t *at = rrset_first(&want);
	(void)rrset_next(&at);
	(void)rrset_next(&at);
	struct rdata first = rrset_next(&at);
	struct rdata second = rrset_next(&at);
	struct rdata signatures[] = {second, first}; /* not in order */

	assert_int_equal(rrsig_blob_size(&before, signatures, 2), want.size);
	uint8_t *blob = malloc(want.size);
	assert_non_null(blob);
	rrsig_blob_write(&before, signatures, 2, blob);
	assert_memory_equal(blob, want.bytes, want.size);
	free(blob);
	test_zone_fini(&old);
	test_zone_fini(&new);
}

static void signatures_can_be_taken_off(void **state)
{
	struct test_zone old;
	struct test_zone new;
	static const char plain[] = "a 300 A 192.0.2.1\na 300 A 192.0.2.2\n";

	(void)state;
	test_zone_of(&old, two_signatures, strlen(two_signatures));
	test_zone_of(&new, plain, strlen(plain));
	struct rrset set = test_rrset(old.contents, "a", RRTYPE_A);
	struct rrset want = test_rrset(new.contents, "a", RRTYPE_A);
	struct contents_arena *arena = arena_new();

	assert_true(rrsig_same_data(&set, &want));
	rrsig_take_out(&set, arena);
	assert_int_equal(set.size, want.size);
	assert_memory_equal(set.bytes, want.bytes, want.size);
	assert_int_equal(set.sig_count, 0);
	arena_free(arena);
	test_zone_fini(&old);
	test_zone_fini(&new);
}

static void an_rrset_without_signatures_stays_where_it_lies(void **state)
{
	struct test_zone zone;
	static const char plain[] = "a 300 A 192.0.2.1\n";

	(void)state;
	test_zone_of(&zone, plain, strlen(plain));
	struct rrset set = test_rrset(zone.contents, "a", RRTYPE_A);
	const struct rrset before = set;

	rrsig_take_out(&set, zone.contents->arena);
	assert_ptr_equal(set.bytes, before.bytes);
	assert_int_equal(set.size, before.size);
	test_zone_fini(&zone);
}

static void of_signatures_alone_nothing_is_left(void **state)
{
	struct test_zone zone;
	static const char alone[] = "a 300 RRSIG A 15 2 300 2000 1000 9 example. Yg==\n";

	(void)state;
	test_zone_of(&zone, alone, strlen(alone));
	struct rrset set = test_rrset(zone.contents, "a", RRTYPE_A);

	assert_int_equal(set.sig_count, 1);
	rrsig_take_out(&set, zone.contents->arena);
	assert_null(set.bytes);
	assert_int_equal(set.size, 0);
	assert_int_equal(set.sig_count, 0);
	test_zone_fini(&zone);
}

static void other_records_or_another_ttl_are_other_data(void **state)
{
	static const char *const texts[] = {
		"a 300 A 192.0.2.1\n",
		"a 300 A 192.0.2.2\n",
		"a 301 A 192.0.2.1\n",
		"a 300 A 192.0.2.1\na 300 A 192.0.2.2\n",
	};
	struct test_zone zones[ARRAY_LEN(texts)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		test_zone_of(&zones[i], texts[i], strlen(texts[i]));
	struct rrset first = test_rrset(zones[0].contents, "a", RRTYPE_A);
	for (size_t i = 1; i < ARRAY_LEN(texts); i++) {
		struct rrset other = test_rrset(zones[i].contents, "a", RRTYPE_A);
		assert_false(rrsig_same_data(&first, &other));
		assert_false(rrsig_same_data(&other, &first));
		test_zone_fini(&zones[i]);
	}
	test_zone_fini(&zones[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfcs_signatures_come_out),
		cmocka_unit_test(case_does_not_count_where_rfc_4034_says_so),
		cmocka_unit_test(case_counts_elsewhere),
		cmocka_unit_test(the_order_of_records_and_copies_do_not_count),
		cmocka_unit_test(every_part_of_a_record_counts),
		cmocka_unit_test(what_is_signed_is_the_rrsig_and_the_records),
		cmocka_unit_test(an_rrset_of_many_octets_is_signed_whole),
		cmocka_unit_test(labels_are_counted_without_root_and_asterisk),
		cmocka_unit_test(an_rrsig_says_what_was_signed_by_whom_and_when),
		cmocka_unit_test(an_rrsig_that_is_cut_is_none),
		cmocka_unit_test(what_is_not_to_be_signed_is_refused),
		cmocka_unit_test(signatures_take_the_place_of_those_before),
		cmocka_unit_test(signatures_can_be_taken_off),
		cmocka_unit_test(an_rrset_without_signatures_stays_where_it_lies),
		cmocka_unit_test(of_signatures_alone_nothing_is_left),
		cmocka_unit_test(other_records_or_another_ttl_are_other_data),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
