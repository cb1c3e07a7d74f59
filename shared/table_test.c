// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "shared/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/table_index.h"

enum {
	BUCKETS_MAX = 1024,
	ARENA_AT = TABLE_HEADER_SIZE + BUCKETS_MAX * (int)sizeof(struct table_bucket),
	SIZE = 4 << 20,
};

/* A segment in plain memory, filled by hand; its writer proper is the control plane's. */
static uint8_t *base;
static struct table_header *header;
static struct table_bucket *buckets;
static size_t arena_at;

static int segment_init(void **state)
{
	(void)state;
	base = aligned_alloc(CACHE_LINE, SIZE);
	memset(base, 0, SIZE);
	header = (struct table_header *)(void *)base;
	*header = (struct table_header){
		.magic = TABLE_MAGIC,
		.layout = TABLE_LAYOUT,
		.header_size = TABLE_HEADER_SIZE,
		.size = SIZE,
		.generation = 1,
		.hash_key = {.seed = 0x2ffd72dbd01adfb7, .mix = 0xb8e1afed6a267e97},
		.buckets_at = TABLE_HEADER_SIZE,
		.buckets_max = BUCKETS_MAX,
		.arena_at = ARENA_AT,
		.commit = 7,
		.nbuckets = 1,
	};
	buckets = (struct table_bucket *)(void *)(base + TABLE_HEADER_SIZE);
	arena_at = ARENA_AT;
	return 0;
}

static int segment_fini(void **state)
{
	(void)state;
	free(base);
	return 0;
}

static struct snapshot take_snapshot(void)
{
	struct table table;
	struct snapshot s;

	assert_int_equal(table_attach(base, SIZE, &table), 0);
	table_snapshot(&table, &s);
	return s;
}

static void *allocate(size_t bytes, table_ref *ref)
{
	void *p = base + arena_at;

	*ref = (table_ref)(arena_at / TABLE_UNIT);
	/* Objects follow each other closely: what is behind a name is another object. */
	arena_at += (bytes + TABLE_UNIT - 1) / TABLE_UNIT * TABLE_UNIT;
	assert_true(arena_at + TABLE_SLACK <= SIZE);
	return p;
}

struct padded {
	uint8_t bytes[NAME_MAX_LEN + NAME_PAD];
	size_t len;
};

static struct padded name_of(const char *text)
{
	struct padded n;

	memset(n.bytes, 0xee, sizeof n.bytes);
	int len = name_from_text(text, strlen(text), NULL, n.bytes);
	assert_true(len > 0);
	n.len = (size_t)len;
	return n;
}

static table_ref new_node(const struct padded *name, uint16_t flags, uint32_t born,
                          table_ref prev)
{
	table_ref ref;
	struct table_node *n = allocate(sizeof *n + name->len, &ref);

	*n = (struct table_node){
		.born = born,
		.prev = prev,
		.flags = flags,
		.name_len = (uint8_t)name->len,
	};
	memcpy(n->name, name->bytes, name->len);
	return ref;
}

static void fill_slot(struct table_bucket *b, unsigned i, uint64_t hash, table_ref ref)
{
	uint64_t word = atomic_load(&b->tags[i / 4]);

	atomic_store(&b->refs[i], ref);
	atomic_store(&b->tags[i / 4], word | table_tag(hash) << (i % 4 * 16));
}

static void insert(uint64_t hash, table_ref ref)
{
	struct snapshot s = take_snapshot();
	struct table_bucket *b = &buckets[table_bucket_index(s.nbuckets, s.mask, hash)];
	table_ref more;

	for (;;) {
		for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
			if (atomic_load(&b->tags[i / 4]) >> (i % 4 * 16) & 0xffff)
				continue;
			fill_slot(b, i, hash, ref);
			return;
		}
		more = table_bucket_overflow(b);
		if (!more) {
			arena_at =
				(arena_at + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
			memset(allocate(sizeof *b, &more), 0, sizeof *b);
			atomic_fetch_or(&b->tags[2], (uint64_t)more << 32);
		}
		b = (struct table_bucket *)(void *)(base + (size_t)more * TABLE_UNIT);
	}
}

static const struct table_node *find(uint64_t hash, const struct padded *name,
                                     unsigned side)
{
	struct snapshot s = take_snapshot();
	return table_find(&s, hash, name->bytes, name->len, side);
}

static const void *node(table_ref ref)
{
	return table_at(base, ref);
}

/* ---- attaching ---- */

