#include "control/table/buckets.h"

#include <string.h>

#include "shared/err.h"

uint64_t buckets_limit(uint64_t buckets)
{
	uint64_t whole = UINT64_C(1) << HIGHEST_BIT(buckets);

	return BUCKETS_LOAD * whole + BUCKETS_LOAD * (buckets - whole) / 4;
}

static uint64_t slot_mask(unsigned index)
{
	return UINT64_C(0xffff) << (index % 4 * 16);
}

static void set_tag(struct table_bucket *b, unsigned index, uint64_t tag)
{
	_Atomic uint64_t *word = &b->tags[index / 4];
	uint64_t v = atomic_load_explicit(word, memory_order_relaxed);

	v = (v & ~slot_mask(index)) | tag << (index % 4 * 16);
	/* Release: the slot's ref was stored before. Pairs with table_bucket_match(). */
	atomic_store_explicit(word, v, memory_order_release);
}

static bool slot_is_free(const struct table_bucket *b, unsigned index)
{
	return (atomic_load_explicit(&b->tags[index / 4], memory_order_relaxed) &
	        slot_mask(index)) == 0;
}

static struct table_bucket *bucket_at(const struct buckets *b, table_ref ref)
{
	return (struct table_bucket *)(void *)(b->base + (uint64_t)ref * TABLE_UNIT);
}

static struct table_bucket *overflow_of(const struct buckets *b,
                                        const struct table_bucket *from)
{
	table_ref ref = table_bucket_overflow(from);
	return ref ? bucket_at(b, ref) : NULL;
}

static struct table_bucket *home_of(const struct buckets *b, uint64_t count,
                                    uint64_t hash)
{
	return &b->at[table_bucket_index(count, table_bucket_mask(count), hash)];
}

table_ref slot_ref(struct slot s)
{
	return atomic_load_explicit(&s.bucket->refs[s.index], memory_order_relaxed);
}

void slot_set(struct slot s, table_ref ref)
{
	/* Release pairs with the readers' acquire: the node was written before. */
	atomic_store_explicit(&s.bucket->refs[s.index], ref, memory_order_release);
}

void slot_clear(struct slot s)
{
	set_tag(s.bucket, s.index, 0);
}

void buckets_prefetch(const struct buckets *b, uint64_t hash)
{
	__builtin_prefetch(home_of(b, b->count, hash), 1);
}

struct slot buckets_find(const struct buckets *b, uint64_t hash, const uint8_t *name,
                         size_t name_len, unsigned parent_side)
{
	struct table_bucket *in = home_of(b, b->count, hash);

	for (; in; in = overflow_of(b, in)) {
		uint32_t found = table_bucket_match(in, table_tag(hash));
		for (; found; found &= found - 1) {
			struct slot s = {.bucket = in,
			                 .index = (unsigned)__builtin_ctz(found)};
			const struct table_node *n = table_at(b->base, slot_ref(s));
			if (n->name_len == name_len &&
			    (n->flags & NODE_PARENT_SIDE) == parent_side &&
			    memcmp(n->name, name, name_len) == 0)
				return s;
		}
	}
	return (struct slot){.bucket = NULL};
}

static int insert_into(struct buckets *b, struct table_bucket *in, uint64_t tag,
                       table_ref ref)
{
	for (;;) {
		for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
			if (!slot_is_free(in, i))
				continue;
			atomic_store_explicit(&in->refs[i], ref, memory_order_release);
			set_tag(in, i, tag);
			return 0;
		}
		struct table_bucket *next = overflow_of(b, in);
		if (!next)
			break;
		in = next;
	}
	table_ref added = room_alloc(b->room, sizeof *in);
	if (!added)
		return ERR_FULL;
	struct table_bucket *next = bucket_at(b, added);
	memset(next, 0, sizeof *next);
	atomic_store_explicit(&next->refs[0], ref, memory_order_relaxed);
	set_tag(next, 0, tag);
	uint64_t tags = atomic_load_explicit(&in->tags[2], memory_order_relaxed);
	/* Release: readers that follow it find the bucket filled. */
	atomic_store_explicit(&in->tags[2], tags | (uint64_t)added << 32,
	                      memory_order_release);
	return 0;
}

