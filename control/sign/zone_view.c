#include "control/sign/zone_view.h"

#include <string.h>

#include "control/sign/chain.h"
#include "control/sign/view_sign.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static const uint8_t apex[1];

/* ---- what the change does to the data ---- */

struct baring {
	struct change_view *view; /* as it will be; has room for all */
	struct contents_arena *arena;
};

static int bare(struct contents_arena *a, uint16_t type, const uint8_t **blob,
                size_t *size)
{
	struct rrset set;

	if (*size == 0)
		return 0;
	TRY(rrset_open(type, *blob, *size, &set));
	rrsig_take_out(&set, a);
	*blob = set.bytes;
	*size = set.size;
	return 0;
}

/* Says whether an RRset without signatures has the data that it had. */
static int is_as_before(const struct baring *b, const struct overlay_set *s, bool *out)
{
	const uint8_t *before = s->before;
	size_t size = s->before_size;

	TRY(bare(b->arena, s->type, &before, &size));
	*out = size == s->size && (size == 0 || memcmp(before, s->blob, size) == 0);
	return 0;
}

static int take_edited(const struct baring *b, struct overlay_set s)
{
	bool same;

	if (chain_is_denial(s.key_len, s.type))
		return 0;
	TRY(bare(b->arena, s.type, &s.blob, &s.size));
	TRY(is_as_before(b, &s, &same));
	if (!same)
		change_view_append(b->view, &s);
	return 0;
}

/* Gives what the store has, as it is to be without signatures. ERR_NOTFOUND. */
static int bare_stored(const struct baring *b, const struct again_set *w,
                       struct overlay_set *out)
{
	struct rrset set;

	*out = (struct overlay_set){
		.key = w->key, .key_len = w->key_len, .type = w->type, .edit = -1};
	TRY(store_rrset_get(b->view->txn, b->view->zone->id, w->key, w->key_len, w->type,
	                    &set));
	set.bytes = arena_copy(b->arena, set.bytes, set.size);
	out->before = set.bytes;
	out->before_size = set.size;
	rrsig_take_out(&set, b->arena);
	out->blob = set.bytes;
	out->size = set.size;
	return 0;
}

static int take_again(const struct baring *b, const struct again_set *w)
{
	struct overlay_set s;

	if (chain_is_denial(w->key_len, w->type))
		return 0;
	int err = bare_stored(b, w, &s);
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	change_view_append(b->view, &s);
	return 0;
}

static int order_of(const struct overlay_set *s, const struct again_set *w)
{
	return change_sets_compare(s->key, s->key_len, s->type, w->key, w->key_len,
	                           w->type);
}

/* What the change edits counts before what is only to be signed anew. */
static int take_all(const struct baring *b, const struct change_view *edits,
                    const struct change_again *again)
{
	size_t next = 0;

	for (size_t i = 0; i < edits->count; i++) {
		while (next < again->count &&
		       order_of(&edits->sets[i], &again->sets[next]) > 0)
			TRY(take_again(b, &again->sets[next++]));
		size_t had = b->view->count;
		TRY(take_edited(b, edits->sets[i]));
		if (b->view->count > had && next < again->count &&
		    order_of(&edits->sets[i], &again->sets[next]) == 0)
			next++;
	}
	while (next < again->count)
		TRY(take_again(b, &again->sets[next++]));
	return 0;
}

/* What stays as it is has to be signed anew all the same when others sign it from now on. */
static int put_keys(struct change_view *v, const struct zone_keys *k, uint16_t type,
                    struct contents_arena *a)
{
	struct overlay_set s = {.key = apex, .type = type, .edit = -1};
	struct rrset now;
	int err = change_view_get(v, apex, 0, type, &now);

