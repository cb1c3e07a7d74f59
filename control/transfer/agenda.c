#include "control/transfer/agenda.h"

#include <stdlib.h>
#include <string.h>

#include "control/zone/arena.h"

enum { BUCKETS_FIRST = 16 };

struct agenda {
	struct agenda_entry **heap;
	size_t queued, room;
	struct agenda_entry **buckets;
	size_t bucket_count, count;
};

static struct agenda_entry **new_buckets(size_t count)
{
	struct agenda_entry **b = memory_get(count * sizeof(void *));

	memset(b, 0, count * sizeof(void *));
	return b;
}

struct agenda *agenda_new(void)
{
	struct agenda *a = memory_get(sizeof *a);

	*a = (struct agenda){.buckets = new_buckets(BUCKETS_FIRST),
	                     .bucket_count = BUCKETS_FIRST};
	return a;
}

void agenda_free(struct agenda *a, void (*fn)(struct agenda_entry *))
{
	if (!a)
		return;
	for (size_t i = 0; i < a->bucket_count; i++) {
		for (struct agenda_entry *e = a->buckets[i]; e;) {
			struct agenda_entry *next = e->next;
			fn(e);
			e = next;
		}
	}
	free(a->buckets);
	free(a->heap);
	free(a);
}

/* ---- by number ---- */

/* Numbers are given out one after the other: the low bits tell them apart. */
static struct agenda_entry **bucket_of(const struct agenda *a, uint32_t id)
{
	return &a->buckets[id & (a->bucket_count - 1)];
}

struct agenda_entry *agenda_find(const struct agenda *a, uint32_t id)
{
	struct agenda_entry *e = *bucket_of(a, id);

	while (e && e->id != id)
		e = e->next;
	return e;
}

static void enter(struct agenda *a, struct agenda_entry *e)
{
	struct agenda_entry **bucket = bucket_of(a, e->id);

	e->next = *bucket;
	*bucket = e;
}

static void grow(struct agenda *a)
{
	struct agenda_entry **old = a->buckets;
	size_t old_count = a->bucket_count;

	a->bucket_count *= 2;
	a->buckets = new_buckets(a->bucket_count);
	for (size_t i = 0; i < old_count; i++) {
		for (struct agenda_entry *e = old[i]; e;) {
			struct agenda_entry *next = e->next;
			enter(a, e);
			e = next;
		}
	}
	free(old);
}

void agenda_add(struct agenda *a, struct agenda_entry *e)
{
	e->queued = false;
	if (a->count == a->bucket_count)
		grow(a);
	enter(a, e);
	a->count++;
}

void agenda_remove(struct agenda *a, struct agenda_entry *e)
{
	struct agenda_entry **at = bucket_of(a, e->id);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	a->count--;
	agenda_pause(a, e);
}

void agenda_each(struct agenda *a, void (*fn)(struct agenda_entry *e, void *arg),
                 void *arg)
{
	for (size_t i = 0; i < a->bucket_count; i++)
		for (struct agenda_entry *e = a->buckets[i]; e; e = e->next)
			fn(e, arg);
}

/* ---- by time ---- */

static void put(struct agenda *a, size_t place, struct agenda_entry *e)
{
	a->heap[place] = e;
	e->place = (uint32_t)place;
}

static void rise(struct agenda *a, struct agenda_entry *e)
{
	size_t at = e->place;

	while (at > 0 && a->heap[(at - 1) / 2]->due > e->due) {
		put(a, at, a->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(a, at, e);
}

static void sink(struct agenda *a, struct agenda_entry *e)
{
	size_t at = e->place;

	for (;;) {
		size_t child = 2 * at + 1;
		if (child + 1 < a->queued &&
		    a->heap[child + 1]->due < a->heap[child]->due)
			child++;
		if (child >= a->queued || a->heap[child]->due >= e->due)
			break;
		put(a, at, a->heap[child]);
		at = child;
	}
	put(a, at, e);
}

void agenda_at(struct agenda *a, struct agenda_entry *e, uint64_t due)
{
	e->due = due;
	if (!e->queued) {
		a->heap = array_room(a->heap, a->queued, &a->room, sizeof(void *));
		put(a, a->queued++, e);
		e->queued = true;
	}
	rise(a, e);
	sink(a, e);
}

void agenda_pause(struct agenda *a, struct agenda_entry *e)
{
	if (!e->queued)
		return;
	e->queued = false;
	struct agenda_entry *last = a->heap[--a->queued];
	if (last == e)
		return;
	put(a, e->place, last);
	rise(a, last);
	sink(a, last);
}

struct agenda_entry *agenda_first(const struct agenda *a)
{
	return a->queued ? a->heap[0] : NULL;
}
