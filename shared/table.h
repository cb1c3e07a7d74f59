/*
 * The response table: what the control plane writes and every reader answers from.
 *
 * One memfd, mapped read-write by the one writer (control) and read-only by any number of
 * readers (data planes, and the control plane's own TCP side). Nothing in it is a pointer:
 * a ref is an offset from the segment's start in units of 16 bytes, 0 meaning none, so a
 * segment reaches 64 GiB and may be mapped anywhere. All integers are little endian; bytes of
 * the DNS wire format inside fragments are in network order.
 *
 *      0 +------------------+
 *        | table_header     |  4 KiB
 *        +------------------+
 *        | buckets          |  one cache line each; grows in place into reserved, sparse space
 *        +------------------+
 *        | arena            |  nodes, zones, fragments, denial records and index; grows likewise
 *        +------------------+
 *
 * Snapshot isolation. The header holds one commit number. A reader loads it once per burst; a
 * versioned object carries the low 32 bits of the commit it was born in, and a ref to the version
 * before. born == 0 means older than any reader. A reader uses the newest version not born
 * after its snapshot:
 *
 *      bucket slot --> version born 8 --prev--> version born 0
 *                      (snapshot >= 8)          (snapshot 7)
 *
 * After a grace period the writer sets born and prev of the survivors to 0 and frees what lost.
 * docs/EPOCH.md describes who waits for whom; docs/TABLE.md draws each object.
 */
#ifndef SHARED_TABLE_H
#define SHARED_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"
#include "shared/name.h"
#include "shared/namehash.h"

#if defined(__SSE2__) && !UNDER_TSAN
#include <emmintrin.h>
#endif

#define TABLE_MAGIC UINT64_C(0x4c42545245534e41) /* "ANSERTBL" read as little endian */

enum {
	TABLE_LAYOUT = 2, /* bump with any change below, or to a name's hash */
	TABLE_UNIT = 16,  /* bytes per step of a ref */
	TABLE_HEADER_SIZE = 4096,
	TABLE_SLACK =
		256, /* readable bytes past the last object: vector loads may overrun */
};

/* In units of TABLE_UNIT from the segment's start; 0 is none. */
typedef uint32_t table_ref;

/* Written by control only. Fields below the line change while readers run. */
struct table_header {
	uint64_t magic;
	uint32_t layout;
	uint32_t header_size;
	uint64_t size;       /* bytes of the whole segment, sparse tail included */
	uint64_t generation; /* rises with each fresh segment of one control plane */
	struct name_hash_key hash_key;
	uint64_t buckets_at;  /* byte offset of the first bucket */
	uint64_t buckets_max; /* how many fit into the reserved space */
	uint64_t arena_at;    /* byte offset of the arena */
	uint8_t pad0[56];
	/* ---- line 2 ---- */
	_Atomic uint64_t
		commit; /* release store publishes; pairs with table_snapshot() */
	_Atomic uint64_t nbuckets;  /* linear hashing: grows one batch at a time */
	_Atomic table_ref settings; /* newest struct table_settings */
	uint8_t pad1[44];
};
STATIC_ASSERT(sizeof(struct table_header) == 192, "layout");
STATIC_ASSERT(offsetof(struct table_header, commit) == 128, "own cache line");

/*
 * A bucket: ten tags and ten refs in one cache line. A tag is 0 (slot free) or the top 16 bits of
 * a hash (0 replaced by 1). tags[2] holds two tags in its low half and, in its high half, the
 * ref of an overflow bucket. The writer stores a ref before its tag; a reader loads tags before
 * refs. Names are always compared in full, so a tag that is out of date costs a look, no more.
 */
enum { BUCKET_SLOTS = 10 };

struct table_bucket {
	_Atomic uint64_t tags[3];
	_Atomic table_ref refs[BUCKET_SLOTS];
};
STATIC_ASSERT(sizeof(struct table_bucket) == CACHE_LINE, "one bucket, one cache line");

/* What a node is. The low bits of node.flags; NODE_CUT_SHIFT and up hold the number of labels of
 * the cut that a NODE_BELOW_CUT node is under. */
