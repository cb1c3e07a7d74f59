/*
 * Keys that sign a zone (key.h) and have their private half in a PKCS#11 token. They are used as others are, by as many
 * threads; only that nothing gives the private half away, that making one or opening it waits for the token, and that
 * a signature may fail with ERR_GONE.
 *
 * Each is said by a URI (RFC 7512) that finds it in the tokens that are configured (tokens.h):
 *
 *      pkcs11:token=Anser;id=%01%F3...
 */
#ifndef CONTROL_SIGN_KEY_TOKEN_H
#define CONTROL_SIGN_KEY_TOKEN_H

#include <stdint.h>

#include "control/sign/key.h"
#include "control/sign/token_key.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

/* Opens a key of which the public half is known. Errors as token_key_open(), and ERR_INVALID: the RDATA is no key of
 * an algorithm known here, or the token signs what this does not verify. */
MUST_CHECK int sign_key_from_token(const char *uri, struct rdata dnskey,
                                   struct sign_key **out,
                                   char why[static TOKEN_WHY_SIZE]);

/* Opens one whose public half is in the token too. ERR_RANGE: RSA of a size that is not taken here. */
MUST_CHECK int sign_key_in_token(const char *uri, uint8_t algorithm, uint16_t flags,
                                 struct sign_key **out, char why[static TOKEN_WHY_SIZE]);

struct sign_key_wanted {
	const char *
		token; /* lent; the URI of a key or of a token: only which token counts */
	uint8_t algorithm;
	uint16_t flags;
	unsigned bits;     /* of RSA only */
	const char *label; /* lent; for those who look into the token */
};

/* Makes one in a token. Errors as sign_key_generate() and token_key_make(). */
MUST_CHECK int sign_key_generate_in_token(const struct sign_key_wanted *w,
                                          struct sign_key **out,
                                          char why[static TOKEN_WHY_SIZE]);

/* Lent. NULL: its private half is in no token. */
const char *sign_key_uri(const struct sign_key *k);

#endif
