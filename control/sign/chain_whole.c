/*
 * A whole chain. Names are met in canonical order, in which what is below one follows it at once, so
 * that one delegation is all there is to remember; then the links are sorted, and each is given
 * the next.
 */
#include <stdlib.h>

#include "control/sign/chain.h"
#include "control/sign/chain_internal.h"
#include "shared/err.h"

/* ---- RRsets ---- */

static struct overlay_set *add_set(struct chain_sets *s, const uint8_t *key,
                                   uint16_t key_len, uint16_t type)
{
	struct overlay_set *set = &s->sets[s->count++];

	*set = (struct overlay_set){
		.key = key, .key_len = key_len, .type = type, .edit = -1};
	return set;
}

/* Makes the RRsets of a chain whose links are all there. */
static void make_sets(struct chain *c, struct chain_sets *out)
{
	struct chain_blob b;
	struct overlay_set *set;

	chain_sort(c);
	out->sets = arena_aligned(c->arena, (c->count + 1) * sizeof out->sets[0]);
	out->count = 0;
	if (c->params->kind == CHAIN_NSEC3) {
		b = chain_param_blob(c);
		set = add_set(out, (const uint8_t *)"", 0, RRTYPE_NSEC3PARAM);
		set->blob = b.bytes;
		set->size = b.size;
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct chain_link *l = &c->links[i];
		const struct chain_link *next = &c->links[(i + 1) % c->count];

		b = chain_link_blob(c, l, (struct chain_ref){next->key, next->key_len});
		set = add_set(out, l->key, l->key_len, chain_type(c));
		set->blob = b.bytes;
		set->size = b.size;
	}
}

/* ---- of contents ---- */

static struct rrset open_set(const struct contents_rrset *r)
{
	struct rrset s;
	int err = rrset_open(r->type, r->blob, r->size, &s);

	assert(err == 0);
	return s;
}

static struct rrset contents_soa(const struct contents *c)
{
	const struct contents_rrset *r = contents_at_apex(c, RRTYPE_SOA);

	return r ? open_set(r) : (struct rrset){0};
}

static void take_contents(struct chain *c, const struct contents *from)
{
	struct chain_node n = {0};
	struct chain_roof roof = {0};
	struct chain_key last = {0};

	for (size_t i = 0; i < from->count; i++) {
		const struct contents_rrset *r = &from->rrsets[i];
		struct rrset set = open_set(r);

		if (i == 0 || !chain_key_is(&n.key, r->key, r->key_len)) {
			chain_take(c, &n, &roof, &last);
			chain_node_begin(&n, r->key, r->key_len);
		}
		chain_node_add(&n, &set);
	}
	chain_take(c, &n, &roof, &last);
	chain_node_fini(&n);
}

/* Takes out what belongs to a chain. */
static void drop_denial(struct contents *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];

		if (chain_is_denial(r->key_len, r->type)) {
			struct rrset set = open_set(r);
			c->records -= (size_t)set.count + set.sig_count;
		} else {
			c->rrsets[kept++] = *r;
		}
	}
	c->count = kept;
}

static void put_sets(struct contents *c, const struct chain_sets *s)
{
	struct contents_rrset *merged =
		memory_get((c->count + s->count) * sizeof merged[0]);
	size_t old = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct overlay_set *set = &s->sets[i];

		while (old < c->count &&
		       change_sets_compare(c->rrsets[old].key, c->rrsets[old].key_len,
		                           c->rrsets[old].type, set->key, set->key_len,
		                           set->type) < 0) {
			merged[old + i] = c->rrsets[old];
			old++;
		}
		merged[old + i] = (struct contents_rrset){.key = set->key,
		                                          .key_len = set->key_len,
		                                          .type = set->type,
		                                          .blob = set->blob,
		                                          .size = (uint32_t)set->size};
	}
	for (; old < c->count; old++)
		merged[old + s->count] = c->rrsets[old];
	free(c->rrsets);
	c->rrsets = merged;
	c->count += s->count;
	c->records += s->count;
}

int chain_put(struct contents *c, const struct chain_params *p)
{
	struct rrset soa = contents_soa(c);
	struct chain_sets sets = {0};
	struct chain chain;

	TRY(chain_begin(&chain, c->apex, &soa, p, c->arena));
	drop_denial(c);
	if (p->kind != CHAIN_NONE) {
		take_contents(&chain, c);
		make_sets(&chain, &sets);
	}
	put_sets(c, &sets);
	chain_end(&chain);
	return 0;
}

