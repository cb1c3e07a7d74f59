/*
 * The defaults are those that operators know from BIND's policy "default": ECDSA P-256 (RFC 8624), one key
 * that lives until somebody asks for another, NSEC, signatures of two weeks of which the last five days
 * are never used up.
 *
 * What is refused is what could not work: signatures that end before they are replaced, keys that are to
 * go before the world can have heard of them. What is merely unwise is the operator's affair.
 */
#include "control/sign/policy.h"

#include <stddef.h>

#include "shared/compiler.h"

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	LONGEST =
		10 * 366 * DAY, /* of anything: ten years, far from where sums overflow */
	RSA_BITS_MIN = 2048,    /* of new keys; smaller ones are only taken over */
};

struct sign_policy sign_policy_default(void)
{
	return (struct sign_policy){
		.csk = true,
		.algorithm = SIGN_ECDSAP256SHA256,
		.rsa_bits = 2048,
		.purge_after = 90 * DAY,
		.dnskey_ttl = HOUR,
		.propagation = 5 * MINUTE,
		.parent_ds_ttl = DAY,
		.parent_propagation = HOUR,
		.safety = HOUR,
		.signatures = {.validity = 14 * DAY,
	                       .jitter = 12 * HOUR,
	                       .refresh = 5 * DAY,
	                       .skew = HOUR},
		.dnskey_validity = 14 * DAY,
	};
}

typedef bool fault_test(const struct sign_policy *p);

static bool algorithm_is_unknown(const struct sign_policy *p)
{
	return !sign_algorithm(p->algorithm);
}

static bool rsa_is_too_small_or_large(const struct sign_policy *p)
{
	return sign_algorithm_is_rsa(p->algorithm) &&
	       (p->rsa_bits < RSA_BITS_MIN || p->rsa_bits > SIGN_RSA_BITS_MAX);
}

static bool csk_has_no_double_ds(const struct sign_policy *p)
{
	return p->csk && p->double_ds;
}

static bool csk_has_no_zsk(const struct sign_policy *p)
{
	return p->csk && p->zsk_lifetime;
}

/* What a new KSK takes from its making to its service, and the old one's DS to be forgotten. */
static bool ksk_goes_too_soon(const struct sign_policy *p)
{
	uint64_t dnskey = (uint64_t)p->dnskey_ttl + p->propagation + p->safety;
	uint64_t ds = (uint64_t)p->parent_ds_ttl + p->parent_propagation + p->safety;

	return p->ksk_lifetime && p->ksk_lifetime <= 2 * dnskey + ds;
}

static bool zsk_goes_too_soon(const struct sign_policy *p)
{
	uint64_t dnskey = (uint64_t)p->dnskey_ttl + p->propagation + p->safety;

	return p->zsk_lifetime && p->zsk_lifetime <= 2 * dnskey;
}

static bool refresh_is_too_early(const struct sign_policy *p)
{
	return (uint64_t)p->signatures.refresh + p->signatures.jitter >=
	       p->signatures.validity;
}

static bool keys_are_refreshed_too_early(const struct sign_policy *p)
{
	return (uint64_t)p->signatures.refresh + p->signatures.jitter >=
	       p->dnskey_validity;
}

static bool refresh_is_too_late(const struct sign_policy *p)
{
	return p->signatures.refresh <= p->propagation;
}

static bool hashes_too_often(const struct sign_policy *p)
{
	return p->iterations > SIGN_ITERATIONS_MAX;
}

static bool salts_without_hash(const struct sign_policy *p)
{
	return !p->nsec3 && (p->salt_length || p->iterations);
}

static bool opts_out_without_hash(const struct sign_policy *p)
{
	return !p->nsec3 && p->opt_out;
}

static bool has_no_dnskey_ttl(const struct sign_policy *p)
{
	return !p->dnskey_ttl;
}

static bool has_no_ds_ttl(const struct sign_policy *p)
{
	return !p->parent_ds_ttl;
}

static const struct {
	fault_test *is_so;
	struct sign_policy_fault fault;
} faults[] = {
	{algorithm_is_unknown, {"algorithm", "keys of that algorithm are not made here"}},
	{rsa_is_too_small_or_large, {"rsa-bits", "RSA keys have 2048 to 4096 bits"}},
	{csk_has_no_double_ds, {"ksk-roll", "double-ds is for a KSK beside ZSKs"}},
	{csk_has_no_zsk, {"zsk-lifetime", "there is no ZSK beside a CSK"}},
	{has_no_dnskey_ttl, {"dnskey-ttl", "is 0"}},
	{has_no_ds_ttl, {"parent-ds-ttl", "is 0"}},
	{ksk_goes_too_soon,
         {"ksk-lifetime",
          "is shorter than what a rollover takes with these TTLs and delays"}},
	{zsk_goes_too_soon,
         {"zsk-lifetime",
          "is shorter than what a rollover takes with these TTLs and delays"}},
	{refresh_is_too_early,
         {"signatures-refresh",
          "together with the jitter it reaches signatures-validity"}},
	{keys_are_refreshed_too_early,
         {"signatures-validity-dnskey",
          "is not longer than refresh and jitter together"}},
	{refresh_is_too_late,
         {"signatures-refresh", "signatures end before all servers have the next ones"}},
	{hashes_too_often,
         {"nsec3-iterations", "validators take more than 50 for no security"}},
	{salts_without_hash, {"nsec3", "salt and iterations are for NSEC3 only"}},
	{opts_out_without_hash, {"nsec3-opt-out", "is for NSEC3 only"}},
};

static struct sign_policy_fault times_fault(const struct sign_policy *p)
{
	const struct {
		const char *setting;
		uint32_t seconds;
	} times[] = {
		{"ksk-lifetime", p->ksk_lifetime},
		{"zsk-lifetime", p->zsk_lifetime},
		{"purge-after", p->purge_after},
		{"dnskey-ttl", p->dnskey_ttl},
		{"propagation", p->propagation},
		{"parent-ds-ttl", p->parent_ds_ttl},
		{"parent-propagation", p->parent_propagation},
		{"safety", p->safety},
		{"signatures-validity", p->signatures.validity},
		{"signatures-validity-dnskey", p->dnskey_validity},
		{"signatures-refresh", p->signatures.refresh},
		{"signatures-jitter", p->signatures.jitter},
		{"signatures-skew", p->signatures.skew},
	};

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i].seconds > LONGEST)
			return (struct sign_policy_fault){times[i].setting,
			                                  "is longer than ten years"};
	return (struct sign_policy_fault){0};
}

struct sign_policy_fault sign_policy_check(const struct sign_policy *p)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (faults[i].is_so(p))
			return faults[i].fault;
	return times_fault(p);
}
