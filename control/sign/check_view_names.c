/*
 * Whether names have the links that they are to have, where a view makes something else of them.
 *
 * A name's link depends on its own types, on delegations and DNAMEs above it, and, for a name without data, on what is
 * below it. So it is looked at
 *
 *   names whose types come or go;
 *   names below one where NS or DNAME comes or goes;
 *   with NSEC3, all names above these: those without data have a link for what is below them;
 *   all names, when the chain becomes another: of the other kind, with another salt, with opt-out or without.
 *
 * The other way round, a link that comes, goes, or tells of other types is that of one of these names.
 */
#include <stdlib.h>

#include "control/sign/check_view.h"
#include "control/zone/arena.h"
#include "shared/err.h"

/* Keys, in the arena of the check. */
struct keys {
	struct chain_ref *list; /* in the arena */
	size_t count, room;
};

enum need { NEVER, MAY, MUST };

struct weighing {
	struct check_viewing *x;
	struct keys names; /* to be looked at */
	struct keys links; /* theirs */
};

/* ---- keys ---- */

static void add_key(struct check_viewing *x, struct keys *k, struct chain_ref key)
{
	k->list = arena_room(x->arena, k->list, k->count, &k->room, sizeof *k->list);
	k->list[k->count++] = key;
}

static int by_key(const void *left, const void *right)
{
	const struct chain_ref *a = left;
	const struct chain_ref *b = right;

	return name_key_compare(a->bytes, a->len, b->bytes, b->len);
}

static void sort_keys(struct keys *k)
{
	size_t kept = 0;

	if (k->count > 1)
		qsort(k->list, k->count, sizeof k->list[0], by_key);
	for (size_t i = 0; i < k->count; i++)
		if (kept == 0 || by_key(&k->list[kept - 1], &k->list[i]) != 0)
			k->list[kept++] = k->list[i];
	k->count = kept;
}

static bool has_key(const struct keys *k, struct chain_ref key)
{
	return k->count &&
	       bsearch(&key, k->list, k->count, sizeof k->list[0], by_key) != NULL;
}

/* ---- which names ---- */

/* A name, and with NSEC3 those above it but the apex. */
static void add_name(struct weighing *w, const uint8_t *key, size_t len)
{
	struct check_viewing *x = w->x;
	struct chain_ref name = {.bytes = arena_copy(x->arena, key, len), .len = len};
	struct chain_ref above = name;

	add_key(x, &w->names, name);
	if (x->chain.params.kind != CHAIN_NSEC3)
		return;
	for (size_t at = 0; at < len; at = above.len) {
		above.len = chain_label_end(name.bytes, at);
		if (above.len < len)
			add_key(x, &w->names, above);
	}
}

static int add_from(struct weighing *w, struct chain_ref root)
{
	struct check_viewing *x = w->x;
	int err;

	TRY(view_walk_to(&x->walk, root.bytes, root.len));
	while ((err = chain_node_read(&x->walk, &x->node)) == 0 &&
	       check_is_at_or_below(chain_ref_of(&x->node.key), root))
		if (x->node.count || x->node.touched)
			add_name(w, x->node.key.bytes, x->node.key.len);
	return err == ERR_NOTFOUND ? 0 : err;
}

/* One name by its RRsets in the view. */
static int add_touched(struct weighing *w, const struct overlay_set *sets, size_t count)
{
	struct chain_ref name = {.bytes = sets->key, .len = sets->key_len};
	bool changes = false;

	if (check_covers_anew(sets, count))
		return add_from(w, name);
	for (size_t i = 0; i < count; i++)
		changes |= !chain_is_denial(name.len, sets[i].type) &&
		           check_comes_or_goes(&sets[i]);
	if (changes)
		add_name(w, name.bytes, name.len);
	return 0;
}

static int find_names(struct weighing *w)
{
	const struct change_view *v = w->x->view;
	struct chain_ref apex = {.bytes = (const uint8_t *)"", .len = 0};
	size_t end;

	if (!w->x->same_way)
		return add_from(w, apex);
	for (size_t at = 0; at < v->count; at = end) {
		end = change_view_owner_end(v, at);
		TRY(add_touched(w, &v->sets[at], end - at));
	}
	return 0;
}

/* ---- what a name is to have ---- */

/* A name with data that nothing hides. */
static enum need need_of(const struct weighing *w, const struct chain_node *n)
{
	bool may = w->x->chain.params.kind == CHAIN_NSEC3 && w->x->opt_out && n->cut &&
	           !n->secure;

	return may ? MAY : MUST;
}

/* A name without data has a link for what is below it. */
static int look_below(struct weighing *w, struct chain_ref name, enum need *out)
{
	struct check_viewing *x = w->x;
	struct chain_roof roof = {.is = false};
	int err = 0;

	TRY(view_walk_to(&x->below, name.bytes, name.len));
	while (*out != MUST && (err = chain_node_read(&x->below, &x->lower)) == 0 &&
	       check_is_at_or_below(chain_ref_of(&x->lower.key), name)) {
		if (x->lower.count == 0 || chain_roof_hides(&roof, &x->lower))
			continue;
		enum need need = need_of(w, &x->lower);
		if (need > *out)
			*out = need;
	}
	return *out == MUST || err == ERR_NOTFOUND ? 0 : err;
}