/* ---- over a view ---- */

/* An RRset of a chain as it is in the store, lent from there. */
struct old_set {
	const uint8_t *key;
	size_t key_len;
	struct rrset set;
};

struct old_sets {
	struct old_set *at; /* malloced */
	size_t count, room;
};

static int find_old(struct store_cursor *cursor, struct old_sets *old)
{
	struct store_entry e;
	int err;

	while ((err = store_cursor_next(cursor, &e)) == 0) {
		if (!chain_is_denial(e.key_len, e.set.type))
			continue;
		old->at = array_room(old->at, old->count, &old->room, sizeof old->at[0]);
		old->at[old->count++] = (struct old_set){e.key, e.key_len, e.set};
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

static int take_view(struct chain *c, struct view_walk *w)
{
	struct chain_node n = {0};
	struct chain_roof roof = {0};
	struct chain_key last = {0};

	int err = view_walk_to(w, (const uint8_t *)"", 0);
	while (err == 0 && (err = chain_node_read(w, &n)) == 0)
		chain_take(c, &n, &roof, &last);
	chain_node_fini(&n);
	return err == ERR_NOTFOUND ? 0 : err;
}

static void add_before(struct chain *c, struct overlay_set *to, const struct old_set *o)
{
	to->before = arena_copy(c->arena, o->set.bytes, o->set.size);
	to->before_size = o->set.size;
}

static void add_gone(struct chain *c, struct chain_sets *out, const struct old_set *o)
{
	const uint8_t *key = arena_copy(c->arena, o->key, o->key_len);

	add_before(c, add_set(out, key, (uint16_t)o->key_len, o->set.type), o);
}

static int compare(const struct overlay_set *s, const struct old_set *o)
{
	return change_sets_compare(s->key, s->key_len, s->type, o->key, o->key_len,
	                           o->set.type);
}

/* Leaves of new RRsets what is not there already, and adds what is to go. */
static void differ(struct chain *c, const struct chain_sets *fresh,
                   const struct old_sets *old, struct chain_sets *out)
{
	size_t at = 0;

	out->sets = arena_aligned(c->arena,
	                          (fresh->count + old->count) * sizeof out->sets[0]);
	out->count = 0;
	for (size_t i = 0; i < fresh->count; i++) {
		const struct overlay_set *s = &fresh->sets[i];
		int order = -1;

		while (at < old->count && (order = compare(s, &old->at[at])) > 0)
			add_gone(c, out, &old->at[at++]);
		bool there = at < old->count && order == 0;
		const struct old_set *o = there ? &old->at[at++] : NULL;
		if (o && chain_blob_is((struct chain_blob){s->blob, s->size}, &o->set))
			continue;
		out->sets[out->count++] = *s;
		if (o)
			add_before(c, &out->sets[out->count - 1], o);
	}
	while (at < old->count)
		add_gone(c, out, &old->at[at++]);
}

static int rebuild(struct chain *c, const struct change_view *v, struct old_sets *old,
                   struct chain_sets *out)
{
	struct view_walk w = {.view = v};
	struct chain_sets fresh = {0};

	TRY(store_cursor_open(v->txn, v->zone->id, &w.cursor));
	int err = find_old(w.cursor, old);
	if (err == 0 && c->params->kind != CHAIN_NONE)
		err = take_view(c, &w);
	store_cursor_close(&w.cursor);
	if (err < 0)
		return err;
	if (c->params->kind != CHAIN_NONE)
		make_sets(c, &fresh);
	differ(c, &fresh, old, out);
	return 0;
}

int chain_rebuild(const struct change_view *v, const struct chain_params *p,
                  struct contents_arena *a, struct chain_sets *out)
{
	struct old_sets old = {0};
	struct rrset soa;
	struct chain c;

	int err = change_view_get(v, (const uint8_t *)"", 0, RRTYPE_SOA, &soa);
	if (err < 0)
		return err == ERR_NOTFOUND ? ERR_INVALID : err;
	TRY(chain_begin(&c, v->zone->name, &soa, p, a));
	err = rebuild(&c, v, &old, out);
	free(old.at);
	chain_end(&c);
	return err;
}
