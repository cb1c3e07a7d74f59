#include "control/sign/set_signer.h"

#include "control/sign/rrsig.h"
#include "control/sign/testing.h"
#include "shared/wire.h"

enum { NOW = 1700000000, DAY = 86400, BLOB_MAX = 2048, KEYS_MAX = SIGN_KEYS_MAX + 1 };

static const struct sign_periods zone_periods = {
	.validity = 14 * DAY, .refresh = 5 * DAY, .skew = 3600};
static const struct sign_periods of_keys = {
	.validity = 30 * DAY, .refresh = 5 * DAY, .skew = 3600};

/* A KSK, a ZSK and another ZSK, of which two sign at first. */
static struct sign_key *keys[3];
static struct sign_with with[KEYS_MAX];
static struct sign_terms terms;

static int make_keys(void **state)
{
	static const unsigned parts[] = {SIGN_KEYS, SIGN_ZONE, SIGN_ZONE};

	(void)state;
	if (sign_key_generate(SIGN_ED25519, 0, SIGN_FLAGS_KSK, &keys[0]) < 0)
		return -1;
	for (size_t i = 1; i < 3; i++)
		keys[i] = new_key(SIGN_ED25519);
	for (size_t i = 0; i < 3; i++)
		with[i] = (struct sign_with){.key = keys[i], .parts = parts[i]};
	terms = (struct sign_terms){.zone = test_apex,
	                            .keys = with,
	                            .key_count = 2,
	                            .periods = &zone_periods,
	                            .key_periods = &of_keys,
	                            .serial = 1,
	                            .now = NOW};
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		sign_key_free(&keys[i]);
	return 0;
}

/* ---- RRsets that are signed ---- */

struct signed_blob {
	uint8_t bytes[BLOB_MAX];
	struct rrset set;
};

static void reopen(struct signed_blob *b, size_t size)
{
	uint16_t type = b->set.type;

	assert_int_equal(rrset_open(type, b->bytes, size, &b->set), 0);
}

static void data_of(uint16_t type, struct signed_blob *b)
{
	static const uint8_t rdata[] = {1, 1, 3, 15, 1, 2, 3, 4};
	const struct rrset head = {.count = 1, .ttl = 300};

	rrset_write_header(b->bytes, &head);
	uint8_t *end = rrset_write_rdata(b->bytes + RRSET_HEADER, rdata,
	                                 type == RRTYPE_A ? 4 : sizeof rdata);
	b->set.type = type;
	reopen(b, (size_t)(end - b->bytes));
}

/* By the terms as they are. */
static void sign(const struct test_name *owner, struct signed_blob *b)
{
	struct set_signer *s = NULL;
	uint8_t out[BLOB_MAX];

	assert_int_equal(set_signer_new(&terms, &s), 0);
	uint32_t size = set_signer_size(s, &b->set, name_equal(owner->wire, test_apex));
	assert_true(size <= sizeof out);
	assert_int_equal(set_signer_sign(s, owner->wire, &b->set, out), 0);
	memcpy(b->bytes, out, size);
	reopen(b, size);
	set_signer_free(&s);
	assert_null(s);
}

static void make_set(const char *owner, uint16_t type, struct signed_blob *out)
{
	struct test_name name = test_name(owner);

	data_of(type, out);
	sign(&name, out);
}

/* The RDATA of the signature at an index, to be spoilt. */
static uint8_t *signature_at(struct signed_blob *b, unsigned nth, size_t *len)
{
	const uint8_t *at = rrset_first(&b->set);
	struct rdata r = {0};

	for (unsigned i = 0; i <= b->set.count + nth; i++)
		r = rrset_next(&at);
	*len = r.len;
	return b->bytes + (r.bytes - b->bytes);
}

static struct rrsig opened(struct signed_blob *b, unsigned nth)
{
	size_t len;
	const uint8_t *bytes = signature_at(b, nth, &len);
	struct rrsig r;

	assert_int_equal(rrsig_open((struct rdata){bytes, (uint16_t)len}, &r), 0);
	return r;
}

/* ---- who signs what ---- */

static void keys_are_signed_by_those_for_keys(void **state)
{
	static const uint16_t types[] = {RRTYPE_DNSKEY, RRTYPE_CDNSKEY, RRTYPE_CDS};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct signed_blob b;

		make_set("example.", types[i], &b);
		assert_int_equal(b.set.sig_count, 1);
		assert_int_equal(opened(&b, 0).tag, sign_key_tag(keys[0]));
		assert_int_equal(opened(&b, 0).expiration, NOW + 30 * DAY);
		assert_true(sign_is_current(&terms, &b.set, true));
		assert_false(sign_is_current(&terms, &b.set, false));
	}
}

