/*
 * The hash of a name in NSEC3 (RFC 5155 §5): SHA-1 of name and salt, and then again and again of
 * the hash before and the salt. One block when the zone follows RFC 9276 (no salt, 0 iterations)
 * and the name is of at most 55 octets.
 */
#ifndef DATAPLANE_RESPOND_NSEC3HASH_H
#define DATAPLANE_RESPOND_NSEC3HASH_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/table.h"

/* name: folded, of at most NAME_MAX_LEN octets. salt: salt_len of them, at most 255. */
HOT void nsec3_hash(const uint8_t *name, size_t name_len, const uint8_t *salt,
                    size_t salt_len, unsigned iterations,
                    uint8_t out[static NSEC3_HASH_LEN]);

#endif
