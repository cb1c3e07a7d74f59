#include "dataplane/respond/sha1.h"

#include <assert.h>
#include <stdatomic.h>

#include "shared/wire.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* ---- any processor ---- */

static inline uint32_t rotate(uint32_t v, unsigned bits)
{
	return v << bits | v >> (32 - bits);
}

enum round_kind {
	CHOOSE,
	PARITY,
	MAJORITY,
};

struct working {
	uint32_t a;
	uint32_t b;
	uint32_t c;
	uint32_t d;
	uint32_t e;
};

static ALWAYS_INLINE uint32_t mix(enum round_kind kind, uint32_t b, uint32_t c,
                                  uint32_t d)
{
	switch (kind) {
	case CHOOSE: return d ^ (b & (c ^ d));
	case MAJORITY: return (b & c) | (d & (b | c));
	case PARITY:
	default: return b ^ c ^ d;
	}
}

/* Five rounds, after which each variable is what it was called before: none has to be moved. */
static ALWAYS_INLINE void five_rounds(struct working *v, enum round_kind kind, uint32_t k,
                                      const uint32_t *w)
{
	v->e += mix(kind, v->b, v->c, v->d) + (k + w[0]);
	v->e += rotate(v->a, 5);
	v->b = rotate(v->b, 30);
	v->d += mix(kind, v->a, v->b, v->c) + (k + w[1]);
	v->d += rotate(v->e, 5);
	v->a = rotate(v->a, 30);
	v->c += mix(kind, v->e, v->a, v->b) + (k + w[2]);
	v->c += rotate(v->d, 5);
	v->e = rotate(v->e, 30);
	v->b += mix(kind, v->d, v->e, v->a) + (k + w[3]);
	v->b += rotate(v->c, 5);
	v->d = rotate(v->d, 30);
	v->a += mix(kind, v->c, v->d, v->e) + (k + w[4]);
	v->a += rotate(v->b, 5);
	v->c = rotate(v->c, 30);
}

static void expand(uint32_t w[static 80], const uint8_t *block)
{
	for (unsigned t = 0; t < 16; t++)
		w[t] = wire_load32(block + 4 * (size_t)t);
	for (unsigned t = 16; t < 80; t++)
		w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
}

static void portable_block(uint32_t state[static SHA1_WORDS], const uint8_t *block)
{
	struct working v = {state[0], state[1], state[2], state[3], state[4]};
	uint32_t w[80];
	unsigned t = 0;

	expand(w, block);
	for (; t < 20; t += 5)
		five_rounds(&v, CHOOSE, 0x5a827999, w + t);
	for (; t < 40; t += 5)
		five_rounds(&v, PARITY, 0x6ed9eba1, w + t);
	for (; t < 60; t += 5)
		five_rounds(&v, MAJORITY, 0x8f1bbcdc, w + t);
	for (; t < 80; t += 5)
		five_rounds(&v, PARITY, 0xca62c1d6, w + t);
	state[0] += v.a;
	state[1] += v.b;
	state[2] += v.c;
	state[3] += v.d;
	state[4] += v.e;
}

void sha1_blocks_portable(uint32_t state[static SHA1_WORDS], const uint8_t *blocks,
                          size_t n)
{
	for (; n > 0; n--, blocks += SHA1_BLOCK)
		portable_block(state, blocks);
}

/* ---- x86-64 with the SHA extensions ---- */

#if defined(__x86_64__)

/* sha1rnds4 does four rounds: it takes a to d in one register and e, already added to the four
 * words, in the other; sha1nexte makes that of the a of four rounds ago. */
#define TARGET_SHA __attribute__((target("sha,sse4.1")))

struct native {
	__m128i abcd;   /* a on top */
	__m128i before; /* abcd four rounds ago, of which the e of now is made */
	__m128i w
		[4]; /* the last sixteen words, first on top; which four are oldest goes round */
};

/* The kind of round has to be a constant of the instruction. */
TARGET_SHA static ALWAYS_INLINE __m128i rounds_of_kind(__m128i abcd, __m128i e,
                                                       unsigned kind)
{
	switch (kind) {
	case 0: return _mm_sha1rnds4_epu32(abcd, e, 0);
	case 1: return _mm_sha1rnds4_epu32(abcd, e, 1);
	case 2: return _mm_sha1rnds4_epu32(abcd, e, 2);
	default: return _mm_sha1rnds4_epu32(abcd, e, 3);
	}
}

TARGET_SHA static ALWAYS_INLINE void four_rounds(struct native *v, __m128i words,
                                                 unsigned kind)
{
	__m128i e = _mm_sha1nexte_epu32(v->before, words);

	v->before = v->abcd;
	v->abcd = rounds_of_kind(v->abcd, e, kind);
}

