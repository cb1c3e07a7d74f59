/*
 * How a zone is signed: which keys it has, how long they live, how long its signatures last, and what the
 * world around it needs to hear of a change. Only numbers; who acts upon them is in life.h, times.h and
 * chain.h.
 */
#ifndef CONTROL_SIGN_POLICY_H
#define CONTROL_SIGN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "control/sign/algorithm.h"
#include "control/sign/times.h"

/* Validators take more for no security (RFC 9276 §3.2). */
enum { SIGN_ITERATIONS_MAX = 50 };

/* All times are in seconds. */
struct sign_policy {
	/* Keys. One that does both (CSK), or one for the keys (KSK) and one for everything else (ZSK). */
	bool csk;
	bool double_ds; /* a new KSK's DS comes before its DNSKEY (RFC 7583 section 3.3.2) */
	bool double_signature; /* a new ZSK signs as soon as it is published (section 3.2.2 there) */
	bool nsec3;            /* deny by hashed names (RFC 5155) */
	bool opt_out;          /* leave unsigned delegations out of that */
	uint8_t algorithm;     /* as in DNSKEY records */
	uint8_t salt_length;   /* octets; 0 is what RFC 9276 asks for */
	uint16_t iterations;   /* further ones; likewise */
	uint16_t rsa_bits;     /* of RSA only */
	uint32_t ksk_lifetime; /* of CSKs too; 0: until somebody asks for another */
	uint32_t zsk_lifetime;
	uint32_t purge_after; /* a key that is of no use any more is kept that long */

	/* What others take to hear of a change. */
	uint32_t dnskey_ttl;
	uint32_t propagation; /* until all of the zone's servers have it */
	uint32_t parent_ds_ttl;
	uint32_t parent_propagation; /* until all of the parent's servers have it */
	uint32_t safety;             /* on top of every wait */

	struct sign_periods signatures; /* of what is not said otherwise */
	uint32_t dnskey_validity;       /* of those of DNSKEY, CDS and CDNSKEY */
};

/* Gives what holds where nothing is said. */
struct sign_policy sign_policy_default(void);

/* What is wrong with a policy: the setting, by its name in the configuration, and why. */
struct sign_policy_fault {
	const char *setting; /* NULL: nothing is */
	const char *why;
};

/* Gives the first fault. A policy with one is used for nothing. */
struct sign_policy_fault sign_policy_check(const struct sign_policy *p);

/* Says whether keys of that algorithm have a size that can be chosen. */
static inline bool sign_algorithm_is_rsa(uint8_t algorithm)
{
	return algorithm == SIGN_RSASHA256 || algorithm == SIGN_RSASHA512;
}

#endif
