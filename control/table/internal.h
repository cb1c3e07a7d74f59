/*
 * What the files of the writer share: the writer itself, and the books it keeps of a change.
 *
 * Two lists describe the change in preparation. Its batch says what will have to be done when the
 * change has been published and a grace period has passed: one item for each version that was
 * put and each object that was retired. made holds every object allocated since the last
 * publication; whoever withdraws the change gives all of them back.
 */
#ifndef CONTROL_TABLE_INTERNAL_H
#define CONTROL_TABLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/table/ahead.h"
#include "control/table/buckets.h"
#include "control/table/room.h"
#include "control/table/writer.h"
#include "shared/segment.h"
#include "shared/table.h"

#define DEAD_ZONE UINT32_MAX /* a node replaced by the very change that made it */

enum item_kind {
	ITEM_FREE,
	ITEM_NODE,
	ITEM_ZONE,
	ITEM_SETTINGS,
};

struct item {
	table_ref ref;
	union {
		uint32_t bytes; /* ITEM_FREE */
		table_ref stub; /* ITEM_ZONE */
	};
	enum item_kind kind;
};

/* What waits for one grace period. */
struct batch {
	struct batch *next;
	uint64_t grace; /* once asked for */
	struct split *splits;
	size_t split_count;
	struct item *items;
	size_t count;
	size_t room;
};

/* An object that the change in preparation allocated. */
struct made {
	table_ref ref;
	uint32_t bytes;
};

/* A part of the segment that gets huge pages, one after the other: bytes from its beginning. */
struct stretch {
	uint64_t collapsed;
	uint64_t goal;
};

struct table_writer {
	struct segment segment;
	struct table table;
	struct table_header *header;
	struct room room;
	struct buckets buckets;
	uint64_t names;
	uint64_t retired;
	uint64_t commit;      /* last published; 0: private */
	struct stretch front; /* header and buckets */
	struct stretch arena;
	struct ahead ahead;
	uint64_t collapsed_buckets; /* bytes of them when front was begun */
	bool shared;
	bool failed;
	struct batch *current; /* of the change in preparation */
	struct batch *first;   /* published or withdrawn, oldest first */
	struct batch **last;
	struct batch *unasked; /* the first of those that no grace period was asked for */
	/* All batches wait for this number as well; again: for the next one that is asked for. */
	uint64_t grace_least;
	bool again;
	struct made *made;
	size_t made_count;
	size_t made_room;
};

/* writer.c */
struct batch *writer_batch_new(void);
void writer_batch_free(struct batch *b);
void writer_batch_add(struct batch *b, struct item item);

/* The change in preparation is over: its batch waits for a grace period, a new one is begun. */
void writer_batch_end(struct table_writer *w);

struct table_node *writer_node_at(const struct table_writer *w, table_ref ref);
size_t writer_node_size(const struct table_node *n);

#endif
