/*
 * Which names a change is about.
 *
 * A name's link depends on its own types, on the delegations and DNAMEs above it, and, for a name without data, on
 * what is below it. So these are looked at:
 *
 *   names whose types come or go in the view;
 *   what is below one where NS or DNAME comes or goes;
 *   names without data above one that gets a link or loses it, for NSEC3.
 *
 * Names that stand below a delegation before and after are none, and are left out at once.
 */
#include "control/sign/chain_internal.h"
#include "shared/err.h"

struct gather {
	struct chain *chain;
	const struct chain_stored *stored;
	struct view_walk walk;  /* through names that the view is about */
	struct view_walk below; /* through what is below one */
	struct chain_node node, lower;
	struct chain_key last; /* the last name that got a link or lost it */
};

/* ---- names without data ---- */

/* Says whether a name with a link of its own is below one that nothing hides. */
static int has_below(struct gather *g, const struct chain_key *name, bool *out)
{
	struct chain_roof roof = {0};
	struct chain_node *n = &g->lower;

	*out = false;
	TRY(view_walk_to(&g->below, name->bytes, name->len));
	for (;;) {
		int err = chain_node_read(&g->below, n);

		if (err == ERR_NOTFOUND)
			return 0;
		TRY(err);
		if (chain_key_is(name, n->key.bytes, n->key.len))
			continue;
		if (!chain_key_below(n->key.bytes, n->key.len, name))
			return 0;
		if (!chain_roof_hides(&roof, n) && chain_node_links(g->chain, n)) {
			*out = true;
			return 0;
		}
	}
}

/* Adds the link of a name, unless it neither has one nor had one. Gives whether only one of both is so. */
static int add(struct gather *g, const struct chain_key *name, const struct chain_node *n,
               bool has, bool *changed)
{
	struct chain *c = g->chain;
	struct rrset set;

	chain_add(c, name, n, has);
	const struct chain_link *l = &c->links[c->count - 1];
	int err = chain_stored_get(g->stored, l->key, l->key_len, &set);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	*changed = has != (err == 0);
	c->count -= !has && err == ERR_NOTFOUND;
	return 0;
}

/* A name above one that got a link (has) or lost it: if it has data itself, this does not matter to it. */
static int look_above(struct gather *g, const struct chain_key *name, bool has)
{
	enum view_above above;
	bool changed;

	TRY(view_walk_to(&g->below, name->bytes, name->len));
	int err = chain_node_read(&g->below, &g->lower);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (err == 0 && chain_key_is(name, g->lower.key.bytes, g->lower.key.len) &&
	    g->lower.count)
		return 0;
	if (!has) {
		TRY(view_look_above(g->walk.view, name->bytes, name->len, &above));
		if (above == VIEW_ABOVE_NOTHING)
			TRY(has_below(g, name, &has));
	}
	return add(g, name, NULL, has, &changed);
}

/* Those that are also above the last such name have been looked at. */
static int look_at_all_above(struct gather *g, const struct chain_key *name, bool has)
{
	struct chain_key above = *name;
	size_t at = chain_shared_labels(name, &g->last);

	while (at < name->len) {
		at = chain_label_end(name->bytes, at);
		above.len = at;
		if (at < name->len)
			TRY(look_above(g, &above, has));
	}
	g->last = *name;
	return 0;
}

/* ---- names that the view is about ---- */

/* The name that was read last. */
static int look_at(struct gather *g, bool hidden)
{
	const struct chain_node *n = &g->node;
	bool has = !hidden && chain_node_links(g->chain, n);
	bool hashed = g->chain->params->kind == CHAIN_NSEC3;
	bool changed;

	if (n->count == 0 && !hidden && hashed)
		TRY(has_below(g, &n->key, &has));
	TRY(add(g, &n->key, n, has, &changed));
	return changed && hashed ? look_at_all_above(g, &n->key, has) : 0;
}

/* All below a name, which was read last. NSEC3 have owners that are no names. */
static int look_below(struct gather *g, struct chain_roof *roof,
                      const struct chain_key *name)
{
	for (;;) {
		int err = chain_node_read(&g->walk, &g->node);

		if (err == ERR_NOTFOUND)
			return 0;
		TRY(err);
		if (!chain_key_below(g->node.key.bytes, g->node.key.len, name))
			return 0;
		if (g->node.count || g->node.touched)
			TRY(look_at(g, chain_roof_hides(roof, &g->node)));
	}
}

/* ---- the view ---- */

static bool has_records(uint16_t type, const uint8_t *blob, size_t size)
{
	struct rrset set;

	return size && rrset_open(type, blob, size, &set) == 0 && set.count;
}

/* Says whether a type comes to its name or goes. */
static bool comes_or_goes(const struct overlay_set *s)
{
	return !chain_is_denial(s->key_len, s->type) &&
	       has_records(s->type, s->blob, s->size) !=
	               has_records(s->type, s->before, s->before_size);
}

/* One name by its RRsets in the view. Gives whether what is below it has been looked at too. */
static int look_at_sets(struct gather *g, const struct overlay_set *sets, size_t count,
                        bool *all_below)
{
	struct chain_roof roof = {0};
	struct chain_key name;
	enum view_above above;
	bool changed = false;

	for (size_t i = 0; i < count; i++) {
		bool one = comes_or_goes(&sets[i]);

		changed |= one;
		*all_below |= one && ((sets[i].type == RRTYPE_NS && sets[i].key_len) ||
		                      sets[i].type == RRTYPE_DNAME);
	}
	if (!changed)
		return 0;
	TRY(view_look_above(g->walk.view, sets->key, sets->key_len, &above));
	if (above != VIEW_ABOVE_NOTHING)
		return 0;
	TRY(view_walk_to(&g->walk, sets->key, sets->key_len));
	TRY(chain_node_read(&g->walk, &g->node));
	name = g->node.key;
	TRY(look_at(g, chain_roof_hides(&roof, &g->node)));
	return *all_below ? look_below(g, &roof, &name) : 0;
}

static int look_at_view(struct gather *g, const struct change_view *v)
{
	const struct overlay_set *root = NULL; /* what is below it has been looked at */

	size_t end;

	for (size_t at = 0; at < v->count; at = end) {
		const struct overlay_set *first = &v->sets[at];
		bool all_below = false;

		end = change_view_owner_end(v, at);
		if (root && first->key_len > root->key_len &&
		    memcmp(first->key, root->key, root->key_len) == 0)
			continue;
		TRY(look_at_sets(g, first, end - at, &all_below));
		if (all_below)
			root = first;
	}
	return 0;
}

int chain_gather(struct chain *c, const struct change_view *v,
                 const struct chain_stored *s)
{
	struct gather g = {
		.chain = c, .stored = s, .walk = {.view = v}, .below = {.view = v}};

	int err = store_cursor_open(v->txn, v->zone->id, &g.walk.cursor);
	if (err == 0)
		err = store_cursor_open(v->txn, v->zone->id, &g.below.cursor);
	if (err == 0)
		err = look_at_view(&g, v);
	store_cursor_close(&g.below.cursor);
	store_cursor_close(&g.walk.cursor);
	chain_node_fini(&g.node);
	chain_node_fini(&g.lower);
	chain_sort(c);
	return err;
}