	if (err == ERR_NOTFOUND)
		now = (struct rrset){.type = type};
	else if (err < 0)
		return err;
	struct rrset had = now;
	rrsig_take_out(&had, a);
	s.blob = zone_keys_apex(k, &now, a, &s.size);
	if (s.size == 0 && had.size == 0)
		return 0;
	if (s.size == had.size && memcmp(s.blob, had.bytes, had.size) == 0 &&
	    sign_is_by_keys(&k->terms, &now, true))
		return 0;
	return change_view_set(v, a, &s);
}

int zone_view_bare(struct change_view *v, struct zone_keys *k,
                   const struct zone_view_wish *wish, struct contents_arena *a)
{
	const struct change_again *again = wish->again;
	const struct change_view edits = *v;
	const struct baring b = {.view = v, .arena = a};

	v->sets = arena_aligned(a, (edits.count + again->count + 1) * sizeof *v->sets);
	v->count = 0;
	v->rrsets = v->records = 0;
	k->terms.now = wish->now;
	TRY(take_all(&b, &edits, again));
	TRY(put_keys(v, k, RRTYPE_DNSKEY, a));
	TRY(put_keys(v, k, RRTYPE_CDS, a));
	TRY(put_keys(v, k, RRTYPE_CDNSKEY, a));
	v->changed = wish->even || v->count || v->extra_count;
	return 0;
}

/* ---- chain and signatures ---- */

/* An edit of the SOA may change the TTL of all the chain. That of a small zone is made anew at once. That of a large one
 * stays for now: a proof may live longer than the answer that it is of. */
static int make_chain(struct change_view *v, struct zone_keys *k,
                      struct contents_arena *a, struct chain_sets *out)
{
	int err = chain_change(v, &k->state.chain, a, out);

	k->chain_lags = false;
	if (err != ERR_INVALID)
		return err;
	if (v->zone->rrsets <= ZONE_CHAIN_AT_ONCE)
		return chain_rebuild(v, &k->state.chain, a, out);
	k->chain_lags = true;
	err = chain_change_within(v, &k->state.chain, a, out);
	return err == ERR_INVALID ? ERR_TOOBIG : err;
}

/* Those that are to be signed anew, and that the view does not have: of the chain, and whatever has no signatures, so that it
 * was the same without them. */
static int take_rest(struct change_view *v, const struct change_again *again,
                     struct contents_arena *a)
{
	const struct baring b = {.view = v, .arena = a};
	struct overlay_set *sets = arena_aligned(a, (again->count + 1) * sizeof *sets);
	size_t count = 0;
	size_t at = 0;

	for (size_t i = 0; i < again->count; i++) {
		const struct again_set *w = &again->sets[i];
		while (at < v->count && order_of(&v->sets[at], w) < 0)
			at++;
		if (at < v->count && order_of(&v->sets[at], w) == 0)
			continue;
		int err = bare_stored(&b, w, &sets[count]);
		if (err < 0 && err != ERR_NOTFOUND)
			return err;
		count += err == 0;
	}
	change_view_merge(v, a, sets, count);
	return 0;
}

int zone_view_sign(struct change_view *v, struct zone_keys *k,
                   const struct change_again *again, uint32_t serial, uint64_t now,
                   struct contents_arena *a)
{
	struct chain_sets chain;

	k->terms.serial = serial;
	k->terms.now = now;
	TRY(make_chain(v, k, a, &chain));
	change_view_merge(v, a, chain.sets, chain.count);
	TRY(take_rest(v, again, a));
	return view_sign(v, k->signer, a, &k->made);
}

int zone_view_sign_apex(struct change_view *v, struct zone_keys *k, uint16_t type,
                        struct contents_arena *a)
{
	struct overlay_set s = {.key = apex, .type = type, .edit = -1};
	struct rrset set;

	TRY(change_view_get(v, apex, 0, type, &set));
	s.size = set_signer_size(k->signer, &set, true);
	uint8_t *blob = arena_alloc(a, s.size);
	TRY(set_signer_sign(k->signer, k->zone, &set, blob));
	s.blob = blob;
	return change_view_set(v, a, &s);
}
