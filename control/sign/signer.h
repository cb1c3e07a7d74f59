/*
 * What signs with a key: the key, and all that one thread needs to make one signature after another, set up once.
 *
 * Signing a whole zone is millions of signatures. Asking OpenSSL for a digest and a context for each
 * of them costs a tenth of what a signature of P-256 costs; here that is done once.
 */
#ifndef CONTROL_SIGN_SIGNER_H
#define CONTROL_SIGN_SIGNER_H

#include <stddef.h>
#include <stdint.h>

#include "control/sign/key.h"
#include "shared/compiler.h"

/* One thread at a time. */
struct signer;

/* The key is lent as long as the signer lives. ERR_SYSTEM: OpenSSL as it is set up does not sign with such keys;
 * ERR_INVALID: the key has no private half. */
MUST_CHECK int signer_new(const struct sign_key *k, struct signer **out);
/* Takes; NULL is fine. */
void signer_free(struct signer **s);

const struct sign_key *signer_key(const struct signer *s);

/* Signs, and gives the length of the signature in the form that DNSSEC has for it. ERR_SYSTEM;
 * ERR_GONE: the token that the key lies in does not answer, nor after it was reached anew. */
MUST_CHECK int signer_sign(struct signer *s, const uint8_t *data, size_t len,
                           uint8_t signature[static SIGN_SIGNATURE_MAX]);

#endif
