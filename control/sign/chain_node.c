/* What a name is, and so what a chain has of it. */
#include <stdlib.h>

#include "control/sign/chain_internal.h"
#include "shared/err.h"

enum {
	WINDOW = 256, /* types that one block of a bitmap tells of */
	WINDOW_HEADER = 2,
	BITMAP_MAX = 256 * (WINDOW_HEADER + WINDOW / 8),
	CUT_TYPES = 4,
};

/* ---- reading ---- */

bool chain_is_denial(size_t key_len, uint16_t type)
{
	return type == RRTYPE_NSEC || type == RRTYPE_NSEC3 ||
	       (type == RRTYPE_NSEC3PARAM && key_len == 0);
}

void chain_node_begin(struct chain_node *n, const uint8_t *key, size_t key_len)
{
	chain_key_set(&n->key, key, key_len);
	n->count = 0;
	n->cut = n->secure = n->dname = n->touched = false;
}

void chain_node_add(struct chain_node *n, const struct rrset *set)
{
	if (set->count == 0 || chain_is_denial(n->key.len, set->type))
		return;
	n->types = array_room(n->types, n->count, &n->room, sizeof n->types[0]);
	n->types[n->count++] = set->type;
	n->cut |= set->type == RRTYPE_NS && n->key.len > 0;
	n->secure |= set->type == RRTYPE_DS;
	n->dname |= set->type == RRTYPE_DNAME;
}

void chain_node_fini(struct chain_node *n)
{
	free(n->types);
	*n = (struct chain_node){0};
}

int chain_node_read(struct view_walk *w, struct chain_node *n)
{
	const uint8_t *key;
	size_t key_len;
	struct view_set s;
	int err;

	TRY(view_walk_peek(w, &key, &key_len, &s));
	chain_node_begin(n, key, key_len);
	do {
		n->touched |= s.touched != NULL;
		chain_node_add(n, &s.set);
		TRY(view_walk_step(w));
		err = view_walk_peek(w, &key, &key_len, &s);
	} while (err == 0 && chain_key_is(&n->key, key, key_len));
	return err == ERR_NOTFOUND ? 0 : err;
}

/* ---- judging ---- */

bool chain_roof_hides(struct chain_roof *r, const struct chain_node *n)
{
	if (r->is && chain_key_below(n->key.bytes, n->key.len, &r->key))
		return true;
	if (n->cut || n->dname) {
		chain_key_set(&r->key, n->key.bytes, n->key.len);
		r->is = true;
	}
	return false;
}

bool chain_node_links(const struct chain *c, const struct chain_node *n)
{
	if (n->count == 0)
		return false;
	return c->params->kind == CHAIN_NSEC || !c->params->opt_out || !n->cut ||
	       n->secure;
}

/* ---- types ---- */

/* Types on their way into a bitmap, rising. */
struct bitmap {
	uint8_t bytes[BITMAP_MAX];
	size_t len;
	uint8_t *window; /* the block under way */
};

static void bitmap_add(struct bitmap *b, uint16_t type)
{
	uint8_t octet = (uint8_t)(type % WINDOW / 8);

	if (!b->window || b->window[0] != type / WINDOW) {
		b->window = b->bytes + b->len;
		b->window[0] = (uint8_t)(type / WINDOW);
		b->window[1] = 0;
		b->len += WINDOW_HEADER;
	}
	while (b->window[1] <= octet) {
		b->window[WINDOW_HEADER + b->window[1]++] = 0;
		b->len++;
	}
	b->window[WINDOW_HEADER + octet] |= (uint8_t)(0x80 >> type % 8);
}

static void cut_types(const struct chain *c, const struct chain_node *n, struct bitmap *b)
{
	bitmap_add(b, RRTYPE_NS);
	if (n->secure)
		bitmap_add(b, RRTYPE_DS);
	if (n->secure || c->params->kind == CHAIN_NSEC)
		bitmap_add(b, RRTYPE_RRSIG);
	if (c->params->kind == CHAIN_NSEC)
		bitmap_add(b, RRTYPE_NSEC);
}

/* Types of a name and those that signing brings. */
static void data_types(const struct chain *c, const struct chain_node *n,
                       struct bitmap *b)
{
	uint16_t more[2] = {RRTYPE_RRSIG};
	size_t left = 1;
	size_t at = 0;

	if (c->params->kind == CHAIN_NSEC)
		more[left++] = RRTYPE_NSEC;
	else if (n->key.len == 0)
		more[left++] = RRTYPE_NSEC3PARAM;
	for (size_t i = 0; i < n->count; i++) {
		while (at < left && more[at] < n->types[i])
			bitmap_add(b, more[at++]);
		bitmap_add(b, n->types[i]);
	}
	while (at < left)
		bitmap_add(b, more[at++]);
}

/* ---- links ---- */

void chain_add(struct chain *c, const struct chain_key *name, const struct chain_node *n,
               bool has)
{
	struct chain_key key;
	struct bitmap b;

	chain_link_key(c, name, &key);
	b.len = 0;
	b.window = NULL;
	if (n && n->cut)
		cut_types(c, n, &b);
	else if (n && n->count)
		data_types(c, n, &b);
	c->links = array_room(c->links, c->count, &c->room, sizeof c->links[0]);
	c->links[c->count++] = (struct chain_link){
		.key = arena_copy(c->arena, key.bytes, key.len),
		.key_len = (uint16_t)key.len,
		.types = arena_copy(c->arena, b.bytes, b.len),
		.types_len = (uint16_t)b.len,
		.has = has,
	};
}

size_t chain_shared_labels(const struct chain_key *a, const struct chain_key *b)
{
	size_t shared = 0;

	for (size_t i = 0; i < a->len && i < b->len && a->bytes[i] == b->bytes[i]; i++)
		if (a->bytes[i] == 0)
			shared = i + 1;
	return shared;
}

/* Names above one that are also above the one before have been met there. */
static void add_empty_above(struct chain *c, const struct chain_key *name,
                            const struct chain_key *last)
{
	struct chain_key above = *name;
	size_t at = chain_shared_labels(name, last);

	while (at < name->len) {
		at = chain_label_end(name->bytes, at);
		above.len = at;
		if (at < name->len)
			chain_add(c, &above, NULL, true);
	}
}

void chain_take(struct chain *c, const struct chain_node *n, struct chain_roof *roof,
                struct chain_key *last)
{
	if (n->count == 0 || chain_roof_hides(roof, n) || !chain_node_links(c, n))
		return;
	if (c->params->kind == CHAIN_NSEC3)
		add_empty_above(c, &n->key, last);
	chain_add(c, &n->key, n, true);
	*last = n->key;
}

static int by_key(const void *left, const void *right)
{
	const struct chain_link *a = left;
	const struct chain_link *b = right;

	return name_key_compare(a->key, a->key_len, b->key, b->key_len);
}

void chain_sort(struct chain *c)
{
	size_t kept = 0;

	if (c->count > 1)
		qsort(c->links, c->count, sizeof c->links[0], by_key);
	for (size_t i = 0; i < c->count; i++)
		if (kept == 0 || by_key(&c->links[kept - 1], &c->links[i]) != 0)
			c->links[kept++] = c->links[i];
	c->count = kept;
}