static void a_sound_header_is_attached(void **state)
{
	struct table t = {0};

	(void)state;
	assert_int_equal(table_attach(base, SIZE, &t), 0);
	assert_ptr_equal(t.base, base);
	assert_ptr_equal(t.header, header);
	assert_int_equal(t.size, SIZE);
}

static void another_layout_is_told_apart_from_damage(void **state)
{
	struct table t = {.size = 3};

	(void)state;
	header->layout++;
	assert_int_equal(table_attach(base, SIZE, &t), ERR_VERSION);
	header->magic++;
	assert_int_equal(table_attach(base, SIZE, &t), ERR_CORRUPT);
	assert_int_equal(t.size, 3);
}

/* Puts a value where the header has one of width bytes and expects a refusal. */
static void refused_with(size_t at, size_t width, uint64_t value)
{
	uint64_t before = 0;
	struct table t;

	memcpy(&before, base + at, width);
	memcpy(base + at, &value, width);
	assert_int_equal(table_attach(base, SIZE, &t), ERR_CORRUPT);
	memcpy(base + at, &before, width);
	assert_int_equal(table_attach(base, SIZE, &t), 0);
}

static void sizes_that_do_not_add_up_are_refused(void **state)
{
	struct table t;

	(void)state;
	assert_int_equal(table_attach(base, 0, &t), ERR_CORRUPT);
	assert_int_equal(table_attach(base, TABLE_HEADER_SIZE - 1, &t), ERR_CORRUPT);
	assert_int_equal(table_attach(base, SIZE - 1, &t), ERR_CORRUPT);
#define REFUSED(field, value) \
	refused_with(offsetof(struct table_header, field), sizeof header->field, (value))
	REFUSED(magic, 0);
	REFUSED(header_size, TABLE_HEADER_SIZE - 64);
	REFUSED(header_size, TABLE_HEADER_SIZE + 64);
	REFUSED(size, 0);
	REFUSED(size, SIZE + 1);
	REFUSED(size, UINT64_MAX);
	REFUSED(size, ARENA_AT + TABLE_SLACK - 1);
	REFUSED(buckets_at, 0);
	REFUSED(buckets_at, TABLE_HEADER_SIZE + 32);
	REFUSED(buckets_at, TABLE_HEADER_SIZE + 64);
	REFUSED(buckets_at, UINT64_MAX - 63);
	REFUSED(buckets_max, BUCKETS_MAX + 1);
	REFUSED(buckets_max, UINT64_MAX / 64 + 2);
	REFUSED(buckets_max, 0);
	REFUSED(arena_at, ARENA_AT + 8);
	REFUSED(arena_at, 0);
	REFUSED(arena_at, ARENA_AT - 64);
	REFUSED(arena_at, SIZE - TABLE_SLACK + 16);
	REFUSED(arena_at, SIZE);
	REFUSED(arena_at, UINT64_MAX - 15);
	REFUSED(nbuckets, 0);
	REFUSED(nbuckets, BUCKETS_MAX + 1);
#undef REFUSED
}

/* ---- finding ---- */

static struct padded numbered(unsigned n)
{
	char text[64];

	(void)snprintf(text, sizeof text, "host-%u.zone%u.example.", n, n % 7);
	return name_of(text);
}

static void every_name_is_found_among_many(void **state)
{
	enum { NAMES = 3000 };
	static const uint64_t counts[] = {1, 2, 3, 4, 5, 37, 511, 512, 513, 1024};
	static table_ref refs[NAMES];

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
		memset(buckets, 0, BUCKETS_MAX * sizeof *buckets);
		arena_at = ARENA_AT;
		atomic_store(&header->nbuckets, counts[c]);
		for (unsigned i = 0; i < NAMES; i++) {
			struct padded n = numbered(i);
			refs[i] = new_node(&n, 0, 0, 0);
			insert(name_hash(&header->hash_key, n.bytes), refs[i]);
		}
		for (unsigned i = 0; i < 2 * NAMES; i++) {
			struct padded n = numbered(i);
			const struct table_node *found =
				find(name_hash(&header->hash_key, n.bytes), &n, 0);
			assert_ptr_equal(found, i < NAMES ? node(refs[i]) : NULL);
		}
	}
}

