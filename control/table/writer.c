#include "control/table/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/must.h"
#include "control/table/internal.h"
#include "shared/err.h"

enum {
	BUCKET_SHARE = 4, /* one part in so many of the segment is reserved for buckets */
	BUCKETS_MIN = 64,
	HUGE_PAGE = 2 << 20,
	COLLAPSE_SHARE =
		8, /* collapse again when the table has grown by one part in so many */
	GROWTH_PRIVATE = 8, /* a growth step adds one bucket for so many; */
	/* where a commit waits for it, one for more of them, and no more than so many: each
	 * makes room for one name and a half at least, so inserting never outruns them. */
	GROWTH_SHARED = 64,
	GROWTH_STEP_MAX = 256,
	EXPECTED_MIN =
		4 << 20, /* what takes less than a thread costs is touched as it comes */
	CLEAN_STEP_MAX = 1024, /* buckets between two commits */
	MADE_KEPT = 1 << 16,   /* objects: the list of a larger change is not kept */
};

struct batch *writer_batch_new(void)
{
	return must(calloc(1, sizeof(struct batch)));
}

void writer_batch_free(struct batch *b)
{
	free(b->splits);
	free(b->items);
	free(b);
}

void writer_batch_add(struct batch *b, struct item item)
{
	if (b->count == b->room) {
		b->room = b->room ? b->room * 2 : 64;
		b->items = must(realloc(b->items, b->room * sizeof *b->items));
	}
	b->items[b->count++] = item;
}

/* A power of two: buckets that are not split yet hold twice as many names as the others. */
static uint64_t buckets_for(uint64_t names)
{
	uint64_t buckets = names / BUCKETS_LOAD + 1;

	return buckets < BUCKETS_MIN ? BUCKETS_MIN : table_bucket_mask(buckets) + 1;
}

static int header_init(struct table_writer *w, uint64_t generation, uint64_t names)
{
	struct table_header *h = w->header;
	uint64_t share = w->segment.size / BUCKET_SHARE;

	h->magic = TABLE_MAGIC;
	h->layout = TABLE_LAYOUT;
	h->header_size = TABLE_HEADER_SIZE;
	h->size = w->segment.size;
	h->generation = generation;
	if (getrandom(&h->hash_key, sizeof h->hash_key, 0) != sizeof h->hash_key)
		return ERR_SYSTEM;
	h->hash_key.mix |= 1;
	h->buckets_at = TABLE_HEADER_SIZE;
	h->buckets_max = (share - TABLE_HEADER_SIZE) / sizeof(struct table_bucket);
	h->arena_at = share;

	uint64_t want = buckets_for(names);
	if (want > h->buckets_max)
		want = h->buckets_max;
	atomic_store_explicit(&h->nbuckets, want, memory_order_relaxed);
	return 0;
}

int writer_open(uint64_t size, uint64_t generation, uint64_t names,
                struct table_writer **out)
{
	struct table_writer *w = must(calloc(1, sizeof *w));

	size &= ~((uint64_t)BUCKET_SHARE * HUGE_PAGE - 1);
	int err = segment_create("anser-table", size, true, &w->segment);
	if (err < 0) {
		free(w);
		return err;
	}
	w->header = (struct table_header *)(void *)w->segment.base;
	err = header_init(w, generation, names);
	if (err == 0)
		err = table_attach(w->segment.base, w->segment.size, &w->table);
	if (err < 0) {
		segment_close(&w->segment);
		free(w);
		return err;
	}
	room_init(&w->room, w->segment.base, w->header->arena_at, size);
	w->buckets = (struct buckets){
		.base = w->segment.base,
		.room = &w->room,
		.at = (struct table_bucket *)(void *)(w->segment.base +
	                                              w->header->buckets_at),
		.count = atomic_load_explicit(&w->header->nbuckets, memory_order_relaxed),
		.max = w->header->buckets_max,
		.key = w->header->hash_key,
	};
	w->current = writer_batch_new();
	w->last = &w->first;
	*out = w;
	return 0;
}

