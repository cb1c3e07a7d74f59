/*
 * A name's records become a node: for each type an entry, inline where the body is short and
 * nothing in it ever moves, else a fragment. A and AAAA come first, since they are asked for most
 * and one of them is what ANY gets (RFC 8482).
 */
#include <string.h>

#include "control/compile/internal.h"
#include "dataplane/respond/nsec3hash.h"
#include "shared/err.h"
#include "shared/rrtype.h"

struct builder {
	struct compiler *c;
	const struct compile_zone *z;
	struct table_node *node; /* in c->node */
	size_t len;
	bool failed;
	table_ref
		fragments[OWNER_SETS_MAX]; /* made so far: to be given back on failure */
	unsigned nfragments;
};

static struct table_entry *add_entry(struct builder *b, uint16_t type, uint8_t flags,
                                     size_t body_len)
{
	size_t size = sizeof(struct table_entry) + ((body_len + 3) & ~(size_t)3);

	if (b->len + size > NODE_BYTES_MAX || b->node->nentries == UINT8_MAX) {
		b->failed = true;
		return NULL;
	}
	struct table_entry *e = (void *)(b->c->node + b->len);
	memset(e, 0, size);
	e->type = type;
	e->flags = flags;
	b->len += size;
	b->node->nentries++;
	return e;
}

static bool fits_inline(const struct body *body)
{
	return body->nrelocs == 0 && body->ntargets == 0 && body->len <= INLINE_MAX &&
	       body->plain_count <= UINT8_MAX && body->do_count <= 15;
}

static void add_inline(struct builder *b, uint16_t type)
{
	const struct body *body = &b->c->body;
	struct table_entry *e = add_entry(
		b, type, (uint8_t)(body->do_count << ENTRY_DO_SHIFT), body->len);

	if (!e)
		return;
	e->plain_count = (uint8_t)body->plain_count;
	e->plain_len = (uint16_t)body->plain_len;
	e->do_len = (uint16_t)(body->len - body->plain_len);
	memcpy(e->body, body->bytes, body->len);
}

static void add_fragment(struct builder *b, uint16_t type)
{
	const struct body *body = &b->c->body;
	void *room;
	table_ref ref = writer_alloc(b->c->w, body_fragment_size(body), &room);
	struct table_entry *e = ref ? add_entry(b, type, ENTRY_FRAGMENT, 0) : NULL;

	if (!e) {
		b->failed = true;
		return;
	}
	body_write_fragment(body, room);
	e->ref = ref;
	b->fragments[b->nfragments++] = ref;
}

/* The answer for one type. */
static void add_set(struct builder *b, const struct rrset *set)
{
	struct body *body = &b->c->body;
	const struct owner *o = &b->c->owner;
	struct body_aim aim = {
		.apex = b->z->apex,
		.key = writer_hash_key(b->c->w),
	};

	body_begin(body, o->name, o->name_len, set->type == RRTYPE_DNAME);
	body_add_records(body, set, set->ttl, &aim);
	body_end_plain(body);
	body_add_signatures(body, set, set->sig_ttl);
	if (body->overflow)
		b->failed = true;
	else if (fits_inline(body))
		add_inline(b, set->type);
	else
		add_fragment(b, set->type);
}

/* The referral: NS, and for DO the DS set; where there is none the proof is found when asked. */
static void add_referral(struct builder *b, const struct rrset *ns,
                         const struct rrset *ds)
{
	struct body *body = &b->c->body;
	const struct owner *o = &b->c->owner;
	struct body_aim aim = {
		.apex = b->z->apex,
		.cut = o->name,
		.key = writer_hash_key(b->c->w),
	};

	body_begin(body, o->name, o->name_len, true);
	body_add_records(body, ns, ns->ttl, &aim);
	body_end_plain(body);
	if (ds)
		body_add_do_records(body, ds);
	if (body->overflow)
		b->failed = true;
	else
		add_fragment(b, RRTYPE_NS);
}

static void add_hashes(struct builder *b)
{
	const struct compile_zone *z = b->z;
	const struct owner *o = &b->c->owner;
	uint8_t wild[2 + NAME_MAX_LEN] = {1, '*'};
	struct table_entry *e = add_entry(b, 0, ENTRY_HASHES, ENTRY_HASHES_LEN);

	if (!e)
		return;
	nsec3_hash(o->name, o->name_len, z->salt, z->salt_len, z->iterations, e->body);
	if (o->name_len + 2 > NAME_MAX_LEN)
		return; /* no wildcard fits below */
	memcpy(wild + 2, o->name, o->name_len);
	nsec3_hash(wild, o->name_len + 2U, z->salt, z->salt_len, z->iterations,
	           e->body + NSEC3_HASH_LEN);
}

static void add_denial(struct builder *b, table_ref denial)
{
	struct table_entry *e = add_entry(b, RRTYPE_NSEC, ENTRY_DENIAL, 0);

	if (e)
		e->ref = denial;
}

static bool is_address(uint16_t type)
{
	return type == RRTYPE_A || type == RRTYPE_AAAA;
}

/* Which of a name's records are its own to answer with, given what else is there. */
static bool served(const struct table_node *n, uint16_t type)
{
	if (type == RRTYPE_NSEC || type == RRTYPE_NSEC3)
		return false;
	if (n->flags & NODE_BELOW_CUT)
		return is_address(type);
	if (n->flags & NODE_CUT)
		return is_address(type) || type == RRTYPE_DS;
	return true;
}

