#include "shared/table.h"

#include <endian.h>

#include "shared/err.h"

/* ---- attaching ---- */

static bool sizes_fit(const struct table_header *h, size_t mapped)
{
	uint64_t nbuckets = atomic_load_explicit(&h->nbuckets, memory_order_relaxed);

	if (h->header_size != TABLE_HEADER_SIZE || h->size > mapped ||
	    h->size < TABLE_HEADER_SIZE ||
	    h->size / TABLE_UNIT > (uint64_t)UINT32_MAX + 1)
		return false;
	if (h->buckets_at < TABLE_HEADER_SIZE || h->buckets_at % CACHE_LINE != 0 ||
	    h->buckets_at > h->arena_at || h->arena_at % TABLE_UNIT != 0 ||
	    h->arena_at > h->size || h->size - h->arena_at < TABLE_SLACK)
		return false;
	return nbuckets > 0 && nbuckets <= h->buckets_max &&
	       h->buckets_max <=
	               (h->arena_at - h->buckets_at) / sizeof(struct table_bucket);
}

int table_attach(const void *bytes, size_t size, struct table *table)
{
	const struct table_header *h = bytes;

	/* A layout number means something only behind the magic. */
	if (size < TABLE_HEADER_SIZE || h->magic != TABLE_MAGIC)
		return ERR_CORRUPT;
	if (h->layout != TABLE_LAYOUT)
		return ERR_VERSION;
	if (!sizes_fit(h, size))
		return ERR_CORRUPT;
	*table = (struct table){.base = bytes, .header = h, .size = h->size};
	return 0;
}

/* ---- finding a name ---- */

/* Compares in steps wider than the names: both sides have readable bytes behind them. What lies
 * behind a node's name may be written meanwhile, which is of no matter but to TSan. */
#if UNDER_TSAN
static bool same_name(const uint8_t *a, const uint8_t *b, size_t len)
{
	return memcmp(a, b, len) == 0;
}
#elif defined(__SSE2__)
static ALWAYS_INLINE unsigned equal16(const uint8_t *a, const uint8_t *b)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)a);
	__m128i y = _mm_loadu_si128((const __m128i *)(const void *)b);
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y));
}

static ALWAYS_INLINE bool same_name(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (; len > 16; len -= 16, a += 16, b += 16)
		if (equal16(a, b) != 0xffff)
			return false;
	return (~equal16(a, b) & (UINT32_MAX >> (32 - len))) == 0;
}
#else
static ALWAYS_INLINE uint64_t differ8(const uint8_t *a, const uint8_t *b)
{
	uint64_t x;
	uint64_t y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x ^ y;
}

static ALWAYS_INLINE bool same_name(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (; len > 8; len -= 8, a += 8, b += 8)
		if (differ8(a, b))
			return false;
	return (le64toh(differ8(a, b)) & (UINT64_MAX >> (64 - 8 * len))) == 0;
}
#endif

/* n may be a version that is not visible yet, of which the writer still sets flags; not this one. */
static ALWAYS_INLINE bool node_is(const struct table_node *n, const uint8_t *name,
                                  size_t name_len, unsigned parent_side)
{
	unsigned flags = __atomic_load_n(&n->flags, __ATOMIC_RELAXED);

	return n->name_len == name_len && (flags & NODE_PARENT_SIDE) == parent_side &&
	       same_name(n->name, name, name_len);
}

HOT bool table_node_is(const struct table_node *n, const uint8_t *name, size_t name_len)
{
	return node_is(n, name, name_len, 0);
}

HOT const struct table_node *table_find(const struct snapshot *s, uint64_t hash,
                                        const uint8_t *name, size_t name_len,
                                        unsigned parent_side)
{
	const struct table_bucket *b = table_bucket_of(s, hash);

	for (;;) {
		uint32_t found = table_bucket_match(b, table_tag(hash));
		for (; found; found &= found - 1) {
			unsigned i = (unsigned)__builtin_ctz(found);
			/* Acquire pairs with slot_set(): the node was written before. */
			table_ref ref =
				atomic_load_explicit(&b->refs[i], memory_order_acquire);
			if (likely(node_is(table_at(s->base, ref), name, name_len,
			                   parent_side)))
				return table_node_visible(s, ref);
		}
		table_ref more = table_bucket_overflow(b);
		if (likely(!more))
			return NULL;
		b = table_at(s->base, more);
	}
}

HOT const struct table_node *table_find_from(const struct snapshot *s,
                                             table_ref candidate, uint64_t hash,
                                             const uint8_t *name, size_t name_len)
{
	if (candidate == TABLE_NOWHERE)
		return NULL;
	if (likely(candidate != TABLE_ANYWHERE &&
	           node_is(table_at(s->base, candidate), name, name_len, 0)))
		return table_node_visible(s, candidate);
	return table_find(s, hash, name, name_len, 0);
}