void writer_close(struct table_writer **wp)
{
	struct table_writer *w = *wp;

	if (!w)
		return;
	while (w->first) {
		struct batch *next = w->first->next;
		writer_batch_free(w->first);
		w->first = next;
	}
	writer_batch_free(w->current);
	free(w->made);
	ahead_end(&w->ahead);
	segment_close(&w->segment);
	free(w);
	*wp = NULL;
}

int writer_fd(const struct table_writer *w)
{
	return w->segment.fd;
}

uint64_t writer_generation(const struct table_writer *w)
{
	return w->header->generation;
}

struct table *writer_table(struct table_writer *w)
{
	return &w->table;
}

const struct name_hash_key *writer_hash_key(const struct table_writer *w)
{
	return &w->buckets.key;
}

uint8_t *writer_base(struct table_writer *w)
{
	return w->segment.base;
}

bool writer_failed(const struct table_writer *w)
{
	return w->failed;
}

uint32_t writer_born(const struct table_writer *w)
{
	uint32_t born = (uint32_t)(w->commit + 1);

	if (!w->shared)
		return 0;
	return born ? born : 1; /* 0 is taken; publish skips it as well */
}

/* ---- memory ---- */

static void note_made(struct table_writer *w, table_ref ref, size_t bytes)
{
	if (w->made_count == w->made_room) {
		w->made_room = w->made_room ? w->made_room * 2 : 64;
		w->made = must(realloc(w->made, w->made_room * sizeof *w->made));
	}
	w->made[w->made_count++] = (struct made){.ref = ref, .bytes = (uint32_t)bytes};
}

table_ref writer_alloc(struct table_writer *w, size_t bytes, void **out)
{
	table_ref ref = room_alloc(&w->room, bytes);

	if (!ref) {
		w->failed = true;
		return 0;
	}
	*out = writer_at(w->segment.base, ref);
	memset(*out, 0, room_size(bytes));
	if (w->shared)
		note_made(w, ref, bytes);
	return ref;
}

void writer_use_reserve(struct table_writer *w, bool use)
{
	w->room.keep = !use;
}

static void free_room(struct table_writer *w, table_ref ref, size_t bytes)
{
	room_free(&w->room, ref, bytes);
}

void writer_retire(struct table_writer *w, table_ref ref, size_t bytes)
{
	if (!w->shared) {
		free_room(w, ref, bytes);
		return;
	}
	w->retired += room_size(bytes);
	writer_batch_add(
		w->current,
		(struct item){.kind = ITEM_FREE, .ref = ref, .bytes = (uint32_t)bytes});
}

struct table_node *writer_node_at(const struct table_writer *w, table_ref ref)
{
	return writer_at(w->segment.base, ref);
}

size_t writer_node_size(const struct table_node *n)
{
	const struct table_entry *e = table_node_entries(n);

	for (unsigned i = 0; i < n->nentries; i++)
		e = table_entry_next(e);
	return (size_t)((const uint8_t *)e - (const uint8_t *)n);
}

/* Hands a node and its fragments to give (free or retire). */
static void node_release(struct table_writer *w, table_ref ref,
                         void (*give)(struct table_writer *, table_ref, size_t))
{
	const struct table_node *n = writer_node_at(w, ref);
	const struct table_entry *e = table_node_entries(n);

	for (unsigned i = 0; i < n->nentries; i++, e = table_entry_next(e)) {
		if (!(e->flags & ENTRY_FRAGMENT))
			continue;
		const struct table_fragment *f = table_at(w->segment.base, e->ref);
		give(w, e->ref, (size_t)f->units * TABLE_UNIT);
	}
	give(w, ref, writer_node_size(n));
}

/* ---- nodes ---- */

/* One step goes on where the last one ended, until the number of buckets has doubled. */
static void batch_add_split(struct batch *b, struct split split)
{
	struct split *last = b->split_count ? &b->splits[b->split_count - 1] : NULL;

	if (last && split.low > 0 && last->high == split.low) {
		last->high = split.high;
		last->count = split.count;
		return;
	}
	b->splits = must(realloc(b->splits, (b->split_count + 1) * sizeof *b->splits));
	b->splits[b->split_count++] = split;
}

