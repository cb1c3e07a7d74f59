/*
 * The writer of the denial index: insertion into and deletion from the copy-on-write B+ tree of
 * shared/table.h, which shared/table_index.h searches.
 *
 * A root that readers may hold never changes under them: nodes of the commit in preparation are
 * changed in place, all others are copied on the way down, and what was copied is retired. A
 * leaf that overflows at its end is left full and a new one begun, so that sorted input packs
 * the tree densely.
 *
 * When the space is full (ERR_FULL), the tree under preparation is damaged and must not be used;
 * older roots are not affected.
 */
#ifndef CONTROL_TABLE_INDEX_H
#define CONTROL_TABLE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/table.h"
#include "shared/table_index.h"

/* Where nodes come from and go to. */
struct index_space {
	uint8_t *base;
	uint32_t
		commit; /* of the change in preparation: no reader sees what is born in it */
	void *ctx;      /* handed to the three functions */
	table_ref (*alloc)(void *ctx, size_t bytes); /* 0: full */
	/* Frees after a grace period. */
	void (*retire)(void *ctx, table_ref ref, size_t bytes);
	/* Frees at once: no reader has seen it. */
	void (*free_now)(void *ctx, table_ref ref, size_t bytes);
};

/* Inserts a record (struct table_denial) by its key, or puts it in the place of the one with an
 * equal key, which is given in *old (0: none; old may be NULL) and is the caller's to retire. */
MUST_CHECK int index_put(const struct index_space *space, table_ref *root,
                         table_ref record, table_ref *old);

/* Gives the removed record in *old, unless NULL. ERR_NOTFOUND leaves the tree as it was. */
MUST_CHECK int index_delete(const struct index_space *space, table_ref *root,
                            const uint8_t *key, size_t key_len, table_ref *old);

/* Lets go of all nodes under root, not of the records. */
void index_free(const struct index_space *space, table_ref root);

/* Calls fn for each record in order until it gives other than 0. Gives what fn gave last. */
int index_each(const uint8_t *base, table_ref root,
               int (*fn)(table_ref record, void *arg), void *arg);

/* Number of records; reads every leaf. */
uint64_t index_count(const uint8_t *base, table_ref root);

#endif
