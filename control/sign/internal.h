/*
 * What the files that ask OpenSSL for signatures share.
 */
#ifndef CONTROL_SIGN_INTERNAL_H
#define CONTROL_SIGN_INTERNAL_H

#include <stdbool.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "control/sign/dnskey.h"
#include "control/sign/key.h"

struct token_key;

struct sign_key {
	const struct sign_algorithm_facts *facts;
	EVP_PKEY *pkey;          /* both halves, unless it has a token; never changed */
	struct token_key *token; /* has the private half; NULL: pkey has it */
	uint16_t flags;
	uint16_t tag;
	uint16_t dnskey_len;
	uint8_t dnskey[DNSKEY_MAX];
};

enum { DER_SIGNATURE_MAX = 128 }; /* of ECDSA with 48 octets a number */

/* The public half, as a reference. */
EVP_PKEY *dnskey_pkey(struct dnskey *k);

bool sign_key_is_role(uint16_t flags);
/* Says whether such a key may be made: ERR_INVALID, ERR_RANGE. */
MUST_CHECK int sign_key_check_wanted(uint8_t algorithm, unsigned bits, uint16_t flags);

/* Signs something, and verifies it as a resolver would: by the DNSKEY's RDATA alone. So there is a private half,
 * it belongs to the public one, and what is published is that one. ERR_INVALID; ERR_GONE: its token does not
 * answer. */
MUST_CHECK int sign_key_prove(const struct sign_key *k);

/* Passes an error up, and forgets what OpenSSL has noted of it for the thread: who reads that next, which
 * is TLS, would take it for its own. */
static inline int forget_noted(int err)
{
	ERR_clear_error();
	return err;
}

#endif
