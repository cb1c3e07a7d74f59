#include "control/sign/bulk.h"

#include "control/sign/testing.h"

#define ZONE                                                                 \
	"@ 3600 SOA ns.example. host.example. 1 3600 600 86400 300\n"        \
	"@ 3600 NS ns.example.\n"                                            \
	"@ 3600 CDS 0 0 0 00\n"                                              \
	"@ 3600 DNSKEY 256 3 15 "                                            \
	"l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n"                     \
	"@ 300 NSEC cut NS SOA RRSIG NSEC DNSKEY\n"                          \
	"cut 600 NS ns.cut\n"                                                \
	"cut 600 DS 1 13 2 "                                                 \
	"D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A\n" \
	"cut 300 NSEC ns NS DS RRSIG NSEC\n"                                 \
	"cut 600 TXT forgotten\n"                                            \
	"ns.cut 600 A 192.0.2.3\n"                                           \
	"deep.ns.cut 600 NS ns.cut\n"                                        \
	"cuts 600 A 192.0.2.4\n"                                             \
	"*.wild 600 TXT x\n"                                                 \
	"ns 600 A 192.0.2.1\n"                                               \
	"plain 600 NS ns\n"                                                  \
	"red 600 DNAME other.example.\n"                                     \
	"red 600 TXT stays\n"                                                \
	"below.red 600 A 192.0.2.5\n"

struct expected {
	const char *owner;
	unsigned keys; /* how many of the two sign it */
	uint16_t type;
	bool by_ksk;
};

/* In the order of the zone. */
static const struct expected expected[] = {
	{"example.", 1, RRTYPE_NS, false},    {"example.", 1, RRTYPE_SOA, false},
	{"example.", 1, RRTYPE_NSEC, false},  {"example.", 1, RRTYPE_DNSKEY, true},
	{"example.", 1, RRTYPE_CDS, true},    {"cut", 0, RRTYPE_NS, false},
	{"cut", 0, RRTYPE_TXT, false},        {"cut", 1, RRTYPE_DS, false},
	{"cut", 1, RRTYPE_NSEC, false},       {"ns.cut", 0, RRTYPE_A, false},
	{"deep.ns.cut", 0, RRTYPE_NS, false}, {"cuts", 1, RRTYPE_A, false},
	{"ns", 1, RRTYPE_A, false},           {"plain", 0, RRTYPE_NS, false},
	{"red", 1, RRTYPE_TXT, false},        {"red", 1, RRTYPE_DNAME, false},
	{"below.red", 0, RRTYPE_A, false},    {"*.wild", 1, RRTYPE_TXT, false},
};

static const struct sign_periods periods = {
	.validity = 1209600, .jitter = 43200, .refresh = 604800, .skew = 3600};

enum { SERIAL = 7 };

struct fixture {
	struct test_zone zone;
	struct sign_key *ksk, *zsk;
	struct sign_with keys[2];
	struct bulk_progress progress;
	struct sign_terms terms;
	struct bulk bulk;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	test_zone_of(&f->zone, ZONE, strlen(ZONE));
	assert_int_equal(f->zone.err, 0);
	assert_int_equal(sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_KSK, &f->ksk), 0);
	f->zsk = new_key(SIGN_ED25519);
	f->keys[0] = (struct sign_with){.key = f->ksk, .parts = SIGN_KEYS};
	f->keys[1] = (struct sign_with){.key = f->zsk, .parts = SIGN_ZONE};
	f->terms = (struct sign_terms){
		.zone = test_apex,
		.keys = f->keys,
		.key_count = 2,
		.periods = &periods,
		.serial = SERIAL,
		.now = 1700000000,
	};
	f->bulk = (struct bulk){
		.contents = f->zone.contents,
		.terms = &f->terms,
		.threads = 1,
		.progress = &f->progress,
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	test_zone_fini(&f->zone);
	sign_key_free(&f->ksk);
	sign_key_free(&f->zsk);
	free(f);
	return 0;
}

static struct rrset open_at(const struct contents *c, size_t i)
{
	const struct contents_rrset *r = &c->rrsets[i];
	struct rrset set;

	assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
	return set;
}

