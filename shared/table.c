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

static ALWAYS_INLINE bool node_is(const struct table_node *n, const uint8_t *name,
                                  size_t name_len, unsigned parent_side)
{
	return n->name_len == name_len && (n->flags & NODE_PARENT_SIDE) == parent_side &&
	       same_name(n->name, name, name_len);
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

/* ---- the denial index ---- */

uint64_t table_index_head(const uint8_t *key, size_t key_len, size_t skip)
{
	uint64_t head = 0;

	if (key_len >= skip + sizeof head)
		memcpy(&head, key + skip, sizeof head);
	else if (key_len > skip)
		memcpy(&head, key + skip, key_len - skip);
	return be64toh(head);
}

static int compare_record(const uint8_t *base, table_ref record, const uint8_t *key,
                          size_t key_len)
{
	const struct table_denial *d = table_at(base, record);
	return name_key_compare(table_denial_key(d), d->key_len, key, key_len);
}

/* Where the key stands by the prefix alone: below (-1) or above (1) all keys of the node, or 0. */
static int against_prefix(const struct table_index *n, const uint8_t *key, size_t key_len)
{
	size_t common = key_len < n->skip ? key_len : n->skip;
	int order = common ? memcmp(key, n->prefix, common) : 0;

	if (order)
		return order < 0 ? -1 : 1;
	return key_len < n->skip ? -1 : 0;
}

unsigned table_index_rank(const uint8_t *base, const struct table_index *n,
                          const uint8_t *key, size_t key_len)
{
	unsigned below = 0;
	int order = against_prefix(n, key, key_len);

	if (order)
		return order < 0 ? 0 : n->count;
	uint64_t head = table_index_head(key, key_len, n->skip);
	for (unsigned i = 0; i < n->count; i++)
		below += n->heads[i] < head;
	/* Only keys that are alike for eight octets more need their records read. */
	while (below < n->count && n->heads[below] == head &&
	       compare_record(base, table_index_record(n, below), key, key_len) <= 0)
		below++;
	return below;
}

static table_ref last_record(const uint8_t *base, const struct table_index *n)
{
	while (n->level)
		n = table_at(base, n->refs[n->count - 1]);
	return n->refs[n->count - 1];
}

table_ref table_index_find(const uint8_t *base, table_ref root, const uint8_t *key,
                           size_t key_len, bool *exact)
{
	*exact = false;
	if (!root)
		return 0;
	const struct table_index *n = table_at(base, root);
	unsigned rank = table_index_rank(base, n, key, key_len);
	/* Only the root can tell: first[] of a child that was descended to is not above key. */
	if (rank == 0)
		return last_record(base, n);
	while (n->level) {
		n = table_at(base, n->refs[rank - 1]);
		rank = table_index_rank(base, n, key, key_len);
	}
	table_ref found = n->refs[rank - 1];
	*exact = compare_record(base, found, key, key_len) == 0;
	return found;
}
