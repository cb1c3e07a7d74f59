// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "control/table/index.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/respond/search.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/table_index.h"

enum {
	SPACE_UNITS = 4 << 20, /* 64 MiB */
	KEY_MAX = 80,
	RETIRED_MAX = 1 << 18,
};

/* A space that knows of every unit whether it is in use, and of every object its size. */
struct heap {
	uint8_t *base;
	uint32_t *sizes; /* bytes of the object at that unit, 0: none */
	uint32_t at;
	size_t limit; /* live bytes at which allocation fails */
	size_t live;
	size_t retired_count;
	uint32_t *free_lists[64];
	size_t free_counts[64];
	struct {
		table_ref ref;
		size_t bytes;
	} * retired;
};

static struct heap heap;

static unsigned units_of(size_t bytes)
{
	return (unsigned)((bytes + TABLE_UNIT - 1) / TABLE_UNIT);
}

static table_ref heap_alloc(void *ctx, size_t bytes)
{
	struct heap *h = ctx;
	unsigned units = units_of(bytes);
	table_ref ref;

	assert_true(units < 64);
	if (h->live + bytes > h->limit)
		return 0;
	if (h->free_counts[units]) {
		ref = h->free_lists[units][--h->free_counts[units]];
	} else {
		ref = h->at;
		h->at += units;
		assert_true(h->at < SPACE_UNITS - TABLE_SLACK);
	}
	h->sizes[ref] = (uint32_t)bytes;
	h->live += bytes;
	/* What a careless user would trip over. */
	memset(h->base + (size_t)ref * TABLE_UNIT, 0xdb, (size_t)units * TABLE_UNIT);
	return ref;
}

static void heap_free(void *ctx, table_ref ref, size_t bytes)
{
	struct heap *h = ctx;
	unsigned units = units_of(bytes);

	assert_int_equal(h->sizes[ref], bytes);
	h->sizes[ref] = 0;
	h->live -= bytes;
	memset(h->base + (size_t)ref * TABLE_UNIT, 0xdd, (size_t)units * TABLE_UNIT);
	h->free_lists[units] = realloc(h->free_lists[units],
	                               (h->free_counts[units] + 1) * sizeof(uint32_t));
	h->free_lists[units][h->free_counts[units]++] = ref;
}

static void heap_retire(void *ctx, table_ref ref, size_t bytes)
{
	struct heap *h = ctx;

	assert_int_equal(h->sizes[ref], bytes);
	assert_true(h->retired_count < RETIRED_MAX);
	h->retired[h->retired_count].ref = ref;
	h->retired[h->retired_count++].bytes = bytes;
}

static void grace(void)
{
	while (heap.retired_count > 0) {
		heap.retired_count--;
		heap_free(&heap, heap.retired[heap.retired_count].ref,
		          heap.retired[heap.retired_count].bytes);
	}
}

static struct index_space space;

static int heap_init(void **state)
{
	(void)state;
	memset(&heap, 0, sizeof heap);
	heap.base = aligned_alloc(CACHE_LINE, (size_t)SPACE_UNITS * TABLE_UNIT);
	heap.sizes = calloc(SPACE_UNITS, sizeof *heap.sizes);
	heap.retired = calloc(RETIRED_MAX, sizeof *heap.retired);
	heap.at = 4;
	heap.limit = SIZE_MAX;
	space = (struct index_space){
		.base = heap.base,
		.commit = 1,
		.ctx = &heap,
		.alloc = heap_alloc,
		.retire = heap_retire,
		.free_now = heap_free,
	};
	return 0;
}

static int heap_fini(void **state)
{
	(void)state;
	free(heap.base);
	free(heap.sizes);
	free(heap.retired);
	for (unsigned i = 0; i < 64; i++)
		free(heap.free_lists[i]);
	return 0;
}

/* ---- records ---- */

static uint64_t random_state = 0xbe5466cf34e90c6c;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(random_state >> 33) % n;
}

static size_t record_size(size_t key_len)
{
	return sizeof(struct table_denial) + key_len;
}