/* One hash for all: only the names tell them apart. */
static void names_are_compared_in_full(void **state)
{
	const uint64_t hash = 0x1234000000000000;
	static struct padded names[NAME_MAX_LEN + 1];
	static table_ref refs[NAME_MAX_LEN + 1];

	(void)state;
	/* Longest first, so that a name comes after those that begin with it. */
	for (size_t len = NAME_MAX_LEN; len > 0; len--) {
		memset(names[len].bytes, 'x', sizeof names[len].bytes);
		names[len].len = len;
		refs[len] = new_node(&names[len], 0, 0, 0);
		insert(hash, refs[len]);
	}
	for (size_t len = 1; len <= NAME_MAX_LEN; len++) {
		struct padded other = names[len];
		/* What is behind the name is not part of it. */
		memset(other.bytes + len, 'y', sizeof other.bytes - len);
		assert_ptr_equal(find(hash, &other, 0), node(refs[len]));
		for (size_t at = 0; at < len; at++) {
			other.bytes[at] ^= 0x80;
			assert_null(find(hash, &other, 0));
			other.bytes[at] ^= 0x80;
		}
	}
}

static void every_slot_and_tag_is_looked_at(void **state)
{
	static const uint64_t tags[] = {0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff};
	struct padded n = name_of("www.example.");
	table_ref ref = new_node(&n, 0, 0, 0);

	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(tags); t++) {
		uint64_t hash = tags[t] << 48;
		for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
			memset(buckets, 0, sizeof *buckets);
			fill_slot(buckets, slot, hash, ref);
			assert_ptr_equal(find(hash, &n, 0), node(ref));
			assert_null(find(hash ^ UINT64_C(1) << 60, &n, 0));
		}
	}
	memset(buckets, 0, sizeof *buckets);
	assert_null(find(0, &n, 0));
}

/* Five full buckets in a row; the ref of an overflow bucket must not be taken for tags. */
static void overflow_buckets_are_followed(void **state)
{
	const uint64_t hash = 0xabcd000000000000;
	table_ref refs[50];

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		struct padded n = numbered(i);
		refs[i] = new_node(&n, 0, 0, 0);
		insert(hash, refs[i]);
	}
	for (unsigned i = 0; i < 60; i++) {
		struct padded n = numbered(i);
		assert_ptr_equal(find(hash, &n, 0), i < 50 ? node(refs[i]) : NULL);
	}
}

static void the_parents_side_is_another_node(void **state)
{
	struct padded n = name_of("child.example.");
	uint64_t hash = name_hash(&header->hash_key, n.bytes);
	table_ref apex = new_node(&n, NODE_APEX, 0, 0);
	table_ref cut = new_node(&n, NODE_CUT | NODE_PARENT_SIDE, 0, 0);

	(void)state;
	insert(hash, apex);
	insert(hash ^ TABLE_PARENT_SALT, cut);
	assert_ptr_equal(find(hash, &n, 0), node(apex));
	assert_ptr_equal(find(hash ^ TABLE_PARENT_SALT, &n, NODE_PARENT_SIDE), node(cut));
	/* Both sides under one hash: the flag decides. */
	memset(buckets, 0, sizeof *buckets);
	insert(hash, apex);
	insert(hash, cut);
	assert_ptr_equal(find(hash, &n, 0), node(apex));
	assert_ptr_equal(find(hash, &n, NODE_PARENT_SIDE), node(cut));
}

/* ---- versions ---- */

static void a_snapshot_sees_the_newest_version_not_after_it(void **state)
{
	struct padded n = name_of("www.example.");
	table_ref v0 = new_node(&n, 0, 0, 0);
	table_ref v8 = new_node(&n, 0, 8, v0);
	table_ref gone = new_node(&n, NODE_DELETED, 10, v8);
	table_ref v12 = new_node(&n, 0, 12, gone);

	(void)state;
	insert(1, v12);
	for (uint64_t commit = 7; commit < 15; commit++) {
		const void *expected = commit < 8    ? node(v0)
		                       : commit < 10 ? node(v8)
		                       : commit < 12 ? NULL
		                                     : node(v12);
		atomic_store(&header->commit, commit);
		assert_ptr_equal(find(1, &n, 0), expected);
	}
}

static void a_name_born_after_the_snapshot_is_not_there(void **state)
{
	struct padded n = name_of("new.example.");

	(void)state;
	insert(1, new_node(&n, 0, 8, 0));
	assert_null(find(1, &n, 0));
	atomic_store(&header->commit, 8);
	assert_non_null(find(1, &n, 0));
}

static void commit_numbers_may_wrap(void **state)
{
	struct padded n = name_of("www.example.");
	table_ref old = new_node(&n, 0, UINT32_MAX, 0);
	table_ref new = new_node(&n, 0, 1, old);

	(void)state;
	insert(1, new);
	atomic_store(&header->commit, UINT32_MAX - 1);
	assert_null(find(1, &n, 0));
	atomic_store(&header->commit, UINT32_MAX);
	assert_ptr_equal(find(1, &n, 0), node(old));
	atomic_store(&header->commit, (UINT64_C(1) << 32) + 1);
	assert_ptr_equal(find(1, &n, 0), node(new));
}