static void add_sets(struct builder *b)
{
	const struct owner *o = &b->c->owner;

	if (b->node->flags & NODE_CUT)
		add_referral(b, owner_set(o, RRTYPE_NS), owner_set(o, RRTYPE_DS));
	for (unsigned i = 0; i < o->count; i++)
		if (o->sets[i].count > 0 && is_address(o->sets[i].type) &&
		    served(b->node, o->sets[i].type))
			add_set(b, &o->sets[i]);
	for (unsigned i = 0; i < o->count; i++)
		if (o->sets[i].count > 0 && !is_address(o->sets[i].type) &&
		    served(b->node, o->sets[i].type))
			add_set(b, &o->sets[i]);
}

static uint16_t flags_of(const struct compiler *c, const struct compile_zone *z,
                         struct place place)
{
	const struct owner *o = &c->owner;
	const struct rrset *ns = owner_set(o, RRTYPE_NS);
	const struct rrset *dname = owner_set(o, RRTYPE_DNAME);
	unsigned flags = 0;

	if (place.below_cut)
		return (uint16_t)(NODE_BELOW_CUT | (place.below_cut - 1U)
		                                           << NODE_CUT_SHIFT);
	if (o->name_len == z->apex_len)
		flags |= NODE_APEX;
	else if (ns && ns->count > 0)
		flags |= NODE_CUT;
	if (dname && dname->count > 0 && !(flags & NODE_CUT))
		flags |= NODE_DNAME;
	if (place.hosted_apex)
		flags |= NODE_PARENT_SIDE;
	return (uint16_t)flags;
}

static void give_back(struct builder *b)
{
	for (unsigned i = 0; i < b->nfragments; i++) {
		const struct table_fragment *f =
			table_at(writer_base(b->c->w), b->fragments[i]);
		writer_retire(b->c->w, b->fragments[i], (size_t)f->units * TABLE_UNIT);
	}
}

static int put_node(struct builder *b, uint64_t hash)
{
	void *room;
	table_ref ref = writer_alloc(b->c->w, b->len, &room);

	if (!ref)
		return ERR_FULL;
	memcpy(room, b->node, b->len);
	writer_put_node(b->c->w, hash, ref);
	return writer_failed(b->c->w) ? ERR_FULL : 0;
}

/* Its parent answers missing names with it. */
static int mark_wildcard_parent(struct compiler *c)
{
	const struct owner *o = &c->owner;
	uint8_t name[NAME_MAX_LEN + 1 + NAME_PAD] = {0};

	memcpy(name, o->name + 2, o->name_len - 2U);
	uint64_t hash = name_hash(writer_hash_key(c->w), name);
	struct table_node *parent = writer_find(c->w, hash, name, o->name_len - 2U, 0);
	if (!parent || (parent->flags & NODE_WILDCARD))
		return 0;
	parent = writer_modify(c->w, hash, parent);
	if (!parent)
		return ERR_FULL;
	/* Readers that cannot see it yet look at its flags for its side. */
	__atomic_store_n(&parent->flags, parent->flags | NODE_WILDCARD, __ATOMIC_RELAXED);
	return 0;
}

/* A wildcard below that was there before the node was compiled anew. */
static uint16_t keep_wildcard(struct compiler *c)
{
	const struct owner *o = &c->owner;
	uint8_t name[2 + NAME_MAX_LEN + 1 + NAME_PAD] = {1, '*'};

	if (o->name_len + 2 > NAME_MAX_LEN)
		return 0;
	/* One of a name that is new is new as well, and comes behind it. */
	if (!writer_find(c->w, o->hash, o->name, o->name_len, 0))
		return 0;
	memcpy(name + 2, o->name, o->name_len);
	uint64_t hash = name_hash(writer_hash_key(c->w), name);
	return writer_find(c->w, hash, name, o->name_len + 2U, 0) ? NODE_WILDCARD : 0;
}

int node_compile(struct compiler *c, struct compile_zone *z, struct place place)
{
	struct owner *o = &c->owner;
	struct builder b = {.c = c, .z = z, .node = (void *)c->node};
	table_ref denial;

	writer_prefetch(c->w, o->hash);
	TRY(denial_compile(c, z, &denial));
	if (place.hidden)
		return 0;
	memset(b.node, 0, sizeof *b.node);
	b.node->zone = z->stub;
	b.node->flags = flags_of(c, z, place);
	b.node->name_len = o->name_len;
	memcpy(b.node->name, o->name, o->name_len);
	b.len = (sizeof *b.node + o->name_len + 3) & ~(size_t)3;
	add_sets(&b);
	if (denial && !place.below_cut)
		add_denial(&b, denial);
	if (z->denial == ZONE_NSEC3 && !place.below_cut)
		add_hashes(&b);
	if (b.failed) {
		give_back(&b);
		return writer_failed(c->w) ? ERR_FULL : ERR_TOOBIG;
	}
	if (writer_born(c->w) != 0)
		b.node->flags |= keep_wildcard(c);
	c->names++;
	TRY(put_node(&b, place.hosted_apex ? o->hash ^ TABLE_PARENT_SALT : o->hash));
	if (o->name[0] == 1 && o->name[1] == '*' && o->name_len > z->apex_len)
		return mark_wildcard_parent(c);
	return 0;
}
