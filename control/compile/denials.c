/* Keeps a zone's index of denial records in step with its NSEC or NSEC3 records. */
#include <string.h>

#include "control/compile/internal.h"
#include "shared/base32hex.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/table_index.h"
#include "shared/wire.h"

enum {
	NSEC3_LABEL_LEN = 32, /* 20 bytes in base32hex */
	NSEC3_FIXED_LEN = 5,  /* algorithm, flags, iterations, salt length */
	RR_FIXED_LEN = 10,
};

/* The index key of the present owner under the zone's kind of denial. false: not one of them. */
static bool denial_key(const struct compiler *c, const struct compile_zone *z,
                       uint8_t hash[static NSEC3_HASH_LEN], const uint8_t **key,
                       size_t *len)
{
	const struct owner *o = &c->owner;

	if (z->denial == ZONE_NSEC) {
		*key = o->key;
		*len = o->key_len;
		return true;
	}
	if (z->denial != ZONE_NSEC3 || o->name[0] != NSEC3_LABEL_LEN ||
	    o->labels != z->apex_labels + 1U)
		return false;
	*key = hash;
	*len = NSEC3_HASH_LEN;
	return base32hex_decode(o->name + 1, NSEC3_LABEL_LEN, hash) == NSEC3_HASH_LEN;
}

/* During a change of salt two chains live side by side: only the announced one counts. */
static bool of_active_chain(const struct compile_zone *z, struct rdata d)
{
	return d.len >= NSEC3_FIXED_LEN + (size_t)z->salt_len && d.bytes[0] == 1 &&
	       wire_load16(d.bytes + 2) == z->iterations && d.bytes[4] == z->salt_len &&
	       memcmp(d.bytes + NSEC3_FIXED_LEN, z->salt, z->salt_len) == 0;
}

static bool pick_record(const struct compile_zone *z, const struct rrset *set,
                        struct rdata *out)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++) {
		*out = rrset_next(&at);
		if (z->denial == ZONE_NSEC || of_active_chain(z, *out))
			return true;
	}
	return false;
}

static void put_ownerless(struct wire_writer *w, uint16_t type, uint32_t ttl,
                          struct rdata d)
{
	wire_write16(w, type);
	wire_write16(w, 1); /* IN */
	wire_write32(w, ttl);
	wire_write16(w, d.len);
	wire_write_bytes(w, d.bytes, d.len);
}

static void put_signature(struct wire_writer *w, uint32_t ttl, struct rdata d)
{
	wire_write16(w, 0); /* the pointer */
	put_ownerless(w, RRTYPE_RRSIG, ttl, d);
}

/* Writes the record into scratch. Gives its size, 0 when it is too large to be one. */
static size_t build(struct compiler *c, const struct compile_zone *z,
                    const struct rrset *set, struct rdata d, const uint8_t *key,
                    size_t key_len)
{
	const struct owner *o = &c->owner;
	struct table_denial *t = (void *)c->node;
	struct wire_writer w = wire_writer_on(t->bytes, BODY_MAX);
	size_t labels_len = (size_t)o->name_len - z->apex_len;

	memset(t, 0, sizeof *t);
	wire_write_bytes(&w, key, key_len);
	wire_write_bytes(&w, o->name, labels_len);
	wire_write_bytes(&w, "\0", z->apex_len > 1 ? 2 : 1);
	size_t rr_at = wire_written(&w);
	put_ownerless(&w, set->type, set->ttl, d);
	size_t sigs_at = wire_written(&w);
	const uint8_t *at = rrset_first(set);
	for (unsigned i = 0; i < set->count; i++)
		rrset_next(&at);
	for (unsigned i = 0; i < set->sig_count; i++)
		put_signature(&w, set->sig_ttl, rrset_next(&at));
	if (!w.ok || set->sig_count > UINT8_MAX)
		return 0;
	t->key_len = (uint16_t)key_len;
	t->owner_len = (uint8_t)(rr_at - key_len);
	t->rr_len = (uint16_t)(sigs_at - rr_at);
	t->sigs_len = (uint16_t)(wire_written(&w) - sigs_at);
	t->sig_count = (uint8_t)set->sig_count;
	size_t size = offsetof(struct table_denial, bytes) + wire_written(&w);
	t->units = (uint16_t)((size + TABLE_UNIT - 1) / TABLE_UNIT);
	return size;
}

static void retire_denial(struct compiler *c, table_ref ref)
{
	const struct table_denial *d = table_at(writer_base(c->w), ref);

	writer_retire(c->w, ref, (size_t)d->units * TABLE_UNIT);
}

static int put_denial(struct compiler *c, struct compile_zone *z, table_ref old,
                      size_t size, table_ref *ref)
{
	void *room;

	if (old && memcmp(table_at(writer_base(c->w), old), c->node, size) == 0) {
		*ref = old;
		return 0;
	}
	table_ref added = writer_alloc(c->w, size, &room);
	if (!added)
		return ERR_FULL;
	memcpy(room, c->node, size);
	TRY(index_put(&c->space, &z->denial_root, added, NULL));
	if (old)
		retire_denial(c, old);
	*ref = added;
	return 0;
}

int denial_compile(struct compiler *c, struct compile_zone *z, table_ref *ref)
{
	uint8_t hash[NSEC3_HASH_LEN];
	const uint8_t *key;
	size_t key_len;
	bool exact = false;

	*ref = 0;
	if (!z->denial || !denial_key(c, z, hash, &key, &key_len))
		return 0;
	c->space.commit = writer_born(c->w);
	const struct rrset *set =
		owner_set(&c->owner, z->denial == ZONE_NSEC ? RRTYPE_NSEC : RRTYPE_NSEC3);
	table_ref old =
		table_index_find(writer_base(c->w), z->denial_root, key, key_len, &exact);
	if (!exact)
		old = 0;

	struct rdata d;
	size_t size = set && set->count > 0 && pick_record(z, set, &d)
	                      ? build(c, z, set, d, key, key_len)
	                      : 0;
	if (size > 0) {
		table_ref put = 0;
		TRY(put_denial(c, z, old, size, &put));
		*ref = z->denial == ZONE_NSEC ? put : 0;
		return 0;
	}
	if (!old)
		return 0;
	TRY(index_delete(&c->space, &z->denial_root, key, key_len, NULL));
	retire_denial(c, old);
	return 0;
}

static int retire_each(table_ref ref, void *arg)
{
	retire_denial(arg, ref);
	return 0;
}

void denial_drop_all(struct compiler *c, struct compile_zone *z)
{
	c->space.commit = writer_born(c->w);
	if (z->denial_root) {
		index_each(writer_base(c->w), z->denial_root, retire_each, c);
		index_free(&c->space, z->denial_root);
	}
	z->denial_root = 0;
}