static void all_else_is_signed_by_those_for_the_zone(void **state)
{
	static const struct {
		const char *owner;
		uint16_t type;
	} sets[] = {{"example.", RRTYPE_A},
	            {"a", RRTYPE_A},
	            {"a", RRTYPE_DNSKEY},
	            {"a", RRTYPE_CDS}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		struct signed_blob b;

		make_set(sets[i].owner, sets[i].type, &b);
		assert_int_equal(b.set.sig_count, 1);
		assert_int_equal(opened(&b, 0).tag, sign_key_tag(keys[1]));
		assert_int_equal(opened(&b, 0).expiration, NOW + 14 * DAY);
	}
}

static void keys_without_a_part_sign_nothing(void **state)
{
	(void)state;
	with[2].parts = 0;
	terms.key_count = 3;
	struct signed_blob b;

	make_set("a", RRTYPE_A, &b);
	assert_int_equal(b.set.sig_count, 1);
	assert_true(sign_is_current(&terms, &b.set, false));
}

static void periods_of_keys_are_those_of_the_zone_unless_said(void **state)
{
	(void)state;
	terms.key_periods = NULL;
	struct signed_blob b;

	make_set("example.", RRTYPE_DNSKEY, &b);
	assert_int_equal(opened(&b, 0).expiration, NOW + 14 * DAY);
}

static void terms_need_a_key_for_each_part(void **state)
{
	(void)state;
	assert_int_equal(sign_terms_check(&terms), 0);
	terms.key_count = 1;
	assert_int_equal(sign_terms_check(&terms), ERR_INVALID);
	terms.keys = &with[1];
	assert_int_equal(sign_terms_check(&terms), ERR_INVALID);
	terms.key_count = 0;
	assert_int_equal(sign_terms_check(&terms), ERR_INVALID);
	with[0].parts = SIGN_KEYS | SIGN_ZONE;
	terms.keys = with;
	terms.key_count = 1;
	assert_int_equal(sign_terms_check(&terms), 0);
	for (size_t i = 1; i < KEYS_MAX; i++)
		with[i] = with[0];
	terms.key_count = SIGN_KEYS_MAX;
	assert_int_equal(sign_terms_check(&terms), 0);
	terms.key_count = KEYS_MAX;
	assert_int_equal(sign_terms_check(&terms), ERR_INVALID);
}

/* ---- what is current ---- */

/* Signed by a key that is not here. */
static void given_signatures_are_taken_as_they_are(void **state)
{
	static struct signed_blob given, set, other;
	const struct test_name apex = test_name("example.");

	(void)state;
	terms.keys = with + 1;
	terms.key_count = 1;
	assert_int_equal(sign_terms_check(&terms), ERR_INVALID);
	terms.keys = with;
	make_set("example.", RRTYPE_DNSKEY, &given);
	terms.keys = with + 1;
	terms.given = &given.set;
	terms.given_count = 1;
	assert_int_equal(sign_terms_check(&terms), 0);

	data_of(RRTYPE_DNSKEY, &set);
	assert_false(sign_is_current(&terms, &set.set, true));
	sign(&apex, &set);
	assert_int_equal(set.set.size, given.set.size);
	assert_memory_equal(set.bytes, given.bytes, given.set.size);
	assert_true(sign_is_current(&terms, &set.set, true));
	terms.now += 400 * (uint64_t)DAY; /* others are for others to make */
	assert_true(sign_is_current(&terms, &set.set, true));
	assert_true(sign_due(&terms, &set.set, true) == UINT64_MAX);
	terms.now = NOW;
	set.bytes[given.set.size - 1] ^= 1;
	assert_false(sign_is_current(&terms, &set.set, true));

	/* Everything else is signed here, as are such records elsewhere. */
	make_set("example.", RRTYPE_A, &other);
	assert_int_equal(opened(&other, 0).tag, sign_key_tag(keys[1]));
	make_set("a.example.", RRTYPE_DNSKEY, &other);
	assert_int_equal(opened(&other, 0).tag, sign_key_tag(keys[1]));
}