/* The one signature of an RRset is what its key makes of it: Ed25519 has but one. */
static void assert_signed_by(const struct fixture *f, const struct sign_key *k,
                             const uint8_t *owner, const struct rrset *set)
{
	const struct signed_set what = {.owner = owner, .zone = test_apex, .set = set};
	const struct sign_occasion occasion = {
		.owner = owner, .type = set->type, .serial = SERIAL};
	struct rrsig_room room = {0};
	uint8_t rdata[RRSIG_MAX];
	const uint8_t *at = rrset_first(set);
	struct signer *s;

	assert_int_equal(signer_new(k, &s), 0);
	int len = rrsig_make(s, &room, &what,
	                     sign_times(&periods, &occasion, f->terms.now), rdata);
	assert_true(len > 0);
	for (unsigned i = 0; i < set->count; i++)
		(void)rrset_next(&at);
	struct rdata is = rrset_next(&at);
	assert_int_equal(is.len, len);
	assert_memory_equal(is.bytes, rdata, is.len);
	rrsig_room_fini(&room);
	signer_free(&s);
}

static void assert_as_expected(const struct fixture *f)
{
	const struct contents *c = f->zone.contents;
	size_t count = sizeof expected / sizeof expected[0];
	size_t records = 0;

	assert_int_equal(c->count, count);
	for (size_t i = 0; i < count; i++) {
		const struct expected *e = &expected[i];
		struct test_name owner = test_name(e->owner);
		struct rrset set = open_at(c, i);

		assert_int_equal(set.type, e->type);
		assert_int_equal(set.sig_count, e->keys);
		records += set.count + set.sig_count;
		if (e->keys == 0)
			continue;
		assert_int_equal(set.sig_ttl, set.ttl);
		assert_signed_by(f, e->by_ksk ? f->ksk : f->zsk, owner.wire, &set);
	}
	assert_int_equal(c->records, records);
}

static void what_is_the_zones_own_is_signed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bulk_sign(&f->bulk), 0);
	assert_as_expected(f);
	assert_int_equal(atomic_load(&f->progress.total), 12);
	assert_int_equal(atomic_load(&f->progress.done), 12);
}

/* Hashes are no names of the zone, and not the DNAME's either. */
static void nsec3_is_signed_below_a_dname(void **state)
{
	static const char text[] = "@ 3600 SOA ns.a. host.a. 1 3600 600 86400 300\n"
				   "@ 3600 NS ns.a.\n"
				   "@ 3600 DNAME other.\n"
				   "below 3600 TXT hidden\n"
				   "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 300 NSEC3 1 0 0 - "
				   "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom SOA NS DNAME\n";
	struct fixture *f = *state;
	struct test_zone z;

	test_zone_of(&z, text, strlen(text));
	assert_int_equal(z.err, 0);
	f->bulk.contents = z.contents;
	assert_int_equal(bulk_sign(&f->bulk), 0);
	for (size_t i = 0; i < z.contents->count; i++)
		assert_int_equal(open_at(z.contents, i).sig_count,
		                 z.contents->rrsets[i].type != RRTYPE_TXT);
	assert_int_equal(z.contents->count, 5);
	test_zone_fini(&z);
}

static void signatures_that_were_there_go(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bulk_sign(&f->bulk), 0);
	f->terms.now += 86400;
	assert_int_equal(bulk_sign(&f->bulk), 0);
	assert_as_expected(f);
}

static void one_key_may_do_both(void **state)
{
	struct fixture *f = *state;

	f->keys[1] = (struct sign_with){.key = f->ksk, .parts = SIGN_KEYS | SIGN_ZONE};
	f->terms.keys = &f->keys[1];
	f->terms.key_count = 1;
	assert_int_equal(bulk_sign(&f->bulk), 0);
	for (size_t i = 0; i < f->zone.contents->count; i++)
		assert_int_equal(open_at(f->zone.contents, i).sig_count,
		                 expected[i].keys);
}

static void each_key_of_a_part_signs(void **state)
{
	struct fixture *f = *state;
	struct sign_key *other = new_key(SIGN_ECDSAP256SHA256);
	struct sign_key *rsa = new_key(SIGN_RSASHA256);
	const struct sign_with keys[] = {
		f->keys[0], f->keys[1], {other, SIGN_ZONE}, {rsa, SIGN_ZONE}};

	f->terms.keys = keys;
	f->terms.key_count = 4;
	assert_int_equal(bulk_sign(&f->bulk), 0);
	for (size_t i = 0; i < f->zone.contents->count; i++)
		assert_int_equal(open_at(f->zone.contents, i).sig_count,
		                 expected[i].keys * (expected[i].by_ksk ? 1 : 3));
	sign_key_free(&other);
	sign_key_free(&rsa);
}

