/*
 * From a name to what the table knows of it: the name itself, or its closest encloser.
 *
 * Every existing name has a node, empty non-terminals and names below a cut included, and void
 * nodes fill the path to each hosted zone, so existence is monotone along a name: if a suffix has
 * a node, so has each shorter one. The closest encloser is therefore found by bisection, in at
 * most seven probes for 127 labels, and a query of many random labels costs little more than one
 * of a single random label.
 */
#ifndef DATAPLANE_RESPOND_LOOKUP_H
#define DATAPLANE_RESPOND_LOOKUP_H

#include "dataplane/respond/query.h"
#include "shared/compiler.h"
#include "shared/namehash.h"
#include "shared/table.h"

/* A name's suffixes, by their number of labels. */
struct path {
	const uint8_t *name; /* folded, padded */
	uint8_t name_len;
	uint8_t labels;
	const uint8_t *label_at; /* each label, leftmost first; then the root */
	const struct name_steps *steps;
};

/* Where the path of a name that is in no query is kept. */
struct path_room {
	uint8_t label_at[NAME_MAX_LABELS + 1];
	struct name_steps steps;
};

/* The path of any folded, padded name; room is lent for the path's life. */
void path_of(struct path *p, const struct name_hash_key *key, const uint8_t *name,
             uint8_t name_len, struct path_room *room);

/* The path of a query's name, lent for the path's life. */
static inline void path_of_query(struct path *p, const struct query *q)
{
	p->name = q->name;
	p->name_len = q->name_len;
	p->labels = q->labels;
	p->label_at = q->label_at;
	p->steps = &q->steps;
}

static inline const uint8_t *path_suffix(const struct path *p, unsigned labels)
{
	return p->name + p->label_at[p->labels - labels];
}

static inline uint8_t path_suffix_len(const struct path *p, unsigned labels)
{
	return (uint8_t)(p->name_len - p->label_at[p->labels - labels]);
}

/* The node of the suffix with that many labels, or NULL. */
const struct table_node *path_node(const struct snapshot *s, const struct path *p,
                                   unsigned labels);

/* A guess at the closest encloser, such as the last one: missing names come in floods. */
struct path_guess {
	unsigned labels;               /* how many it has */
	const struct table_node *node; /* the node of some name with that many, or NULL */
};

/*
 * The deepest node, void ones left out, among the suffixes of at most max labels; *labels says
 * how many it has. NULL: no hosted zone holds this name.
 */
const struct table_node *path_encloser(const struct snapshot *s, const struct path *p,
                                       unsigned max, struct path_guess guess,
                                       unsigned *labels);

/* The wildcard below a node of the path, or NULL. */
const struct table_node *path_wildcard(const struct snapshot *s, const struct path *p,
                                       unsigned labels);

/* The entry of a type, or NULL. */
static inline const struct table_entry *node_entry(const struct table_node *n,
                                                   uint16_t type)
{
	const struct table_entry *e = table_node_entries(n);

	for (unsigned i = 0; i < n->nentries; i++, e = table_entry_next(e))
		if (e->type == type)
			return e;
	return NULL;
}

#endif
