/*
 * One open-addressed hash table over every hosted name and every ancestor of one; an entry counts
 * the hosted zones below its name and goes when it neither is a zone nor has any below.
 */
#include "control/commit/registry.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/must.h"

struct entry {
	uint8_t *name; /* owned; NULL: free slot */
	struct zone *zone;
	size_t below;
	uint64_t hash;
};

/* What a zone was before the change under way touched it. */
struct note {
	struct zone *zone;
	struct zone *before; /* a copy, texts included; NULL: it was not there */
};

struct registry {
	struct entry *entries;
	size_t room; /* a power of two */
	size_t used;
	size_t zones;
	struct name_hash_key key;
	bool open; /* a change is under way */
	struct note *notes;
	size_t note_count;
	size_t note_room;
	struct registry_totals totals;
};

enum {
	ROOM_MIN = 64,
	NOTES_KEPT = 4096, /* the list of a larger change is not kept */
};

struct registry *registry_new(void)
{
	struct registry *r = must(calloc(1, sizeof *r));

	r->room = ROOM_MIN;
	r->entries = must(calloc(r->room, sizeof *r->entries));
	if (getrandom(&r->key, sizeof r->key, 0) != sizeof r->key)
		abort();
	r->key.mix |= 1;
	return r;
}

static void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->source);
	free(z->error);
	free(z);
}

void registry_free(struct registry *r)
{
	if (r->open)
		registry_keep(r);
	free(r->notes);
	for (size_t i = 0; i < r->room; i++) {
		free(r->entries[i].name);
		if (r->entries[i].zone)
			zone_free(r->entries[i].zone);
	}
	free(r->entries);
	free(r);
}

static uint64_t hash_of(const struct registry *r, const uint8_t *name)
{
	uint8_t padded[NAME_MAX_LEN + 1 + NAME_PAD] = {0};

	memcpy(padded, name, name_len(name, NAME_MAX_LEN));
	return name_hash(&r->key, padded);
}

/* The slot of a name, or the free one where it would go. */
static struct entry *slot_of(const struct registry *r, const uint8_t *name, uint64_t hash)
{
	for (size_t i = hash & (r->room - 1);; i = (i + 1) & (r->room - 1)) {
		struct entry *e = &r->entries[i];
		if (!e->name || (e->hash == hash && name_equal(e->name, name)))
			return e;
	}
}

static struct entry *slot(const struct registry *r, const uint8_t *name)
{
	return slot_of(r, name, hash_of(r, name));
}

static void grow(struct registry *r)
{
	struct registry bigger = *r;

	if (r->used * 2 < r->room)
		return;
	bigger.room *= 2;
	bigger.entries = must(calloc(bigger.room, sizeof *bigger.entries));
	for (size_t i = 0; i < r->room; i++) {
		const struct entry *e = &r->entries[i];
		if (e->name)
			*slot_of(&bigger, e->name, e->hash) = *e;
	}
	free(r->entries);
	*r = bigger;
}

static struct entry *obtain(struct registry *r, const uint8_t *name)
{
	uint64_t hash = hash_of(r, name);

	grow(r);
	struct entry *e = slot_of(r, name, hash);
	if (!e->name) {
		size_t len = name_len(name, NAME_MAX_LEN);
		e->name = must(malloc(len));
		memcpy(e->name, name, len);
		e->hash = hash;
		r->used++;
	}
	return e;
}

/* Empties a slot and moves up what probing would not find behind the gap (Knuth, 6.4 R). */
static void discard(struct registry *r, struct entry *e)
{
	size_t gap = (size_t)(e - r->entries);
	size_t mask = r->room - 1;

	free(e->name);
	*e = (struct entry){0};
	r->used--;
	for (size_t i = (gap + 1) & mask; r->entries[i].name; i = (i + 1) & mask) {
		size_t h = r->entries[i].hash & mask;
		if (((i - h) & mask) < ((i - gap) & mask))
			continue;
		r->entries[gap] = r->entries[i];
		r->entries[i] = (struct entry){0};
		gap = i;
	}
}

static void count_above(struct registry *r, const uint8_t *name, int change)
{
	while (*name) {
		name += *name + 1;
		struct entry *e = obtain(r, name);
		e->below = (size_t)((ptrdiff_t)e->below + change);
		if (e->below == 0 && !e->zone)
			discard(r, e);
	}
}

/* ---- changes ---- */

static void add_note(struct registry *r, struct note n)
{
	assert(r->open);
	if (r->note_count == r->note_room) {
		r->note_room = r->note_room ? r->note_room * 2 : 16;
		r->notes = must(realloc(r->notes, r->note_room * sizeof *r->notes));
	}
	r->notes[r->note_count++] = n;
}

static void link_zone(struct registry *r, struct zone *z)
{
	obtain(r, z->table.apex)->zone = z;
	count_above(r, z->table.apex, 1);
	r->zones++;
}