static table_ref new_record(const uint8_t *key, size_t key_len)
{
	table_ref ref = heap_alloc(&heap, record_size(key_len));
	struct table_denial *d =
		(struct table_denial *)(void *)(heap.base + (size_t)ref * TABLE_UNIT);

	*d = (struct table_denial){.key_len = (uint16_t)key_len};
	if (key_len)
		memcpy(d->bytes, key, key_len);
	return ref;
}

static const struct table_denial *record(table_ref ref)
{
	return table_at(heap.base, ref);
}

static void free_record(table_ref ref)
{
	heap_free(&heap, ref, record_size(record(ref)->key_len));
}

static int compare_to_key(table_ref ref, const uint8_t *key, size_t key_len)
{
	return name_key_compare(record(ref)->bytes, record(ref)->key_len, key, key_len);
}

/* ---- the model: a sorted array of records ---- */

struct model {
	table_ref *records;
	size_t count;
	size_t room;
};

static size_t model_rank(const struct model *m, const uint8_t *key, size_t key_len)
{
	size_t low = 0;
	size_t high = m->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_to_key(m->records[middle], key, key_len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool model_has(const struct model *m, size_t rank, const uint8_t *key,
                      size_t key_len)
{
	return rank > 0 && m->records &&
	       compare_to_key(m->records[rank - 1], key, key_len) == 0;
}

/* Gives the record replaced, or 0. */
static table_ref model_put(struct model *m, table_ref ref)
{
	const struct table_denial *d = record(ref);
	size_t rank = model_rank(m, d->bytes, d->key_len);

	if (model_has(m, rank, d->bytes, d->key_len)) {
		table_ref old = m->records[rank - 1];
		m->records[rank - 1] = ref;
		return old;
	}
	if (m->count == m->room) {
		m->room = m->room * 2 + 64;
		m->records = realloc(m->records, m->room * sizeof *m->records);
	}
	memmove(m->records + rank + 1, m->records + rank,
	        (m->count - rank) * sizeof *m->records);
	m->records[rank] = ref;
	m->count++;
	return 0;
}

static table_ref model_delete(struct model *m, const uint8_t *key, size_t key_len)
{
	size_t rank = model_rank(m, key, key_len);

	if (!model_has(m, rank, key, key_len))
		return 0;
	table_ref old = m->records[rank - 1];
	m->count--;
	memmove(m->records + rank - 1, m->records + rank,
	        (m->count - rank + 1) * sizeof *m->records);
	return old;
}

static struct model model_copy(const struct model *m)
{
	struct model copy = {.count = m->count, .room = m->count};

	copy.records = malloc((m->count + 1) * sizeof *m->records);
	if (m->count)
		memcpy(copy.records, m->records, m->count * sizeof *m->records);
	return copy;
}

static table_ref model_find(const struct model *m, const uint8_t *key, size_t key_len,
                            bool *exact)
{
	size_t rank = model_rank(m, key, key_len);

	*exact = model_has(m, rank, key, key_len);
	if (m->count == 0)
		return 0;
	return m->records[(rank + m->count - 1) % m->count];
}

/* ---- comparing both ---- */

struct following {
	const struct model *m;
	size_t at;
};

static int next_of_model(table_ref ref, void *arg)
{
	struct following *f = arg;

	assert_true(f->at < f->m->count);
	assert_int_equal(ref, f->m->records[f->at++]);
	return 0;
}

/* What the header says of every node. Gives its smallest record. */
static table_ref check_node(table_ref ref, const struct table_index *n)
{
	const struct table_denial *low = record(table_index_record(n, 0));
	const struct table_denial *high = record(table_index_record(n, n->count - 1U));
	size_t common = 0;

	assert_in_range(n->count, 1, INDEX_FANOUT);
	assert_int_equal(heap.sizes[ref],
	                 n->level ? sizeof *n + INDEX_FANOUT * sizeof(table_ref)
	                          : sizeof *n);
	while (common < low->key_len && common < high->key_len &&
	       common < INDEX_PREFIX_MAX && low->bytes[common] == high->bytes[common])
		common++;
	assert_int_equal(n->skip, common);
	assert_memory_equal(n->prefix, low->bytes, common);
	for (unsigned i = 0; i < n->count; i++) {
		const struct table_denial *d = record(table_index_record(n, i));
		assert_true(n->heads[i] ==
		            table_index_head(d->bytes, d->key_len, n->skip));
	}
	return table_index_record(n, 0);
}

/* The tree is shallow, and nobody else's. */
// NOLINTNEXTLINE(misc-no-recursion)
static table_ref check_tree(table_ref ref, unsigned level, size_t *nodes)
{
	const struct table_index *n = table_at(heap.base, ref);

	assert_int_equal(n->level, level);
	++*nodes;
	table_ref smallest = check_node(ref, n);
	for (unsigned i = 0; n->level && i < n->count; i++)
		assert_int_equal(check_tree(n->refs[i], level - 1, nodes), n->first[i]);
	return smallest;
}

static size_t check_against(table_ref root, const struct model *m)
{
	struct following f = {.m = m};
	size_t nodes = 0;

	assert_int_equal(index_each(heap.base, root, next_of_model, &f), 0);
	assert_int_equal(f.at, m->count);
	assert_int_equal(index_count(heap.base, root), m->count);
	assert_int_equal(root == 0, m->count == 0);
	if (root) {
		const struct table_index *n = table_at(heap.base, root);
		assert_true(n->level == 0 || n->count > 1);
		check_tree(root, n->level, &nodes);
	}
	return nodes;
}

static void check_find(table_ref root, const struct model *m, const uint8_t *key,
                       size_t key_len)
{
	bool exact = true;
	bool expected_exact;
	table_ref expected = model_find(m, key, key_len, &expected_exact);

	assert_int_equal(table_index_find(heap.base, root, key, key_len, &exact),
	                 expected);
	assert_int_equal(exact, expected_exact);
	if (!root)
		return;
	struct search s = {.key_len = (uint16_t)key_len};
	struct search *searches[] = {&s};
	memcpy(s.key, key, key_len);
	search_begin(&s, heap.base, root);
	search_run(searches, 1, heap.base);
	assert_int_equal(s.found, expected);
}

/* ---- keys ---- */

typedef size_t key_fn(uint8_t key[static KEY_MAX], unsigned range);

static size_t hash_key(uint8_t key[static KEY_MAX], unsigned range)
{
	uint64_t x = random_below(range) * UINT64_C(0x9e3779b97f4a7c15);

	for (unsigned i = 0; i < NSEC3_HASH_LEN; i++) {
		key[i] = (uint8_t)(x >> 56);
		x = x * 6364136223846793005 + 1442695040888963407;
	}
	return NSEC3_HASH_LEN;
}

/* Few different octets and many lengths: keys that are prefixes of each other, the empty one. */
static size_t short_key(uint8_t key[static KEY_MAX], unsigned range)
{
	static const uint8_t octets[] = {0, 1, 2, 'a', 'b', 255};
	size_t len = random_below(range < 100 ? 3 : 9);

	for (size_t i = 0; i < len; i++)
		key[i] = octets[random_below(ARRAY_LEN(octets))];
	return len;
}

/* Alike beyond INDEX_PREFIX_MAX and beyond the head behind it. */
static size_t long_key(uint8_t key[static KEY_MAX], unsigned range)
{
	size_t same = 36 + random_below(3) * 8;
	unsigned n = random_below(range);

	memset(key, 'p', same);
	key[same] = (uint8_t)('a' + n % 3);
	memset(key + same + 1, 'q', 8);
	key[same + 9] = (uint8_t)(n >> 16);
	key[same + 10] = (uint8_t)(n >> 8);
	key[same + 11] = (uint8_t)n;
	return same + (n % 4 ? 12 : 9);
}

static size_t any_key(uint8_t key[static KEY_MAX], unsigned range)
{
	switch (random_below(3)) {
	case 0: return hash_key(key, range);
	case 1: return short_key(key, range);
	default: return long_key(key, range);
	}
}

/* ---- one tree and its model, changed alike ---- */

struct pair {
	table_ref root;
	struct model m;
};

static void pair_put(struct pair *p, const uint8_t *key, size_t key_len)
{
	table_ref old = 99;
	table_ref ref = new_record(key, key_len);
	table_ref expected = model_put(&p->m, ref);

	assert_int_equal(index_put(&space, &p->root, ref, &old), 0);
	assert_int_equal(old, expected);
	if (old)
		heap_retire(&heap, old, record_size(record(old)->key_len));
}

static bool pair_delete(struct pair *p, const uint8_t *key, size_t key_len)
{
	table_ref old = 99;
	table_ref before = p->root;
	table_ref expected = model_delete(&p->m, key, key_len);
	int err = index_delete(&space, &p->root, key, key_len, &old);

	assert_int_equal(err, expected ? 0 : ERR_NOTFOUND);
	assert_int_equal(old, expected ? expected : 99);
	if (!expected) {
		assert_int_equal(p->root, before);
		return false;
	}
	heap_retire(&heap, old, record_size(record(old)->key_len));
	return true;
}

/* Lets go of everything: nothing may be left. */
static void pair_fini(struct pair *p)
{
	index_free(&space, p->root);
	for (size_t i = 0; i < p->m.count; i++)
		free_record(p->m.records[i]);
	grace();
	assert_int_equal(heap.live, 0);
	free(p->m.records);
}

struct churn {
	key_fn *key;
	unsigned range;
	unsigned steps;
	unsigned delete_percent;
	unsigned commit_every;
};

static void churn(struct pair *p, const struct churn *c)
{
	uint8_t key[KEY_MAX];

	for (unsigned i = 0; i < c->steps; i++) {
		size_t len = c->key(key, c->range);
		if (random_below(100) < c->delete_percent)
			(void)pair_delete(p, key, len);
		else
			pair_put(p, key, len);
		len = c->key(key, c->range);
		check_find(p->root, &p->m, key, len);
		if (i % c->commit_every == 0) {
			space.commit++;
			grace();
		}
		if (i % (c->steps / 20 + 1) == 0)
			check_against(p->root, &p->m);
	}
	check_against(p->root, &p->m);
}

static void random_changes_match_a_sorted_model(void **state)
{
	static const struct {
		key_fn *key;
		unsigned range;
	} kinds[] = {
		{hash_key, 40},    {hash_key, 3000}, {short_key, 50},
		{short_key, 1000}, {long_key, 1000}, {any_key, 5000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct pair p = {0};
		static const unsigned phases[] = {20, 50, 80, 30, 95};
		for (size_t k = 0; k < ARRAY_LEN(phases); k++) {
			struct churn c = {
				.key = kinds[i].key,
				.range = kinds[i].range,
				.steps = 6000,
				.delete_percent = phases[k],
				.commit_every = k % 2 ? 1 : 50,
			};
			churn(&p, &c);
		}
		pair_fini(&p);
	}
}

static void a_hundred_thousand_keys_and_none_again(void **state)
{
	struct pair p = {0};
	struct churn grow = {any_key, 1U << 24, 160000, 5, 1000};
	uint8_t key[KEY_MAX];

	(void)state;
	churn(&p, &grow);
	assert_true(p.m.count > 90000);
	while (p.m.count > 0) {
		/* From both ends and the middle. */
		static const unsigned places[] = {0, 1, 2};
		size_t at = places[random_below(3)] * (p.m.count - 1) / 2;
		const struct table_denial *d = record(p.m.records[at]);
		size_t len = d->key_len;
		memcpy(key, d->bytes, len);
		assert_true(pair_delete(&p, key, len));
		if (p.m.count % 5000 == 0) {
			check_against(p.root, &p.m);
			space.commit++;
			grace();
		}
	}
	assert_int_equal(p.root, 0);
	pair_fini(&p);
}

static size_t numbered_key(uint8_t *key, unsigned n)
{
	key[0] = (uint8_t)(n >> 16);
	key[1] = (uint8_t)(n >> 8);
	key[2] = (uint8_t)n;
	return 3;
}

static void sorted_input_packs_the_tree(void **state)
{
	enum { KEYS = 50000 };
	struct pair p = {0};
	uint8_t key[KEY_MAX];

	(void)state;
	for (unsigned i = 0; i < KEYS; i++)
		pair_put(&p, key, numbered_key(key, i));
	size_t nodes = check_against(p.root, &p.m);
	assert_true(nodes <= KEYS / 23 + 10);
	pair_fini(&p);
}

static void deleting_most_keys_gives_back_most_nodes(void **state)
{
	enum { KEYS = 20000 };
	struct pair p = {0};
	uint8_t key[KEY_MAX];

	(void)state;
	for (unsigned i = 0; i < KEYS; i++)
		pair_put(&p, key, numbered_key(key, i));
	for (unsigned i = 0; i < KEYS; i++)
		if (i % 50 != 0)
			assert_true(pair_delete(&p, key, numbered_key(key, i)));
	assert_int_equal(p.m.count, KEYS / 50);
	assert_true(check_against(p.root, &p.m) <= KEYS / 50 / 6);
	pair_fini(&p);
}

static void an_empty_index_finds_nothing(void **state)
{
	table_ref root = 0;
	table_ref old = 5;
	bool exact = true;

	(void)state;
	assert_int_equal(table_index_find(heap.base, 0, NULL, 0, &exact), 0);
	assert_false(exact);
	assert_int_equal(index_delete(&space, &root, NULL, 0, &old), ERR_NOTFOUND);
	assert_int_equal(root, 0);
	assert_int_equal(old, 5);
	assert_int_equal(index_count(heap.base, 0), 0);
	index_free(&space, 0);
}

/* NSEC: the apex has the empty key, which is below all others, so that nothing ever wraps. */
static void the_empty_key_is_the_first(void **state)
{
	struct pair p = {0};
	uint8_t key[KEY_MAX];
	bool exact;

	(void)state;
	for (unsigned i = 1; i < 1000; i++)
		pair_put(&p, key, numbered_key(key, i * 7));
	table_ref apex = new_record(NULL, 0);
	assert_int_equal(model_put(&p.m, apex), 0);
	assert_int_equal(index_put(&space, &p.root, apex, NULL), 0);
	check_against(p.root, &p.m);
	assert_int_equal(table_index_find(heap.base, p.root, NULL, 0, &exact), apex);
	assert_true(exact);
	assert_int_equal(
		table_index_find(heap.base, p.root, (const uint8_t *)"\0", 1, &exact),
		apex);
	assert_false(exact);
	pair_fini(&p);
}

/* NSEC3: what is before the first hash is covered by the last record. */
static void a_key_before_the_first_wraps_to_the_last(void **state)
{
	struct pair p = {0};
	uint8_t key[KEY_MAX];
	static const uint8_t low[NSEC3_HASH_LEN] = {0};
	uint8_t high[NSEC3_HASH_LEN];
	bool exact;

	(void)state;
	memset(high, 0xff, sizeof high);
	for (unsigned i = 1; i <= 2000; i++) {
		memset(key, 0x55, NSEC3_HASH_LEN);
		numbered_key(key, i * 4001);
		pair_put(&p, key, NSEC3_HASH_LEN);
		table_ref last = p.m.records[p.m.count - 1];
		assert_int_equal(
			table_index_find(heap.base, p.root, low, sizeof low, &exact),
			last);
		assert_false(exact);
		assert_int_equal(
			table_index_find(heap.base, p.root, high, sizeof high, &exact),
			last);
		assert_false(exact);
	}
	pair_fini(&p);
}

/* Every key and its neighbours on either side, against the model. */
static void all_neighbours_are_found(void **state)
{
	struct pair p = {0};
	struct churn grow = {any_key, 3000, 3000, 0, 100};
	uint8_t key[KEY_MAX + 1];

	(void)state;
	churn(&p, &grow);
	for (size_t i = 0; i < p.m.count; i++) {
		const struct table_denial *d = record(p.m.records[i]);
		size_t len = d->key_len;
		memcpy(key, d->bytes, len);
		check_find(p.root, &p.m, key, len);
		key[len] = 0;
		check_find(p.root, &p.m, key, len + 1);
		if (len == 0)
			continue;
		check_find(p.root, &p.m, key, len - 1);
		key[len - 1]++;
		check_find(p.root, &p.m, key, len);
		key[len - 1] = (uint8_t)(key[len - 1] - 2);
		check_find(p.root, &p.m, key, len);
		key[0] ^= 0x80;
		check_find(p.root, &p.m, key, len);
	}
	pair_fini(&p);
}

/* ---- snapshots ---- */

enum { SNAPSHOTS = 40 };

static void old_roots_stay_as_they_were(void **state)
{
	struct pair p = {0};
	struct pair old[SNAPSHOTS];
	uint8_t key[KEY_MAX];

	(void)state;
	for (unsigned s = 0; s < SNAPSHOTS; s++) {
		for (unsigned i = 0; i < 200; i++) {
			size_t len = any_key(key, 1500);
			if (random_below(100) < (s < SNAPSHOTS / 2 ? 20U : 80U))
				(void)pair_delete(&p, key, len);
			else
				pair_put(&p, key, len);
		}
		/* Published: from here on nothing of it may change, until grace(). */
		old[s] = (struct pair){.root = p.root, .m = model_copy(&p.m)};
		space.commit++;
		for (unsigned k = 0; k <= s; k++) {
			check_against(old[k].root, &old[k].m);
			size_t len = any_key(key, 1500);
			check_find(old[k].root, &old[k].m, key, len);
		}
	}
	for (unsigned s = 0; s < SNAPSHOTS; s++)
		free(old[s].m.records);
	grace();
	check_against(p.root, &p.m);
	pair_fini(&p);
}

static void nodes_of_this_commit_are_changed_in_place(void **state)
{
	struct pair p = {0};
	uint8_t key[KEY_MAX];

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		pair_put(&p, key, numbered_key(key, i * 3));
	assert_int_equal(heap.retired_count, 0);

	/* The next commit copies a path once, however many changes fall into it. */
	space.commit++;
	const struct table_index *root = table_at(heap.base, p.root);
	unsigned levels = root->level + 1U;
	pair_put(&p, key, numbered_key(key, 6001));
	assert_int_equal(heap.retired_count, levels);
	table_ref own = p.root;
	pair_put(&p, key, numbered_key(key, 6002));
	assert_int_equal(heap.retired_count, levels);
	assert_int_equal(p.root, own);
	pair_fini(&p);
}

/* ---- trouble ---- */

static void a_full_space_is_reported(void **state)
{
	struct pair p = {0};
	uint8_t key[KEY_MAX];
	unsigned i = 0;

	(void)state;
	for (; i < 1000; i++)
		pair_put(&p, key, numbered_key(key, i));
	table_ref published = p.root;
	struct model at_publication = model_copy(&p.m);
	space.commit++;
	table_ref ref = new_record(key, numbered_key(key, 500000));
	table_ref root = p.root;
	for (size_t nodes = 0; nodes < 3; nodes++) {
		/* Room for some of the copies only. */
		heap.limit = heap.live + nodes * 400;
		root = published;
		int err = index_put(&space, &root, ref, NULL);
		assert_int_equal(err, ERR_FULL);
		root = published;
		assert_int_equal(index_delete(&space, &root, key, 3, NULL), ERR_NOTFOUND);
		numbered_key(key, 5);
		assert_int_equal(index_delete(&space, &root, key, 3, NULL), ERR_FULL);
		numbered_key(key, 500000);
		check_against(published, &at_publication);
	}
	free(at_publication.records);
	free(p.m.records);
}

static int stop_at_third(table_ref ref, void *arg)
{
	unsigned *calls = arg;

	(void)ref;
	return ++*calls == 3 ? -7 : 0;
}

static void walking_stops_when_told_to(void **state)
{
	struct pair p = {0};
	uint8_t key[KEY_MAX];
	unsigned calls = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		pair_put(&p, key, numbered_key(key, i));
	assert_int_equal(index_each(heap.base, p.root, stop_at_third, &calls), -7);
	assert_int_equal(calls, 3);
	pair_fini(&p);
}

#define WITH_HEAP(test) cmocka_unit_test_setup_teardown(test, heap_init, heap_fini)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HEAP(random_changes_match_a_sorted_model),
		WITH_HEAP(a_hundred_thousand_keys_and_none_again),
		WITH_HEAP(sorted_input_packs_the_tree),
		WITH_HEAP(deleting_most_keys_gives_back_most_nodes),
		WITH_HEAP(an_empty_index_finds_nothing),
		WITH_HEAP(the_empty_key_is_the_first),
		WITH_HEAP(a_key_before_the_first_wraps_to_the_last),
		WITH_HEAP(all_neighbours_are_found),
		WITH_HEAP(old_roots_stay_as_they_were),
		WITH_HEAP(nodes_of_this_commit_are_changed_in_place),
		WITH_HEAP(a_full_space_is_reported),
		WITH_HEAP(walking_stops_when_told_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
