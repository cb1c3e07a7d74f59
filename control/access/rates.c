/*
 * The generic cell rate algorithm: of each key the time is known until which it has used up what
 * it may, as if its requests had come evenly. That time may be ahead by the burst.
 */
#include "control/access/rates.h"

#include <stdlib.h>
#include <string.h>

#include "shared/compiler.h"

enum { SETS = 256, WAYS = 8, SECOND = 1000000 };

STATIC_ASSERT((SETS & (SETS - 1)) == 0, "a mask selects the set");

struct busy {
	char id[KEY_ID_SIZE];
	uint64_t until; /* when it is past, the entry is free */
};

struct rates {
	uint64_t each;  /* microseconds of a request */
	uint64_t ahead; /* how far until may be */
	struct busy sets[SETS][WAYS];
};

struct rates *rates_new(unsigned per_second, unsigned burst)
{
	struct rates *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	r->each = SECOND / per_second;
	r->ahead = r->each * (burst - 1);
	return r;
}

void rates_free(struct rates *r)
{
	free(r);
}

/* FNV-1a. Ids are random, and not the client's to choose. */
static struct busy *set_of(struct rates *r, const char *id)
{
	uint32_t hash = 2166136261U;

	for (; *id; id++)
		hash = (hash ^ (uint8_t)*id) * 16777619U;
	return r->sets[(hash ^ hash >> 16) & (SETS - 1)];
}

/* The key's entry, or the one whose key has the least to wait for. */
static struct busy *entry_of(struct rates *r, const char *id)
{
	struct busy *set = set_of(r, id);
	struct busy *first = &set[0];

	for (unsigned i = 0; i < WAYS; i++) {
		if (strcmp(set[i].id, id) == 0)
			return &set[i];
		if (set[i].until < first->until)
			first = &set[i];
	}
	*first = (struct busy){0};
	memcpy(first->id, id, strlen(id) + 1);
	return first;
}

uint64_t rates_take(struct rates *r, const char id[static KEY_ID_SIZE], uint64_t now)
{
	struct busy *b = entry_of(r, id);

	if (b->until < now)
		b->until = now;
	if (b->until - now > r->ahead)
		return (b->until - now - r->ahead + 999) / 1000;
	b->until += r->each;
	return 0;
}
