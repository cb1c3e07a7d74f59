#include "control/sign/verifier.h"

#include "control/sign/dnskey.h"
#include "control/sign/rrsig.h"
#include "control/sign/testing.h"

enum { NOW = 1500 };

static const uint8_t apex[] = "\7example";

/* An RRset with a signature on it, and who verifies it. */
struct verifying {
	struct sign_key *key;
	struct signer *signer;
	struct rrsig_room room;
	struct test_zone zone;
	struct rrset set;
	struct test_name owner;
	uint8_t keys[RRSET_HEADER + 2 + DNSKEY_MAX];
	struct verifier *verifier;
};

static struct verifier *verifier_by(struct verifying *x, struct rdata dnskey)
{
	struct rrset set = {.type = RRTYPE_DNSKEY,
	                    .count = 1,
	                    .bytes = x->keys,
	                    .size = RRSET_HEADER + 2 + (size_t)dnskey.len};

	rrset_write_header(x->keys, &set);
	(void)rrset_write_rdata(x->keys + RRSET_HEADER, dnskey.bytes, dnskey.len);
	return verifier_new(apex, &set);
}

static void begin_by(struct verifying *x, struct sign_key *key)
{
	static const char text[] = "www 300 A 192.0.2.1\nwww 300 A 192.0.2.2\n";

	*x = (struct verifying){.key = key, .owner = test_name("www")};
	test_zone_of(&x->zone, text, strlen(text));
	x->set = test_rrset(x->zone.contents, "www", RRTYPE_A);
	assert_int_equal(signer_new(x->key, &x->signer), 0);
	x->verifier = verifier_by(x, sign_key_dnskey(x->key));
}

static void begin(struct verifying *x, uint8_t algorithm)
{
	begin_by(x, new_key(algorithm));
}

static void end(struct verifying *x)
{
	verifier_free(&x->verifier);
	assert_null(x->verifier);
	signer_free(&x->signer);
	sign_key_free(&x->key);
	rrsig_room_fini(&x->room);
	test_zone_fini(&x->zone);
}

static struct test_bytes sign(struct verifying *x, const uint8_t *owner,
                              struct rrsig_times times)
{
	const struct signed_set what = {.owner = owner, .zone = apex, .set = &x->set};
	struct test_bytes b = {0};
	int len = rrsig_make(x->signer, &x->room, &what, times, b.at);

	assert_true(len > 0);
	b.len = (size_t)len;
	return b;
}

static struct test_bytes good(struct verifying *x)
{
	return sign(x, x->owner.wire, (struct rrsig_times){1000, 2000});
}

static void expect(struct verifying *x, const struct test_bytes *signature,
                   enum rrsig_fault want)
{
	enum rrsig_fault got = verifier_check(x->verifier, x->owner.wire, &x->set,
	                                      rdata_of(signature), NOW);

	if (got != want)
		fail_msg("%s instead of %s", rrsig_fault_text(got),
		         rrsig_fault_text(want));
	/* Who only looks sees the same, but not whether it is of these records. */
	assert_int_equal(verifier_look(x->verifier, x->owner.wire, &x->set,
	                               rdata_of(signature), NOW),
	                 want == RRSIG_WRONG ? RRSIG_GOOD : want);
}

static void what_was_signed_is_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct verifying x;

		begin(&x, test_algorithms[i]);
		struct test_bytes s = good(&x);
		expect(&x, &s, RRSIG_GOOD);
		x.owner = test_name("WWW.Example.");
		expect(&x, &s, RRSIG_GOOD);
		end(&x);
	}
}

static void a_bit_flipped_anywhere_is_no_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct verifying x;

		begin(&x, test_algorithms[i]);
		struct test_bytes s = good(&x);
		for (size_t bit = 0; bit < s.len * 8; bit++) {
			/* But for the case of the signer's name, which is folded. */
			bool folded = bit / 8 > RRSIG_FIXED &&
			              bit / 8 < RRSIG_FIXED + sizeof apex - 1 &&
			              bit % 8 == 5;
			s.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
			enum rrsig_fault fault = verifier_check(
				x.verifier, x.owner.wire, &x.set, rdata_of(&s), NOW);
			assert_true((fault == RRSIG_GOOD) == folded);
			s.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		expect(&x, &s, RRSIG_GOOD);
		end(&x);
	}
}

