#include "control/sign/check.h"
#include "control/sign/check_testing.h"
#include "control/sign/dnskey.h"
#include "control/sign/ds.h"
#include "shared/wire.h"

/* ---- tests: what is good ---- */

static void what_is_signed_here_is_good(void **state)
{
	struct fixture *f = *state;

	signed_zone(f, DATA CHAIN);
	expect_good(f);
	for (unsigned opt_out = 0; opt_out < 2; opt_out++) {
		hashed_zone(f, opt_out);
		sign_zone(f);
		expect_good(f);
	}
}

static void other_orders_of_threads_find_the_same(void **state)
{
	struct fixture *f = *state;

	for (unsigned threads = 0; threads < 4; threads++) {
		f->how.threads = threads;
		signed_zone(f, DATA CHAIN);
		strip(at(f, "ns", RRTYPE_A));
		strip(at(f, "*.wild", RRTYPE_TXT));
		expect_error(f, "rrsig-missing");
		assert_string_equal(f->found.entries[0].text,
		                    "ns.example. A: no signature of algorithm 15");
		assert_string_equal(f->found.entries[1].text,
		                    "*.wild.example. TXT: no signature of algorithm 15");
		assert_int_equal(f->found.kept, 2);
		assert_true(f->found.entries[0].line > 0);
		assert_string_equal(f->found.entries[0].file, "test.zone");
	}
}

static void a_sample_tells_what_is_wrong_first(void **state)
{
	struct fixture *f = *state;
	char why[128] = "nothing";

	signed_zone(f, DATA CHAIN);
	assert_int_equal(sign_check_sample(f->zone.contents, &f->how, why, sizeof why),
	                 0);
	assert_string_equal(why, "nothing");
	strip(at(f, "ns", RRTYPE_A));
	strip(at(f, "*.wild", RRTYPE_TXT));
	assert_int_equal(sign_check_sample(f->zone.contents, &f->how, NULL, 0),
	                 ERR_REFUSED);
	assert_int_equal(sign_check_sample(f->zone.contents, &f->how, why, sizeof why),
	                 ERR_REFUSED);
	assert_non_null(strstr(why, "ns.example. A: no signature of algorithm 15"));
}

/* ---- signatures ---- */

static void a_signature_that_is_not_there_is_missed(void **state)
{
	static const struct {
		const char *owner;
		uint16_t type;
	} sets[] = {{"example.", RRTYPE_SOA},  {"example.", RRTYPE_NS},
	            {"example.", RRTYPE_NSEC}, {"cut", RRTYPE_DS},
	            {"cut", RRTYPE_NSEC},      {"red", RRTYPE_DNAME},
	            {"alias", RRTYPE_CNAME},   {"*.wild", RRTYPE_TXT}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		signed_zone(f, DATA CHAIN);
		strip(at(f, sets[i].owner, sets[i].type));
		expect_error(f, "rrsig-missing");
		assert_int_equal(f->found.kept, 1);
	}
	hashed_zone(f, false);
	sign_zone(f);
	strip(link_of(f, "empty"));
	strip(at(f, "example.", RRTYPE_NSEC3PARAM));
	expect_error(f, "rrsig-missing");
	assert_int_equal(f->found.kept, 2);
}

static void a_signature_of_something_else_is_bogus(void **state)
{
	struct fixture *f = *state;

	signed_zone(f, DATA CHAIN);
	octets_of_record(at(f, "ns", RRTYPE_A))[0] ^= 1;
	expect_error(f, "rrsig-bogus");
	expect_said(f, "rrsig-bogus", "is not of these records");
	octets_of_record(at(f, "ns", RRTYPE_A))[0] ^= 1;
	octets(at(f, "ns", RRTYPE_A))[at(f, "ns", RRTYPE_A)->size - 1] ^= 1;
	expect_error(f, "rrsig-bogus");
	last_signature(at(f, "cut", RRTYPE_DS))[RRSIG_FIXED + 1] ^= 1;
	expect_error(f, "rrsig-bogus");
	assert_int_equal(f->found.kept, 2);
	expect_said(f, "rrsig-bogus", "names a signer that is not the zone");
}

