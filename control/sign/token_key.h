/*
 * A key in a PKCS#11 token: what of it can be had outside, which is its public half, and signatures.
 *
 * Any number of threads may hold one at once, and sign with it; each takes a session of the token for as long as a
 * signature is made (token_session.c).
 */
#ifndef CONTROL_SIGN_TOKEN_KEY_H
#define CONTROL_SIGN_TOKEN_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "control/sign/algorithm.h"
#include "control/sign/dnskey.h"
#include "control/sign/tokens.h"
#include "shared/compiler.h"

enum {
	TOKEN_KEY_URI_SIZE = 512, /* with the NUL */
	TOKEN_ID_SIZE = 16,       /* of keys that are made here; random */
};

struct token_key;

/* Says what is wrong with the URI of a key: it must have "token", and "id" or "object", and nothing of how this
 * machine reaches the token. ERR_INVALID. */
MUST_CHECK int token_key_check(const char *uri, char why[static TOKEN_WHY_SIZE]);

/* Finds the private half. ERR_INVALID: the URI is no key's, or what the configuration has of the token is wrong.
 * ERR_NOTFOUND: there is no such token, or no such key in it. ERR_EXISTS: more than one. ERR_DENIED, ERR_REFUSED: the
 * token does not let us in, or the file of the PIN is not private. ERR_GONE: it does not answer. */
MUST_CHECK int token_key_open(const char *uri, const struct sign_algorithm_facts *f,
                              struct token_key **out, char why[static TOKEN_WHY_SIZE]);
/* Takes; NULL is fine. */
void token_key_free(struct token_key **k);

/* Lent. */
const char *token_key_uri(const struct token_key *k);

/* Writes the public half as RDATA of a DNSKEY, as the token has it. Gives its length. ERR_NOTFOUND: the token has the
 * private half only. ERR_INVALID: it is not a key of that algorithm. ERR_GONE. */
MUST_CHECK int token_key_dnskey(struct token_key *k, uint16_t flags,
                                uint8_t out[static DNSKEY_MAX],
                                char why[static TOKEN_WHY_SIZE]);

/* Signs a digest, or, with EdDSA, the data itself. Gives the length of the signature in the form that DNSSEC
 * has for it. ERR_GONE: the token does not answer. ERR_SYSTEM: it does not sign this with such a key. */
MUST_CHECK int token_key_sign(struct token_key *k, const uint8_t *data, size_t len,
                              uint8_t signature[static SIGN_SIGNATURE_MAX]);

struct token_key_wanted {
	const char *token; /* lent; a URI, of which only what the token is counts */
	const struct sign_algorithm_facts *facts;
	unsigned bits;     /* of RSA only */
	const char *label; /* lent; for those who look into the token */
};

/* Makes a pair of keys in a token, of which the private one cannot leave it. uri: of the key. Errors as
 * token_key_open(), and ERR_SYSTEM: the token does not make such keys. */
MUST_CHECK int token_key_make(const struct token_key_wanted *w,
                              char uri[static TOKEN_KEY_URI_SIZE],
                              char why[static TOKEN_WHY_SIZE]);

/* Removes both halves from the token, for ever. Errors as token_key_open(), and ERR_SYSTEM: the token does not
 * let go of them. */
MUST_CHECK int token_key_remove(const char *uri, char why[static TOKEN_WHY_SIZE]);

#endif
