/*
 * The numbers of a private key's text, and the key that OpenSSL makes of them.
 */
#ifndef CONTROL_SIGN_KEYFILE_NUMBERS_H
#define CONTROL_SIGN_KEYFILE_NUMBERS_H

#include "control/sign/keyfile_text.h"
#include "shared/compiler.h"

struct evp_pkey_st;

/* Gives a key, the caller's. ERR_REFUSED: the numbers are those of no key. */
MUST_CHECK int keyfile_to_pkey(const struct keyfile_text *k, struct evp_pkey_st **out);

/* Adds to out the parts of a key that is of out's algorithm. ERR_SYSTEM. */
MUST_CHECK int keyfile_from_pkey(const struct evp_pkey_st *pkey,
                                 struct keyfile_text *out);

#endif
