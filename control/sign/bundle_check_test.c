/* Responses as they are to be, and with one thing wrong with each. */
#include "control/sign/bundle_check.h"

#include "control/sign/bundle_testing.h"
#include "control/sign/ds.h"

static struct bundle_terms terms(void)
{
	return (struct bundle_terms){.policy = &ring.policy,
	                             .zsks = ring.published,
	                             .zsk_count = ARRAY_LEN(ring.published),
	                             .now = START + DAY};
}

static struct bundles *good_response(void)
{
	return response_of(request_of(START, START + 20 * DAY), 1);
}

/* Takes the response. */
static void accepted(struct bundles *b, const struct bundle_terms *t)
{
	char why[BUNDLE_WHY_SIZE];
	struct bundle_span span;

	if (bundle_check(b, t, &span, why) < 0)
		fail_msg("%s", why);
	bundles_free(&b);
}

static void refused(struct bundles *b, const struct bundle_terms *t, const char *what)
{
	struct bundle_span span = {.from = 1};
	char why[BUNDLE_WHY_SIZE];

	assert_int_equal(bundle_check(b, t, &span, why), ERR_REFUSED);
	if (!strstr(why, what))
		fail_msg("\"%s\" is not in: %s", what, why);
	assert_int_equal(span.from, 1);
	bundles_free(&b);
}

/* A response whose bundle of that number has these DNSKEYs, signed by a key. */
static struct bundles *with_keys(size_t which, struct rdata *records, size_t count,
                                 const struct sign_key *by)
{
	struct bundles *b = good_response();
	struct bundle *l = &b->list[which];

	bundle_put(b, l, BUNDLE_DNSKEY, HOUR, records, count);
	bundle_put(b, l, BUNDLE_CDS, HOUR, NULL, 0);
	bundle_put(b, l, BUNDLE_CDNSKEY, HOUR, NULL, 0);
	sign_again(b, l, BUNDLE_DNSKEY, by, usual_times(l));
	return b;
}

/* One whose first bundle has such a CDS or CDNSKEY. */
static struct bundles *with_cds(enum bundle_part part, const uint8_t *bytes, size_t len)
{
	struct bundles *b = good_response();
	struct rdata record = {.bytes = bytes, .len = (uint16_t)len};

	bundle_put(b, &b->list[0], part, HOUR, &record, 1);
	sign_again(b, &b->list[0], part, ring.ksks[0], usual_times(&b->list[0]));
	return b;
}

/* ---- what is good ---- */

static void good_response_is_taken_with_its_span(void **state)
{
	const struct bundle_terms t = terms();
	struct bundles *b = good_response();
	char why[BUNDLE_WHY_SIZE];
	struct bundle_span span;

	(void)state;
	assert_int_equal(bundle_check(b, &t, &span, why), 0);
	assert_int_equal(span.from, START);
	assert_int_equal(span.until, START + (20 + 14) * DAY - ring.policy.propagation);
	bundles_free(&b);
}

static void response_for_later_is_taken(void **state)
{
	struct bundle_terms t;

	(void)state;
	t = terms();
	t.now = START - 100 * DAY;
	accepted(good_response(), &t);
}

static void rollover_of_the_ksk_is_taken(void **state)
{
	const struct bundle_terms t = terms();

	(void)state;
	ring.safe[0].until = ring.safe[0].ds_until = START + 12 * DAY;
	ring.safe[1].from = ring.safe[1].ds_from = START + 8 * DAY;
	accepted(response_of(request_of(START, START + 20 * DAY), 2), &t);
}

static void response_without_cds_is_taken(void **state)
{
	const struct bundle_terms t = terms();

	(void)state;
	ring.safe[0].ds_until = 0;
	accepted(good_response(), &t);
}