/* ---- each fault ---- */

static void every_fault_has_a_text_of_its_own(void **state)
{
	(void)state;
	for (int a = RRSIG_GOOD; a <= RRSIG_WRONG; a++)
		for (int b = RRSIG_GOOD; b < a; b++)
			assert_string_not_equal(rrsig_fault_text((enum rrsig_fault)a),
			                        rrsig_fault_text((enum rrsig_fault)b));
}

/* What stands in an RRSIG, changed: octets of its RDATA, and what comes of it. */
static const struct {
	size_t at;
	const char *hex;
	enum rrsig_fault fault;
} changes[] = {
	{0, "001c", RRSIG_COVERED},
	{2, "05", RRSIG_ALGORITHM},
	{2, "0d", RRSIG_NO_KEY},
	{3, "03", RRSIG_LABELS},
	{3, "ff", RRSIG_LABELS},
	{3, "01", RRSIG_WILDCARD},
	{3, "00", RRSIG_WILDCARD},
	{4, "0000012b", RRSIG_TTL},
	{8, "000003e7", RRSIG_DATES},
	{8, "000005db", RRSIG_EXPIRED},
	{8, "800003e9", RRSIG_DATES},
	{12, "000007d1", RRSIG_DATES},
	{12, "000005dd", RRSIG_NOT_YET},
	{8, "000005dc", RRSIG_WRONG},
	{12, "000005dc", RRSIG_WRONG},
	{18, "076578616d706c65c0", RRSIG_MALFORMED},
	{18, "076578616d706c64", RRSIG_SIGNER},
};

static void every_field_has_a_fault_of_its_own(void **state)
{
	struct verifying x;

	(void)state;
	begin(&x, SIGN_ED25519);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct test_bytes s = good(&x);
		struct test_bytes octets = test_hex(changes[i].hex);

		memcpy(s.at + changes[i].at, octets.at, octets.len);
		expect(&x, &s, changes[i].fault);
	}
	end(&x);
}

static void a_signature_of_another_length_is_seen_as_that(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(test_algorithms); i++) {
		struct verifying x;

		begin(&x, test_algorithms[i]);
		struct test_bytes s = good(&x);
		s.len--;
		expect(&x, &s, RRSIG_LENGTH);
		s.len += 2;
		expect(&x, &s, RRSIG_LENGTH);
		s.len = RRSIG_FIXED + sizeof apex;
		expect(&x, &s, RRSIG_MALFORMED);
		end(&x);
	}
}

static void a_signature_by_one_above_or_below_the_zone_is_refused(void **state)
{
	struct verifying x;

	(void)state;
	begin(&x, SIGN_ED25519);
	const char *const signers[] = {".", "www.example.", "example.net."};
	for (size_t i = 0; i < ARRAY_LEN(signers); i++) {
		struct test_bytes s = good(&x);
		struct test_name signer = test_name(signers[i]);
		size_t len = name_len(signer.wire, NAME_MAX_LEN);
		size_t old = RRSIG_FIXED + sizeof apex;

		memmove(s.at + RRSIG_FIXED + len, s.at + old, s.len - old);
		memcpy(s.at + RRSIG_FIXED, signer.wire, len);
		s.len += RRSIG_FIXED + len - old;
		expect(&x, &s, RRSIG_SIGNER);
	}
	end(&x);
}

static void an_owner_outside_of_the_zone_is_refused(void **state)
{
	struct verifying x;

	(void)state;
	begin(&x, SIGN_ED25519);
	struct test_bytes s = good(&x);
	x.owner = test_name("www.example.net.");
	expect(&x, &s, RRSIG_OUTSIDE);
	end(&x);
}

