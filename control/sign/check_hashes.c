/*
 * A chain of NSEC3, against the hashes of all names that are to be in it.
 *
 * The links are in the zone in the order of their hashes; so names are hashed, sorted, and both gone through at
 * once. Each link is of a name; each name has a link, but for delegations without DS, and names without data that only
 * such delegations are below, which have none as long as the link that covers them says opt-out (RFC 5155
 * §7.1).
 */
#include <stdlib.h>

#include "control/sign/check_internal.h"
#include "dataplane/respond/nsec3hash.h"

void check_hashes_fini(struct check_hashes *h)
{
	free(h->list);
	h->list = NULL;
	h->count = h->room = 0;
}

/* ---- names ---- */

static void add_hash(const struct check_whole *w, struct check_hashes *h,
                     struct chain_ref name, bool must)
{
	const struct chain_params *p = &w->chain.params;
	uint8_t wire[NAME_MAX_LEN];
	struct check_hash *x;

	int len = name_from_key(name.bytes, name.len, w->c.apex, wire);
	assert(len > 0);
	h->list = array_room(h->list, h->count, &h->room, sizeof *h->list);
	x = &h->list[h->count++];
	*x = (struct check_hash){
		.must = must, .key = name.bytes, .key_len = (uint16_t)name.len};
	nsec3_hash(wire, (size_t)len, p->salt, p->salt_len, p->iterations, x->hash);
}

/* Names above one that are also above the last have been met there. */
static void add_above(const struct check_whole *w, struct check_hashes *h,
                      struct chain_ref name, const struct chain_key *last, bool must)
{
	struct chain_key key;
	struct chain_ref above = name;

	chain_key_set(&key, name.bytes, name.len);
	for (size_t at = chain_shared_labels(&key, last); at < name.len; at = above.len) {
		above.len = chain_label_end(name.bytes, at);
		if (above.len < name.len)
			add_hash(w, h, above, must);
	}
}

void check_hashes_add(const struct check_whole *w, struct check_hashes *h,
                      const struct chain_node *n, const uint8_t *key)
{
	const struct chain_ref name = {.bytes = key, .len = n->key.len};
	bool must = !n->cut || n->secure;

	add_above(w, h, name, must ? &h->last_must : &h->last, must);
	add_hash(w, h, name, must);
	h->last = n->key;
	if (must)
		h->last_must = n->key;
}

static int by_hash(const void *left, const void *right)
{
	const struct check_hash *a = left;
	const struct check_hash *b = right;

	return memcmp(a->hash, b->hash, sizeof a->hash);
}

/* A name without data may be there twice: for what must have a link below it, and for what may. */
static void sort_hashes(struct check_hashes *h)
{
	size_t kept = 0;

	if (h->count > 1)
		qsort(h->list, h->count, sizeof h->list[0], by_hash);
	for (size_t i = 0; i < h->count; i++) {
		struct check_hash *last = kept ? &h->list[kept - 1] : NULL;

		if (last && by_hash(last, &h->list[i]) == 0)
			last->must |= h->list[i].must;
		else
			h->list[kept++] = h->list[i];
	}
	h->count = kept;
}

/* ---- links ---- */

/* Both gone through at once. */
struct merging {
	struct check_whole *whole;
	const struct check_hashes *hashes;
	size_t at;    /* next hash */
	bool opt_out; /* of the last link */
	struct check_order order;
	struct chain_node node;
};

static bool is_link(const struct contents_rrset *r, uint8_t hash[static NSEC3_HASH_LEN])
{
	return r->type == RRTYPE_NSEC3 && check_open(r).count &&
	       chain_key_hash(r->key, r->key_len, hash);
}

/* Says whether the last link, which covers what is before the first, has opt-out. */
static bool ends_with_opt_out(const struct check_whole *w)
{
	uint8_t hash[NSEC3_HASH_LEN];
	struct check_link link;

	for (size_t i = w->contents->count; i-- > 0;) {
		const struct contents_rrset *r = &w->contents->rrsets[i];
		struct rrset set = check_open(r);

		if (is_link(r, hash))
			return !check_link_read(&w->chain, &set, &link) && link.opt_out;
	}
	return false;
}

static struct check_place place_of(const struct check_hash *h)
{
	return (struct check_place){
		.file = "", .key = h->key, .key_len = h->key_len, .type = RRTYPE_NSEC3};
}

/* A name without a link. */
static void say_absent(const struct merging *m, const struct check_hash *h)
{
	struct check_place at = place_of(h);

	if (h->must)
		check_say(&m->whole->c, DIAG_ERROR, "nsec-missing", &at, "is not there");
	else if (!m->opt_out)
		check_say(&m->whole->c, DIAG_ERROR, "nsec3-opt-out", &at,
		          "is not there, and the one that covers its hash does not say "
		          "opt-out");
}

/* Gives the data of a name, or NULL. */
static const struct chain_node *read_node(struct merging *m, const struct check_hash *h)
{
	const struct contents *c = m->whole->contents;
	const struct contents_rrset *r = contents_find(c, h->key, h->key_len);

	if (!r)
		return NULL;
	(void)check_read_name(c, (size_t)(r - c->rrsets), &m->node);
	return &m->node;
}

static void take_link(struct merging *m, const struct contents_rrset *r,
                      const uint8_t hash[static NSEC3_HASH_LEN])
{
	struct check_whole *w = m->whole;
	struct check_place at = check_place_of(w, r);
	const struct check_hash *h = NULL;
	struct check_link link = {.opt_out = false};

	for (; m->at < m->hashes->count; m->at++) {
		const struct check_hash *next = &m->hashes->list[m->at];
		int order = memcmp(next->hash, hash, NSEC3_HASH_LEN);
		if (order == 0)
			h = next;
		if (order >= 0)
			break;
		say_absent(m, next);
	}
	m->at += h != NULL;
	if (!h)
		check_say(&w->c, DIAG_ERROR, "nsec-unwanted", &at,
		          "is of no name in the zone");
	else
		at = (struct check_place){.file = at.file,
		                          .line = at.line,
		                          .key = h->key,
		                          .key_len = h->key_len,
		                          .type = RRTYPE_NSEC3};
	if (h)
		check_whole_link(w, &m->order, r, &at, read_node(m, h), &link);
	m->opt_out = link.opt_out;
}

void check_hashes_say(struct check_whole *w, struct check_hashes *h)
{
	struct merging m = {.whole = w, .hashes = h, .opt_out = ends_with_opt_out(w)};
	uint8_t hash[NSEC3_HASH_LEN];

	sort_hashes(h);
	for (size_t i = 0; i < w->contents->count; i++) {
		const struct contents_rrset *r = &w->contents->rrsets[i];
		struct check_place at = check_place_of(w, r);

		if (is_link(r, hash))
			take_link(&m, r, hash);
		else if (r->type == RRTYPE_NSEC3 && check_open(r).count)
			check_say(&w->c, DIAG_ERROR, "nsec-unwanted", &at,
			          "has an owner that is no hash");
	}
	for (; m.at < h->count; m.at++)
		say_absent(&m, &h->list[m.at]);
	check_follow_end(&w->c, &m.order);
	chain_node_fini(&m.node);
}
