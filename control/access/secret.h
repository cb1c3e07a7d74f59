/*
 * The text of an API key: what its holder shows. It is made here, given out once, and then known
 * by its hash only.
 *
 *      ans_0123456789abcdef_(43 characters of base64url)
 *
 * The middle names the key and is no secret: it finds the key in one step, so that the secret is
 * compared with one hash only, in a time that does not depend on what is in either. The end is 256
 * random bits. The beginning lets scanners for leaked secrets know what they see.
 */
#ifndef CONTROL_ACCESS_SECRET_H
#define CONTROL_ACCESS_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "control/access/actor.h"
#include "shared/compiler.h"

enum {
	SECRET_BYTES = 32,
	SECRET_BASE64 = 43,
	SECRET_PREFIX = 4,
	SECRET_TEXT_SIZE = SECRET_PREFIX + (KEY_ID_SIZE - 1) + 1 + SECRET_BASE64 + 1,
	SECRET_HASH_SIZE = 32, /* SHA-256 of all of the text */
};

/* Makes a new one. ERR_SYSTEM: no random numbers. */
MUST_CHECK int secret_new(char text[static SECRET_TEXT_SIZE]);

/* Gives the id of the key that a text claims to be, or false: it has not the form of one. */
bool secret_key_id(const char *text, char id[static KEY_ID_SIZE]);

/* text: of that form. */
void secret_hash(const char *text, uint8_t hash[static SECRET_HASH_SIZE]);

/* In a time that does not depend on the octets. */
bool secret_hash_equal(const uint8_t a[static SECRET_HASH_SIZE],
                       const uint8_t b[static SECRET_HASH_SIZE]);

/* Overwrites what must not stay in memory. */
void secret_forget(void *bytes, size_t size);

#endif
