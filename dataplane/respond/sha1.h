/*
 * The SHA-1 compression function (FIPS 180-4 §6.1.2), for NSEC3 hashes and nothing else.
 *
 * Why not OpenSSL, as for all other cryptography here: a query that needs an NSEC3 proof hashes
 * one block, and OpenSSL takes longer to get to the block than the block takes. One hash of a
 * 30-octet name, no salt, 0 iterations, best of 20 runs on an AMD EPYC with the SHA extensions:
 * OpenSSL 3.0 with a fetched digest and a context used again 110 ns, nsec3_hash() 60 ns, of which
 * the block is 48 ns. (Without the extensions OpenSSL's assembler would win: 160 ns against
 * 325 ns for the portable block as gcc 12 compiles it, 175 ns by clang 14.) Nothing secret is
 * hashed, and RFC 5155 leaves no choice of the algorithm.
 */
#ifndef DATAPLANE_RESPOND_SHA1_H
#define DATAPLANE_RESPOND_SHA1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

enum {
	SHA1_BLOCK = 64, /* octets */
	SHA1_WORDS = 5,
};

/* The state before the first block. */
static inline void sha1_init(uint32_t state[static SHA1_WORDS])
{
	state[0] = 0x67452301;
	state[1] = 0xefcdab89;
	state[2] = 0x98badcfe;
	state[3] = 0x10325476;
	state[4] = 0xc3d2e1f0;
}

/* Takes n blocks into the state, in the best way that the processor has. */
HOT void sha1_blocks(uint32_t state[static SHA1_WORDS], const uint8_t *blocks, size_t n);

/* The two ways, for tests and measurements. sha1_blocks_native() only if sha1_is_native(). */
void sha1_blocks_portable(uint32_t state[static SHA1_WORDS], const uint8_t *blocks,
                          size_t n);
void sha1_blocks_native(uint32_t state[static SHA1_WORDS], const uint8_t *blocks,
                        size_t n);

/* Says whether the processor has instructions for SHA-1. */
bool sha1_is_native(void);

#endif