static void a_signature_of_another_owner_or_other_records_is_wrong(void **state)
{
	struct verifying x;

	(void)state;
	begin(&x, SIGN_ED25519);
	struct test_bytes s =
		sign(&x, test_name("ftp").wire, (struct rrsig_times){1000, 2000});
	expect(&x, &s, RRSIG_WRONG);
	s = good(&x);
	x.set.count = 1;
	expect(&x, &s, RRSIG_WRONG);
	x.set.count = 0;
	expect(&x, &s, RRSIG_EMPTY);
	end(&x);
}

static void a_wildcards_signature_holds_at_the_wildcard_only(void **state)
{
	struct verifying x;

	(void)state;
	begin(&x, SIGN_ED25519);
	struct test_bytes s =
		sign(&x, test_name("*").wire, (struct rrsig_times){1000, 2000});
	expect(&x, &s, RRSIG_WILDCARD);
	x.owner = test_name("*");
	expect(&x, &s, RRSIG_GOOD);
	end(&x);
}

/* RFC 4034 §3.1.5: the last seconds before 2106 and those after them are one after the other. */
static void times_go_on_where_they_wrap(void **state)
{
	static const struct {
		struct rrsig_times times;
		uint64_t now;
		enum rrsig_fault fault;
	} cases[] = {
		{{0xfffffff0, 0x10}, UINT64_C(0xfffffff0), RRSIG_GOOD},
		{{0xfffffff0, 0x10}, UINT64_C(0xffffffff), RRSIG_GOOD},
		{{0xfffffff0, 0x10}, UINT64_C(0x100000000), RRSIG_GOOD},
		{{0xfffffff0, 0x10}, UINT64_C(0x100000010), RRSIG_GOOD},
		{{0xfffffff0, 0x10}, UINT64_C(0x100000011), RRSIG_EXPIRED},
		{{0xfffffff0, 0x10}, UINT64_C(0xffffffef), RRSIG_NOT_YET},
		{{0x10, 0xfffffff0}, UINT64_C(0x10), RRSIG_DATES},
		{{5, 5}, 5, RRSIG_GOOD},
		{{5, 5}, 6, RRSIG_EXPIRED},
		{{5, 5}, 4, RRSIG_NOT_YET},
	};
	struct verifying x;

	(void)state;
	begin(&x, SIGN_ED25519);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct test_bytes s = sign(&x, x.owner.wire, cases[i].times);

		assert_int_equal(verifier_check(x.verifier, x.owner.wire, &x.set,
		                                rdata_of(&s), cases[i].now),
		                 cases[i].fault);
	}
	end(&x);
}

/* ---- by the keys ---- */

/* Verifies by the key's DNSKEY with other flags or another protocol, with a signature that says so. */
static enum rrsig_fault fault_by(struct verifying *x, uint16_t flags, uint8_t protocol)
{
	struct rdata own = sign_key_dnskey(x->key);
	struct test_bytes dnskey = {.len = own.len};
	struct test_bytes s = good(x);

	memcpy(dnskey.at, own.bytes, own.len);
	dnskey.at[0] = (uint8_t)(flags >> 8);
	dnskey.at[1] = (uint8_t)flags;
	dnskey.at[2] = protocol;
	uint16_t tag = dnskey_tag(rdata_of(&dnskey));
	s.at[16] = (uint8_t)(tag >> 8);
	s.at[17] = (uint8_t)tag;
	struct verifier *v = verifier_by(x, rdata_of(&dnskey));
	enum rrsig_fault fault =
		verifier_check(v, x->owner.wire, &x->set, rdata_of(&s), NOW);
	verifier_free(&v);
	return fault;
}