enum {
	NODE_APEX = 1 << 0,
	NODE_CUT = 1 << 1,       /* delegation: NS and not the apex */
	NODE_BELOW_CUT = 1 << 2, /* occluded: glue only */
	NODE_DNAME = 1 << 3,
	NODE_WILDCARD = 1 << 4, /* its child "*" exists */
	NODE_VOID = 1 << 5, /* names nothing: it only keeps the path to a hosted zone */
	NODE_PARENT_SIDE = 1 << 6, /* the parent zone's view of a hosted child's apex */
	NODE_DELETED = 1 << 7,     /* this version says that the name is gone */
	NODE_CUT_SHIFT = 8,
};

/*
 * A node version: one existing name. 16 bytes, then the folded name, then (4-byte aligned)
 * nentries entries, back to back. A name of up to 24 bytes with one A record is one cache line.
 *
 *      0      4      8      12     14   15   16
 *      +------+------+------+------+----+----+-----------------+-------+-------+--
 *      | born | prev | zone | flags|nlen|nent| folded name ... | entry | entry | ...
 *      +------+------+------+------+----+----+-----------------+-------+-------+--
 *
 * Hashed under its name; a NODE_PARENT_SIDE node under its name's hash ^ TABLE_PARENT_SALT.
 */
struct table_node {
	_Atomic uint32_t born;
	_Atomic table_ref prev;
	table_ref zone; /* struct table_zone; 0 in a void node under no hosted zone */
	uint16_t flags;
	uint8_t name_len;
	uint8_t nentries;
	uint8_t name[];
};
STATIC_ASSERT(sizeof(struct table_node) == 16, "layout");

#define TABLE_PARENT_SALT UINT64_C(0x9e3779b97f4a7c15)

/*
 * An entry: what a node answers for one type. Inline: the body follows, padded to 4 bytes: whole
 * RRs whose owner is a pointer to offset 12, first the plain ones, then the ones that only a
 * query with DO gets; it needs no relocation and has no targets. Otherwise ref is a fragment
 * (ENTRY_FRAGMENT) or a denial record (ENTRY_DENIAL, type NSEC).
 * Type 0 (ENTRY_HASHES) is no type: its 40 bytes are the NSEC3 hashes of the name and of the
 * wildcard below it.
 */
enum {
	ENTRY_FRAGMENT = 1 << 0,
	ENTRY_DENIAL = 1 << 1,
	ENTRY_HASHES = 1 << 2,
	ENTRY_DO_SHIFT =
		4, /* the upper half of flags: DO-only RRs of an inline body, 0 to 15 */
};

struct table_entry {
	uint16_t type;
	uint8_t flags;
	uint8_t plain_count; /* inline only */
	union {
		struct {
			uint16_t plain_len;
			uint16_t do_len;
		};
		table_ref ref;
	};
	uint8_t body[];
};
STATIC_ASSERT(sizeof(struct table_entry) == 8, "layout");

enum { NSEC3_HASH_LEN = 20, ENTRY_HASHES_LEN = 2 * NSEC3_HASH_LEN };

/*
 * A fragment: a precompiled run of RRs, laid out as if its base name were the question name, at
 * offset 12, and the body started right behind the question, at 12 + base_len + 4.
 *
 *      +--------+---------------+-------------+-------------+-----------+
 *      | header | relocs[] u16  | plain RRs   | DO-only RRs | targets   |
 *      +--------+---------------+-------------+-------------+-----------+
 *
 * Every compression pointer in the body is either the owner of an RR, equal to 0xC00C, and
 * means the base name itself, or is listed in relocs (offset of the pointer in the body). A
 * fragment with FRAGMENT_OWNER_RELOCS lists the owners too. A listed pointer below
 * 12 + base_len points into the base name and moves with the end of that name; any other
 * points into the body's plain part and moves with the body.
 */
enum {
	FRAGMENT_OWNER_RELOCS = 1 << 0,
};

struct table_fragment {
	uint16_t units; /* size of the whole, in TABLE_UNITs */
	uint16_t plain_len;
	uint16_t do_len;
	uint16_t plain_count;
	uint16_t do_count;
	uint16_t nrelocs;
	uint16_t ntargets;
	uint8_t base_len;
	uint8_t flags;
	uint16_t relocs[]; /* then the body, then at the next multiple of 8 the targets */
};
STATIC_ASSERT(sizeof(struct table_fragment) == 16, "layout");