/* When it cannot grow, buckets get fuller, and nothing else happens. */
static bool grow(struct table_writer *w, uint64_t add)
{
	struct split split;

	if (buckets_grow(&w->buckets, add, &split) < 0)
		return false;
	/* Release: the copies are there. A reader that still computes with the old number has a
	 * snapshot from before this change and finds the originals. */
	atomic_store_explicit(&w->header->nbuckets, w->buckets.count,
	                      memory_order_release);
	if (w->shared)
		batch_add_split(w->current, split);
	else
		buckets_clean(&w->buckets, &split);
	return true;
}

static void grow_if_full(struct table_writer *w)
{
	uint64_t add =
		w->buckets.count / (w->shared ? GROWTH_SHARED : GROWTH_PRIVATE) + 1;

	if (w->names <= buckets_limit(w->buckets.count))
		return;
	if (w->shared && add > GROWTH_STEP_MAX)
		add = GROWTH_STEP_MAX;
	(void)grow(w, add);
}

void writer_reserve(struct table_writer *w, uint64_t names)
{
	uint64_t want = buckets_for(w->names + names);

	/* A few names do not pay for a large table's doubling. */
	if (w->shared && want > w->buckets.count + names)
		want = w->buckets.count + names;
	while (w->buckets.count < want && grow(w, want - w->buckets.count))
		;
}

void writer_expect(struct table_writer *w, uint64_t bytes)
{
	uint64_t room = w->room.end - w->room.at;

	if (bytes >= EXPECTED_MIN)
		ahead_begin(&w->ahead, &w->segment, w->room.at,
		            bytes < room ? bytes : room);
}

void writer_prefetch(const struct table_writer *w, uint64_t hash)
{
	buckets_prefetch(&w->buckets, hash);
}

static void insert_new(struct table_writer *w, uint64_t hash, table_ref node)
{
	if (buckets_insert(&w->buckets, hash, node) < 0) {
		w->failed = true;
		return;
	}
	w->names++;
	grow_if_full(w);
}

/* Puts node in front of the newest version in slot. */
static void supersede(struct table_writer *w, struct slot slot, table_ref node)
{
	table_ref old_ref = slot_ref(slot);
	struct table_node *old = writer_node_at(w, old_ref);
	struct table_node *n = writer_node_at(w, node);

	if (writer_is_own(w, old)) {
		table_ref before = atomic_load_explicit(&old->prev, memory_order_relaxed);
		atomic_store_explicit(&n->prev, before, memory_order_relaxed);
		slot_set(slot, node);
		old->zone = DEAD_ZONE;
		node_release(w, old_ref, writer_retire);
		return;
	}
	atomic_store_explicit(&n->prev, old_ref, memory_order_relaxed);
	slot_set(slot, node);
	w->retired += room_size(writer_node_size(old));
}

void writer_put_node(struct table_writer *w, uint64_t hash, table_ref node)
{
	struct table_node *n = writer_node_at(w, node);
	struct slot slot = buckets_find(&w->buckets, hash, n->name, n->name_len,
	                                n->flags & NODE_PARENT_SIDE);

	atomic_store_explicit(&n->born, writer_born(w), memory_order_relaxed);
	if (!slot.bucket) {
		insert_new(w, hash, node);
	} else if (!w->shared) {
		node_release(w, slot_ref(slot), free_room);
		slot_set(slot, node);
	} else {
		supersede(w, slot, node);
	}
	if (w->shared)
		writer_batch_add(w->current,
		                 (struct item){.kind = ITEM_NODE, .ref = node});
}

void writer_delete_node(struct table_writer *w, uint64_t hash, const uint8_t *name,
                        size_t name_len, unsigned parent_side)
{
	struct slot slot = buckets_find(&w->buckets, hash, name, name_len, parent_side);
	void *room;

	if (!slot.bucket || (writer_node_at(w, slot_ref(slot))->flags & NODE_DELETED))
		return;
	if (!w->shared) {
		node_release(w, slot_ref(slot), free_room);
		slot_clear(slot);
		w->names--;
		return;
	}
	table_ref ref = writer_alloc(w, sizeof(struct table_node) + name_len, &room);
	if (!ref)
		return;
	struct table_node *n = room;
	n->flags = (uint16_t)(NODE_DELETED | parent_side);
	n->name_len = (uint8_t)name_len;
	memcpy(n->name, name, name_len);
	writer_put_node(w, hash, ref);
}

