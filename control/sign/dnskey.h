/*
 * The public half of a key: as RDATA of a DNSKEY (RFC 4034 §2), and ready to verify signatures with.
 */
#ifndef CONTROL_SIGN_DNSKEY_H
#define CONTROL_SIGN_DNSKEY_H

#include <stddef.h>
#include <stdint.h>

#include "control/sign/algorithm.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

enum {
	DNSKEY_HEADER = 4, /* flags, protocol, algorithm */
	DNSKEY_PROTOCOL = 3,
	DNSKEY_ZONE = 0x0100, /* flag: signs zones */
	DNSKEY_REVOKE =
		0x0080, /* flag: signs nothing but the DNSKEYs any more (RFC 5011 §2.1) */
	DNSKEY_SEP = 0x0001, /* flag: a parent points to it */
	DNSKEY_EXPONENT_MAX = 8,
	DNSKEY_MAX = DNSKEY_HEADER + 1 + DNSKEY_EXPONENT_MAX + SIGN_RSA_BITS_MAX / 8,
};

struct evp_pkey_st;

/* RDATA of a key. Gives its length. ERR_INVALID: the key is not of that algorithm. ERR_RANGE: RSA of a size, or
 * with an exponent, that is not taken here. */
MUST_CHECK int dnskey_write(uint8_t algorithm, uint16_t flags,
                            const struct evp_pkey_st *pkey,
                            uint8_t out[static DNSKEY_MAX]);

/* RFC 4034 appendix B; not for algorithm 1, which has its own way there. */
uint16_t dnskey_tag(struct rdata rdata);

/* One thread at a time. */
struct dnskey;

/* Gives a key that RDATA describes, whatever its flags. ERR_NOTFOUND: of an algorithm that is not known here.
 * ERR_CORRUPT: it is not what its algorithm has as keys. ERR_RANGE as above. */
MUST_CHECK int dnskey_open(struct rdata rdata, struct dnskey **out);
/* Takes; NULL is fine. */
void dnskey_free(struct dnskey **k);

size_t dnskey_signature_len(const struct dnskey *k);

/* 0: it has signed that data. ERR_INVALID: not as long as its signatures are. ERR_REFUSED: it has not. */
MUST_CHECK int dnskey_verify(struct dnskey *k, const uint8_t *data, size_t len,
                             const uint8_t *signature, size_t signature_len);

#endif
