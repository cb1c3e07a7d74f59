/* Requests that are made of ZSKs, and the responses that are made of them. */
#include "control/sign/bundle_testing.h"
#include "control/sign/ds.h"
#include "control/sign/keyfile.h"
#include "control/sign/rrsig.h"

/* ---- requests ---- */

static void request_has_each_change_and_both_ends(void **state)
{
	static const uint64_t times[] = {START, START + 10 * DAY, START + 11 * DAY,
	                                 START + 20 * DAY};
	static const bool first[] = {true, true, false, false};
	static const bool second[] = {false, true, true, true};
	struct bundles *b = request_of(START, START + 20 * DAY);

	(void)state;
	assert_int_equal(b->kind, BUNDLE_REQUEST);
	assert_int_equal(b->count, ARRAY_LEN(times));
	for (size_t i = 0; i < b->count; i++) {
		assert_int_equal(b->list[i].from, times[i]);
		assert_int_equal(bundle_has(&b->list[i], BUNDLE_DNSKEY, ring.zsks[0]),
		                 first[i]);
		assert_int_equal(bundle_has(&b->list[i], BUNDLE_DNSKEY, ring.zsks[1]),
		                 second[i]);
		assert_int_equal(b->list[i].sets[BUNDLE_CDS].count, 0);
	}
	bundles_free(&b);
}

static void request_that_cannot_be_is_refused(void **state)
{
	const struct {
		uint64_t from, until, first_ends, second_begins;
		int err;
	} cases[] = {
		{START, START + 20 * DAY, START + 11 * DAY, START + 11 * DAY, 0},
		{START, START + 20 * DAY, START + 11 * DAY, START + 11 * DAY + 1,
	         ERR_INVALID},
		{START, START + 20 * DAY, START + 11 * DAY, BUNDLE_FOREVER, ERR_INVALID},
		{START, START, START + 11 * DAY, START + 10 * DAY, ERR_INVALID},
		{START + 1, START, START + 11 * DAY, START + 10 * DAY, ERR_INVALID},
		{START - 101 * DAY, START, START + 11 * DAY, START, ERR_INVALID},
		{START, BUNDLE_TIME_MAX + 1, START + 11 * DAY, START, ERR_RANGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bundle_zsk zsks[2] = {ring.published[0], ring.published[1]};
		const struct bundle_wish w = {.zone = test_apex,
		                              .zsks = zsks,
		                              .count = 2,
		                              .ttl = HOUR,
		                              .from = cases[i].from,
		                              .until = cases[i].until};
		struct bundles *b = NULL;
		zsks[0].until = cases[i].first_ends;
		zsks[1].from = cases[i].second_begins;
		assert_int_equal(bundle_request(&w, &b), cases[i].err);
		assert_int_equal(b == NULL, cases[i].err != 0);
		bundles_free(&b);
	}
}

static void request_with_too_many_keys_is_refused(void **state)
{
	struct bundle_zsk zsks[BUNDLE_KEYS_MAX / 2 + 1];
	const struct bundle_wish w = {.zone = test_apex,
	                              .zsks = zsks,
	                              .count = ARRAY_LEN(zsks),
	                              .ttl = HOUR,
	                              .from = START,
	                              .until = START + 1};
	struct bundles *b = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(zsks); i++)
		zsks[i] = ring.published[0];
	assert_int_equal(bundle_request(&w, &b), ERR_TOOBIG);
}

/* ---- responses ---- */

static struct rrsig signature_of(const struct rrset *set, unsigned which)
{
	const uint8_t *at = rrset_first(set);
	struct rrsig s;

	assert_true(which < set->sig_count);
	for (unsigned i = 0; i < set->count + which; i++)
		(void)rrset_next(&at);
	assert_int_equal(rrsig_open(rrset_next(&at), &s), 0);
	return s;
}

static void response_is_signed_anew_before_it_expires(void **state)
{
	/* The policy's validity is 14 days, of which the last 5 are not used. */
	static const unsigned days[] = {0, 9, 10, 11, 20, 29, 30};
	struct bundles *b = response_of(request_of(START, START + 30 * DAY), 1);

	(void)state;
	assert_int_equal(b->kind, BUNDLE_RESPONSE);
	assert_int_equal(b->count, ARRAY_LEN(days));
	for (size_t i = 0; i < b->count; i++) {
		assert_int_equal(b->list[i].from, START + days[i] * DAY);
		for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++) {
			const struct rrset *set = &b->list[i].sets[part];
			struct rrsig s = signature_of(set, 0);
			assert_int_equal(set->sig_count, 1);
			assert_int_equal(s.tag, sign_key_tag(ring.ksks[0]));
			assert_int_equal(s.inception, b->list[i].from - HOUR);
			assert_int_equal(s.expiration,
			                 b->list[i].from + 14 * (uint64_t)DAY);
			assert_int_equal(s.ttl, HOUR);
		}
	}
	bundles_free(&b);
}

