/*
 * What the tests of bundles share: a zone's ZSKs, of which the second takes over from the first; KSKs; and what is
 * made of them, as texts too.
 */
#ifndef CONTROL_SIGN_BUNDLE_TESTING_H
#define CONTROL_SIGN_BUNDLE_TESTING_H

#include "control/must.h"
#include "control/sign/bundle.h"
#include "control/sign/bundle_text.h"
#include "control/sign/policy.h"
#include "control/sign/rrsig.h"
#include "control/sign/testing.h"

enum { START = 1800000000, HOUR = 3600, DAY = 86400 };

struct keyring {
	struct sign_key *zsks[3]; /* the third is of another algorithm */
	struct sign_key *ksks[3]; /* likewise */
	struct bundle_zsk published[2];
	struct bundle_ksk safe[2];
	struct sign_policy policy;
};

static struct keyring ring;

UNUSED static int make_ring(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint8_t algorithm = i < 2 ? SIGN_ECDSAP256SHA256 : SIGN_ED25519;
		if (sign_key_generate(algorithm, 0, SIGN_FLAGS_ZSK, &ring.zsks[i]) < 0 ||
		    sign_key_generate(algorithm, 0, SIGN_FLAGS_KSK, &ring.ksks[i]) < 0)
			return -1;
	}
	return 0;
}

UNUSED static int free_ring(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		sign_key_free(&ring.zsks[i]);
		sign_key_free(&ring.ksks[i]);
	}
	return 0;
}

/* Before each test: a ZSK that is replaced after ten days, with a day of both; and one KSK for good. */
UNUSED static int fresh_ring(void **state)
{
	(void)state;
	ring.policy = sign_policy_default();
	ring.policy.csk = false;
	ring.published[0] = (struct bundle_zsk){sign_key_dnskey(ring.zsks[0]),
	                                        START - 100 * DAY, START + 11 * DAY};
	ring.published[1] = (struct bundle_zsk){sign_key_dnskey(ring.zsks[1]),
	                                        START + 10 * DAY, BUNDLE_FOREVER};
	for (unsigned i = 0; i < 2; i++)
		ring.safe[i] = (struct bundle_ksk){ring.ksks[i], 0, BUNDLE_FOREVER, 0,
		                                   BUNDLE_FOREVER};
	return 0;
}

UNUSED static struct bundles *request_of(uint64_t from, uint64_t until)
{
	const struct bundle_wish w = {.zone = test_apex,
	                              .zsks = ring.published,
	                              .count = ARRAY_LEN(ring.published),
	                              .ttl = HOUR,
	                              .from = from,
	                              .until = until};
	struct bundles *b = NULL;

	assert_int_equal(bundle_request(&w, &b), 0);
	return b;
}

/* Signs with so many of the KSKs; takes the request. */
UNUSED static struct bundles *response_of(struct bundles *request, size_t ksks)
{
	const struct bundle_safe s = {
		.ksks = ring.safe, .count = ksks, .policy = &ring.policy};
	char why[BUNDLE_WHY_SIZE];
	struct bundles *b = NULL;

	if (bundle_respond(request, &s, &b, why) < 0)
		fail_msg("%s", why);
	bundles_free(&request);
	return b;
}

/* The caller's to free. */
UNUSED static char *text_of(const struct bundles *b)
{
	char *text;
	size_t size;
	FILE *to = must_open_text(&text, &size);

	assert_int_equal(bundles_write(to, b, START), 0);
	must_close_text(to);
	return text;
}

UNUSED static struct bundles *read_or_fail(const char *text, enum bundle_kind kind)
{
	char why[BUNDLE_WHY_SIZE];
	struct bundles *b = NULL;

	if (bundles_read(text, strlen(text), test_apex, kind, &b, why) < 0)
		fail_msg("%s", why);
	return b;
}

UNUSED static void assert_same_bundles(const struct bundles *a, const struct bundles *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->list[i].from, b->list[i].from);
		for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++) {
			const struct rrset *one = &a->list[i].sets[part];
			const struct rrset *two = &b->list[i].sets[part];
			assert_int_equal(one->count, two->count);
			assert_int_equal(one->size, two->size);
			assert_int_equal(one->type, two->type);
			if (one->count)
				assert_memory_equal(one->bytes, two->bytes, one->size);
		}
	}
}

UNUSED static bool bundle_has(const struct bundle *b, enum bundle_part part,
                              const struct sign_key *k)
{
	const struct rrset *set = &b->sets[part];
	const uint8_t *at = set->count ? rrset_first(set) : NULL;
	struct rdata wanted = sign_key_dnskey(k);

	for (unsigned i = 0; i < set->count; i++) {
		struct rdata d = rrset_next(&at);
		if (d.len == wanted.len && memcmp(d.bytes, wanted.bytes, d.len) == 0)
			return true;
	}
	return false;
}

/* What is put into a bundle by hand is signed so. */
UNUSED static void sign_again(struct bundles *b, struct bundle *l, enum bundle_part part,
                              const struct sign_key *k, struct rrsig_times times)
{
	struct rrset *set = &l->sets[part];
	const struct signed_set what = {.owner = b->zone, .zone = b->zone, .set = set};
	struct rrsig_room room = {0};
	uint8_t rdata[RRSIG_MAX];
	struct signer *s;

	assert_int_equal(signer_new(k, &s), 0);
	int len = rrsig_make(s, &room, &what, times, rdata);
	assert_true(len > 0);
	struct rdata signature = {.bytes = rdata, .len = (uint16_t)len};
	size_t size = rrsig_blob_size(set, &signature, 1);
	uint8_t *blob = arena_alloc(b->arena, size);
	rrsig_blob_write(set, &signature, 1, blob);
	assert_int_equal(rrset_open(set->type, blob, size, set), 0);
	rrsig_room_fini(&room);
	signer_free(&s);
}

UNUSED static struct rrsig_times usual_times(const struct bundle *l)
{
	return (struct rrsig_times){(uint32_t)l->from - HOUR,
	                            (uint32_t)l->from + 14 * DAY};
}

#endif