int buckets_insert(struct buckets *b, uint64_t hash, table_ref ref)
{
	return insert_into(b, home_of(b, b->count, hash), table_tag(hash), ref);
}

uint64_t buckets_hash_of(const struct buckets *b, const struct table_node *n)
{
	uint64_t hash = name_hash(&b->key, n->name);
	return n->flags & NODE_PARENT_SIDE ? hash ^ TABLE_PARENT_SALT : hash;
}

typedef int slot_function(struct buckets *b, struct slot s, uint64_t hash, void *arg);

static int each_slot_in(struct buckets *b, struct table_bucket *in, slot_function *fn,
                        void *arg)
{
	for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
		struct slot s = {.bucket = in, .index = i};
		if (slot_is_free(in, i))
			continue;
		TRY(fn(b, s, buckets_hash_of(b, table_at(b->base, slot_ref(s))), arg));
	}
	return 0;
}

/* Calls fn for each slot in use of a bucket and its overflow. */
static int each_slot(struct buckets *b, struct table_bucket *in, slot_function *fn,
                     void *arg)
{
	for (; in; in = overflow_of(b, in))
		TRY(each_slot_in(b, in, fn, arg));
	return 0;
}

struct move {
	uint64_t from;
	uint64_t before; /* buckets before the step */
	uint64_t count;  /* and after */
};

static uint64_t home_index(uint64_t count, uint64_t hash)
{
	return table_bucket_index(count, table_bucket_mask(count), hash);
}

static int copy_if_moving(struct buckets *b, struct slot s, uint64_t hash, void *arg)
{
	const struct move *m = arg;
	uint64_t to = home_index(m->count, hash);

	/* What an earlier step copied away and nobody has cleaned yet is not here any more. */
	if (to == m->from || home_index(m->before, hash) != m->from)
		return 0;
	return insert_into(b, &b->at[to], table_tag(hash), slot_ref(s));
}

static int clear_if_moved(struct buckets *b, struct slot s, uint64_t hash, void *arg)
{
	const struct move *m = arg;

	(void)b;
	if (home_index(m->count, hash) != m->from)
		slot_clear(s);
	return 0;
}

/* Bucket i >= 1 splits off the bucket that has its number without the highest bit. */
static uint64_t parent_of(uint64_t i)
{
	return i & ~(UINT64_C(1) << HIGHEST_BIT(i));
}

int buckets_grow(struct buckets *b, uint64_t add, struct split *out)
{
	/* One step stays within one doubling, so that no bucket is both parent and child. */
	uint64_t doubled = table_bucket_mask(b->count) + 1;
	if (doubled == b->count)
		doubled *= 2;
	uint64_t count = b->count + add;
	if (count > doubled)
		count = doubled;
	if (count > b->max)
		count = b->max;
	if (count == b->count)
		return ERR_FULL;
	for (uint64_t i = b->count; i < count; i++) {
		struct move m = {
			.from = parent_of(i), .before = b->count, .count = count};
		TRY(each_slot(b, &b->at[m.from], copy_if_moving, &m));
	}
	*out = (struct split){
		.low = parent_of(b->count),
		.high = parent_of(count - 1) + 1,
		.count = count,
	};
	b->count = count;
	return 0;
}

void buckets_clean(struct buckets *b, const struct split *split)
{
	for (uint64_t i = split->low; i < split->high; i++) {
		struct move m = {.from = i, .count = split->count};
		/* clear_if_moved() cannot fail. */
		int err = each_slot(b, &b->at[i], clear_if_moved, &m);
		assert(err == 0);
		(void)err;
	}
}