static void ksks_come_and_go_at_their_times(void **state)
{
	static const struct {
		unsigned days;
		bool one, two, ds_one, ds_two;
	} want[] = {
		{0, true, false, true, false}, {2, true, true, true, false},
		{3, true, true, true, true},   {5, true, true, false, true},
		{7, false, true, false, true}, {8, false, true, false, true},
	};
	struct bundles *b;

	(void)state;
	ring.safe[0].until = START + 7 * DAY;
	ring.safe[0].ds_until = START + 5 * DAY;
	ring.safe[1].from = START + 2 * DAY;
	ring.safe[1].ds_from = START + 3 * DAY;
	b = response_of(request_of(START, START + 8 * DAY), 2);
	assert_int_equal(b->count, ARRAY_LEN(want));
	for (size_t i = 0; i < b->count; i++) {
		const struct bundle *l = &b->list[i];
		assert_int_equal(l->from, START + want[i].days * DAY);
		assert_int_equal(bundle_has(l, BUNDLE_DNSKEY, ring.ksks[0]), want[i].one);
		assert_int_equal(bundle_has(l, BUNDLE_DNSKEY, ring.ksks[1]), want[i].two);
		assert_int_equal(bundle_has(l, BUNDLE_CDNSKEY, ring.ksks[0]),
		                 want[i].ds_one);
		assert_int_equal(bundle_has(l, BUNDLE_CDNSKEY, ring.ksks[1]),
		                 want[i].ds_two);
		assert_int_equal(l->sets[BUNDLE_DNSKEY].sig_count,
		                 want[i].one + want[i].two);
		assert_int_equal(l->sets[BUNDLE_CDS].count,
		                 want[i].ds_one + want[i].ds_two);
	}
	bundles_free(&b);
}

static void cds_are_of_the_ksks(void **state)
{
	struct bundles *b = response_of(request_of(START, START + DAY), 1);
	struct rdata cds = rrset_first_record(&b->list[0].sets[BUNDLE_CDS]);

	(void)state;
	assert_int_equal(b->list[0].sets[BUNDLE_CDS].count, 1);
	assert_int_equal(cds.bytes[3], DS_SHA256);
	assert_true(ds_is_of(cds, test_apex, sign_key_dnskey(ring.ksks[0])));
	bundles_free(&b);
}

/* What is refused is refused before anything is signed that somebody could use. */
static void response_refuses(struct bundles *request, size_t ksks, int err,
                             const char *what)
{
	const struct bundle_safe s = {
		.ksks = ring.safe, .count = ksks, .policy = &ring.policy};
	char why[BUNDLE_WHY_SIZE];
	struct bundles *b = NULL;

	assert_int_equal(bundle_respond(request, &s, &b, why), err);
	if (!strstr(why, what))
		fail_msg("%s", why);
	assert_null(b);
	bundles_free(&request);
}

static struct bundles *request_with(const struct sign_key *k)
{
	struct bundles *b = request_of(START, START + DAY);
	struct rdata records[2] = {ring.published[0].dnskey, sign_key_dnskey(k)};

	bundle_put(b, &b->list[1], BUNDLE_DNSKEY, HOUR, records, 2);
	return b;
}

static void request_with_anything_but_zsks_is_not_signed(void **state)
{
	static const uint8_t revoked[] = {1, 128, 3, 13, 1, 2};
	static const uint8_t host[] = {0, 0, 3, 13, 1, 2};
	static const uint8_t protocol[] = {1, 0, 2, 13, 1, 2};
	static const uint8_t empty[] = {1, 0, 3, 13};
	const struct rdata cases[] = {
		sign_key_dnskey(ring.ksks[1]), {revoked, sizeof revoked},
		{host, sizeof host},           {protocol, sizeof protocol},
		{empty, sizeof empty},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bundles *b = request_of(START, START + DAY);
		struct rdata records[2] = {ring.published[0].dnskey, cases[i]};
		bundle_put(b, &b->list[1], BUNDLE_DNSKEY, HOUR, records, 2);
		response_refuses(b, 1, ERR_REFUSED, "from 2027-01-16T08:00:00Z on: ");
	}
	response_refuses(request_with(ring.zsks[2]), 1, ERR_REFUSED,
	                 "is of algorithm 15, of which there is no KSK");
}

