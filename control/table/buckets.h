/*
 * The writing side of the hash of names: slots, overflow buckets, and growth by linear hashing,
 * a batch of buckets at a time.
 *
 * Growth while readers run: entries that belong to a new bucket are copied there, the number of
 * buckets is published, and the originals stay for a grace period, for readers that still
 * compute with the old number.
 */
#ifndef CONTROL_TABLE_BUCKETS_H
#define CONTROL_TABLE_BUCKETS_H

#include <stdint.h>

#include "control/table/room.h"
#include "shared/compiler.h"
#include "shared/table.h"

struct buckets {
	uint8_t *base;
	struct room *room;
	struct table_bucket *at;
	uint64_t count; /* as published */
	uint64_t max;
	struct name_hash_key key;
};

/* Names per bucket, on average, before the number of buckets begins to double; 10 fit. */
enum { BUCKETS_LOAD = 6 };

/* How many names so many buckets hold before more are added. A doubling once begun is brought to
 * its end within a quarter more names: buckets that wait for their split hold twice as many names
 * as the others, and those beyond ten cost each query for them another look. */
uint64_t buckets_limit(uint64_t buckets);

struct slot {
	struct table_bucket *bucket; /* NULL: not found */
	unsigned index;
};

/* Asks for the line that buckets_find() begins with. */
void buckets_prefetch(const struct buckets *b, uint64_t hash);

/* The slot whose newest node has this name and side. */
struct slot buckets_find(const struct buckets *b, uint64_t hash, const uint8_t *name,
                         size_t name_len, unsigned parent_side);

table_ref slot_ref(struct slot s);
void slot_set(struct slot s, table_ref ref);
void slot_clear(struct slot s);

/* ERR_FULL: no memory for an overflow bucket. */
MUST_CHECK int buckets_insert(struct buckets *b, uint64_t hash, table_ref ref);

/* What a growth step leaves to be cleaned after grace. */
struct split {
	uint64_t low; /* buckets [low, high) may hold entries that were copied away */
	uint64_t high;
	uint64_t count; /* buckets after the step */
};

/* Adds up to add buckets. Copies; the caller publishes count and later calls buckets_clean(). */
MUST_CHECK int buckets_grow(struct buckets *b, uint64_t add, struct split *out);
void buckets_clean(struct buckets *b, const struct split *split);

/* Hash of a node as it stands in the table, its side included. */
uint64_t buckets_hash_of(const struct buckets *b, const struct table_node *n);

#endif
