/*
 * The allocator of a table segment: sizes are multiples of 16 bytes, one free list for each small
 * size and a handful per power of two above, bumping the end of the arena when a list is empty.
 * Free lists run through the freed objects themselves. Objects of up to a cache line never cross
 * one.
 *
 * What is freed serves its own size again, and no other. So of an arena that is full of large
 * objects the last octets are kept back, for what is small and comes so that large objects can go.
 */
#ifndef CONTROL_TABLE_ROOM_H
#define CONTROL_TABLE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/table.h"

enum {
	ROOM_SMALL_UNITS = 64, /* one list per size up to 1 KiB */
	ROOM_LARGE_CLASSES = 64,
	ROOM_CLASSES = ROOM_SMALL_UNITS + 1 + ROOM_LARGE_CLASSES,
};

struct room {
	uint8_t *base;  /* of the segment */
	uint64_t start; /* byte offset of the arena */
	uint64_t at;    /* first byte never given out yet */
	uint64_t end;
	uint64_t reserve; /* bytes before the end */
	bool keep;        /* the reserve is not given out now */
	uint64_t used;
	uint64_t free;
	table_ref lists[ROOM_CLASSES];
};

void room_init(struct room *a, uint8_t *base, uint64_t start, uint64_t end);

/* 0: no room. The bytes given are not cleared. */
table_ref room_alloc(struct room *a, size_t bytes);
void room_free(struct room *a, table_ref ref, size_t bytes);

/* What an object of that size really occupies. */
size_t room_size(size_t bytes);

#endif
