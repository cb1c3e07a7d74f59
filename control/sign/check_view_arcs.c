/*
 * Whether links name each other, where a view makes others of them.
 *
 * A link and the one that it names are an arc of the circle that the chain is. All arcs of the zone in the store are one
 * round of it, without gaps and without overlaps. A view takes some arcs away, and puts others there:
 *
 *      was:    ... p ----------> q ---> r ----------> s ...
 *      is:     ... p ---> a ---> q ----------------> s ...          a comes, r goes
 *
 * It is one round again, if and only if what is put there covers what was taken away, with neither gaps nor overlaps. No
 * more than the view is needed to see that: arcs that meet are joined to runs, and the runs of both are
 * the same.
 *
 * A chain that is made anew, by another order, takes all of the old one away: what is put there is the
 * whole round, and so is what was taken.
 */
#include "control/sign/check_view.h"
#include "control/zone/arena.h"

struct arc {
	struct chain_ref from, to;
};

/* Arcs of one chain, by where they begin; in the arena of the check. */
struct arcs {
	struct arc *list;
	size_t count, room;
};

static int compare(struct chain_ref a, struct chain_ref b)
{
	return name_key_compare(a.bytes, a.len, b.bytes, b.len);
}

/* ---- gathering ---- */

static void add_arc(struct check_viewing *x, const struct check_chain *chain,
                    const struct overlay_set *s, const struct rrset *set,
                    struct arcs *out)
{
	struct check_link link;

	if (check_link_read(chain, set, &link)) /* said already */
		return;
	out->list = arena_room(x->arena, out->list, out->count, &out->room,
	                       sizeof *out->list);
	out->list[out->count++] = (struct arc){
		.from = {.bytes = s->key, .len = s->key_len},
		.to = {.bytes = arena_copy(x->arena, link.next.bytes, link.next.len),
	               .len = link.next.len},
	};
}

/* Those that the view takes away, or those that it puts there. */
static void gather(struct check_viewing *x, bool after, struct arcs *out)
{
	const struct check_chain *chain = after ? &x->chain : &x->before;
	const struct change_view *v = x->view;

	*out = (struct arcs){.list = NULL};
	if (chain->params.kind == CHAIN_NONE)
		return;
	for (size_t i = 0; i < v->count; i++) {
		const struct overlay_set *s = &v->sets[i];
		struct rrset set;

		if (s->type == chain_type(&chain->chain) &&
		    (after ? check_after : check_before)(s, &set))
			add_arc(x, chain, s, &set, out);
	}
}

/* ---- runs ---- */

static struct check_place place_of(const struct check_viewing *x, const struct arc *a)
{
	return check_view_place(a->from.bytes, a->from.len, chain_type(&x->chain.chain));
}

/* Says whether an arc ends before the next begins; the last one may go round to the first. */
static bool ends_in_time(const struct arcs *a, size_t i)
{
	const struct arc *arc = &a->list[i];
	const struct arc *next = &a->list[(i + 1) % a->count];

	if (i + 1 == a->count)
		return compare(arc->to, arc->from) > 0 ||
		       compare(arc->to, next->from) <= 0;
	return compare(arc->from, arc->to) < 0 && compare(arc->to, next->from) <= 0;
}

/* Gives whether no arc overlaps with another, and says which does. */
static bool check_overlaps(const struct check_viewing *x, const struct arcs *a)
{
	char named[NAME_TEXT_MAX];
	char next[NAME_TEXT_MAX];
	bool good = true;

	for (size_t i = 0; i < a->count; i++) {
		const struct check_place at = place_of(x, &a->list[i]);

		if (ends_in_time(a, i))
			continue;
		check_say(&x->c, DIAG_ERROR, "nsec-next", &at,
		          "names %s as the next one, which is %s or before it",
		          check_name_text(&x->c, a->list[i].to, named),
		          check_name_text(&x->c, a->list[(i + 1) % a->count].from, next));
		good = false;
	}
	return good;
}

/* Joins arcs that meet. */
static void join(struct arcs *a)
{
	size_t runs = 0;

	for (size_t i = 0; i < a->count; i++) {
		if (runs && compare(a->list[runs - 1].to, a->list[i].from) == 0)
			a->list[runs - 1].to = a->list[i].to;
		else
			a->list[runs++] = a->list[i];
	}
	a->count = runs;
	/* And the last to the first, which then begins where that one does. */
	if (runs > 1 && compare(a->list[runs - 1].to, a->list[0].from) == 0) {
		a->list[runs - 1].to = a->list[0].to;
		memmove(&a->list[0], &a->list[1], (runs - 1) * sizeof a->list[0]);
		a->count--;
	}
}

static bool is_round(const struct arcs *runs)
{
	return runs->count == 1 && compare(runs->list[0].from, runs->list[0].to) == 0;
}

/* ---- comparing ---- */

/* Gives the first run of one that the other has not, or NULL. */
static const struct arc *first_other(const struct arcs *runs, const struct arcs *others)
{
	for (size_t i = 0; i < runs->count; i++)
		if (i >= others->count ||
		    compare(runs->list[i].from, others->list[i].from) != 0 ||
		    compare(runs->list[i].to, others->list[i].to) != 0)
			return &runs->list[i];
	return NULL;
}

static void check_same(const struct check_viewing *x, const struct arcs *old,
                       const struct arcs *new)
{
	const struct arc *is = first_other(new, old);
	const struct arc *was = first_other(old, new);
	const struct arc *which = is ? is : was;
	char to[NAME_TEXT_MAX];

	if (!which || (is_round(old) && is_round(new)))
		return;
	const struct check_place at = place_of(x, which);
	check_say(&x->c, DIAG_ERROR, "nsec-next", &at,
	          is ? "the chain from here to %s does not join what stays of it"
	             : "the chain from here to %s is there no more",
	          check_name_text(&x->c, which->to, to));
}

static void check_round(const struct check_viewing *x, const struct arcs *runs,
                        const char *what)
{
	const struct check_place at =
		check_view_place((const uint8_t *)"", 0, chain_type(&x->chain.chain));

	if (!is_round(runs))
		check_say(&x->c, DIAG_ERROR, "nsec-next", &at, "%s", what);
}

void check_view_arcs(struct check_viewing *x)
{
	struct arcs old;
	struct arcs new;

	gather(x, false, &old);
	gather(x, true, &new);
	if (!check_overlaps(x, &new))
		return;
	join(&old);
	join(&new);
	if (x->same_order) {
		check_same(x, &old, &new);
		return;
	}
	check_round(x, &new, "the chain is another one, and not whole");
	if (x->before.params.kind != CHAIN_NONE)
		check_round(x, &old, "not all of the old chain goes");
}