static void records_without_given_signatures_are_refused(void **state)
{
	static struct signed_blob given, set;
	struct set_signer *s = NULL;
	uint8_t out[BLOB_MAX];

	(void)state;
	make_set("example.", RRTYPE_DNSKEY, &given);
	terms.given = &given.set;
	terms.given_count = 1;
	assert_int_equal(set_signer_new(&terms, &s), 0);
	data_of(RRTYPE_DNSKEY, &set);
	set.bytes[set.set.size - 1] ^= 1;
	assert_int_equal(set_signer_sign(s, test_apex, &set.set, out), ERR_INVALID);
	data_of(RRTYPE_DNSKEY, &set);
	set.set.ttl++;
	assert_int_equal(set_signer_sign(s, test_apex, &set.set, out), ERR_INVALID);
	data_of(RRTYPE_CDS, &set); /* there is none to be */
	assert_int_equal(set_signer_sign(s, test_apex, &set.set, out), ERR_INVALID);
	assert_false(sign_is_current(&terms, &set.set, true));
	set_signer_free(&s);
}

static void unsigned_sets_are_not_current(void **state)
{
	struct signed_blob b;

	(void)state;
	data_of(RRTYPE_A, &b);
	assert_false(sign_is_current(&terms, &b.set, false));
	assert_true(sign_due(&terms, &b.set, false) == UINT64_MAX);
	assert_true(sign_ends(&terms, &b.set) == UINT64_MAX);
}

static void signatures_are_current_until_they_are_due(void **state)
{
	struct signed_blob b;

	(void)state;
	make_set("a", RRTYPE_A, &b);
	assert_int_equal(sign_due(&terms, &b.set, false), NOW + 9 * DAY);
	assert_int_equal(sign_ends(&terms, &b.set), NOW + 14 * DAY);
	terms.now = NOW + 9 * DAY - 1;
	assert_true(sign_is_current(&terms, &b.set, false));
	terms.now++;
	assert_false(sign_is_current(&terms, &b.set, false));
	assert_true(sign_is_by_keys(&terms, &b.set, false)); /* due or not */
	terms.now = NOW + 15 * DAY;                          /* past its end */
	assert_false(sign_is_current(&terms, &b.set, false));
	assert_int_equal(sign_ends(&terms, &b.set), NOW + 14 * DAY);
	terms.now = NOW - 3601; /* a clock that went back behind its beginning */
	assert_false(sign_is_current(&terms, &b.set, false));
	assert_int_equal(sign_due(&terms, &b.set, false), 0);
	terms.now = NOW - 3600;
	assert_true(sign_is_current(&terms, &b.set, false));
}

static void signatures_hold_from_their_beginning_to_their_end(void **state)
{
	struct signed_blob b;
	size_t len;

	(void)state;
	data_of(RRTYPE_A, &b);
	assert_true(sign_holds(&b.set, NOW)); /* it has none */
	terms.key_count = 3;
	make_set("a", RRTYPE_A, &b);
	assert_false(sign_holds(&b.set, NOW - 3601));
	assert_true(sign_holds(&b.set, NOW - 3600));
	assert_true(sign_holds(&b.set, NOW + 14 * DAY - 1));
	assert_false(sign_holds(&b.set, NOW + 14 * DAY));
	wire_store32(signature_at(&b, 1, &len) + 8, NOW + DAY);
	assert_true(sign_holds(&b.set, NOW));
	assert_false(sign_holds(&b.set, NOW + DAY));
	signature_at(&b, 0, &len)[RRSIG_FIXED] = 0xff;
	assert_false(sign_holds(&b.set, NOW));
}

static void first_of_several_signatures_counts(void **state)
{
	struct signed_blob b;
	struct signed_blob other = {0};
	size_t len;

	(void)state;
	terms.key_count = 3;
	make_set("a", RRTYPE_A, &b);
	assert_int_equal(b.set.sig_count, 2);
	other = b;
	reopen(&other, b.set.size);
	wire_store32(signature_at(&b, 0, &len) + 8, NOW + 6 * DAY);
	wire_store32(signature_at(&other, 1, &len) + 8, NOW + 6 * DAY);
	assert_int_equal(sign_due(&terms, &b.set, false), NOW + 1 * DAY);
	assert_int_equal(sign_due(&terms, &other.set, false), NOW + 1 * DAY);
	assert_int_equal(sign_ends(&terms, &b.set), NOW + 6 * DAY);
	assert_int_equal(sign_ends(&terms, &other.set), NOW + 6 * DAY);
}

