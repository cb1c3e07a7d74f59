/*
 * What the files of denial chains share.
 *
 * A link is the NSEC or NSEC3 of one name. Links are known by the sort key of the owner that they lie at: for NSEC3
 * that is a label of the hash, whose digits have the order of what they write, so that links of
 * both kinds are in order, in memory and in the store, when their keys are.
 */
#ifndef CONTROL_SIGN_CHAIN_INTERNAL_H
#define CONTROL_SIGN_CHAIN_INTERNAL_H

#include "control/change/walk.h"
#include "control/sign/chain.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/table.h"

/* A sort key, copied. */
struct chain_key {
	uint8_t bytes[NAME_KEY_MAX];
	size_t len;
};

static inline void chain_key_set(struct chain_key *to, const uint8_t *key, size_t len)
{
	memcpy(to->bytes, key, len);
	to->len = len;
}

static inline bool chain_key_is(const struct chain_key *k, const uint8_t *key, size_t len)
{
	return k->len == len && memcmp(k->bytes, key, len) == 0;
}

/* A sort key, lent. */
struct chain_ref {
	const uint8_t *bytes; /* NULL: none */
	size_t len;
};

static inline struct chain_ref chain_ref_of(const struct chain_key *k)
{
	return (struct chain_ref){.bytes = k->bytes, .len = k->len};
}

/* Says whether a key is that of a name below another. */
static inline bool chain_key_below(const uint8_t *key, size_t len,
                                   const struct chain_key *above)
{
	return len > above->len && memcmp(key, above->bytes, above->len) == 0;
}

/* Gives the length of a key up to and with the label that starts at an octet of it. */
static inline size_t chain_label_end(const uint8_t *key, size_t at)
{
	while (key[at++])
		;
	return at;
}

/* Gives how much of two keys are the same labels. */
size_t chain_shared_labels(const struct chain_key *a, const struct chain_key *b);

struct chain_link {
	const uint8_t *key;   /* lies where links do */
	const uint8_t *types; /* bitmap of RFC 4034 §4.1.2 */
	uint16_t key_len;
	uint16_t types_len;
	bool has; /* false: the name is to have none */
};

/* A chain under way. */
struct chain {
	const struct chain_params *params;
	const uint8_t *apex; /* folded; lent */
	size_t apex_len;
	uint32_t ttl;
	struct contents_arena *arena; /* of links and what is made of them */
	struct chain_link *links;     /* malloced */
	size_t count, room;
};

/* Begins one of a zone with this SOA; chain_end() ends it, whatever this gives. ERR_INVALID, ERR_TOOBIG: see
 * chain_put(). */
MUST_CHECK int chain_begin(struct chain *c, const uint8_t *apex, const struct rrset *soa,
                           const struct chain_params *p, struct contents_arena *a);
void chain_end(struct chain *c);

/* The type of its links. */
static inline uint16_t chain_type(const struct chain *c)
{
	return c->params->kind == CHAIN_NSEC ? RRTYPE_NSEC : RRTYPE_NSEC3;
}

/* ---- chain_node.c: what a name is to have ---- */

/* A name and the types that it has data of, rising. Zero before its first use, and used again for the
 * next. */
struct chain_node {
	struct chain_key key;
	uint16_t *types; /* malloced */
	size_t count, room;
	bool cut;    /* it is a delegation */
	bool secure; /* and has a DS */
	bool dname;
	bool touched; /* by the view that it is read from */
};

void chain_node_begin(struct chain_node *n, const uint8_t *key, size_t key_len);
void chain_node_add(struct chain_node *n, const struct rrset *set);
void chain_node_fini(struct chain_node *n);

/* Reads the name at which a walk stands, as it will be, and moves behind it. ERR_NOTFOUND: no more. */
MUST_CHECK int chain_node_read(struct view_walk *w, struct chain_node *n);

/* The last delegation or DNAME that names in canonical order came to. */
struct chain_roof {
	struct chain_key key;
	bool is;
};

/* Says whether a name is below it, and thus nothing. Else it is the next one, if it is one at all. */
bool chain_roof_hides(struct chain_roof *r, const struct chain_node *n);

/* Says whether a name that nothing hides has a link for what it is itself. */
bool chain_node_links(const struct chain *c, const struct chain_node *n);

/* Adds a link of the name with a key. n: what is at it; NULL: nothing. has: as in the link. */
void chain_add(struct chain *c, const struct chain_key *name, const struct chain_node *n,
               bool has);

/* Adds a name, of all in canonical order, if it has a link, and those above it that have one for its sake. last: the
 * name before that had one; roof: as before; both begin zeroed. */
void chain_take(struct chain *c, const struct chain_node *n, struct chain_roof *roof,
                struct chain_key *last);

/* Sorts the links. Of those with one key the first stays. */
void chain_sort(struct chain *c);

/* ---- chain_record.c: records and keys ---- */

/* The key of a hash, and the hash of a key, if it is such a key. */
void chain_hash_key(const uint8_t hash[static NSEC3_HASH_LEN], struct chain_key *out);
bool chain_key_hash(const uint8_t *key, size_t len, uint8_t hash[static NSEC3_HASH_LEN]);

/* Gives the key of a name's link. */
void chain_link_key(const struct chain *c, const struct chain_key *name,
                    struct chain_key *out);

/* An RRset in the arena. */
struct chain_blob {
	const uint8_t *bytes;
	size_t size;
};

/* Gives the RRset of a link with the key of the one that is next. */
struct chain_blob chain_link_blob(const struct chain *c, const struct chain_link *l,
                                  struct chain_ref next);

/* Gives NSEC3PARAM of the chain. */
struct chain_blob chain_param_blob(const struct chain *c);

/* Reads the one record of an RRset. types, in out, is lent from it; has and key are not set. ERR_INVALID: it is not of
 * this chain. */
MUST_CHECK int chain_link_read(const struct chain *c, const struct rrset *set,
                               struct chain_link *out, struct chain_key *next);

/* Says whether an RRset has that one record, with that TTL, signatures aside. */
bool chain_blob_is(struct chain_blob b, const struct rrset *set);

/* ---- chain_stored.c: the chain in the store ---- */

struct chain_stored {
	const struct chain *chain;
	struct store_txn *txn;
	const struct store_zone *zone;
	struct store_cursor *cursor;
};

/* Gives the RRset of the link with a key. ERR_NOTFOUND. */
MUST_CHECK int chain_stored_get(const struct chain_stored *s, const uint8_t *key,
                                size_t len, struct rrset *out);

/* Gives the key of the link that a key comes behind, be there a link with it or not: the last of all for the
 * first. ERR_INVALID: the chain is not right. */
MUST_CHECK int chain_stored_before(const struct chain_stored *s,
                                   const struct chain_key *key, struct chain_key *out);

/* Says whether a key is behind one and before another, in the circle that a chain is; from a key to itself
 * that is all but this key. */
bool chain_is_between(struct chain_ref k, struct chain_ref from, struct chain_ref to);

/* ---- chain_gather.c: names that a change is about ---- */

/* Adds a link for each name that a view gives or takes one, or changes the types of, and for some besides; sorts
 * them. The chain has none yet. */
MUST_CHECK int chain_gather(struct chain *c, const struct change_view *v,
                            const struct chain_stored *s);

#endif