static void unlink_zone(struct registry *r, struct zone *z)
{
	struct entry *e = slot(r, z->table.apex);

	e->zone = NULL;
	if (e->below == 0)
		discard(r, e);
	count_above(r, z->table.apex, -1);
	r->zones--;
}

static void count_in(struct registry_totals *t, const struct zone *z)
{
	t->served += z->loaded;
	t->failed += z->state == ZONE_STATE_FAILED;
	t->records += z->records;
	t->rrsets += z->rrsets;
}

static void count_out(struct registry_totals *t, const struct zone *z)
{
	t->served -= z->loaded;
	t->failed -= z->state == ZONE_STATE_FAILED;
	t->records -= z->records;
	t->rrsets -= z->rrsets;
}

void registry_begin(struct registry *r)
{
	assert(!r->open);
	r->open = true;
}

static void end(struct registry *r)
{
	for (size_t i = 0; i < r->note_count; i++)
		zone_free(r->notes[i].before);
	r->note_count = 0;
	r->open = false;
	if (r->note_room <= NOTES_KEPT)
		return;
	free(r->notes);
	r->notes = NULL;
	r->note_room = 0;
}

void registry_keep(struct registry *r)
{
	for (size_t i = 0; i < r->note_count; i++) {
		struct zone *z = r->notes[i].zone;
		if (r->notes[i].before)
			count_out(&r->totals, r->notes[i].before);
		z->noted = false;
		if (z->gone)
			zone_free(z);
		else
			count_in(&r->totals, z);
	}
	end(r);
}

/* Names first: a zone may have been removed and another added in its place. */
void registry_undo(struct registry *r)
{
	for (size_t i = 0; i < r->note_count; i++)
		if (!r->notes[i].before && !r->notes[i].zone->gone)
			unlink_zone(r, r->notes[i].zone);
	for (size_t i = 0; i < r->note_count; i++) {
		struct note *n = &r->notes[i];
		if (!n->before) {
			zone_free(n->zone);
			continue;
		}
		if (n->zone->gone)
			link_zone(r, n->zone);
		struct zone changed = *n->zone;
		*n->zone = *n->before;
		*n->before = changed; /* its texts go with it */
	}
	end(r);
}

void registry_touch(struct registry *r, struct zone *z)
{
	if (z->noted)
		return;
	struct zone *before = must(malloc(sizeof *before));
	*before = *z;
	before->source = NULL;
	must_set_text(&before->source, z->source);
	before->error = NULL;
	must_set_text(&before->error, z->error);
	add_note(r, (struct note){.zone = z, .before = before});
	z->noted = true;
}

struct zone *registry_add(struct registry *r, const uint8_t *name)
{
	struct zone *z = must(calloc(1, sizeof *z));
	size_t len = name_len(name, NAME_MAX_LEN);

	memcpy(z->table.apex, name, len);
	z->table.apex_len = (uint8_t)len;
	z->table.apex_labels = (uint8_t)name_labels(name);
	link_zone(r, z);
	add_note(r, (struct note){.zone = z});
	z->noted = true;
	return z;
}

void registry_remove(struct registry *r, struct zone *z)
{
	registry_touch(r, z);
	unlink_zone(r, z);
	z->gone = true;
}

struct zone *registry_find(const struct registry *r, const uint8_t *name)
{
	return slot(r, name)->zone;
}

struct zone *registry_parent(const struct registry *r, const uint8_t *name)
{
	while (*name) {
		name += *name + 1;
		struct zone *z = registry_find(r, name);
		if (z)
			return z;
	}
	return NULL;
}

bool registry_hosts_below(const struct registry *r, const uint8_t *name)
{
	return slot(r, name)->below > 0;
}

size_t registry_count(const struct registry *r)
{
	return r->zones;
}

void registry_totals(const struct registry *r, struct registry_totals *out)
{
	*out = r->totals;
}

static int compare_zones(const void *a, const void *b)
{
	const struct zone *const *za = a;
	const struct zone *const *zb = b;

	return name_compare((*za)->table.apex, (*zb)->table.apex);
}

static int compare_depths(const void *a, const void *b)
{
	const struct compile_zone *za = &(*(const struct zone *const *)a)->table;
	const struct compile_zone *zb = &(*(const struct zone *const *)b)->table;

	if (za->apex_labels != zb->apex_labels)
		return za->apex_labels > zb->apex_labels ? -1 : 1;
	return za->id < zb->id ? -1 : za->id > zb->id;
}

static struct zone **sorted_by(const struct registry *r,
                               int (*compare)(const void *, const void *))
{
	struct zone **all = must(calloc(r->zones + 1, sizeof(struct zone *)));
	size_t n = 0;

	for (size_t i = 0; i < r->room; i++)
		if (r->entries[i].zone)
			all[n++] = r->entries[i].zone;
	qsort(all, n, sizeof(struct zone *), compare);
	return all;
}

struct zone **registry_sorted(const struct registry *r)
{
	return sorted_by(r, compare_zones);
}

struct zone **registry_deepest_first(const struct registry *r)
{
	return sorted_by(r, compare_depths);
}