static void ds_of_one_of_the_ksks_is_enough(void **state)
{
	struct bundle_terms t = terms();
	uint8_t bytes[2][DS_MAX];
	struct rdata ds[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		ds[i] = (struct rdata){bytes[i],
		                       (uint16_t)ds_make(test_apex,
		                                         sign_key_dnskey(ring.ksks[i]),
		                                         DS_SHA256, bytes[i])};
	t.ds = ds;
	t.ds_count = 2;
	accepted(good_response(), &t);
	t.ds = ds + 1;
	t.ds_count = 1;
	refused(good_response(), &t, "the DS at the parent is of none of its KSKs");
}

/* The DS is that of now, and not of what is past. */
static void ds_is_that_of_the_bundle_in_force(void **state)
{
	struct bundle_terms t = terms();
	uint8_t bytes[DS_MAX];
	struct rdata ds = {.bytes = bytes};

	(void)state;
	ring.safe[0].until = ring.safe[0].ds_until = START + 12 * DAY;
	ring.safe[1].from = ring.safe[1].ds_from = START + 8 * DAY;
	ds.len = (uint16_t)ds_make(test_apex, sign_key_dnskey(ring.ksks[1]), DS_SHA256,
	                           bytes);
	t.ds = &ds;
	t.ds_count = 1;
	t.now = START + 9 * DAY;
	accepted(response_of(request_of(START, START + 20 * DAY), 2), &t);
	t.now = START + 7 * DAY;
	refused(response_of(request_of(START, START + 20 * DAY), 2), &t,
	        "from 2027-01-15T08:00:00Z on: the DS at the parent");
}

/* ---- keys ---- */

static void zsks_that_are_not_ours_are_refused(void **state)
{
	const struct bundle_terms t = terms();
	struct rdata records[3] = {ring.published[0].dnskey,
	                           sign_key_dnskey(ring.ksks[0]),
	                           sign_key_dnskey(ring.zsks[1])};

	(void)state;
	accepted(with_keys(0, records, 3, ring.ksks[0]), &t); /* too early does no harm */
	struct bundles *b = good_response();
	ring.published[1].dnskey = ring.published[0].dnskey;
	refused(b, &t, "is not one of this zone's");
}

static void zsks_that_are_missing_are_refused(void **state)
{
	const struct bundle_terms t = terms();
	struct rdata records[2] = {sign_key_dnskey(ring.ksks[0])};

	(void)state;
	refused(with_keys(1, records, 1, ring.ksks[0]), &t, "is missing, which is to be");
	struct bundles *b = good_response();
	ring.published[1].from -= 1; /* wanted a second before its bundle begins */
	refused(b, &t, "is missing, which is to be");
	(void)fresh_ring(NULL);
	b = good_response();
	ring.published[0].until += 1; /* and a second after it ends */
	refused(b, &t, "is missing, which is to be");
}

static void time_without_a_zsk_is_refused(void **state)
{
	const struct bundle_terms t = {.policy = &ring.policy, .now = START};
	struct rdata record = sign_key_dnskey(ring.ksks[0]);

	(void)state;
	refused(with_keys(0, &record, 1, ring.ksks[0]), &t, "no ZSK at that time");
}

static void keys_that_sign_no_zone_are_refused(void **state)
{
	static const uint8_t host[] = {0, 0, 3, 13, 1, 2};
	const struct bundle_terms t = terms();
	struct rdata records[3] = {ring.published[0].dnskey,
	                           sign_key_dnskey(ring.ksks[0]),
	                           {host, sizeof host}};

	(void)state;
	refused(with_keys(0, records, 3, ring.ksks[0]), &t, "not one that signs zones");
}

static void bundle_without_a_ksk_is_refused(void **state)
{
	const struct bundle_terms t = terms();
	struct rdata record = ring.published[0].dnskey;
	struct bundles *b = good_response();

	(void)state;
	refused(with_keys(0, &record, 1, ring.zsks[0]), &t, "there is no KSK");
	bundle_put(b, &b->list[2], BUNDLE_DNSKEY, HOUR, NULL, 0);
	refused(b, &t, "there is no DNSKEY");
}

static void change_of_all_ksks_at_once_is_refused(void **state)
{
	const struct bundle_terms t = terms();

	(void)state;
	ring.safe[0].until = ring.safe[0].ds_until = START + 12 * DAY;
	ring.safe[1].from = ring.safe[1].ds_from = START + 12 * DAY;
	refused(response_of(request_of(START, START + 20 * DAY), 2), &t,
	        "it has none of the KSKs of before");
	ring.policy.double_ds = true;
	accepted(response_of(request_of(START, START + 20 * DAY), 2), &t);
}

/* ---- signatures ---- */

static void set_without_a_signature_is_refused(void **state)
{
	const struct bundle_terms t = terms();

	(void)state;
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++) {
		struct bundles *b = good_response();
		struct rrset *set = &b->list[1].sets[part];
		struct rdata records[BUNDLE_KEYS_MAX];
		const uint8_t *at = rrset_first(set);
		for (unsigned i = 0; i < set->count; i++)
			records[i] = rrset_next(&at);
		bundle_put(b, &b->list[1], part, HOUR, records, set->count);
		refused(b, &t, "has no signature by algorithm 13");
	}
}