/*
 * A name inside a fragment's records that answering may go on from: a CNAME's or DNAME's target
 * in the same zone, or a name server, exchanger or service whose addresses go into the
 * additional section. Looked up at query time, so that a change to a name costs the same whether
 * one record or a million point at it.
 */
enum {
	TARGET_CHASE = 1 << 0,   /* CNAME: answer the question again for this name */
	TARGET_DNAME = 1 << 1,   /* DNAME: substitute, then go on */
	TARGET_ADDRESS = 1 << 2, /* optional A and AAAA in the additional section */
	TARGET_GLUE =
		1 << 3, /* required A and AAAA: TC when they do not fit (RFC 9471) */
};

struct table_target {
	uint64_t hash;    /* of the name, under the table's key */
	uint16_t name_at; /* offset in the body of the name as written there */
	uint8_t flags;
	uint8_t name_len;
	uint8_t units8; /* size of the whole in 8-byte units */
	uint8_t name[]; /* folded, uncompressed */
};
STATIC_ASSERT(offsetof(struct table_target, name) == 13, "layout");

/*
 * A zone. The stub stays where it is as long as any node names it; what changes hangs off head.
 */
struct table_zone {
	_Atomic table_ref head; /* newest struct table_zone_version */
	uint32_t id;            /* the store's zone id */
	uint64_t pad;
};
STATIC_ASSERT(sizeof(struct table_zone) == 16, "layout");

enum {
	ZONE_NSEC = 1 << 0,
	ZONE_NSEC3 = 1 << 1,
	ZONE_UNLOADED = 1 << 2, /* configured but without contents: SERVFAIL */
};

/* One state of a zone. Two fragments follow, each at a multiple of 8, whose base is the apex: the
 * SOA that every negative answer has (TTL already min(SOA TTL, minimum), RFC 2308 §3), and for a
 * signed zone all that a query with DO for a missing name right below the apex gets but the
 * record which covers that name: SOA, NSEC3 of the apex, denial of *.apex, and their RRSIGs. */
struct table_zone_version {
	_Atomic uint32_t born;
	_Atomic table_ref prev;
	table_ref
		denial_root; /* newest index of denial records in this version; 0 when unsigned */
	table_ref apex_match; /* NSEC3: the record matching the apex */
	table_ref apex_wild;  /* the record that covers (or matches) *.apex */
	uint16_t units;       /* size of the whole, in TABLE_UNITs */
	uint16_t nsec3_iterations;
	uint8_t flags;
	uint8_t apex_len;
	uint8_t apex_labels;
	uint8_t salt_len;
	uint16_t soa_at; /* byte offset from this struct of the SOA fragment; 0: none */
	uint16_t nxdomain_at; /* likewise of the NXDOMAIN fragment; 0: none */
	uint8_t salt[];       /* salt_len bytes */
};
STATIC_ASSERT(sizeof(struct table_zone_version) == 32, "layout");

/*
 * A denial record: an NSEC or NSEC3 RR with its RRSIGs, as an answer has them. Two octets each are
 * left free for pointers, to the apex at the end of the owner name and to that name in front of
 * each RRSIG.
 *
 *      +--------+-----+------------------+---------------------+--------------------------------+
 *      | header | key | owner labels, -- | type class ttl rdata | --, type class ttl rdata, --, ..|
 *      +--------+-----+------------------+---------------------+--------------------------------+
 *                       owner_len          rr_len                 sigs_len
 *
 * key: sort key of the owner below the apex (NSEC), or the 20-byte hash (NSEC3). In the root zone
 * the owner ends in the root label instead.
 */
struct table_denial {
	uint16_t units;
	uint16_t key_len;
	uint16_t rr_len;
	uint16_t sigs_len;
	uint8_t owner_len;
	uint8_t sig_count;
	uint8_t bytes[];
};
STATIC_ASSERT(offsetof(struct table_denial, bytes) == 10, "layout");

/*
 * The denial index: a copy-on-write B+ tree over the denial records of one zone, in key order,
 * whose root is part of the zone's version. Each node keeps what its keys have in common once
 * (prefix, cut at INDEX_PREFIX_MAX; skip says how much) and of each key the next four bytes as
 * one number (head), so that a search rarely leaves the node. Heads are big-endian with the top
 * bit turned over, because vectors compare as signed; those past count are INT32_MAX. A leaf's refs are
 * denial records. An inner node's refs are children, and first[i] is the smallest record under
 * child i.
 */
