/*
 * What a change does to a chain that is right, by the names that it is about.
 *
 * They are sorted, and between two of them, in a circle, the chain stays as it is in the store. So a name's next
 * one is the first link between it and the name that follows here, if there is any; else that name, if it has a
 * link, or what is next to it. The first link between is found by what the store's chain says
 * comes next: to the name itself, or, when it had no link, to the link before it.
 *
 *      ... p ---- a ---- q --- r ---- b ---- s ...        a, b: names that the change is about
 *           stays    stay            stays
 *
 * A link that stays changes when it is the last before a name that gets a link or loses it: it
 * keeps its types and gets another next one.
 */
#include <stdlib.h>

#include "control/sign/chain_internal.h"
#include "shared/err.h"

/* One of the names, in order. Keys lie in the arena. */
struct turn {
	const struct chain_link *link;
	bool had;
	struct chain_ref key;
	struct chain_ref
		before; /* link before it in the store, if one of had and has is so */
	struct chain_ref after; /* link behind it in the store */
	struct chain_ref next;  /* that it is to name */
};

struct relinking {
	struct chain *chain;
	const struct chain_stored *stored;
	struct turn *turns; /* in the arena */
	size_t count;
	struct chain_sets out; /* with room for two for each turn */
};

static struct chain_ref copy_key(struct relinking *r, const struct chain_key *k)
{
	return (struct chain_ref){.bytes = arena_copy(r->chain->arena, k->bytes, k->len),
	                          .len = k->len};
}

/* ---- what is there ---- */

/* Gives the store's link with a key, read. */
static int stored_link(struct relinking *r, struct chain_ref key, struct rrset *set,
                       struct chain_link *out, struct chain_key *next)
{
	int err = chain_stored_get(r->stored, key.bytes, key.len, set);

	if (err == ERR_NOTFOUND)
		return ERR_INVALID;
	TRY(err);
	TRY(chain_link_read(r->chain, set, out, next));
	out->key = key.bytes;
	out->key_len = (uint16_t)key.len;
	return 0;
}

static int find_neighbours(struct relinking *r, struct turn *t)
{
	const struct chain_link *l = t->link;
	struct chain_link stored;
	struct chain_key key;
	struct rrset set;

	chain_key_set(&key, l->key, l->key_len);
	t->key = (struct chain_ref){l->key, l->key_len};
	int err = chain_stored_get(r->stored, l->key, l->key_len, &set);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	t->had = err == 0;
	if (t->had != l->has) {
		struct chain_key before;

		TRY(chain_stored_before(r->stored, &key, &before));
		t->before = copy_key(r, &before);
	}
	TRY(stored_link(r, t->had ? t->key : t->before, &set, &stored, &key));
	t->after = copy_key(r, &key);
	return 0;
}

static struct turn *turn_after(struct relinking *r, size_t i)
{
	return &r->turns[(i + 1) % r->count];
}

/* From the last to the first, and round once more for those behind which no link was known yet. */
static int find_next(struct relinking *r)
{
	for (size_t left = 2 * r->count; left-- > 0;) {
		struct turn *t = &r->turns[left % r->count];
		const struct turn *behind = turn_after(r, left % r->count);

		if (chain_is_between(t->after, t->key, behind->key))
			t->next = t->after;
		else
			t->next = behind->link->has ? behind->key : behind->next;
	}
	return r->count && !r->turns[0].next.bytes ? ERR_INVALID : 0;
}

/* ---- what becomes of it ---- */

/* blob: of no size when the link goes. */
static int put(struct relinking *r, struct chain_ref key, struct chain_blob b)
{
	struct rrset set = {.count = 0};
	int err = store_rrset_get(r->stored->txn, r->stored->zone->id, key.bytes, key.len,
	                          chain_type(r->chain), &set);

	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (b.size && err == 0 && chain_blob_is(b, &set))
		return 0;
	r->out.sets[r->out.count++] = (struct overlay_set){
		.key = key.bytes,
		.key_len = (uint16_t)key.len,
		.type = chain_type(r->chain),
		.blob = b.bytes,
		.size = b.size,
		.before = arena_copy(r->chain->arena, set.bytes, set.size),
		.before_size = set.size,
		.edit = -1,
	};
	return 0;
}

/* The link before a turn, which stays but for what it names. */
static int put_before(struct relinking *r, const struct turn *t)
{
	struct chain_link l;
	struct chain_key was;
	struct rrset set;

	TRY(stored_link(r, t->before, &set, &l, &was));
	return put(r, t->before,
	           chain_link_blob(r->chain, &l, t->link->has ? t->key : t->next));
}

