/*
 * What the files that ask OpenSSL for signatures share.
 */
#ifndef CONTROL_SIGN_INTERNAL_H
#define CONTROL_SIGN_INTERNAL_H

#include <openssl/err.h>
#include <openssl/evp.h>

#include "control/sign/dnskey.h"
#include "control/sign/key.h"

struct sign_key {
	const struct sign_algorithm_facts *facts;
	EVP_PKEY *pkey; /* both halves; never changed */
	uint16_t flags;
	uint16_t tag;
	uint16_t dnskey_len;
	uint8_t dnskey[DNSKEY_MAX];
};

enum { DER_SIGNATURE_MAX = 128 }; /* of ECDSA with 48 octets a number */

/* Passes an error up, and forgets what OpenSSL has noted of it for the thread: who reads that next, which
 * is TLS, would take it for its own. */
static inline int forget_noted(int err)
{
	ERR_clear_error();
	return err;
}

#endif
