/*
 * The smallest thing that table_attach() takes: a header, one empty bucket, and a mark in the
 * arena that a test's responder can look at.
 */
#ifndef DATAPLANE_TEST_TABLE_H
#define DATAPLANE_TEST_TABLE_H

#include <stdint.h>

#include "shared/segment.h"
#include "shared/table.h"

enum { TEST_TABLE_SIZE = 64 << 10, TEST_TABLE_ARENA = 8192 };

/* Gives the 64-bit word at the start of the arena: the generation. */
static inline uint64_t test_table_mark(const struct table *t)
{
	uint64_t mark;

	memcpy(&mark, t->base + t->header->arena_at, sizeof mark);
	return mark;
}

/* Gives false when the segment cannot be made. */
static inline bool test_table_make(uint64_t generation, struct segment *out)
{
	struct table_header *h;

	if (segment_create("test-table", TEST_TABLE_SIZE, true, out) != 0)
		return false;
	h = (struct table_header *)(void *)out->base;
	h->magic = TABLE_MAGIC;
	h->layout = TABLE_LAYOUT;
	h->header_size = TABLE_HEADER_SIZE;
	h->size = TEST_TABLE_SIZE;
	h->generation = generation;
	h->buckets_at = TABLE_HEADER_SIZE;
	h->buckets_max = 1;
	h->arena_at = TEST_TABLE_ARENA;
	atomic_store_explicit(&h->nbuckets, 1, memory_order_relaxed);
	atomic_store_explicit(&h->commit, 1, memory_order_relaxed);
	memcpy(out->base + TEST_TABLE_ARENA, &generation, sizeof generation);
	return true;
}

#endif