/* While the table grows, a name stands in its old and its new bucket. */
static void a_name_is_found_in_either_bucket_during_growth(void **state)
{
	struct padded n = name_of("www.example.");
	table_ref ref = new_node(&n, 0, 0, 0);

	(void)state;
	for (uint64_t hash = 0; hash < 8; hash++) {
		memset(buckets, 0, 16 * sizeof *buckets);
		for (uint64_t count = 4; count <= 8; count++) {
			atomic_store(&header->nbuckets, count);
			insert(hash, ref);
		}
		for (uint64_t count = 4; count <= 8; count++) {
			atomic_store(&header->nbuckets, count);
			assert_ptr_equal(find(hash, &n, 0), node(ref));
		}
	}
}

/* ---- index nodes ---- */

static void heads_are_the_next_four_octets(void **state)
{
	static const uint8_t key[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

	(void)state;
	assert_true(table_index_head(key, 10, 0) == INT32_MIN + 0x01020304);
	assert_true(table_index_head(key, 10, 2) == INT32_MIN + 0x03040506);
	assert_true(table_index_head(key, 10, 7) == INT32_MIN + 0x08090a00);
	assert_true(table_index_head(key, 10, 9) == INT32_MIN + 0x0a000000);
	assert_true(table_index_head(key, 10, 10) == INT32_MIN);
	assert_true(table_index_head(key, 3, 10) == INT32_MIN);
	assert_true(table_index_head(NULL, 0, 0) == INT32_MIN);
}

/* A leaf whose keys share "pp"; head ties are settled by the records. */
static void rank_counts_the_keys_not_above(void **state)
{
	static const char *const keys[] = {"pp", "ppa", "ppaaaaaaaab", "ppaaaaaaaac",
	                                   "ppb"};
	static const struct {
		const char *key;
		unsigned rank;
	} cases[] = {
		{"", 0},
		{"p", 0},
		{"po", 0},
		{"pozzzzzzzzz", 0},
		{"pp", 1},
		{"ppA", 1},
		{"ppa", 2},
		{"ppaaaaaaaa", 2},
		{"ppaaaaaaaaa", 2},
		{"ppaaaaaaaab", 3},
		{"ppaaaaaaaabz", 3},
		{"ppaaaaaaaac", 4},
		{"ppaaaaaaaad", 4},
		{"ppb", 5},
		{"ppc", 5},
		{"pq", 5},
		{"q", 5},
	};
	table_ref ref;
	struct table_index *n = allocate(sizeof *n, &ref);

	(void)state;
	*n = (struct table_index){
		.count = ARRAY_LEN(keys), .skip = 2, .prefix = {'p', 'p'}};
	for (unsigned i = 0; i < INDEX_FANOUT; i++)
		n->heads[i] = INT32_MAX;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		size_t len = strlen(keys[i]);
		struct table_denial *d = allocate(sizeof *d + len, &n->refs[i]);
		d->key_len = (uint16_t)len;
		memcpy(d->bytes, keys[i], len);
		n->heads[i] = table_index_head(d->bytes, len, 2);
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(table_index_rank(base, n, (const uint8_t *)cases[i].key,
		                                  strlen(cases[i].key)),
		                 cases[i].rank);
}

#define WITH_SEGMENT(test) \
	cmocka_unit_test_setup_teardown(test, segment_init, segment_fini)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SEGMENT(a_sound_header_is_attached),
		WITH_SEGMENT(another_layout_is_told_apart_from_damage),
		WITH_SEGMENT(sizes_that_do_not_add_up_are_refused),
		WITH_SEGMENT(every_name_is_found_among_many),
		WITH_SEGMENT(names_are_compared_in_full),
		WITH_SEGMENT(every_slot_and_tag_is_looked_at),
		WITH_SEGMENT(overflow_buckets_are_followed),
		WITH_SEGMENT(the_parents_side_is_another_node),
		WITH_SEGMENT(a_snapshot_sees_the_newest_version_not_after_it),
		WITH_SEGMENT(a_name_born_after_the_snapshot_is_not_there),
		WITH_SEGMENT(commit_numbers_may_wrap),
		WITH_SEGMENT(a_name_is_found_in_either_bucket_during_growth),
		WITH_SEGMENT(heads_are_the_next_four_octets),
		WITH_SEGMENT(rank_counts_the_keys_not_above),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
