/*
 * Keys in text as other servers have them in files, one or several:
 *
 *      key "NAME" { algorithm hmac-sha256; secret "BASE64"; };      BIND, tsig-keygen
 *
 *      key:                                                         Knot, keymgr -t
 *        - id: NAME
 *          algorithm: hmac-sha256
 *          secret: BASE64
 *
 *      hmac-sha256:NAME:BASE64                                      dig -y, kdig -y; one on a line
 *
 * Comments (#, //, and slashes with asterisks) and whatever else BIND's and Knot's files hold between
 * keys are passed over.
 */
#ifndef CONTROL_TSIG_KEYTEXT_H
#define CONTROL_TSIG_KEYTEXT_H

#include <stddef.h>

#include "control/tsig/key.h"
#include "shared/compiler.h"

/* A key that was read. */
struct keytext {
	uint8_t name[NAME_MAX_LEN]; /* folded */
	enum tsig_algorithm algorithm;
	size_t secret_len;
	uint8_t secret[TSIG_SECRET_MAX];
	unsigned line;
};

enum { KEYTEXT_WHY_SIZE = 160 };

/* Calls back for each key until it gives non-zero, which is handed through; what it is given is lent. Gives how
 * many there were. ERR_SYNTAX: why says on which line and what, without any of a secret. */
MUST_CHECK int keytext_each(const char *text, size_t len,
                            int (*fn)(const struct keytext *, void *), void *arg,
                            char why[static KEYTEXT_WHY_SIZE]);

#endif