static int put_turn(struct relinking *r, size_t i)
{
	const struct turn *t = &r->turns[i];
	const struct turn *previous = &r->turns[(i + r->count - 1) % r->count];

	if (t->had != t->link->has && chain_is_between(t->before, previous->key, t->key))
		TRY(put_before(r, t));
	return put(r, t->key,
	           t->link->has ? chain_link_blob(r->chain, t->link, t->next)
	                        : (struct chain_blob){0});
}

static int by_key(const void *left, const void *right)
{
	const struct overlay_set *a = left;
	const struct overlay_set *b = right;

	return name_key_compare(a->key, a->key_len, b->key, b->key_len);
}

static int relink(struct relinking *r)
{
	struct contents_arena *a = r->chain->arena;

	r->count = r->chain->count;
	if (r->count == 0)
		return 0;
	r->turns = arena_aligned(a, r->count * sizeof r->turns[0]);
	r->out.sets = arena_aligned(a, 2 * r->count * sizeof r->out.sets[0]);
	for (size_t i = 0; i < r->count; i++) {
		r->turns[i] = (struct turn){.link = &r->chain->links[i]};
		TRY(find_neighbours(r, &r->turns[i]));
	}
	TRY(find_next(r));
	for (size_t i = 0; i < r->count; i++)
		TRY(put_turn(r, i));
	if (r->out.count > 1)
		qsort(r->out.sets, r->out.count, sizeof r->out.sets[0], by_key);
	return 0;
}

/* ---- is it this chain? ---- */

static int stored_apex(const struct chain_stored *s, uint16_t type, struct rrset *out)
{
	*out = (struct rrset){.type = type};
	int err = store_rrset_get(s->txn, s->zone->id, (const uint8_t *)"", 0, type, out);
	return err == ERR_NOTFOUND ? 0 : err;
}

/* By the records of the apex, of which a chain of either kind has one. */
static int check_stored(struct relinking *r, bool keeps_ttl)
{
	static const struct chain_key apex;
	struct chain *c = r->chain;
	const struct chain_stored *s = r->stored;
	struct chain_key key;
	struct chain_link l;
	struct rrset set;

	if (c->params->kind == CHAIN_NONE)
		return ERR_INVALID;
	chain_link_key(c, &apex, &key);
	TRY(stored_link(r, chain_ref_of(&key), &set, &l, &key));
	if (keeps_ttl)
		c->ttl = set.ttl;
	if (set.ttl != c->ttl)
		return ERR_INVALID;
	TRY(stored_apex(s, RRTYPE_NSEC, &set));
	if ((set.count > 0) != (c->params->kind == CHAIN_NSEC))
		return ERR_INVALID;
	TRY(stored_apex(s, RRTYPE_NSEC3PARAM, &set));
	if (c->params->kind == CHAIN_NSEC)
		return set.count > 0 ? ERR_INVALID : 0;
	return chain_blob_is(chain_param_blob(c), &set) ? 0 : ERR_INVALID;
}

static int change(struct chain *c, const struct change_view *v, bool keeps_ttl,
                  struct chain_sets *out)
{
	struct chain_stored s = {.chain = c, .txn = v->txn, .zone = v->zone};
	struct relinking r = {.chain = c, .stored = &s};

	TRY(check_stored(&r, keeps_ttl));
	TRY(store_cursor_open(v->txn, v->zone->id, &s.cursor));
	int err = chain_gather(c, v, &s);
	if (err == 0)
		err = relink(&r);
	store_cursor_close(&s.cursor);
	if (err == 0)
		*out = r.out;
	return err;
}

static int change_view(const struct change_view *v, const struct chain_params *p,
                       bool keeps_ttl, struct contents_arena *a, struct chain_sets *out)
{
	struct rrset soa;
	struct chain c;

	int err = change_view_get(v, (const uint8_t *)"", 0, RRTYPE_SOA, &soa);
	if (err < 0)
		return err == ERR_NOTFOUND ? ERR_INVALID : err;
	TRY(chain_begin(&c, v->zone->name, &soa, p, a));
	err = change(&c, v, keeps_ttl, out);
	chain_end(&c);
	return err;
}

int chain_change(const struct change_view *v, const struct chain_params *p,
                 struct contents_arena *a, struct chain_sets *out)
{
	return change_view(v, p, false, a, out);
}

int chain_change_within(const struct change_view *v, const struct chain_params *p,
                        struct contents_arena *a, struct chain_sets *out)
{
	return change_view(v, p, true, a, out);
}
