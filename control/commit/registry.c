/*
 * One open-addressed hash table over every hosted name and every ancestor of one; an entry counts
 * the hosted zones below its name and goes when it neither is a zone nor has any below.
 */
#include "control/commit/registry.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct entry {
	uint8_t *name; /* owned; NULL: free slot */
	struct zone *zone;
	size_t below;
};

struct registry {
	struct entry *entries;
	size_t room; /* a power of two */
	size_t used;
	size_t zones;
	struct name_hash_key key;
};

enum { ROOM_MIN = 64 };

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

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
	free(z->source);
	free(z->error);
	free(z);
}

void registry_free(struct registry *r)
{
	for (size_t i = 0; i < r->room; i++) {
		free(r->entries[i].name);
		if (r->entries[i].zone)
			zone_free(r->entries[i].zone);
	}
	free(r->entries);
	free(r);
}

static size_t home(const struct registry *r, const uint8_t *name, size_t len)
{
	uint8_t padded[NAME_MAX_LEN + 1 + NAME_PAD] = {0};

	memcpy(padded, name, len);
	return (size_t)name_hash(&r->key, padded) & (r->room - 1);
}

/* The slot of a name, or the free one where it would go. */
static struct entry *slot(const struct registry *r, const uint8_t *name)
{
	size_t len = name_len(name, NAME_MAX_LEN);
	size_t i = home(r, name, len);

	for (;; i = (i + 1) & (r->room - 1)) {
		struct entry *e = &r->entries[i];
		if (!e->name || name_equal(e->name, name))
			return e;
	}
}

static void grow(struct registry *r)
{
	struct registry bigger = *r;

	if (r->used * 2 < r->room)
		return;
	bigger.room *= 2;
	bigger.entries = must(calloc(bigger.room, sizeof *bigger.entries));
	for (size_t i = 0; i < r->room; i++)
		if (r->entries[i].name)
			*slot(&bigger, r->entries[i].name) = r->entries[i];
	free(r->entries);
	*r = bigger;
}

static struct entry *obtain(struct registry *r, const uint8_t *name)
{
	grow(r);
	struct entry *e = slot(r, name);
	if (!e->name) {
		size_t len = name_len(name, NAME_MAX_LEN);
		e->name = must(malloc(len));
		memcpy(e->name, name, len);
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
		const uint8_t *name = r->entries[i].name;
		size_t h = home(r, name, name_len(name, NAME_MAX_LEN));
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

struct zone *registry_add(struct registry *r, const uint8_t *name)
{
	struct zone *z = must(calloc(1, sizeof *z));
	size_t len = name_len(name, NAME_MAX_LEN);

	memcpy(z->table.apex, name, len);
	z->table.apex_len = (uint8_t)len;
	z->table.apex_labels = (uint8_t)name_labels(name);
	obtain(r, name)->zone = z;
	count_above(r, name, 1);
	r->zones++;
	return z;
}

void registry_remove(struct registry *r, struct zone *z)
{
	struct entry *e = slot(r, z->table.apex);

	e->zone = NULL;
	if (e->below == 0)
		discard(r, e);
	count_above(r, z->table.apex, -1);
	zone_free(z);
	r->zones--;
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

static int compare_zones(const void *a, const void *b)
{
	const struct zone *const *za = a;
	const struct zone *const *zb = b;

	return name_compare((*za)->table.apex, (*zb)->table.apex);
}

struct zone **registry_sorted(const struct registry *r)
{
	struct zone **all = must(calloc(r->zones + 1, sizeof(struct zone *)));
	size_t n = 0;

	for (size_t i = 0; i < r->room; i++)
		if (r->entries[i].zone)
			all[n++] = r->entries[i].zone;
	qsort(all, n, sizeof(struct zone *), compare_zones);
	return all;
}