static void a_key_must_be_for_zones_and_in_force(void **state)
{
	struct verifying x;

	(void)state;
	begin(&x, SIGN_ED25519);
	assert_int_equal(fault_by(&x, 256, 3), RRSIG_GOOD);
	assert_int_equal(fault_by(&x, 257, 3), RRSIG_WRONG); /* the tag was signed */
	assert_int_equal(fault_by(&x, 0, 3), RRSIG_NO_ZONE_KEY);
	assert_int_equal(fault_by(&x, 1, 3), RRSIG_NO_ZONE_KEY);
	assert_int_equal(fault_by(&x, 256 + DNSKEY_REVOKE, 3), RRSIG_REVOKED);
	assert_int_equal(fault_by(&x, 256, 2), RRSIG_BAD_KEY);
	end(&x);
}

static void without_keys_nothing_is_good(void **state)
{
	struct verifying x;
	const struct rrset none = {.type = RRTYPE_DNSKEY};

	(void)state;
	begin(&x, SIGN_ED25519);
	struct test_bytes s = good(&x);
	verifier_free(&x.verifier);
	x.verifier = verifier_new(apex, &none);
	expect(&x, &s, RRSIG_NO_KEY);
	end(&x);
}

/* Gives a blob of DNSKEYs that all have a key's tag and algorithm; the key itself stands behind as many others. */
static uint8_t *colliding(struct rdata own, unsigned others, struct rrset *set)
{
	size_t each = 2 + (size_t)own.len;
	uint8_t *blob = malloc(RRSET_HEADER + (others + 1) * each);
	uint8_t *at = blob + RRSET_HEADER;

	assert_non_null(blob);
	*set = (struct rrset){.type = RRTYPE_DNSKEY,
	                      .count = (uint16_t)(others + 1),
	                      .bytes = blob,
	                      .size = RRSET_HEADER + (others + 1) * each};
	rrset_write_header(blob, set);
	for (unsigned i = 0; i <= others; i++) {
		struct test_bytes key = {.len = own.len};

		/* Two octets that count the same in the sum change places. */
		memcpy(key.at, own.bytes, own.len);
		unsigned a = 4 + 2 * i;
		unsigned b = a + 2;
		if (i < others) {
			key.at[a] = own.bytes[b];
			key.at[b] = own.bytes[a];
		}
		at = rrset_write_rdata(at, key.at, (uint16_t)key.len);
	}
	return blob;
}

static enum rrsig_fault fault_among(struct verifying *x, unsigned others)
{
	struct rrset set;
	struct test_bytes s = good(x);
	uint8_t *blob = colliding(sign_key_dnskey(x->key), others, &set);
	struct verifier *v = verifier_new(apex, &set);
	enum rrsig_fault fault =
		verifier_check(v, x->owner.wire, &x->set, rdata_of(&s), NOW);

	verifier_free(&v);
	free(blob);
	return fault;
}

static void keys_of_one_tag_are_tried_but_not_without_end(void **state)
{
	struct verifying x;

	(void)state;
	begin_by(&x, key_of(&examples[3])); /* no two of its first pairs are the same */
	assert_int_equal(fault_among(&x, 0), RRSIG_GOOD);
	assert_int_equal(fault_among(&x, 3), RRSIG_GOOD);
	assert_true(fault_among(&x, 4) != RRSIG_GOOD);
	assert_true(fault_among(&x, 13) != RRSIG_GOOD);
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_signed_is_good),
		cmocka_unit_test(a_bit_flipped_anywhere_is_no_good),
		cmocka_unit_test(every_fault_has_a_text_of_its_own),
		cmocka_unit_test(every_field_has_a_fault_of_its_own),
		cmocka_unit_test(a_signature_of_another_length_is_seen_as_that),
		cmocka_unit_test(a_signature_by_one_above_or_below_the_zone_is_refused),
		cmocka_unit_test(an_owner_outside_of_the_zone_is_refused),
		cmocka_unit_test(a_signature_of_another_owner_or_other_records_is_wrong),
		cmocka_unit_test(a_wildcards_signature_holds_at_the_wildcard_only),
		cmocka_unit_test(times_go_on_where_they_wrap),
		cmocka_unit_test(a_key_must_be_for_zones_and_in_force),
		cmocka_unit_test(without_keys_nothing_is_good),
		cmocka_unit_test(keys_of_one_tag_are_tried_but_not_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