struct table_node *writer_find(struct table_writer *w, uint64_t hash, const uint8_t *name,
                               size_t name_len, unsigned parent_side)
{
	struct slot slot = buckets_find(&w->buckets, hash, name, name_len, parent_side);

	if (!slot.bucket)
		return NULL;
	struct table_node *n = writer_node_at(w, slot_ref(slot));
	return n->flags & NODE_DELETED ? NULL : n;
}

bool writer_is_own(const struct table_writer *w, const struct table_node *n)
{
	return atomic_load_explicit(&n->born, memory_order_relaxed) == writer_born(w);
}

/* Copies the fragments as well: each belongs to one node. */
static bool copy_fragments(struct table_writer *w, struct table_node *n)
{
	struct table_entry *e =
		(struct table_entry *)(void *)((uint8_t *)n +
	                                       ((sizeof *n + n->name_len + 3U) &
	                                        ~(size_t)3));

	for (unsigned i = 0; i < n->nentries; i++) {
		if (e->flags & ENTRY_FRAGMENT) {
			const struct table_fragment *f =
				table_at(w->segment.base, e->ref);
			size_t size = (size_t)f->units * TABLE_UNIT;
			void *copy;
			table_ref ref = writer_alloc(w, size, &copy);
			if (!ref)
				return false;
			memcpy(copy, f, size);
			e->ref = ref;
		}
		e = (struct table_entry *)(void *)((uint8_t *)e + table_entry_size(e));
	}
	return true;
}

struct table_node *writer_modify(struct table_writer *w, uint64_t hash,
                                 struct table_node *n)
{
	size_t size = writer_node_size(n);
	void *copy;

	if (writer_is_own(w, n))
		return n;
	table_ref ref = writer_alloc(w, size, &copy);
	if (!ref)
		return NULL;
	memcpy((uint8_t *)copy + 8, (const uint8_t *)n + 8,
	       size - 8); /* all but born, prev */
	if (!copy_fragments(w, copy))
		return NULL;
	writer_put_node(w, hash, ref);
	return copy;
}

/* ---- zones and settings: a stub's head, or the header's field, is the slot ---- */

static size_t zone_version_size(const struct table_zone_version *v)
{
	return (size_t)v->units * TABLE_UNIT;
}

void writer_put_zone(struct table_writer *w, table_ref zone, table_ref version)
{
	struct table_zone *z = writer_at(w->segment.base, zone);
	struct table_zone_version *v = writer_at(w->segment.base, version);
	table_ref old_ref = atomic_load_explicit(&z->head, memory_order_relaxed);
	struct table_zone_version *old = writer_at(w->segment.base, old_ref);
	bool own = old_ref && atomic_load_explicit(&old->born, memory_order_relaxed) ==
	                              writer_born(w);

	atomic_store_explicit(&v->born, writer_born(w), memory_order_relaxed);
	if (own)
		atomic_store_explicit(
			&v->prev, atomic_load_explicit(&old->prev, memory_order_relaxed),
			memory_order_relaxed);
	else
		atomic_store_explicit(&v->prev, old_ref, memory_order_relaxed);
	atomic_store_explicit(&z->head, version, memory_order_release);
	if (own) {
		old->apex_len = 0; /* no version: clean_up() passes over it */
		writer_retire(w, old_ref, zone_version_size(old));
	}
	if (w->shared)
		writer_batch_add(
			w->current,
			(struct item){.kind = ITEM_ZONE, .ref = version, .stub = zone});
}

void writer_put_settings(struct table_writer *w, table_ref settings)
{
	struct table_settings *v = writer_at(w->segment.base, settings);
	table_ref old = atomic_load_explicit(&w->header->settings, memory_order_relaxed);

	atomic_store_explicit(&v->born, writer_born(w), memory_order_relaxed);
	atomic_store_explicit(&v->prev, old, memory_order_relaxed);
	atomic_store_explicit(&w->header->settings, settings, memory_order_release);
	if (w->shared)
		writer_batch_add(w->current,
		                 (struct item){.kind = ITEM_SETTINGS, .ref = settings});
}

