/*
 * The keyed hash of a domain name and of all its suffixes, in one pass.
 *
 * A name is taken from its end, 16 octets a step. What is left at its front, 0 to 15 octets, goes
 * into one step more, together with their number. A suffix shares all whole steps, so with the
 * state after each of them kept, the hash of any suffix is a single step away:
 *
 *      \8 h 0 0 0 1|2 3 4 \7 e x a m p l e \3 c o m \0      22 octets
 *      +----------+----------------------------------+
 *      | 6 octets |  16 octets: after[1]             |   after[0]: the seed
 *      +----------+----------------------------------+
 *      example.com., 13 octets, is one step from after[0]; the whole name is one from after[1]
 *
 * A step is the 64x64->128 bit multiply-and-fold of wyhash (Wang Yi). This is no cryptographic
 * hash; what stands against flooding is that the key is secret, new for each segment, and that
 * nothing derived from it leaves the machine.
 */
#ifndef SHARED_NAMEHASH_H
#define SHARED_NAMEHASH_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"
#include "shared/name.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { NAME_STEP = 16, NAME_STEPS_MAX = NAME_MAX_LEN / NAME_STEP };

struct name_hash_key {
	uint64_t seed;
	uint64_t mix;
};

/* What one pass over a name leaves: the state after each whole step. */
struct name_steps {
	uint64_t after[NAME_STEPS_MAX + 1];
};

/* 16 octets of a name, folded, as two little-endian numbers. */
struct name_chunk {
	uint64_t low;
	uint64_t high;
};

/* Folds eight octets. */
static ALWAYS_INLINE uint64_t name_fold_word(uint64_t w)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t low = w & (ones * 0x7f);
	uint64_t from_a = low + ones * (0x80 - 'A');
	uint64_t past_z = low + ones * (0x7f - 'Z');
	uint64_t upper = (from_a ^ past_z) & ~w & (ones * 0x80);
	return w | upper >> 2;
}

#if defined(__SSE2__)
static ALWAYS_INLINE __m128i name_fold_vector(__m128i v)
{
	/* SSE2 compares bytes as signed: moving 'A' to -128 makes "below 'A' + 26" one compare. */
	const __m128i to_min = _mm_set1_epi8((char)(0x80 - 'A'));
	const __m128i bound = _mm_set1_epi8(-128 + 26);
	const __m128i bit = _mm_set1_epi8(0x20);
	__m128i upper = _mm_cmplt_epi8(_mm_add_epi8(v, to_min), bound);

	return _mm_or_si128(v, _mm_and_si128(upper, bit));
}

/* Folds 16 octets from src to dst. */
static ALWAYS_INLINE struct name_chunk name_fold_chunk(uint8_t *dst, const uint8_t *src)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)src);

	v = name_fold_vector(v);
	_mm_storeu_si128((__m128i *)(void *)dst, v);
	return (struct name_chunk){
		.low = (uint64_t)_mm_cvtsi128_si64(v),
		.high = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(v, v)),
	};
}
#else
static ALWAYS_INLINE struct name_chunk name_fold_chunk(uint8_t *dst, const uint8_t *src)
{
	uint64_t w[2];

	memcpy(w, src, sizeof w);
	w[0] = name_fold_word(w[0]);
	w[1] = name_fold_word(w[1]);
	memcpy(dst, w, sizeof w);
	return (struct name_chunk){.low = le64toh(w[0]), .high = le64toh(w[1])};
}
#endif

static ALWAYS_INLINE uint64_t name_hash_step(const struct name_hash_key *key,
                                             uint64_t state, struct name_chunk c)
{
	__extension__ unsigned __int128 product =
		(unsigned __int128)(c.low ^ key->mix) * (c.high ^ state);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* What keeps the first n octets of a chunk. */
extern const struct name_chunk name_front_masks[NAME_STEP];

/* The last step: the first n octets of c, 0 to 15, and n itself where no octet can stand. */
static ALWAYS_INLINE uint64_t name_hash_front(const struct name_hash_key *key,
                                              uint64_t state, struct name_chunk c,
                                              size_t n)
{
	c.low &= name_front_masks[n].low;
	c.high = (c.high & name_front_masks[n].high) | (uint64_t)n << 56;
	return name_hash_step(key, state, c);
}

/*
 * Folds a name of len octets, root label included, from src to dst, and gives its hash.
 * src must have NAME_PAD readable octets past its end, dst as many writable ones.
 */
static ALWAYS_INLINE uint64_t name_fold_and_hash(const struct name_hash_key *key,
                                                 uint8_t *dst, const uint8_t *src,
                                                 size_t len, struct name_steps *steps)
{
	uint64_t state = key->seed;
	unsigned n = 0;

	steps->after[0] = state;
	for (; len >= NAME_STEP; len -= NAME_STEP) {
		struct name_chunk c =
			name_fold_chunk(dst + len - NAME_STEP, src + len - NAME_STEP);
		state = name_hash_step(key, state, c);
		steps->after[++n] = state;
	}
	return name_hash_front(key, state, name_fold_chunk(dst, src), len);
}

/* Hash of a whole name, valid, with NAME_PAD readable octets past its end. */
uint64_t name_hash(const struct name_hash_key *key, const uint8_t *name);

/* Hash of a suffix of a name that was hashed; suffix: folded, len octets. */
static ALWAYS_INLINE uint64_t name_hash_suffix(const struct name_hash_key *key,
                                               const struct name_steps *steps,
                                               const uint8_t *suffix, size_t len)
{
	struct name_chunk c;

	memcpy(&c, suffix, sizeof c);
	c.low = le64toh(c.low);
	c.high = le64toh(c.high);
	return name_hash_front(key, steps->after[len / NAME_STEP], c, len % NAME_STEP);
}

#endif
