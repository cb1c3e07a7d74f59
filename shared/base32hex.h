/*
 * base32hex without padding (RFC 4648 §7): the form of the hash in the owner name of an NSEC3
 * record (RFC 5155 §3.3).
 */
#ifndef SHARED_BASE32HEX_H
#define SHARED_BASE32HEX_H

#include <stdint.h>

#include "shared/compiler.h"

/* Digits of len octets. */
static inline size_t base32hex_len(size_t len)
{
	return (len * 8 + 4) / 5;
}

/* Writes base32hex_len(len) digits, in lower case as folded names are. Gives their number. */
size_t base32hex_encode(const uint8_t *bytes, size_t len, uint8_t *text);

/* Either case. Gives the number of octets, len * 5 / 8, or ERR_SYNTAX: another character, a
 * number of digits that no number of octets has, or bits left over that are not zero. */
MUST_CHECK int base32hex_decode(const uint8_t *text, size_t len, uint8_t *bytes);

#endif
