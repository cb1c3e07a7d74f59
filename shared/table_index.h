/*
 * Searching a denial index (struct table_index).
 */
#ifndef SHARED_TABLE_INDEX_H
#define SHARED_TABLE_INDEX_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "shared/compiler.h"
#include "shared/name.h"
#include "shared/table.h"

/* The record that key i of an index node is the key of. */
static inline table_ref table_index_record(const struct table_index *n, unsigned i)
{
	return n->level ? n->first[i] : n->refs[i];
}

/* A key's head: its four octets from skip on, zeros behind its end. */
static ALWAYS_INLINE int32_t table_index_head(const uint8_t *key, size_t key_len,
                                              size_t skip)
{
	uint32_t head = 0;

	if (likely(key_len >= skip + sizeof head)) {
		memcpy(&head, key + skip, sizeof head);
		head = be32toh(head);
	} else {
		for (size_t i = skip; i < skip + sizeof head; i++)
			head = head << 8 | (i < key_len ? key[i] : 0);
	}
	return (int32_t)(head ^ UINT32_C(0x80000000));
}

/* Compares the key of a record with a key: <0, 0, >0. */
static inline int table_index_compare(const uint8_t *base, table_ref record,
                                      const uint8_t *key, size_t key_len)
{
	const struct table_denial *d = table_at(base, record);

	return name_key_compare(table_denial_key(d), d->key_len, key, key_len);
}

/* memcmp() of the prefix's length, eight octets at a time: both have as many to read. */
static ALWAYS_INLINE int table_index_compare_words(const uint8_t *a, const uint8_t *b,
                                                   size_t len)
{
	for (; len > 0; a += 8, b += 8) {
		uint64_t x;
		uint64_t y;
		size_t n = len < 8 ? len : 8;
		memcpy(&x, a, sizeof x);
		memcpy(&y, b, sizeof y);
		x = be64toh(x) >> 8 * (8 - n);
		y = be64toh(y) >> 8 * (8 - n);
		if (x != y)
			return x < y ? -1 : 1;
		len -= n;
	}
	return 0;
}

/* Where the key stands by the prefix alone: below (-1) or above (1) all keys of the node, or 0. */
static ALWAYS_INLINE int table_index_against_prefix(const struct table_index *n,
                                                    const uint8_t *key, size_t key_len)
{
	STATIC_ASSERT(INDEX_PREFIX_MAX % 8 == 0, "whole words");
	size_t words = (n->skip + 7U) & ~(size_t)7;

	if (likely(key_len >= words))
		return table_index_compare_words(key, n->prefix, n->skip);
	size_t common = key_len < n->skip ? key_len : n->skip;
	int order = common ? memcmp(key, n->prefix, common) : 0;
	if (order)
		return order < 0 ? -1 : 1;
	return key_len < n->skip ? -1 : 0;
}

/* How many heads are below head. Unused ones are not, so that no count has to be looked at. */
#if defined(__SSE2__)
static ALWAYS_INLINE unsigned
table_index_heads_below(const int32_t heads[static INDEX_FANOUT], int32_t head)
{
	STATIC_ASSERT(INDEX_FANOUT % 4 == 0, "whole vectors");
	const __m128i *at = (const __m128i *)(const void *)heads;
	__m128i wanted = _mm_set1_epi32(head);
	__m128i sum = _mm_setzero_si128();

	UNROLLED
	for (unsigned i = 0; i < INDEX_FANOUT / 4; i++)
		sum = _mm_sub_epi32(sum,
		                    _mm_cmpgt_epi32(wanted, _mm_loadu_si128(at + i)));
	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
	return (unsigned)_mm_cvtsi128_si32(sum);
}
#else
static ALWAYS_INLINE unsigned
table_index_heads_below(const int32_t heads[static INDEX_FANOUT], int32_t head)
{
	unsigned below = 0;

	for (unsigned i = 0; i < INDEX_FANOUT; i++)
		below += heads[i] < head;
	return below;
}
#endif

/* How many of a node's keys are not above key. */
static ALWAYS_INLINE unsigned table_index_rank(const uint8_t *base,
                                               const struct table_index *n,
                                               const uint8_t *key, size_t key_len)
{
	int order = table_index_against_prefix(n, key, key_len);

	if (order)
		return order < 0 ? 0 : n->count;
	int32_t head = table_index_head(key, key_len, n->skip);
	unsigned below = table_index_heads_below(n->heads, head);
	/* Only keys that are alike for four octets more need their records read. */
	while (below < n->count && unlikely(n->heads[below] == head) &&
	       table_index_compare(base, table_index_record(n, below), key, key_len) <= 0)
		below++;
	return below;
}

/* The last record below a node. */
table_ref table_index_last(const uint8_t *base, const struct table_index *n);

/* Finds the last record whose key is not above key; when there is none (only NSEC3: the circle
 * wraps), the very last record. *exact says whether it matches. 0 when the index is empty. */
table_ref table_index_find(const uint8_t *base, table_ref root, const uint8_t *key,
                           size_t key_len, bool *exact);

#endif
