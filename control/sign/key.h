/*
 * A key that signs a zone: both halves of it, its algorithm and the part it plays.
 *
 * A key never changes, and any number of threads may hold it at once; each signs by a signer of its own
 * (control/sign/signer.h). Secrets are overwritten when they are freed.
 */
#ifndef CONTROL_SIGN_KEY_H
#define CONTROL_SIGN_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "control/sign/algorithm.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

enum {
	SIGN_FLAGS_ZSK = 256,
	SIGN_FLAGS_KSK = 257, /* a key that does both is one too */
};

struct evp_pkey_st;
struct sign_key;

/* Makes a new key; bits: of RSA only. RSA takes seconds. ERR_INVALID: no such algorithm or flags. ERR_RANGE: RSA of
 * a size that is not taken here. ERR_SYSTEM: OpenSSL as it is set up does not make such keys. */
MUST_CHECK int sign_key_generate(uint8_t algorithm, unsigned bits, uint16_t flags,
                                 struct sign_key **out);

/* Takes pkey, when it fails too. What it signs has been verified by its public half. ERR_INVALID: no such algorithm or
 * flags, a key of another algorithm, without its private half, or with halves that do not belong
 * together. ERR_RANGE: RSA of a size that is not taken here. */
MUST_CHECK int sign_key_new(uint8_t algorithm, uint16_t flags, struct evp_pkey_st *pkey,
                            struct sign_key **out);

/* The same from PKCS#8 (RFC 5958), DER. ERR_CORRUPT: it is not that, or something is behind it. */
MUST_CHECK int sign_key_open(uint8_t algorithm, uint16_t flags, const uint8_t *pkcs8,
                             size_t len, struct sign_key **out);

/* Gives PKCS#8 of it, which the caller overwrites and frees. ERR_SYSTEM; so too of a key in a token (key_token.h). */
MUST_CHECK int sign_key_encode(const struct sign_key *k, uint8_t **pkcs8, size_t *len);

/* Takes; NULL is fine. */
void sign_key_free(struct sign_key **k);

uint8_t sign_key_algorithm(const struct sign_key *k);
uint16_t sign_key_flags(const struct sign_key *k);
/* Of RSA the modulus; of the others what their curve has. */
unsigned sign_key_bits(const struct sign_key *k);

/* Lent. Of a key in a token it is the public half only. */
const struct evp_pkey_st *sign_key_pkey(const struct sign_key *k);
struct rdata sign_key_dnskey(const struct sign_key *k);

/* RFC 4034 appendix B. */
uint16_t sign_key_tag(const struct sign_key *k);

#endif
