/*
 * A zone where a view makes another of it: its RRsets and their signatures, and the road to the rest of the check.
 *
 * Signatures are looked at where the view has RRsets; at all RRsets of a name at which a delegation or a DNAME comes
 * or goes, and of all names below it, which become the zone's own or are not any more; and at the apex
 * when the keys become others.
 */
#include "control/sign/check_view.h"

#include "control/sign/set_signer.h"
#include "control/zone/arena.h"
#include "shared/err.h"

static const struct chain_ref apex = {.bytes = (const uint8_t *)"", .len = 0};

/* ---- one RRset ---- */

static bool open_set(uint16_t type, const uint8_t *blob, size_t size, struct rrset *out)
{
	return size && rrset_open(type, blob, size, out) == 0 && out->count;
}

bool check_after(const struct overlay_set *s, struct rrset *out)
{
	return open_set(s->type, s->blob, s->size, out);
}

bool check_before(const struct overlay_set *s, struct rrset *out)
{
	return open_set(s->type, s->before, s->before_size, out);
}

bool check_comes_or_goes(const struct overlay_set *s)
{
	struct rrset set;

	return check_after(s, &set) != check_before(s, &set);
}

/* Says whether time alone has done it. That is no change's doing, and what is signed anew must not wait for what is
 * not yet. */
static bool is_of_time(struct check_finding f)
{
	return f.result == CHECK_BOGUS &&
	       (f.fault == RRSIG_EXPIRED || f.fault == RRSIG_NOT_YET);
}

static void check_one(struct check_viewing *x, const struct check_name *n,
                      const struct rrset *set, bool touched)
{
	const struct check_set s = {
		.key = n->key.bytes,
		.key_len = n->key.len,
		.set = set,
		.own = sign_is_own(set->type, n->hidden, n->cut),
	};
	const struct check_place at = check_view_place(s.key, s.key_len, set->type);

	const struct check_finding f = check_signatures(&x->c, x->verifier, &s);

	if (touched || !is_of_time(f))
		check_say_finding(&x->c, &at, f);
}

/* ---- names ---- */

int check_name_read(struct check_viewing *x, const uint8_t *key, size_t key_len,
                    struct check_name *out)
{
	enum view_above above;
	struct rrset ns;

	chain_key_set(&out->key, key, key_len);
	TRY(view_look_above(x->view, key, key_len, &above));
	int err = key_len ? change_view_get(x->view, key, key_len, RRTYPE_NS, &ns)
	                  : ERR_NOTFOUND;
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	out->hidden = above != VIEW_ABOVE_NOTHING;
	out->cut = err == 0 && ns.count > 0;
	return 0;
}

/* The RRsets of the view at one name. */
static int check_touched(struct check_viewing *x, const struct overlay_set *sets,
                         size_t count)
{
	struct check_name n;

	TRY(check_name_read(x, sets->key, sets->key_len, &n));
	for (size_t i = 0; i < count; i++) {
		struct rrset set;

		if (sets[i].size == 0)
			continue;
		TRY(rrset_open(sets[i].type, sets[i].blob, sets[i].size, &set));
		check_one(x, &n, &set, true);
	}
	return 0;
}

