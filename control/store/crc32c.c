/*
 * Eight bytes a step: by the instruction that x86-64 has for it (SSE 4.2), elsewhere from eight tables
 * ("slicing by 8").
 */
#include "control/store/crc32c.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#endif

enum { SLICES = 8 };

static const uint32_t polynomial = 0x82f63b78; /* reflected */

static uint32_t tables[SLICES][256];

static void make_tables(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
		tables[0][byte] = crc;
	}
	for (unsigned slice = 1; slice < SLICES; slice++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			uint32_t crc = tables[slice - 1][byte];
			tables[slice][byte] = crc >> 8 ^ tables[0][crc & 0xff];
		}
	}
}

static uint32_t eight_bytes(uint32_t crc, const uint8_t *p)
{
	uint32_t low;
	uint32_t high;

	memcpy(&low, p, sizeof low);
	memcpy(&high, p + sizeof low, sizeof high);
	low ^= crc;
	return tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^
	       tables[5][low >> 16 & 0xff] ^ tables[4][low >> 24] ^
	       tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^
	       tables[1][high >> 16 & 0xff] ^ tables[0][high >> 24];
}

uint32_t crc32c_portable(uint32_t previous, const void *bytes, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint8_t *p = bytes;
	uint32_t crc = ~previous;

	(void)pthread_once(&once, make_tables);
	for (; len >= SLICES; len -= SLICES, p += SLICES)
		crc = eight_bytes(crc, p);
	for (; len; len--, p++)
		crc = crc >> 8 ^ tables[0][(crc ^ *p) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
crc32c_native(uint32_t previous, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t crc = ~previous;
	uint64_t word;
	uint32_t half;

	for (; len >= sizeof word; len -= sizeof word, p += sizeof word) {
		memcpy(&word, p, sizeof word);
		crc = _mm_crc32_u64(crc, word);
	}
	uint32_t rest = (uint32_t)crc;
	if (len >= sizeof half) {
		memcpy(&half, p, sizeof half);
		rest = _mm_crc32_u32(rest, half);
		len -= sizeof half;
		p += sizeof half;
	}
	for (; len; len--, p++)
		rest = _mm_crc32_u8(rest, *p);
	return ~rest;
}

static bool is_native(void)
{
	unsigned eax;
	unsigned ebx;
	unsigned ecx;
	unsigned edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_SSE4_2);
}

#else

static uint32_t crc32c_native(uint32_t previous, const void *bytes, size_t len)
{
	return crc32c_portable(previous, bytes, len);
}

static bool is_native(void)
{
	return false;
}

#endif

typedef uint32_t crc32c_fn(uint32_t previous, const void *bytes, size_t len);

static crc32c_fn choose;

/* Starts as choose(), which puts the right one in its place; any number of threads may do so at
 * once, and they all store the same. */
static crc32c_fn *_Atomic chosen = choose;

static uint32_t choose(uint32_t previous, const void *bytes, size_t len)
{
	crc32c_fn *fn = is_native() ? crc32c_native : crc32c_portable;

	/* Relaxed here and below: code is there all along, nothing else is passed on. */
	atomic_store_explicit(&chosen, fn, memory_order_relaxed);
	return fn(previous, bytes, len);
}

uint32_t crc32c(uint32_t previous, const void *bytes, size_t len)
{
	return atomic_load_explicit(&chosen, memory_order_relaxed)(previous, bytes, len);
}