enum { INDEX_FANOUT = 24, INDEX_PREFIX_MAX = 24 };

struct table_index {
	/* The commit that wrote it: the writer changes its own nodes in place. */
	uint32_t born;
	uint8_t count;
	uint8_t level; /* 0: leaf */
	uint8_t skip;
	uint8_t pad;
	int32_t heads[INDEX_FANOUT];
	uint8_t prefix[INDEX_PREFIX_MAX];
	table_ref refs[INDEX_FANOUT];
	table_ref first[]; /* INDEX_FANOUT of them in an inner node, none in a leaf */
};
STATIC_ASSERT(offsetof(struct table_index, first) == 224, "layout");

/* What answering needs to know beyond zones. Versioned like a zone. */
enum { SETTINGS_TEXT_MAX = 63, COOKIE_SECRET_LEN = 16 };

struct table_settings {
	_Atomic uint32_t born;
	_Atomic table_ref prev;
	uint16_t udp_max_ipv4; /* largest UDP response, bytes */
	uint16_t udp_max_ipv6;
	uint16_t tcp_keepalive; /* RFC 7828, units of 100 ms */
	uint8_t cookies;        /* 1: RFC 7873 cookies are given and checked */
	uint8_t nsid_len;
	uint8_t id_len; /* id.server. and hostname.bind. */
	uint8_t version_len;
	uint8_t pad[6];
	uint8_t cookie_secret[COOKIE_SECRET_LEN];          /* RFC 9018 */
	uint8_t cookie_secret_previous[COOKIE_SECRET_LEN]; /* still accepted */
	uint8_t nsid[SETTINGS_TEXT_MAX + 1];
	uint8_t id[SETTINGS_TEXT_MAX + 1];
	uint8_t version[SETTINGS_TEXT_MAX + 1];
};
STATIC_ASSERT(sizeof(struct table_settings) == 248, "layout");

/* ---- reading ---- */

/* A mapped segment. base and header lie at the same address. Readers never write through it. */
struct table {
	const uint8_t *base;
	const struct table_header *header;
	size_t size;
};

/* Checks magic, layout and sizes of size mapped bytes that the caller lends.
 * ERR_VERSION for another layout, ERR_CORRUPT for anything else that does not add up. */
MUST_CHECK int table_attach(const void *bytes, size_t size, struct table *table);

/* One consistent state, for the length of a burst. */
struct snapshot {
	const uint8_t *base;
	const struct table_bucket *buckets;
	uint64_t nbuckets;
	uint64_t mask; /* the smallest 2^k - 1 that is >= nbuckets - 1 */
	uint32_t commit;
	struct name_hash_key hash_key;
};

/* Linear hashing (Litwin, 1980): the smallest 2^k - 1 that is not below nbuckets - 1. */
static inline uint64_t table_bucket_mask(uint64_t nbuckets)
{
	return nbuckets < 2 ? 0 : (UINT64_C(2) << HIGHEST_BIT(nbuckets - 1)) - 1;
}

static inline void table_snapshot(const struct table *t, struct snapshot *s)
{
	const struct table_header *h = t->header;

	s->base = t->base;
	s->buckets = (const struct table_bucket *)(const void *)(t->base + h->buckets_at);
	/* Acquire pairs with the release store in the writer's publish: all of that commit is
	 * visible. nbuckets never shrinks, and whatever was moved by growth stays findable in its
	 * old bucket for a grace period, so the two loads need not agree. */
	s->commit = (uint32_t)atomic_load_explicit(&h->commit, memory_order_acquire);
	s->nbuckets = atomic_load_explicit(&h->nbuckets, memory_order_acquire);
	s->mask = table_bucket_mask(s->nbuckets);
	s->hash_key = h->hash_key;
}

static inline const void *table_at(const uint8_t *base, table_ref ref)
{
	return base + (uint64_t)ref * TABLE_UNIT;
}

/* Says whether something born in commit born is visible at commit now. */
static inline bool table_visible(uint32_t born, uint32_t now)
{
	return born == 0 || (int32_t)(now - born) >= 0;
}