static void signature_by_another_key_is_refused(void **state)
{
	const struct bundle_terms t = terms();
	struct rdata records[2] = {ring.published[0].dnskey,
	                           sign_key_dnskey(ring.ksks[0])};

	(void)state;
	accepted(with_keys(0, records, 2, ring.ksks[0]), &t);
	refused(with_keys(0, records, 2, ring.zsks[0]), &t, "is by none of the KSKs");
	refused(with_keys(0, records, 2, ring.ksks[1]), &t, "is by none of the KSKs");
}

static void key_without_a_signature_of_its_algorithm_is_refused(void **state)
{
	struct bundle_terms t = terms();
	struct rdata records[3] = {ring.published[0].dnskey,
	                           sign_key_dnskey(ring.ksks[0]),
	                           sign_key_dnskey(ring.ksks[2])};

	(void)state;
	refused(with_keys(0, records, 3, ring.ksks[0]), &t,
	        "DNSKEY has no signature by algorithm 15");
	struct bundle_zsk zsks[3] = {
		ring.published[0],
		ring.published[1],
		{sign_key_dnskey(ring.zsks[2]), START, START + 1},
	};
	t.zsks = zsks;
	t.zsk_count = 3;
	records[2] = zsks[2].dnskey;
	refused(with_keys(0, records, 3, ring.ksks[0]), &t,
	        "DNSKEY has no signature by algorithm 15");
}

static void changed_record_is_refused(void **state)
{
	const struct bundle_terms t = terms();
	uint8_t ds[DS_MAX];

	(void)state;
	int len = ds_make(test_apex, sign_key_dnskey(ring.ksks[0]), DS_SHA256, ds);
	assert_true(len > 0);
	accepted(with_cds(BUNDLE_CDS, ds, (size_t)len), &t);
	struct bundles *b = good_response();
	uint8_t *blob = arena_copy(b->arena, b->list[0].sets[BUNDLE_CDS].bytes,
	                           b->list[0].sets[BUNDLE_CDS].size);
	blob[b->list[0].sets[BUNDLE_CDS].size - 1] ^= 1; /* of its signature */
	b->list[0].sets[BUNDLE_CDS].bytes = blob;
	refused(b, &t, "the signature of CDS is not of these records");
}

