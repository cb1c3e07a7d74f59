/*
 * What the files of the check of a view share. Names and links are known by their sort keys.
 */
#ifndef CONTROL_SIGN_CHECK_VIEW_H
#define CONTROL_SIGN_CHECK_VIEW_H

#include "control/sign/check_internal.h"

/* A check of a view under way. */
struct check_viewing {
	struct checking c;
	const struct change_view *view;
	struct verifier *verifier;
	bool keys_change;
	struct check_chain before; /* kind CHAIN_NONE: there was none */
	struct check_chain chain;  /* as it is to be */
	bool opt_out;              /* of that, by the apex's link */
	bool same_order;           /* links are ordered as they were before */
	bool same_way;             /* and names are linked by the same rules */
	struct view_walk walk;     /* through names */
	struct view_walk below;    /* through what is below one */
	struct chain_node node, lower;
	struct contents_arena *arena; /* of this check */
};

static inline struct check_place check_view_place(const uint8_t *key, size_t key_len,
                                                  uint16_t type)
{
	return (struct check_place){
		.file = "", .key = key, .key_len = key_len, .type = type};
}

static inline bool check_is_at_or_below(struct chain_ref key, struct chain_ref above)
{
	return key.len >= above.len &&
	       (above.len == 0 || memcmp(key.bytes, above.bytes, above.len) == 0);
}

/* Opens what an RRset of the view is to be, or was. Gives false when there is no record. */
bool check_after(const struct overlay_set *s, struct rrset *out);
bool check_before(const struct overlay_set *s, struct rrset *out);

/* Says whether its type comes to its name or goes. */
bool check_comes_or_goes(const struct overlay_set *s);

/* Says whether a name, by its RRsets in the view, begins to cover what is below it, or covers it no longer. */
bool check_covers_anew(const struct overlay_set *sets, size_t count);

/* What makes RRsets at a name the zone's own or not. */
struct check_name {
	struct chain_key key;
	bool hidden; /* below a delegation or a DNAME */
	bool cut;
};

MUST_CHECK int check_name_read(struct check_viewing *x, const uint8_t *key,
                               size_t key_len, struct check_name *out);

/* ---- check_view_names.c: whether names have the links that they are to have ---- */

MUST_CHECK int check_view_names(struct check_viewing *x);

/* ---- check_view_arcs.c: whether links name each other ---- */

void check_view_arcs(struct check_viewing *x);

#endif
