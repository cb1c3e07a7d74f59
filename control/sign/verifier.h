/*
 * Verifies the signatures of a zone (RFC 4035 §5.3) by its DNSKEYs, and says what is wrong with one that does not
 * hold. What it verifies stands in the zone: there a signature that was made for a wildcard is wrong at
 * any other name, and the TTL is what was signed.
 */
#ifndef CONTROL_SIGN_VERIFIER_H
#define CONTROL_SIGN_VERIFIER_H

#include <stdint.h>

#include "control/zone/rrset.h"
#include "shared/compiler.h"

enum rrsig_fault {
	RRSIG_GOOD,
#define RRSIG_FAULT(name, text) RRSIG_##name,
#include "control/sign/rrsig_faults.def"
#undef RRSIG_FAULT
};

/* "has expired"; "is good". */
const char *rrsig_fault_text(enum rrsig_fault f);

/* One thread at a time. */
struct verifier;

/* zone: any case. dnskeys: at its apex, from whatever source; count may be 0. Both are copied. */
struct verifier *verifier_new(const uint8_t *zone, const struct rrset *dnskeys);
/* Takes; NULL is fine. */
void verifier_free(struct verifier **v);

/* Verifies one signature, from whatever source, of an RRset whose records have passed rdata_check(). owner: any case;
 * now: seconds since 1970. */
enum rrsig_fault verifier_check(struct verifier *v, const uint8_t *owner,
                                const struct rrset *set, struct rdata signature,
                                uint64_t now);

/* Checks all of that but whether the signature is of these records, which is what costs. */
enum rrsig_fault verifier_look(struct verifier *v, const uint8_t *owner,
                               const struct rrset *set, struct rdata signature,
                               uint64_t now);

/* Verifies all signatures of an RRset, and gives what is wrong with the first that does not hold. One without
 * signatures is good. */
enum rrsig_fault verifier_check_set(struct verifier *v, const uint8_t *owner,
                                    const struct rrset *set, uint64_t now);

#endif