static void signatures_hold_until_servers_have_the_next(void **state)
{
	const struct bundle_terms t = terms();
	const uint32_t begins = START + 9 * DAY; /* the second bundle */
	const uint32_t ends = START + 10 * DAY + ring.policy.propagation;
	const struct {
		struct rrsig_times times;
		const char *why; /* NULL: none */
	} cases[] = {
		{{begins, ends}, NULL},
		{{begins + 1, ends}, "is not valid yet"},
		{{begins, ends - 1}, "expires before all servers have the next"},
		{{begins - 2, begins - 1}, "has expired"},
		{{begins, begins - 1}, "expires before its inception"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bundles *b = good_response();
		assert_int_equal(b->list[1].from, begins);
		sign_again(b, &b->list[1], BUNDLE_DNSKEY, ring.ksks[0], cases[i].times);
		if (cases[i].why)
			refused(b, &t, cases[i].why);
		else
			accepted(b, &t);
	}
}

static void response_that_is_over_is_refused(void **state)
{
	struct bundle_terms t = terms();

	(void)state;
	t.now = START + 34 * DAY - ring.policy.propagation - 1;
	accepted(good_response(), &t);
	t.now++;
	refused(good_response(), &t,
	        "it cannot be used any more, since 2027-02-18T07:55:00Z");
}

static void longer_ttl_is_refused(void **state)
{
	const struct bundle_terms t = terms();
	struct bundles *b = good_response();

	(void)state;
	ring.policy.dnskey_ttl = HOUR - 1;
	refused(b, &t, "the TTL of DNSKEY, 3600, is above the policy's dnskey-ttl, 3599");
}

/* ---- CDS ---- */

static void cds_of_other_keys_are_refused(void **state)
{
	const struct bundle_terms t = terms();
	struct rdata other = sign_key_dnskey(ring.ksks[1]);
	uint8_t ds[DS_MAX];

	(void)state;
	int len = ds_make(test_apex, other, DS_SHA256, ds);
	assert_true(len > 0);
	refused(with_cds(BUNDLE_CDS, ds, (size_t)len), &t, "CDS names a key that is not");
	refused(with_cds(BUNDLE_CDNSKEY, other.bytes, other.len), &t,
	        "CDNSKEY names a key that is not");
}

static void cds_and_cdnskey_that_differ_are_refused(void **state)
{
	const struct bundle_terms t = terms();
	struct rdata key = sign_key_dnskey(ring.ksks[0]);

	(void)state;
	ring.policy.double_ds = true;
	accepted(with_cds(BUNDLE_CDNSKEY, key.bytes, key.len), &t);
	key = sign_key_dnskey(ring.ksks[1]);
	refused(with_cds(BUNDLE_CDNSKEY, key.bytes, key.len), &t,
	        "CDS and CDNSKEY differ on key");
}

static void removal_of_the_ds_is_only_for_who_wants_it(void **state)
{
	static const uint8_t cds[] = {0, 0, 0, 0, 0};
	static const uint8_t cdnskey[] = {0, 0, 3, 0, 0};
	struct bundle_terms t = terms();

	(void)state;
	refused(with_cds(BUNDLE_CDS, cds, sizeof cds), &t,
	        "CDS asks the parent to remove");
	refused(with_cds(BUNDLE_CDNSKEY, cdnskey, sizeof cdnskey), &t,
	        "CDNSKEY asks the parent to remove");
	t.insecure = true;
	struct bundles *b = with_cds(BUNDLE_CDS, cds, sizeof cds);
	struct rdata record = {.bytes = cdnskey, .len = sizeof cdnskey};
	bundle_put(b, &b->list[0], BUNDLE_CDNSKEY, HOUR, &record, 1);
	sign_again(b, &b->list[0], BUNDLE_CDNSKEY, ring.ksks[0],
	           usual_times(&b->list[0]));
	accepted(b, &t);
}

static void request_is_no_response(void **state)
{
	const struct bundle_terms t = terms();
	struct bundles *b = request_of(START, START + DAY);
	char why[BUNDLE_WHY_SIZE];
	struct bundle_span span;

	(void)state;
	assert_int_equal(bundle_check(b, &t, &span, why), ERR_INVALID);
	bundles_free(&b);
	b = bundles_new(test_apex, BUNDLE_RESPONSE);
	assert_int_equal(bundle_check(b, &t, &span, why), ERR_INVALID);
	bundles_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, fresh_ring)
		TEST(good_response_is_taken_with_its_span),
		TEST(response_for_later_is_taken),
		TEST(rollover_of_the_ksk_is_taken),
		TEST(response_without_cds_is_taken),
		TEST(ds_of_one_of_the_ksks_is_enough),
		TEST(ds_is_that_of_the_bundle_in_force),
		TEST(zsks_that_are_not_ours_are_refused),
		TEST(zsks_that_are_missing_are_refused),
		TEST(time_without_a_zsk_is_refused),
		TEST(keys_that_sign_no_zone_are_refused),
		TEST(bundle_without_a_ksk_is_refused),
		TEST(change_of_all_ksks_at_once_is_refused),
		TEST(set_without_a_signature_is_refused),
		TEST(signature_by_another_key_is_refused),
		TEST(key_without_a_signature_of_its_algorithm_is_refused),
		TEST(changed_record_is_refused),
		TEST(signatures_hold_until_servers_have_the_next),
		TEST(response_that_is_over_is_refused),
		TEST(longer_ttl_is_refused),
		TEST(cds_of_other_keys_are_refused),
		TEST(cds_and_cdnskey_that_differ_are_refused),
		TEST(removal_of_the_ds_is_only_for_who_wants_it),
		TEST(request_is_no_response),
#undef TEST
	};

	return cmocka_run_group_tests(tests, make_ring, free_ring);
}