/* Four rounds on the four words that follow from the last sixteen. */
TARGET_SHA static ALWAYS_INLINE void next_four(struct native *v, unsigned oldest,
                                               unsigned kind)
{
	__m128i *w = v->w;
	__m128i sum = _mm_sha1msg1_epu32(w[oldest], w[(oldest + 1) % 4]);

	sum = _mm_xor_si128(sum, w[(oldest + 2) % 4]);
	w[oldest] = _mm_sha1msg2_epu32(sum, w[(oldest + 3) % 4]);
	four_rounds(v, w[oldest], kind);
}

TARGET_SHA static ALWAYS_INLINE void next_sixteen(struct native *v,
                                                  const unsigned kinds[static 4])
{
	next_four(v, 0, kinds[0]);
	next_four(v, 1, kinds[1]);
	next_four(v, 2, kinds[2]);
	next_four(v, 3, kinds[3]);
}

TARGET_SHA static ALWAYS_INLINE __m128i load_words(const uint8_t *p)
{
	/* First word on top, each from big endian: all sixteen octets turned round. */
	const __m128i turn =
		_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), turn);
}

TARGET_SHA static ALWAYS_INLINE void native_block(struct native *v, __m128i *e0,
                                                  const uint8_t *block)
{
	__m128i saved = v->abcd;

	for (unsigned i = 0; i < 4; i++)
		v->w[i] = load_words(block + 16 * (size_t)i);
	/* The first e is the one of the block before, not made from an a. */
	v->before = saved;
	v->abcd = _mm_sha1rnds4_epu32(saved, _mm_add_epi32(*e0, v->w[0]), 0);
	four_rounds(v, v->w[1], 0);
	four_rounds(v, v->w[2], 0);
	four_rounds(v, v->w[3], 0);
	next_sixteen(v, (const unsigned[]){0, 1, 1, 1});
	next_sixteen(v, (const unsigned[]){1, 1, 2, 2});
	next_sixteen(v, (const unsigned[]){2, 2, 2, 3});
	next_sixteen(v, (const unsigned[]){3, 3, 3, 3});
	*e0 = _mm_sha1nexte_epu32(v->before, *e0);
	v->abcd = _mm_add_epi32(v->abcd, saved);
}

TARGET_SHA void sha1_blocks_native(uint32_t state[static SHA1_WORDS],
                                   const uint8_t *blocks, size_t n)
{
	struct native v;
	__m128i e0 = _mm_set_epi32((int)state[4], 0, 0, 0);

	v.abcd = _mm_loadu_si128((const __m128i *)(const void *)state);
	v.abcd = _mm_shuffle_epi32(v.abcd, 0x1b);
	for (; n > 0; n--, blocks += SHA1_BLOCK)
		native_block(&v, &e0, blocks);
	v.abcd = _mm_shuffle_epi32(v.abcd, 0x1b);
	_mm_storeu_si128((__m128i *)(void *)state, v.abcd);
	state[4] = (uint32_t)_mm_extract_epi32(e0, 3);
}

bool sha1_is_native(void)
{
	unsigned eax;
	unsigned ebx;
	unsigned ecx;
	unsigned edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_SSE4_1))
		return false;
	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_SHA);
}

#else

void sha1_blocks_native(uint32_t state[static SHA1_WORDS], const uint8_t *blocks,
                        size_t n)
{
	(void)state;
	(void)blocks;
	(void)n;
	assert(!"this processor has no instructions for SHA-1");
}

bool sha1_is_native(void)
{
	return false;
}

#endif

/* ---- choice ---- */

typedef void blocks_fn(uint32_t state[static SHA1_WORDS], const uint8_t *blocks,
                       size_t n);

static blocks_fn choose;

/* Starts as choose(), which puts the right one in its place; any number of threads may do so at
 * once, and they all store the same. */
static blocks_fn *_Atomic chosen = choose;

static void choose(uint32_t state[static SHA1_WORDS], const uint8_t *blocks, size_t n)
{
	blocks_fn *fn = sha1_is_native() ? sha1_blocks_native : sha1_blocks_portable;

	/* Relaxed here and below: code is there all along, nothing else is passed on. */
	atomic_store_explicit(&chosen, fn, memory_order_relaxed);
	fn(state, blocks, n);
}

void sha1_blocks(uint32_t state[static SHA1_WORDS], const uint8_t *blocks, size_t n)
{
	atomic_load_explicit(&chosen, memory_order_relaxed)(state, blocks, n);
}