static void signatures_hold_in_their_time_only(void **state)
{
	static const struct {
		uint64_t now;
		const char *text;
	} times[] = {{NOW - DAY, "is not valid yet"}, {NOW + 15 * DAY, "has expired"}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		for (unsigned one_in = 0; one_in < 2; one_in++) {
			signed_zone(f, DATA CHAIN);
			f->how.now = times[i].now;
			f->how.one_in = one_in;
			(void)check(f);
			assert_non_null(test_rule(&f->found, "rrsig-bogus"));
			assert_non_null(test_rule(&f->found, "dnskey-by-ksk"));
			expect_said(f, "rrsig-bogus", times[i].text);
			assert_int_equal(f->found.warnings, 0);
		}
}

static void every_algorithm_of_the_keys_has_to_sign(void **state)
{
	struct fixture *f = *state;

	read_zone(f, DATA CHAIN, 3);
	sign_zone(f);
	expect_error(f, "rrsig-missing");
	expect_said(f, "rrsig-missing", "algorithm 13");
	f->with[2].parts = SIGN_KEYS | SIGN_ZONE;
	f->terms.key_count = 3;
	sign_zone(f);
	expect_good(f);
	/* One that no key has is what a new algorithm begins with. */
	read_zone(f, DATA CHAIN, 2);
	sign_zone(f);
	expect_good(f);
}

static void glue_and_delegations_are_not_signed(void **state)
{
	static const struct {
		const char *owner;
		uint16_t type;
	} sets[] = {{"cut", RRTYPE_NS},
	            {"cut", RRTYPE_TXT},
	            {"ns.cut", RRTYPE_A},
	            {"plain", RRTYPE_NS},
	            {"below.red", RRTYPE_A}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		signed_zone(f, DATA CHAIN);
		struct contents_rrset *r = at(f, sets[i].owner, sets[i].type);
		struct rdata some = {.bytes = last_signature(at(f, "ns", RRTYPE_A)),
		                     .len = RRSIG_FIXED + sizeof test_apex + 64};
		static uint8_t blob[512];
		struct rrset set;

		assert_int_equal(rrset_open(r->type, r->blob, r->size, &set), 0);
		r->size = (uint32_t)rrsig_blob_size(&set, &some, 1);
		rrsig_blob_write(&set, &some, 1, blob);
		r->blob = blob;
		expect_error(f, "rrsig-unwanted");
	}
}

static void one_that_does_not_hold_beside_one_that_does_is_a_warning(void **state)
{
	struct fixture *f = *state;

	/* A second key of the same algorithm, of which nobody knows any more. */
	sign_key_free(&f->keys[2]);
	f->keys[2] = new_key(SIGN_ED25519);
	f->with[2] = (struct sign_with){.key = f->keys[2], .parts = SIGN_ZONE};
	f->terms.key_count = 3;
	signed_zone(f, DATA CHAIN);
	expect_warning(f, "rrsig-spare");
	expect_said(f, "rrsig-spare", "is by a key that is not among the zone's DNSKEYs");
	f->terms.key_count = 2;
	signed_zone(f, DATA CHAIN);
	struct contents_rrset *r = at(f, "ns", RRTYPE_A);
	uint32_t ttl = 601;
	memcpy(octets(r) + sizeof ttl, &ttl, sizeof ttl);
	expect_warning(f, "rrsig-ttl");
}

static void of_those_not_chosen_it_is_not_asked_whether_they_hold(void **state)
{
	enum { SEEDS = 64 };
	struct fixture *f = *state;
	unsigned found = 0;

	signed_zone(f, DATA CHAIN);
	octets_of_record(at(f, "ns", RRTYPE_A))[0] ^= 1;
	f->how.one_in = 4;
	for (f->how.seed = 0; f->how.seed < SEEDS; f->how.seed++)
		found += check(f) == ERR_REFUSED;
	assert_in_range(found, SEEDS / 16, SEEDS / 2);
	f->how.one_in = 0;
	expect_good(f);
	/* The apex is always chosen, where any is. */
	f->how.one_in = 1U << 30;
	octets_of_record(at(f, "example.", RRTYPE_NS))[1] ^= 1;
	expect_error(f, "rrsig-bogus");
}

/* ---- keys ---- */

static void a_zone_without_a_key_is_not_signed(void **state)
{
	struct fixture *f = *state;

	read_zone(f, DATA, 0);
	assert_int_equal(check(f), ERR_REFUSED);
	assert_int_equal(f->found.kept, 2);
	assert_non_null(test_rule(&f->found, "dnskey-missing"));
	assert_non_null(test_rule(&f->found, "nsec-missing"));
	/* Nor with one that is not for zones, or that has been revoked. */
	static const uint16_t flags[] = {DNSKEY_SEP, DNSKEY_ZONE | DNSKEY_REVOKE};
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		read_zone(f, DATA CHAIN, 1);
		wire_store16(octets_of_record(at(f, "example.", RRTYPE_DNSKEY)),
		             flags[i]);
		sign_zone(f);
		expect_error(f, "dnskey-missing");
	}
}

static void a_ksk_has_to_sign_the_keys(void **state)
{
	struct fixture *f = *state;

	f->with[0].parts = 0;
	f->with[1].parts = SIGN_KEYS | SIGN_ZONE;
	signed_zone(f, DATA CHAIN);
	expect_error(f, "dnskey-by-ksk");
	/* But where there is none, any key will do. */
	sign_key_free(&f->keys[0]);
	f->keys[0] = new_key(SIGN_ED25519);
	f->with[0].key = f->keys[0];
	signed_zone(f, DATA CHAIN);
	expect_good(f);
}