/* All RRsets at a name, and below it if that is asked for. */
static int check_from(struct check_viewing *x, struct chain_ref root, bool below)
{
	struct check_name n = {.key = {.len = SIZE_MAX}};
	struct view_set v;
	const uint8_t *key;
	size_t len;
	int err;

	TRY(view_walk_to(&x->walk, root.bytes, root.len));
	while ((err = view_walk_peek(&x->walk, &key, &len, &v)) == 0 &&
	       check_is_at_or_below((struct chain_ref){key, len}, root)) {
		if (!below && len > root.len)
			return 0;
		if (!chain_key_is(&n.key, key, len))
			TRY(check_name_read(x, key, len, &n));
		check_one(x, &n, &v.set, v.touched != NULL);
		TRY(view_walk_step(&x->walk));
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

bool check_covers_anew(const struct overlay_set *sets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool roof = (sets[i].type == RRTYPE_NS && sets[i].key_len > 0) ||
		            sets[i].type == RRTYPE_DNAME;
		if (roof && check_comes_or_goes(&sets[i]))
			return true;
	}
	return false;
}

/* One name by its RRsets in the view. *root: the last below which all has been looked at; NULL: none. */
static int check_owner(struct check_viewing *x, const struct overlay_set *sets,
                       size_t count, struct chain_ref *root)
{
	struct chain_ref name = {.bytes = sets->key, .len = sets->key_len};

	if (root->bytes && check_is_at_or_below(name, *root))
		return 0;
	if (check_covers_anew(sets, count)) {
		*root = name;
		return check_from(x, name, true);
	}
	return name.len == 0 && x->keys_change ? check_from(x, name, false)
	                                       : check_touched(x, sets, count);
}

static int check_sets(struct check_viewing *x)
{
	const struct change_view *v = x->view;
	struct chain_ref root = {.bytes = NULL};
	size_t end;

	for (size_t at = 0; at < v->count; at = end) {
		end = change_view_owner_end(v, at);
		TRY(check_owner(x, &v->sets[at], end - at, &root));
	}
	return 0;
}

/* ---- the apex ---- */

/* *out: without records when it is not there. */
static int get(const struct check_viewing *x, struct chain_ref key, uint16_t type,
               bool after, struct rrset *out)
{
	const struct change_view *v = x->view;

	*out = (struct rrset){.type = type};
	int err = after ? change_view_get(v, key.bytes, key.len, type, out)
	                : store_rrset_get(v->txn, v->zone->id, key.bytes, key.len, type,
	                                  out);
	return err == ERR_NOTFOUND ? 0 : err;
}

static int look_at_keys(struct check_viewing *x)
{
	const struct check_place at = check_view_place(apex.bytes, 0, RRTYPE_DNSKEY);
	const struct change_view *v = x->view;
	struct rrset keys;

	TRY(get(x, apex, RRTYPE_DNSKEY, true, &keys));
	if (keys.count)
		check_keys_take(&x->c.keys, &keys);
	for (size_t i = 0; i < v->count && v->sets[i].key_len == 0; i++)
		x->keys_change |= v->sets[i].type == RRTYPE_DNSKEY;
	if (x->keys_change || x->c.how->ds || !x->c.keys.count)
		check_keys_say(&x->c, &at);
	return 0;
}

/* Says whether the link of the apex has opt-out. */
static int look_at_opt_out(const struct check_viewing *x, const struct check_chain *chain,
                           bool after, bool *out)
{
	static const struct chain_key top;
	struct chain_key key;
	struct check_link link;
	struct rrset set;

	*out = false;
	if (chain->params.kind != CHAIN_NSEC3)
		return 0;
	chain_link_key(&chain->chain, &top, &key);
	TRY(get(x, chain_ref_of(&key), RRTYPE_NSEC3, after, &set));
	*out = !check_link_read(chain, &set, &link) && link.opt_out;
	return 0;
}

static bool is_same_order(const struct chain_params *a, const struct chain_params *b)
{
	return a->kind == b->kind && a->iterations == b->iterations &&
	       a->salt_len == b->salt_len && memcmp(a->salt, b->salt, a->salt_len) == 0;
}

/* ---- the view ---- */

static int check_links(struct check_viewing *x)
{
	struct rrset nsec;
	struct rrset param;
	bool before;

	TRY(get(x, apex, RRTYPE_NSEC, false, &nsec));
	TRY(get(x, apex, RRTYPE_NSEC3PARAM, false, &param));
	check_chain_read(&x->c, &x->before, &nsec, &param);
	TRY(get(x, apex, RRTYPE_NSEC, true, &nsec));
	TRY(get(x, apex, RRTYPE_NSEC3PARAM, true, &param));
	if (!check_chain_begin(&x->c, &x->chain, &nsec, &param))
		return 0;
	TRY(look_at_opt_out(x, &x->before, false, &before));
	TRY(look_at_opt_out(x, &x->chain, true, &x->opt_out));
	x->same_order = is_same_order(&x->before.params, &x->chain.params);
	x->same_way = x->same_order && x->opt_out == before;
	TRY(check_view_names(x));
	check_view_arcs(x);
	return 0;
}

static int check_view(struct check_viewing *x)
{
	TRY(look_at_keys(x));
	if (x->c.keys.count) {
		x->verifier = verifier_new(x->c.apex, &x->c.keys.set);
		TRY(check_sets(x));
	}
	return check_links(x);
}

int sign_check_view(const struct change_view *v, const struct sign_check *how,
                    struct diag *out)
{
	size_t errors = out->errors;
	struct check_viewing x = {
		.c = {.how = how,
	              .diag = out,
	              .apex = v->zone->name,
	              .apex_len = name_len(v->zone->name, NAME_MAX_LEN)},
		.view = v,
		.walk = {.view = v},
		.below = {.view = v},
		.arena = arena_new(),
	};

	int err = store_cursor_open(v->txn, v->zone->id, &x.walk.cursor);
	if (err == 0)
		err = store_cursor_open(v->txn, v->zone->id, &x.below.cursor);
	if (err == 0)
		err = check_view(&x);
	store_cursor_close(&x.below.cursor);
	store_cursor_close(&x.walk.cursor);
	verifier_free(&x.verifier);
	chain_node_fini(&x.node);
	chain_node_fini(&x.lower);
	arena_free(x.arena);
	TRY(err);
	return out->errors > errors ? ERR_REFUSED : 0;
}
