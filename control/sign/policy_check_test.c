/* Which policies cannot work, and which setting is named for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "control/sign/policy.h"
#include "shared/compiler.h"

enum { DAY = 86400 };

static struct sign_policy two_keys(void)
{
	struct sign_policy p = sign_policy_default();

	p.csk = false;
	p.ksk_lifetime = 365 * DAY;
	p.zsk_lifetime = 30 * DAY;
	p.nsec3 = true;
	return p;
}

static void expect_fault(const struct sign_policy *p, const char *setting)
{
	struct sign_policy_fault fault = sign_policy_check(p);

	assert_non_null(fault.setting);
	assert_string_equal(fault.setting, setting);
	assert_non_null(fault.why);
}

static void defaults_are_fine(UNUSED void **state)
{
	struct sign_policy p = sign_policy_default();

	assert_null(sign_policy_check(&p).setting);
	assert_int_equal(sign_periods_check(&p.signatures), 0);
	p = two_keys();
	assert_null(sign_policy_check(&p).setting);
}

static void every_algorithm_that_signs_is_taken_and_no_other(UNUSED void **state)
{
	static const bool taken[256] = {[8] = true,  [10] = true, [13] = true,
	                                [14] = true, [15] = true, [16] = true};
	struct sign_policy p = two_keys();

	for (unsigned a = 0; a < 256; a++) {
		p.algorithm = (uint8_t)a;
		if (taken[a])
			assert_null(sign_policy_check(&p).setting);
		else
			expect_fault(&p, "algorithm");
	}
}

static void keys_of_rsa_are_neither_small_nor_huge(UNUSED void **state)
{
	static const uint16_t refused[] = {0, 512, 1024, 2047, 4097, 8192};
	struct sign_policy p = two_keys();

	for (unsigned i = 0; i < ARRAY_LEN(refused); i++) {
		p.algorithm = 8;
		p.rsa_bits = refused[i];
		expect_fault(&p, "rsa-bits");
		p.algorithm = 13; /* which has no sizes */
		assert_null(sign_policy_check(&p).setting);
	}
}

static void what_does_not_go_together_is_refused(UNUSED void **state)
{
	struct sign_policy p = two_keys();

	p.csk = true;
	expect_fault(&p, "zsk-lifetime");
	p.zsk_lifetime = 0;
	assert_null(sign_policy_check(&p).setting);
	p.double_ds = true;
	expect_fault(&p, "ksk-roll");
	p = two_keys();
	p.nsec3 = false;
	p.opt_out = true;
	expect_fault(&p, "nsec3-opt-out");
	p.opt_out = false;
	p.salt_length = 8;
	expect_fault(&p, "nsec3");
	p.nsec3 = true;
	p.iterations = 51;
	expect_fault(&p, "nsec3-iterations");
	p.iterations = 50;
	assert_null(sign_policy_check(&p).setting);
}

static void a_lifetime_is_longer_than_a_rollover(UNUSED void **state)
{
	struct sign_policy p = two_keys();
	uint32_t dnskey = p.dnskey_ttl + p.propagation + p.safety;
	uint32_t ds = p.parent_ds_ttl + p.parent_propagation + p.safety;

	p.zsk_lifetime = 2 * dnskey;
	expect_fault(&p, "zsk-lifetime");
	p.zsk_lifetime++;
	p.ksk_lifetime = 2 * dnskey + ds;
	expect_fault(&p, "ksk-lifetime");
	p.ksk_lifetime++;
	assert_null(sign_policy_check(&p).setting);
	p.parent_ds_ttl++;
	expect_fault(&p, "ksk-lifetime");
	p.ksk_lifetime = p.zsk_lifetime = 0;
	assert_null(sign_policy_check(&p).setting);
}

static void signatures_are_replaced_before_they_end(UNUSED void **state)
{
	struct sign_policy p = two_keys();

	p.signatures.validity = p.signatures.refresh + p.signatures.jitter;
	expect_fault(&p, "signatures-refresh");
	p.signatures.validity++;
	p.dnskey_validity = p.signatures.refresh + p.signatures.jitter;
	expect_fault(&p, "signatures-validity-dnskey");
	p.dnskey_validity++;
	assert_null(sign_policy_check(&p).setting);
	p.signatures.refresh = p.propagation;
	expect_fault(&p, "signatures-refresh");
}

static void numbers_out_of_this_world_are_refused(UNUSED void **state)
{
	struct sign_policy p = two_keys();

	p.signatures.validity = UINT32_MAX;
	expect_fault(&p, "signatures-validity");
	p = two_keys();
	p.signatures.refresh = p.signatures.jitter =
		UINT32_MAX; /* whose sum is not small */
	expect_fault(&p, "signatures-refresh");
	p = two_keys();
	p.dnskey_ttl = 0;
	expect_fault(&p, "dnskey-ttl");
	p = two_keys();
	p.parent_ds_ttl = 0;
	expect_fault(&p, "parent-ds-ttl");
	p = two_keys();
	p.signatures.skew = UINT32_MAX;
	expect_fault(&p, "signatures-skew");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_fine),
		cmocka_unit_test(every_algorithm_that_signs_is_taken_and_no_other),
		cmocka_unit_test(keys_of_rsa_are_neither_small_nor_huge),
		cmocka_unit_test(what_does_not_go_together_is_refused),
		cmocka_unit_test(a_lifetime_is_longer_than_a_rollover),
		cmocka_unit_test(signatures_are_replaced_before_they_end),
		cmocka_unit_test(numbers_out_of_this_world_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
