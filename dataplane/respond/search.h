/*
 * Searches of a denial index for a whole burst at once: all of them go down one level before any
 * goes down the next, so that the nodes of one are on their way while the others are looked at.
 */
#ifndef DATAPLANE_RESPOND_SEARCH_H
#define DATAPLANE_RESPOND_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/name.h"
#include "shared/table.h"

struct search {
	const struct table_index *at; /* the node that is looked at next */
	table_ref found;              /* as table_index_find() gives it; 0 until then */
	uint16_t key_len;
	uint16_t reply_lines; /* lines of the reply still to be asked for, */
	uint8_t *reply;       /* from here on */
	uint8_t key[NAME_KEY_MAX];
};

/* Starts at the root, not 0, for the key that the caller has put there. */
void search_begin(struct search *s, const uint8_t *base, table_ref root);

/* Carries out n searches. */
HOT void search_run(struct search *searches[], unsigned n, const uint8_t *base);

#endif