static void ksk_of_the_other_algorithm_makes_it_signed(void **state)
{
	struct bundles *b;

	(void)state;
	ring.safe[1].key = ring.ksks[2];
	b = response_of(request_with(ring.zsks[2]), 2);
	assert_int_equal(b->list[1].sets[BUNDLE_DNSKEY].sig_count, 2);
	bundles_free(&b);
	ring.safe[1].from = START + DAY + 1;
	response_refuses(request_with(ring.zsks[2]), 2, ERR_REFUSED, "no KSK");
}

static void what_cannot_be_signed_is_refused(void **state)
{
	(void)state;
	response_refuses(request_of(START, START + DAY), 0, ERR_INVALID, "");
	response_refuses(response_of(request_of(START, START + DAY), 1), 1, ERR_INVALID,
	                 "");
	ring.safe[0].key = ring.zsks[0];
	response_refuses(request_of(START, START + DAY), 1, ERR_INVALID, "");
	(void)fresh_ring(NULL);
	ring.policy.signatures.refresh = ring.policy.dnskey_validity;
	response_refuses(request_of(START, START + DAY), 1, ERR_INVALID, "");
	(void)fresh_ring(NULL);
	ring.safe[0].from = START + 1;
	response_refuses(request_of(START, START + DAY), 1, ERR_REFUSED, "no KSK");
	(void)fresh_ring(NULL);
	ring.policy.signatures.refresh = ring.policy.dnskey_validity - 1;
	response_refuses(request_of(START, START + DAY), 1, ERR_TOOBIG,
	                 "more than 4096 bundles");
}

static void times_of_a_ksk_are_those_of_its_file(void **state)
{
	struct keyfile k = {.key = ring.ksks[0]};
	struct bundle_ksk b;

	(void)state;
	b = bundle_ksk_of(&k);
	assert_ptr_equal(b.key, k.key);
	assert_true(b.from == 0 && b.until == BUNDLE_FOREVER);
	assert_true(b.ds_from == 0 && b.ds_until == BUNDLE_FOREVER);
	k.times[KEYFILE_PUBLISH] = 5;
	k.times[KEYFILE_DELETE] = 9;
	b = bundle_ksk_of(&k);
	assert_true(b.from == 5 && b.until == 9 && b.ds_from == 5 && b.ds_until == 9);
	k.times[KEYFILE_SYNC_PUBLISH] = 6;
	k.times[KEYFILE_SYNC_DELETE] = 8;
	b = bundle_ksk_of(&k);
	assert_true(b.from == 5 && b.until == 9 && b.ds_from == 6 && b.ds_until == 8);
}

static void bundle_holds_until_the_next(void **state)
{
	struct bundles *b = request_of(START, START + 20 * DAY);

	(void)state;
	assert_null(bundles_at(b, START - 1));
	assert_ptr_equal(bundles_at(b, START), &b->list[0]);
	assert_ptr_equal(bundles_at(b, START + 10 * DAY - 1), &b->list[0]);
	assert_ptr_equal(bundles_at(b, START + 10 * DAY), &b->list[1]);
	assert_ptr_equal(bundles_at(b, BUNDLE_FOREVER), &b->list[3]);
	bundles_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(request_has_each_change_and_both_ends, fresh_ring),
		cmocka_unit_test_setup(request_that_cannot_be_is_refused, fresh_ring),
		cmocka_unit_test_setup(request_with_too_many_keys_is_refused, fresh_ring),
		cmocka_unit_test_setup(response_is_signed_anew_before_it_expires,
	                               fresh_ring),
		cmocka_unit_test_setup(ksks_come_and_go_at_their_times, fresh_ring),
		cmocka_unit_test_setup(cds_are_of_the_ksks, fresh_ring),
		cmocka_unit_test_setup(request_with_anything_but_zsks_is_not_signed,
	                               fresh_ring),
		cmocka_unit_test_setup(ksk_of_the_other_algorithm_makes_it_signed,
	                               fresh_ring),
		cmocka_unit_test_setup(what_cannot_be_signed_is_refused, fresh_ring),
		cmocka_unit_test_setup(times_of_a_ksk_are_those_of_its_file, fresh_ring),
		cmocka_unit_test_setup(bundle_holds_until_the_next, fresh_ring),
	};

	return cmocka_run_group_tests(tests, make_ring, free_ring);
}
