/* Walks a zone as it will be, in canonical order: the RRsets of a view over those in the store. */
#ifndef CONTROL_CHANGE_WALK_H
#define CONTROL_CHANGE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/check.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* An RRset as it will be. */
struct view_set {
	struct rrset set;
	const struct overlay_set *touched; /* NULL: as it was */
};

/* The view and the cursor are whose walk it is. */
struct view_walk {
	const struct change_view *view;
	struct store_cursor *cursor;
	struct store_entry stored; /* when there is one */
	bool has_stored;
	size_t at; /* next in the view */
};

/* To the first RRset of an owner, or what follows. Errors of the store. */
MUST_CHECK int view_walk_to(struct view_walk *w, const uint8_t *key, size_t key_len);

/* Gives the key of the next RRset and the RRset, lent from view and store. ERR_NOTFOUND: no more. Does not
 * move. An RRset that goes is given with no record. */
MUST_CHECK int view_walk_peek(const struct view_walk *w, const uint8_t **key,
                              size_t *key_len, struct view_set *out);

MUST_CHECK int view_walk_step(struct view_walk *w);

/* What the names above make of a name: below a delegation, or else below a DNAME. */
enum view_above { VIEW_ABOVE_NOTHING, VIEW_ABOVE_CUT, VIEW_ABOVE_DNAME };

MUST_CHECK int view_look_above(const struct change_view *v, const uint8_t *key,
                               size_t key_len, enum view_above *out);

#endif