static void another_key_makes_signatures_stale(void **state)
{
	struct signed_blob one;
	struct signed_blob two;

	(void)state;
	make_set("a", RRTYPE_A, &one);
	terms.key_count = 3; /* one is missing */
	assert_false(sign_is_by_keys(&terms, &one.set, false));
	make_set("a", RRTYPE_A, &two);
	assert_true(sign_is_by_keys(&terms, &two.set, false));
	terms.key_count = 2; /* one too many */
	assert_false(sign_is_by_keys(&terms, &two.set, false));
	with[1] = with[2]; /* in place of the other */
	assert_false(sign_is_by_keys(&terms, &one.set, false));
}

static void spoilt_signatures_are_not_current(void **state)
{
	static const struct {
		size_t at;
		const char *what;
	} cases[] = {{2, "algorithm"}, {4, "TTL"}, {17, "tag"}};
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct signed_blob b;

		make_set("a", RRTYPE_A, &b);

		assert_true(sign_is_current(&terms, &b.set, false));
		signature_at(&b, 0, &len)[cases[i].at] ^= 1;
		if (sign_is_current(&terms, &b.set, false))
			fail_msg("another %s is taken", cases[i].what);
	}
}

static void what_is_no_signature_is_not_current(void **state)
{
	struct signed_blob b;
	size_t len;

	(void)state;
	make_set("a", RRTYPE_A, &b);
	signature_at(&b, 0, &len)[RRSIG_FIXED] = 0xff; /* the length of a label */
	assert_false(sign_is_current(&terms, &b.set, false));
	assert_true(sign_ends(&terms, &b.set) == UINT64_MAX);
}

static void same_signature_twice_is_not_current(void **state)
{
	struct signed_blob b;
	uint8_t twice[BLOB_MAX];
	size_t len;

	(void)state;
	terms.key_count = 3;
	make_set("a", RRTYPE_A, &b);
	const uint8_t *first = signature_at(&b, 0, &len);
	memcpy(twice, first, len);
	memcpy(signature_at(&b, 1, &len), twice, len);
	assert_false(sign_is_current(&terms, &b.set, false));
}

/* ---- keys that look alike ---- */

/* Some hundred keys have two of one tag among them. */
static void make_twins(struct sign_key *twins[2])
{
	static struct sign_key *by_tag[UINT16_MAX + 1];
	struct sign_key *k;

	for (;;) {
		k = new_key(SIGN_ED25519);
		if (by_tag[sign_key_tag(k)])
			break;
		by_tag[sign_key_tag(k)] = k;
	}
	twins[0] = by_tag[sign_key_tag(k)];
	twins[1] = k;
	by_tag[sign_key_tag(k)] = NULL;
	for (size_t i = 0; i < ARRAY_LEN(by_tag); i++)
		sign_key_free(&by_tag[i]);
}

static void keys_of_one_tag_both_sign(void **state)
{
	struct sign_key *twins[2];

	(void)state;
	make_twins(twins);
	with[1].key = twins[0];
	with[2].key = twins[1];
	terms.key_count = 3;
	struct signed_blob b;

	make_set("a", RRTYPE_A, &b);
	assert_int_equal(b.set.sig_count, 2);
	assert_true(sign_is_current(&terms, &b.set, false));
	terms.key_count = 2;
	assert_false(sign_is_current(&terms, &b.set, false));
	sign_key_free(&twins[0]);
	sign_key_free(&twins[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_keys, free_keys)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_are_signed_by_those_for_keys),
		TEST(all_else_is_signed_by_those_for_the_zone),
		TEST(keys_without_a_part_sign_nothing),
		TEST(periods_of_keys_are_those_of_the_zone_unless_said),
		TEST(terms_need_a_key_for_each_part),
		TEST(given_signatures_are_taken_as_they_are),
		TEST(records_without_given_signatures_are_refused),
		TEST(unsigned_sets_are_not_current),
		TEST(signatures_are_current_until_they_are_due),
		TEST(signatures_hold_from_their_beginning_to_their_end),
		TEST(first_of_several_signatures_counts),
		TEST(another_key_makes_signatures_stale),
		TEST(spoilt_signatures_are_not_current),
		TEST(what_is_no_signature_is_not_current),
		TEST(same_signature_twice_is_not_current),
		TEST(keys_of_one_tag_both_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
