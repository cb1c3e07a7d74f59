#include "control/transfer/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "control/zone/arena.h"
#include "shared/name.h"

enum { BUCKETS_FIRST = 16 };

struct schedule {
	struct secondary **heap;
	size_t queued, room;
	struct secondary **buckets;
	size_t bucket_count, count;
};

static struct secondary **new_buckets(size_t count)
{
	struct secondary **b = memory_get(count * sizeof(void *));

	memset(b, 0, count * sizeof(void *));
	return b;
}

struct schedule *schedule_new(void)
{
	struct schedule *s = memory_get(sizeof *s);

	*s = (struct schedule){.buckets = new_buckets(BUCKETS_FIRST),
	                       .bucket_count = BUCKETS_FIRST};
	return s;
}

static void secondary_free(struct secondary *one)
{
	free(one->name);
	free(one->why);
	free(one->ixfr_error);
	free(one);
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->bucket_count; i++) {
		for (struct secondary *one = s->buckets[i]; one;) {
			struct secondary *next = one->next;
			secondary_free(one);
			one = next;
		}
	}
	free(s->buckets);
	free(s->heap);
	free(s);
}

/* ---- by number ---- */

/* Numbers are given out one after the other: the low bits tell them apart. */
static struct secondary **bucket_of(const struct schedule *s, uint32_t id)
{
	return &s->buckets[id & (s->bucket_count - 1)];
}

struct secondary *schedule_find(const struct schedule *s, uint32_t id)
{
	struct secondary *one = *bucket_of(s, id);

	while (one && one->id != id)
		one = one->next;
	return one;
}

static void enter(struct schedule *s, struct secondary *one)
{
	struct secondary **bucket = bucket_of(s, one->id);

	one->next = *bucket;
	*bucket = one;
}

static void grow(struct schedule *s)
{
	struct secondary **old = s->buckets;
	size_t old_count = s->bucket_count;

	s->bucket_count *= 2;
	s->buckets = new_buckets(s->bucket_count);
	for (size_t i = 0; i < old_count; i++) {
		for (struct secondary *one = old[i]; one;) {
			struct secondary *next = one->next;
			enter(s, one);
			one = next;
		}
	}
	free(old);
}

struct secondary *schedule_add(struct schedule *s, uint32_t id, const uint8_t *name)
{
	struct secondary *one = memory_get(sizeof *one);
	size_t len = name_len(name, NAME_MAX_LEN);

	*one = (struct secondary){.id = id, .name = memory_get(len)};
	memcpy(one->name, name, len);
	if (s->count == s->bucket_count)
		grow(s);
	enter(s, one);
	s->count++;
	return one;
}

void schedule_remove(struct schedule *s, struct secondary *one)
{
	struct secondary **at = bucket_of(s, one->id);

	while (*at != one)
		at = &(*at)->next;
	*at = one->next;
	s->count--;
	schedule_pause(s, one);
	secondary_free(one);
}

void schedule_each(struct schedule *s, void (*fn)(struct secondary *one, void *arg),
                   void *arg)
{
	for (size_t i = 0; i < s->bucket_count; i++)
		for (struct secondary *one = s->buckets[i]; one; one = one->next)
			fn(one, arg);
}

/* ---- by time ---- */

static void put(struct schedule *s, size_t place, struct secondary *one)
{
	s->heap[place] = one;
	one->place = (uint32_t)place;
}

static void rise(struct schedule *s, struct secondary *one)
{
	size_t at = one->place;

	while (at > 0 && s->heap[(at - 1) / 2]->due_ms > one->due_ms) {
		put(s, at, s->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(s, at, one);
}

static void sink(struct schedule *s, struct secondary *one)
{
	size_t at = one->place;

	for (;;) {
		size_t child = 2 * at + 1;
		if (child + 1 < s->queued &&
		    s->heap[child + 1]->due_ms < s->heap[child]->due_ms)
			child++;
		if (child >= s->queued || s->heap[child]->due_ms >= one->due_ms)
			break;
		put(s, at, s->heap[child]);
		at = child;
	}
	put(s, at, one);
}

void schedule_at(struct schedule *s, struct secondary *one, uint64_t due_ms)
{
	one->due_ms = due_ms;
	if (!one->queued) {
		s->heap = array_room(s->heap, s->queued, &s->room, sizeof(void *));
		put(s, s->queued++, one);
		one->queued = true;
	}
	rise(s, one);
	sink(s, one);
}

void schedule_pause(struct schedule *s, struct secondary *one)
{
	if (!one->queued)
		return;
	one->queued = false;
	struct secondary *last = s->heap[--s->queued];
	if (last == one)
		return;
	put(s, one->place, last);
	rise(s, last);
	sink(s, last);
}

struct secondary *schedule_first(const struct schedule *s)
{
	return s->queued ? s->heap[0] : NULL;
}