static void an_algorithm_not_known_here_is_a_warning(void **state)
{
	struct fixture *f = *state;

	signed_zone(f, DATA CHAIN "@ 3600 DNSKEY 256 3 200 AAECAwQFBgcICQ==\n");
	(void)check(f);
	assert_non_null(test_rule(&f->found, "dnskey-unknown"));
	/* Somebody who knows it asks for its signatures, whatever they are. */
	expect_said(f, "rrsig-missing", "no signature of algorithm 200");
}

/* Gives a DS of a key, or one with another digest. */
static struct rrset ds_of(const struct fixture *f, size_t key, uint8_t digest,
                          uint8_t *blob)
{
	uint8_t ds[DS_MAX];
	struct rrset set = {.type = RRTYPE_DS, .count = 1, .ttl = 60, .bytes = blob};
	int len = ds_make(test_apex, sign_key_dnskey(f->keys[key]), DS_SHA256, ds);

	assert_true(len > 0);
	ds[3] = digest;
	rrset_write_header(blob, &set);
	set.size = (size_t)(rrset_write_rdata(blob + RRSET_HEADER, ds, (uint16_t)len) -
	                    blob);
	return set;
}

static void what_the_parent_has_must_lead_to_the_keys(void **state)
{
	uint8_t blob[RRSET_HEADER + 2 + DS_MAX];
	struct fixture *f = *state;
	struct rrset ds;

	f->how.ds = &ds;
	signed_zone(f, DATA CHAIN);
	ds = ds_of(f, 0, DS_SHA256, blob);
	expect_good(f);
	ds = ds_of(f, 1, DS_SHA256, blob); /* the ZSK */
	expect_error(f, "ds-without-dnskey");
	expect_said(f, "ds-without-dnskey", "has signed");
	ds = ds_of(f, 2, DS_SHA256, blob); /* no key of the zone */
	expect_error(f, "ds-without-dnskey");
	expect_said(f, "ds-without-dnskey", "point to no DNSKEY");
	ds = ds_of(f, 0, 77, blob);
	expect_warning(f, "ds-unknown");
}

static void who_is_told_to_stop_stops(void **state)
{
	struct fixture *f = *state;
	atomic_bool stop = true;

	f->how.stop = &stop;
	signed_zone(f, DATA CHAIN);
	assert_int_equal(check(f), ERR_STOPPED);
	atomic_store_explicit(&stop, false, memory_order_relaxed);
	expect_good(f);
}

/* ---- a zone that others have signed ---- */

/* The day on which the root zone of the test data was published: 2017-08-21, at noon. */
enum { ITS_DAY = 1503316800 };

static void the_root_zone_of_2017_is_good_in_its_time_only(void **state)
{
	enum { ROOM = 4 << 20, SIGNED = 2950 };
	static const uint8_t root[] = {0};
	struct fixture *f = *state;
	FILE *from = popen("gzip -dc " ANSER_SOURCE_DIR "/tests/data/root.zone.gz", "r");
	char *text = malloc(ROOM);

	assert_non_null(from);
	assert_non_null(text);
	size_t len = fread(text, 1, ROOM, from);
	assert_int_equal(pclose(from), 0);
	assert_int_equal(zonefile_parse(text, len, "root.zone", root, &f->zone.contents,
	                                &f->zone.diag),
	                 0);
	f->how.now = ITS_DAY;
	expect_good(f);
	f->how.now = ITS_DAY + 60 * DAY;
	assert_int_equal(check(f), ERR_REFUSED);
	assert_int_equal(f->found.errors, SIGNED + 1); /* and no KSK has signed */
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_signed_here_is_good),
		TEST(other_orders_of_threads_find_the_same),
		TEST(a_sample_tells_what_is_wrong_first),
		TEST(a_signature_that_is_not_there_is_missed),
		TEST(a_signature_of_something_else_is_bogus),
		TEST(signatures_hold_in_their_time_only),
		TEST(every_algorithm_of_the_keys_has_to_sign),
		TEST(glue_and_delegations_are_not_signed),
		TEST(one_that_does_not_hold_beside_one_that_does_is_a_warning),
		TEST(of_those_not_chosen_it_is_not_asked_whether_they_hold),
		TEST(a_zone_without_a_key_is_not_signed),
		TEST(a_ksk_has_to_sign_the_keys),
		TEST(an_algorithm_not_known_here_is_a_warning),
		TEST(what_the_parent_has_must_lead_to_the_keys),
		TEST(who_is_told_to_stop_stops),
		TEST(the_root_zone_of_2017_is_good_in_its_time_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