static inline uint64_t table_tag(uint64_t hash)
{
	uint64_t tag = hash >> 48;
	return tag ? tag : 1;
}

static inline uint64_t table_bucket_index(uint64_t nbuckets, uint64_t mask, uint64_t hash)
{
	uint64_t i = hash & mask;
	return i < nbuckets ? i : i & (mask >> 1);
}

static inline const struct table_bucket *table_bucket_of(const struct snapshot *s,
                                                         uint64_t hash)
{
	return &s->buckets[table_bucket_index(s->nbuckets, s->mask, hash)];
}

/* Bit i set: slot i of the bucket holds tag. Acquire: refs are loaded after tags. */
#if defined(__SSE2__) && !UNDER_TSAN
static ALWAYS_INLINE uint32_t table_bucket_match(const struct table_bucket *b,
                                                 uint64_t tag)
{
	const __m128i *tags = (const __m128i *)(const void *)b;
	__m128i wanted = _mm_set1_epi16((short)tag);
	__m128i first = _mm_cmpeq_epi16(_mm_load_si128(tags), wanted);
	__m128i last = _mm_cmpeq_epi16(_mm_loadl_epi64(tags + 1), wanted);

	/* The processor keeps loads in order; this keeps the compiler from moving them. */
	atomic_signal_fence(memory_order_acquire);
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, last)) &
	       ((1U << BUCKET_SLOTS) - 1);
}
#else
/* The four 16-bit lanes of word that equal the tag repeated in tags, as four bits. */
static ALWAYS_INLINE uint32_t table_match_lanes(uint64_t word, uint64_t tags)
{
	const uint64_t ones = UINT64_C(0x0001000100010001);
	uint64_t x = word ^ tags;

	/* A borrow can only make a false match above a true one; names are compared anyway. */
	x = (x - ones) & ~x & ones << 15;
	/* Gathers the lanes' top bits: the multiplication puts each at its place. */
	return (uint32_t)((x >> 15) * UINT64_C(0x1000200040008) >> 48 & 15);
}

static ALWAYS_INLINE uint32_t table_bucket_match(const struct table_bucket *b,
                                                 uint64_t tag)
{
	uint64_t tags = tag * UINT64_C(0x0001000100010001);
	uint64_t w0 = atomic_load_explicit(&b->tags[0], memory_order_acquire);
	uint64_t w1 = atomic_load_explicit(&b->tags[1], memory_order_acquire);
	uint64_t w2 = atomic_load_explicit(&b->tags[2], memory_order_acquire);

	return table_match_lanes(w0, tags) | table_match_lanes(w1, tags) << 4 |
	       (table_match_lanes(w2, tags) & 3) << 8;
}
#endif

static inline table_ref table_bucket_overflow(const struct table_bucket *b)
{
	return (table_ref)(atomic_load_explicit(&b->tags[2], memory_order_acquire) >> 32);
}

/* The node that most likely holds the name with this hash, asked for. TABLE_NOWHERE: the name is
 * not in the table; TABLE_ANYWHERE: its bucket has overflowed, and it takes table_find() to tell. */
#define TABLE_NOWHERE  ((table_ref)0)
#define TABLE_ANYWHERE UINT32_MAX

static ALWAYS_INLINE table_ref table_candidate(const struct snapshot *s,
                                               const struct table_bucket *b,
                                               uint64_t hash)
{
	uint32_t found = table_bucket_match(b, table_tag(hash));

	if (!found) {
		table_ref more = table_bucket_overflow(b);
		if (likely(!more))
			return TABLE_NOWHERE;
		prefetch_read(table_at(s->base, more));
		return TABLE_ANYWHERE;
	}
	table_ref ref = atomic_load_explicit(&b->refs[__builtin_ctz(found)],
	                                     memory_order_acquire);
	prefetch_read(table_at(s->base, ref));
	return ref;
}

/* Everything versioned starts with born and prev. */
STATIC_ASSERT(offsetof(struct table_node, born) == 0 &&
                      offsetof(struct table_node, prev) == 4 &&
                      offsetof(struct table_zone_version, born) == 0 &&
                      offsetof(struct table_zone_version, prev) == 4 &&
                      offsetof(struct table_settings, born) == 0 &&
                      offsetof(struct table_settings, prev) == 4,
              "versions");

