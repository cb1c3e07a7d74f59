#include "control/table/room.h"

#include <string.h>

enum {
	UNITS_PER_LINE = CACHE_LINE / TABLE_UNIT,
	RESERVE_SHARE = 64, /* of the arena, up to */
	RESERVE_MAX = 4 << 20,
};

void room_init(struct room *a, uint8_t *base, uint64_t start, uint64_t end)
{
	memset(a, 0, sizeof *a);
	a->base = base;
	a->start = start;
	a->at = start;
	a->end = end - TABLE_SLACK;
	a->reserve = (a->end - start) / RESERVE_SHARE;
	if (a->reserve > RESERVE_MAX)
		a->reserve = RESERVE_MAX;
}

static size_t units_of(size_t bytes)
{
	return (bytes + TABLE_UNIT - 1) / TABLE_UNIT;
}

/* Large sizes are rounded up to one of four steps per power of two. */
static size_t large_class(size_t units, size_t *rounded)
{
	unsigned top = HIGHEST_BIT(units - 1);
	size_t step = (size_t)1 << (top - 2);
	size_t steps = (units + step - 1) / step; /* 5 to 8 */

	*rounded = steps * step;
	return ROOM_SMALL_UNITS + 1 + (top - 6) * 4 + (steps - 5);
}

static size_t class_of(size_t bytes, size_t *units)
{
	*units = units_of(bytes);
	if (*units <= ROOM_SMALL_UNITS)
		return *units;
	return large_class(*units, units);
}

size_t room_size(size_t bytes)
{
	size_t units;

	class_of(bytes, &units);
	return units * TABLE_UNIT;
}

static void push(struct room *a, size_t class, uint64_t offset)
{
	table_ref ref = (table_ref)(offset / TABLE_UNIT);

	memcpy(a->base + offset, &a->lists[class], sizeof ref);
	a->lists[class] = ref;
}

/* Gives the units between here and there to the lists of their sizes. */
static void give_away(struct room *a, uint64_t from, uint64_t to)
{
	if (from == to)
		return;
	push(a, (size_t)(to - from) / TABLE_UNIT, from);
	a->free += to - from;
}

static uint64_t bump(struct room *a, size_t units)
{
	uint64_t at = a->at;
	uint64_t in_line = at % CACHE_LINE / TABLE_UNIT;

	if (units <= UNITS_PER_LINE && in_line + units > UNITS_PER_LINE)
		at += CACHE_LINE - at % CACHE_LINE;
	uint64_t end = at + units * TABLE_UNIT;
	if (end > a->end - (a->keep ? a->reserve : 0))
		return 0;
	give_away(a, a->at, at);
	a->at = end;
	return at;
}

table_ref room_alloc(struct room *a, size_t bytes)
{
	size_t units;
	size_t class = class_of(bytes, &units);
	table_ref ref = a->lists[class];

	if (ref) {
		memcpy(&a->lists[class], a->base + (uint64_t)ref * TABLE_UNIT,
		       sizeof ref);
		a->free -= units * TABLE_UNIT;
	} else {
		ref = (table_ref)(bump(a, units) / TABLE_UNIT);
	}
	if (ref)
		a->used += units * TABLE_UNIT;
	return ref;
}

void room_free(struct room *a, table_ref ref, size_t bytes)
{
	size_t units;
	size_t class = class_of(bytes, &units);

	push(a, class, (uint64_t)ref * TABLE_UNIT);
	a->used -= units * TABLE_UNIT;
	a->free += units * TABLE_UNIT;
}
