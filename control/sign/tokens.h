/*
 * The PKCS#11 tokens of this machine (HSMs, smart cards), in which private halves of keys may lie that never leave
 * them: which there are, and how each is reached.
 *
 * A PKCS#11 library is the whole process's: it is initialised once, and a token is logged in at once for all threads.
 * So this list is the process's too. Any thread may call what is here, and may have to wait for a token.
 *
 * A token is said by a URI (RFC 7512) of what it is, and of how this machine reaches it:
 *
 *      pkcs11:token=Anser?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/anser/pin
 *
 * The URI of a key (key_token.h) has none of the latter. It may come from far away, and must not be able to say which
 * library this process loads, or which file it reads.
 */
#ifndef CONTROL_SIGN_TOKENS_H
#define CONTROL_SIGN_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/compiler.h"

enum {
	TOKENS_MAX = 16,
	TOKEN_WHY_SIZE = 512,
};

/* Says what is wrong with the URI of a token. It must have "token" and, as an absolute path, "module-path"; of
 * "pin-source", without which the token wants no PIN, or has a pad for it, an absolute path with or without "file:". The
 * PIN itself is refused. Reads no file. ERR_INVALID. */
MUST_CHECK int token_check(const char *uri, char why[static TOKEN_WHY_SIZE]);

/* Says whether two URIs are of tokens, or of what is in them, of the same label. */
bool token_is_same(const char *one, const char *other);

/* Says which tokens there are, instead of those that were. None is reached before a key in it is asked for. Keys
 * that are held stay usable. A PIN that was refused is tried again from now on. ERR_INVALID: by token_check(), or above
 * TOKENS_MAX; the list is what it was. */
MUST_CHECK int tokens_set(const char *const *uris, size_t count,
                          char why[static TOKEN_WHY_SIZE]);

/* Forgets them all. Libraries are unloaded with the last of their keys. */
void tokens_forget(void);

#endif
