/* How a zone is signed, as a value; and what is due by it. */
#include "control/sign/state.h"

#include <string.h>

#include "control/sign/set_signer.h"
#include "control/sign/testing.h"
#include "shared/err.h"

enum { NOW = 1767323045, RENEW_SIZE = 8, BUNDLE_SIZE = 8 };

static struct sign_state some_state(void)
{
	struct sign_state s = {.version = 7,
	                       .policy = "a policy",
	                       .leaving = true,
	                       .chain = {.kind = CHAIN_NSEC3,
	                                 .opt_out = true,
	                                 .iterations = 3,
	                                 .salt_len = 2,
	                                 .salt = {0xbe, 0xef}},
	                       .periods = {1, 2, 3, 4},
	                       .dnskey_validity = 5,
	                       .dnskey_ttl = 6,
	                       .renew = NOW,
	                       .bundle = NOW + 1};

	s.ttl[LIFE_DS] = (struct life_ttl){.ttl = 8, .older = 9, .until = 10};
	return s;
}

static void value_comes_back_and_no_other_form_does(void **state)
{
	uint8_t value[SIGN_STATE_SIZE + 1] = {0};
	uint8_t again[SIGN_STATE_SIZE];
	struct sign_state out;
	const struct sign_state s = some_state();
	size_t size = sign_state_encode(&s, value);

	(void)state;
	assert_int_equal(sign_state_decode(value, size, &out), 0);
	assert_int_equal(out.renew, NOW);
	assert_int_equal(out.bundle, NOW + 1);
	assert_int_equal(out.ttl[LIFE_DS].until, 10);
	assert_string_equal(out.policy, "a policy");
	assert_int_equal(sign_state_encode(&out, again), size);
	assert_memory_equal(again, value, size);
	for (size_t len = 0; len < size; len++)
		assert_int_equal(sign_state_decode(value, len, &out), ERR_CORRUPT);
	assert_int_equal(sign_state_decode(value, size + 1, &out), ERR_CORRUPT);
	value[0]++;
	assert_int_equal(sign_state_decode(value, size, &out), ERR_VERSION);
	value[0] = 0;
	assert_int_equal(sign_state_decode(value, size, &out), ERR_VERSION);
}

/* Nobody had asked for other signatures then, and no KSK was elsewhere. */
static void earlier_forms_are_read(void **state)
{
	uint8_t value[SIGN_STATE_SIZE];
	struct sign_state out;
	const struct sign_state s = some_state();
	size_t size = sign_state_encode(&s, value);

	(void)state;
	value[0] = 1;
	assert_int_equal(sign_state_decode(value, size, &out), ERR_CORRUPT);
	assert_int_equal(sign_state_decode(value, size - RENEW_SIZE - BUNDLE_SIZE, &out),
	                 0);
	assert_int_equal(out.renew, 0);
	assert_int_equal(out.bundle, 0);
	value[0] = 2;
	assert_int_equal(sign_state_decode(value, size, &out), ERR_CORRUPT);
	assert_int_equal(sign_state_decode(value, size - BUNDLE_SIZE, &out), 0);
	assert_int_equal(out.renew, NOW);
	assert_int_equal(out.bundle, 0);
	assert_int_equal(out.ttl[LIFE_DS].until, 10);
}

/* ---- signatures that are not to stay ---- */

static void what_was_made_before_is_due(void **state)
{
	static const struct {
		uint64_t renew;
		bool is_current;
	} cases[] = {
		{0, true},        {NOW - 1, true},     {NOW, true},
		{NOW + 1, false}, {NOW + 3600, false},
	};
	const struct sign_periods periods = {
		.validity = 86400, .refresh = 3600, .skew = 600};
	struct sign_key *key = new_key(SIGN_ED25519);
	const struct sign_with with = {.key = key, .parts = SIGN_ZONE | SIGN_KEYS};
	struct sign_terms terms = {.zone = test_apex,
	                           .keys = &with,
	                           .key_count = 1,
	                           .periods = &periods,
	                           .now = NOW};
	struct set_signer *signer = NULL;
	struct test_bytes rdata = test_rdata(RRTYPE_A, "192.0.2.1");
	uint8_t bare[RRSET_HEADER + 2 + 4];
	struct rrset set = {.type = RRTYPE_A, .count = 1, .ttl = 60};
	uint8_t blob[512];

	(void)state;
	rrset_write_header(bare, &set);
	(void)rrset_write_rdata(bare + RRSET_HEADER, rdata.at, (uint16_t)rdata.len);
	assert_int_equal(rrset_open(RRTYPE_A, bare, sizeof bare, &set), 0);
	assert_int_equal(set_signer_new(&terms, &signer), 0);
	assert_int_equal(set_signer_sign(signer, test_apex, &set, blob), 0);
	assert_int_equal(
		rrset_open(RRTYPE_A, blob, sign_blob_size(&terms, &set, true), &set), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		terms.renew = cases[i].renew;
		assert_int_equal(sign_is_current(&terms, &set, true),
		                 cases[i].is_current);
		assert_int_equal(sign_due(&terms, &set, true),
		                 cases[i].is_current ? NOW + 86400 - 3600 : 0);
	}
	set_signer_free(&signer);
	sign_key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_comes_back_and_no_other_form_does),
		cmocka_unit_test(earlier_forms_are_read),
		cmocka_unit_test(what_was_made_before_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