/* The newest version visible in the snapshot, starting from the newest of all; NULL: none. */
static ALWAYS_INLINE const void *table_version(const struct snapshot *s, table_ref ref)
{
	while (ref) {
		const _Atomic uint32_t *version = table_at(s->base, ref);
		/* Acquire: a version's contents were written before it was linked. */
		uint32_t born = atomic_load_explicit(version, memory_order_acquire);
		if (likely(table_visible(born, s->commit)))
			return version;
		ref = atomic_load_explicit(version + 1, memory_order_acquire);
	}
	return NULL;
}

/* The same of a name's nodes; NULL also when the name is gone. */
static inline const struct table_node *table_node_visible(const struct snapshot *s,
                                                          table_ref ref)
{
	const struct table_node *n = table_version(s, ref);

	return n && (n->flags & NODE_DELETED) ? NULL : n;
}

/* Finds the node of a folded name. name: name_len bytes and NAME_PAD readable ones behind.
 * parent_side: 0 or NODE_PARENT_SIDE; hash must be salted accordingly. NULL: no such name. */
const struct table_node *table_find(const struct snapshot *s, uint64_t hash,
                                    const uint8_t *name, size_t name_len,
                                    unsigned parent_side);

/* Says whether this is the node of a name, given as to table_find(). */
bool table_node_is(const struct table_node *n, const uint8_t *name, size_t name_len);

/* The same for a name whose table_candidate() is known. */
const struct table_node *table_find_from(const struct snapshot *s, table_ref candidate,
                                         uint64_t hash, const uint8_t *name,
                                         size_t name_len);

static inline const struct table_zone_version *table_zone_at(const struct snapshot *s,
                                                             table_ref zone)
{
	const struct table_zone *z = table_at(s->base, zone);

	return table_version(s, atomic_load_explicit(&z->head, memory_order_acquire));
}

static inline const struct table_settings *table_settings_at(const struct table *t,
                                                             const struct snapshot *s)
{
	return table_version(
		s, atomic_load_explicit(&t->header->settings, memory_order_acquire));
}

static inline const struct table_entry *table_node_entries(const struct table_node *n)
{
	size_t at = (sizeof *n + n->name_len + 3) & ~(size_t)3;
	return (const struct table_entry *)(const void *)((const uint8_t *)n + at);
}

/* Bytes that an entry takes in its node. */
static inline size_t table_entry_size(const struct table_entry *e)
{
	size_t body = 0;

	if (e->flags & ENTRY_HASHES)
		body = ENTRY_HASHES_LEN;
	else if (!(e->flags & (ENTRY_FRAGMENT | ENTRY_DENIAL)))
		body = (size_t)e->plain_len + e->do_len;
	return sizeof *e + ((body + 3) & ~(size_t)3);
}

static inline const struct table_entry *table_entry_next(const struct table_entry *e)
{
	return (const struct table_entry *)(const void *)((const uint8_t *)e +
	                                                  table_entry_size(e));
}

static inline const uint8_t *table_fragment_body(const struct table_fragment *f)
{
	return (const uint8_t *)f->relocs + (size_t)f->nrelocs * sizeof f->relocs[0];
}

static inline const struct table_target *
table_fragment_targets(const struct table_fragment *f)
{
	size_t end = sizeof *f + (size_t)f->nrelocs * 2 + f->plain_len + f->do_len;
	return (const struct table_target *)(const void *)((const uint8_t *)f +
	                                                   ((end + 7) & ~(size_t)7));
}

static inline const struct table_target *table_target_next(const struct table_target *t)
{
	return (const struct table_target *)(const void *)((const uint8_t *)t +
	                                                   (size_t)t->units8 * 8);
}

/* A fragment of a zone's version; at: soa_at or nxdomain_at. */
static inline const struct table_fragment *
table_zone_fragment(const struct table_zone_version *v, uint16_t at)
{
	return (const void *)((const uint8_t *)v + at);
}

static inline const uint8_t *table_denial_key(const struct table_denial *d)
{
	return d->bytes;
}

static inline const uint8_t *table_denial_owner(const struct table_denial *d)
{
	return d->bytes + d->key_len;
}

static inline const uint8_t *table_denial_rr(const struct table_denial *d)
{
	return d->bytes + d->key_len + d->owner_len;
}

#endif