/* Gives what there is at a name in *n, NULL: no data. */
static int weigh(struct weighing *w, struct chain_ref name, enum need *out,
                 const struct chain_node **n)
{
	struct check_viewing *x = w->x;
	struct check_name where;

	*n = NULL;
	*out = NEVER;
	TRY(check_name_read(x, name.bytes, name.len, &where));
	if (where.hidden)
		return 0;
	TRY(view_walk_to(&x->walk, name.bytes, name.len));
	int err = chain_node_read(&x->walk, &x->node);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (err == 0 && chain_key_is(&x->node.key, name.bytes, name.len) &&
	    x->node.count) {
		*n = &x->node;
		*out = need_of(w, *n);
		return 0;
	}
	return x->chain.params.kind == CHAIN_NSEC3 ? look_below(w, name, out) : 0;
}

/* ---- its link ---- */

static void check_link(const struct weighing *w, const struct check_place *at,
                       const struct rrset *set, const struct chain_node *n)
{
	const struct check_viewing *x = w->x;
	struct check_link link;
	const char *wrong = check_link_read(&x->chain, set, &link);

	if (wrong) {
		check_say(&x->c, DIAG_ERROR, "nsec-malformed", at, "%s", wrong);
		return;
	}
	check_link_types(&x->c, &x->chain, at, n, link.types);
	if (link.opt_out != w->x->opt_out)
		check_say(&x->c, DIAG_ERROR, "nsec3-opt-out", at,
		          "says of opt-out what the rest of the chain does not");
}

static int check_name(struct weighing *w, struct chain_ref name)
{
	struct check_viewing *x = w->x;
	uint16_t type = chain_type(&x->chain.chain);
	const struct check_place at = check_view_place(name.bytes, name.len, type);
	const struct chain_node *n;
	struct chain_key wanted;
	struct chain_key key;
	struct rrset set;
	enum need need;

	TRY(weigh(w, name, &need, &n));
	chain_key_set(&wanted, name.bytes, name.len);
	chain_link_key(&x->chain.chain, &wanted, &key);
	add_key(x, &w->links,
	        (struct chain_ref){arena_copy(x->arena, key.bytes, key.len), key.len});
	int err = change_view_get(x->view, key.bytes, key.len, type, &set);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	bool has = err == 0 && set.count > 0;
	if (has && need == NEVER)
		check_say(&x->c, DIAG_ERROR, "nsec-unwanted", &at,
		          "stands for what the zone has no name of its own for");
	else if (has)
		check_link(w, &at, &set, n);
	else if (need == MUST)
		check_say(&x->c, DIAG_ERROR, "nsec-missing", &at, "is not there");
	return 0;
}

/* ---- the other way round ---- */

static bool same_but_next(const struct check_link *a, const struct check_link *b)
{
	return a->opt_out == b->opt_out && a->types.len == b->types.len &&
	       memcmp(a->types.bytes, b->types.bytes, a->types.len) == 0;
}

/* A link in the view that is none of a name that was looked at: all that may change of it is what it names. */
static void check_other_link(const struct weighing *w, const struct overlay_set *s)
{
	const struct check_viewing *x = w->x;
	const struct check_place at = check_view_place(s->key, s->key_len, s->type);
	struct check_link was;
	struct check_link is;
	struct rrset before;
	struct rrset after;
	bool had = check_before(s, &before);

	if (!check_after(s, &after)) {
		if (had)
			check_say(&x->c, DIAG_ERROR, "nsec-missing", &at,
			          "goes, and its name stays");
		return;
	}
	const char *wrong = check_link_read(&x->chain, &after, &is);
	if (wrong)
		check_say(&x->c, DIAG_ERROR, "nsec-malformed", &at, "%s", wrong);
	else if (!had)
		check_say(&x->c, DIAG_ERROR, "nsec-unwanted", &at,
		          "comes, and no name with it");
	else if (check_link_read(&x->before, &before, &was) || !same_but_next(&was, &is))
		check_say(&x->c, DIAG_ERROR, "nsec-types", &at,
		          "tells of other types, and its name has not changed");
}

static void check_other_set(const struct weighing *w, const struct overlay_set *s)
{
	const struct check_viewing *x = w->x;
	const struct check_place at = check_view_place(s->key, s->key_len, s->type);
	struct rrset set;

	if (s->type == chain_type(&x->chain.chain) && x->same_way)
		check_other_link(w, s);
	else if (check_after(s, &set))
		check_say(&x->c, DIAG_ERROR, "nsec-unwanted", &at,
		          "is of no name in the zone, or of another chain");
}

static void check_links(const struct weighing *w)
{
	const struct change_view *v = w->x->view;
	uint16_t type = chain_type(&w->x->chain.chain);

	for (size_t i = 0; i < v->count; i++) {
		const struct overlay_set *s = &v->sets[i];
		struct chain_ref key = {.bytes = s->key, .len = s->key_len};
		bool link = s->type == RRTYPE_NSEC || s->type == RRTYPE_NSEC3;

		if (link && (s->type != type || !has_key(&w->links, key)))
			check_other_set(w, s);
	}
}

/* ---- all of them ---- */

int check_view_names(struct check_viewing *x)
{
	struct weighing w = {.x = x};

	TRY(find_names(&w));
	sort_keys(&w.names);
	for (size_t i = 0; i < w.names.count; i++)
		TRY(check_name(&w, w.names.list[i]));
	sort_keys(&w.links);
	check_links(&w);
	return 0;
}