/* Enough names that every thread gets some. */
static char *large_zone(size_t *len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, len);

	assert_non_null(to);
	(void)fputs("@ 3600 SOA ns host 1 3600 600 86400 300\n@ NS ns\n", to);
	for (unsigned i = 0; i < 1000; i++)
		(void)fprintf(to, "h%u 600 A 10.0.%u.%u\n", i, i >> 8, i & 255);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void many_threads_make_what_one_makes(void **state)
{
	struct fixture *f = *state;
	struct test_zone zones[2];
	size_t len;
	char *text = large_zone(&len);

	for (unsigned i = 0; i < 2; i++) {
		test_zone_of(&zones[i], text, len);
		assert_int_equal(zones[i].err, 0);
		f->bulk.contents = zones[i].contents;
		f->bulk.threads = i ? 7 : 1;
		atomic_store(&f->progress.done, 0);
		assert_int_equal(bulk_sign(&f->bulk), 0);
		assert_int_equal(atomic_load(&f->progress.done), 1002);
	}
	for (size_t i = 0; i < zones[0].contents->count; i++) {
		const struct contents_rrset *a = &zones[0].contents->rrsets[i];
		const struct contents_rrset *b = &zones[1].contents->rrsets[i];
		assert_int_equal(a->size, b->size);
		assert_memory_equal(a->blob, b->blob, a->size);
		assert_int_equal(open_at(zones[0].contents, i).sig_count, 1);
	}
	test_zone_fini(&zones[0]);
	test_zone_fini(&zones[1]);
	free(text);
}

static void assert_untouched(const struct fixture *f)
{
	for (size_t i = 0; i < f->zone.contents->count; i++)
		assert_int_equal(open_at(f->zone.contents, i).sig_count, 0);
}

static void what_is_stopped_leaves_no_trace(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->progress.stop, true);
	assert_int_equal(bulk_sign(&f->bulk), ERR_STOPPED);
	assert_untouched(f);
}

static void keys_that_do_not_do_are_refused(void **state)
{
	struct fixture *f = *state;
	struct sign_with many[SIGN_KEYS_MAX + 1];

	f->terms.key_count = 0;
	assert_int_equal(bulk_sign(&f->bulk), ERR_INVALID);
	f->terms.key_count = 1; /* nobody signs the zone */
	assert_int_equal(bulk_sign(&f->bulk), ERR_INVALID);
	f->terms.keys = &f->keys[1]; /* nobody signs the keys */
	assert_int_equal(bulk_sign(&f->bulk), ERR_INVALID);
	for (size_t i = 0; i < SIGN_KEYS_MAX + 1; i++)
		many[i] = (struct sign_with){f->ksk, SIGN_KEYS | SIGN_ZONE};
	f->terms.keys = many;
	f->terms.key_count = SIGN_KEYS_MAX + 1;
	assert_int_equal(bulk_sign(&f->bulk), ERR_INVALID);
	assert_untouched(f);
}

/* Somebody else's, which nothing here covers any more. */
static void signatures_without_records_are_refused(void **state)
{
	struct fixture *f = *state;
	struct contents_rrset *last =
		&f->zone.contents->rrsets[f->zone.contents->count - 1];
	static uint8_t blob[RRSET_HEADER + 3];

	rrset_write_header(blob, &(struct rrset){.sig_count = 1});
	(void)rrset_write_rdata(blob + RRSET_HEADER, (const uint8_t *)"x", 1);
	last->blob = blob;
	last->size = sizeof blob;
	assert_int_equal(bulk_sign(&f->bulk), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_the_zones_own_is_signed, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(nsec3_is_signed_below_a_dname, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(signatures_that_were_there_go, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(one_key_may_do_both, setup, teardown),
		cmocka_unit_test_setup_teardown(each_key_of_a_part_signs, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(many_threads_make_what_one_makes, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(what_is_stopped_leaves_no_trace, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(keys_that_do_not_do_are_refused, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(signatures_without_records_are_refused,
	                                        setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