/* ---- publication ---- */

static void enqueue(struct table_writer *w, struct batch *b)
{
	*w->last = b;
	w->last = &b->next;
	if (!w->unasked)
		w->unasked = b;
}

void writer_batch_end(struct table_writer *w)
{
	enqueue(w, w->current);
	w->current = writer_batch_new();
	w->made_count = 0;
	if (w->made_room > MADE_KEPT) {
		free(w->made);
		w->made = NULL;
		w->made_room = 0;
	}
}

void writer_share(struct table_writer *w)
{
	w->shared = true;
	writer_use_reserve(w, false);
	w->commit = 1;
	/* Release pairs with the acquire in table_snapshot(). */
	atomic_store_explicit(&w->header->commit, w->commit, memory_order_release);
}

uint64_t writer_publish(struct table_writer *w)
{
	w->commit++;
	if ((uint32_t)w->commit == 0)
		w->commit++; /* as writer_born() */
	atomic_store_explicit(&w->header->commit, w->commit, memory_order_release);

	writer_batch_end(w);
	return w->commit;
}

/* ---- reclamation ---- */

void writer_wait_for(struct table_writer *w, uint64_t grace)
{
	for (; w->unasked; w->unasked = w->unasked->next)
		w->unasked->grace = grace;
	if (w->again)
		w->grace_least = grace;
	w->again = false;
}

bool writer_wants_grace(const struct table_writer *w)
{
	return w->unasked || w->again;
}

static void free_retired(struct table_writer *w, table_ref ref, size_t bytes)
{
	w->retired -= room_size(bytes);
	room_free(&w->room, ref, bytes);
}

/* A superseded node was counted when it was superseded, its fragments were not. */
static void free_superseded(struct table_writer *w, table_ref ref)
{
	w->retired -= room_size(writer_node_size(writer_node_at(w, ref)));
	node_release(w, ref, free_room);
}

static void settle_node(struct table_writer *w, table_ref ref, struct batch *late)
{
	struct table_node *n = writer_node_at(w, ref);
	table_ref prev = atomic_load_explicit(&n->prev, memory_order_relaxed);

	if (n->zone == DEAD_ZONE)
		return;
	/* Every reader is past this commit: what was before cannot be seen any more. */
	atomic_store_explicit(&n->prev, 0, memory_order_relaxed);
	atomic_store_explicit(&n->born, 0, memory_order_release);
	if (prev)
		free_superseded(w, prev);
	if (!(n->flags & NODE_DELETED))
		return;
	struct slot slot =
		buckets_find(&w->buckets, buckets_hash_of(&w->buckets, n), n->name,
	                     n->name_len, n->flags & NODE_PARENT_SIDE);
	if (!slot.bucket || slot_ref(slot) != ref)
		return; /* the name came back meanwhile; its version frees this one */
	slot_clear(slot);
	w->names--;
	/* A reader may have loaded the slot just before. */
	w->retired += room_size(writer_node_size(n));
	writer_batch_add(late, (struct item){.kind = ITEM_FREE,
	                                     .ref = ref,
	                                     .bytes = (uint32_t)writer_node_size(n)});
}

static void settle_zone(struct table_writer *w, table_ref ref)
{
	struct table_zone_version *v = writer_at(w->segment.base, ref);
	table_ref prev = atomic_load_explicit(&v->prev, memory_order_relaxed);

	if (v->apex_len == 0)
		return;
	atomic_store_explicit(&v->prev, 0, memory_order_relaxed);
	atomic_store_explicit(&v->born, 0, memory_order_release);
	if (prev)
		free_room(w, prev, zone_version_size(writer_at(w->segment.base, prev)));
}

static void settle_settings(struct table_writer *w, table_ref ref)
{
	struct table_settings *v = writer_at(w->segment.base, ref);
	table_ref prev = atomic_load_explicit(&v->prev, memory_order_relaxed);

	atomic_store_explicit(&v->prev, 0, memory_order_relaxed);
	atomic_store_explicit(&v->born, 0, memory_order_release);
	if (prev)
		free_room(w, prev, sizeof *v);
}

static void settle(struct table_writer *w, const struct batch *b, struct batch *late)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct item *it = &b->items[i];
		switch (it->kind) {
		case ITEM_FREE: free_retired(w, it->ref, it->bytes); break;
		case ITEM_NODE: settle_node(w, it->ref, late); break;
		case ITEM_ZONE: settle_zone(w, it->ref); break;
		case ITEM_SETTINGS: settle_settings(w, it->ref); break;
		}
	}
}

/* Cleans so many buckets at most. Says whether none of the batch's is left. */
static bool clean_some(struct table_writer *w, struct batch *b)
{
	uint64_t left = CLEAN_STEP_MAX;

	while (b->split_count > 0 && left > 0) {
		struct split *s = &b->splits[b->split_count - 1];
		struct split part = *s;
		if (part.high - part.low > left)
			part.high = part.low + left;
		buckets_clean(&w->buckets, &part);
		left -= part.high - part.low;
		s->low = part.high;
		if (s->low == s->high)
			b->split_count--;
	}
	return b->split_count == 0;
}

/* Whether nobody looks any more at what the oldest batch unlinked. */
static bool is_over(const struct table_writer *w, uint64_t grace)
{
	return w->first && w->first != w->unasked && w->first->grace <= grace &&
	       !w->again && w->grace_least <= grace;
}

void writer_passed(struct table_writer *w, uint64_t grace)
{
	struct batch *late = writer_batch_new();

	while (is_over(w, grace)) {
		struct batch *b = w->first;
		if (b->split_count != 0) {
			/* The originals of entries that growth copied go; whoever has just
			 * loaded one of them may look at its node until the next grace
			 * period, so everything waits for that one. */
			w->again = clean_some(w, b);
			break;
		}
		settle(w, b, late);
		w->first = b->next;
		if (!w->first)
			w->last = &w->first;
		writer_batch_free(b);
	}
	if (late->count > 0)
		enqueue(w, late);
	else
		writer_batch_free(late);
}

/* Collapsing copies: not again before the table has grown by a good part. */
static bool grown_enough(uint64_t done, uint64_t now)
{
	return now - done >= HUGE_PAGE && now - done >= done / COLLAPSE_SHARE;
}

static void set_goals(struct table_writer *w)
{
	uint64_t filled = w->room.at - w->header->arena_at;
	uint64_t buckets = w->buckets.count * sizeof(struct table_bucket);

	if (grown_enough(w->arena.collapsed, filled))
		w->arena.goal = filled & ~(uint64_t)(HUGE_PAGE - 1);
	/* Buckets fill evenly: the last page is as busy as the others. */
	if (grown_enough(w->collapsed_buckets, buckets + HUGE_PAGE - 1)) {
		w->front.collapsed = 0;
		w->front.goal =
			(buckets + 2 * (uint64_t)HUGE_PAGE) & ~(uint64_t)(HUGE_PAGE - 1);
		w->collapsed_buckets = buckets;
	}
}

static bool collapse_part(struct table_writer *w, uint64_t from, struct stretch *s)
{
	if (s->collapsed >= s->goal)
		return false;
	segment_collapse(&w->segment, from + s->collapsed, HUGE_PAGE);
	s->collapsed += HUGE_PAGE;
	return true;
}

bool writer_collapse(struct table_writer *w)
{
	if (w->arena.collapsed >= w->arena.goal && w->front.collapsed >= w->front.goal)
		set_goals(w);
	return collapse_part(w, 0, &w->front) ||
	       collapse_part(w, w->header->arena_at, &w->arena);
}

void writer_usage(const struct table_writer *w, struct writer_usage *out)
{
	*out = (struct writer_usage){
		.used = w->room.used + w->buckets.count * sizeof(struct table_bucket),
		.free = w->room.free,
		.retired = w->retired,
		.names = w->names,
		.buckets = w->buckets.count,
		.resident = segment_resident(&w->segment),
		.limit = w->segment.size,
	};
}
