/* NSEC, NSEC3 and NSEC3PARAM as records, and the keys that order them. */
#include <stdlib.h>

#include "control/sign/chain_internal.h"
#include "control/zone/soa.h"
#include "dataplane/respond/nsec3hash.h"
#include "shared/base32hex.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	HASH_LABEL = 32, /* digits of a hash */
	HASH_SHA1 = 1,
	FLAG_OPT_OUT = 1,
	RECORD_FIXED = NAME_MAX_LEN + UINT8_MAX + NSEC3_HASH_LEN + 8, /* all but types */
};

/* ---- the chain ---- */

static uint32_t denial_ttl(const struct rrset *soa)
{
	struct rdata d = rrset_first_record(soa);
	uint32_t minimum = soa_number(d.bytes, d.len, SOA_MINIMUM);

	return minimum < soa->ttl ? minimum : soa->ttl;
}

int chain_begin(struct chain *c, const uint8_t *apex, const struct rrset *soa,
                const struct chain_params *p, struct contents_arena *a)
{
	*c = (struct chain){.params = p,
	                    .apex = apex,
	                    .apex_len = name_len(apex, NAME_MAX_LEN),
	                    .arena = a};
	if (soa->count == 0)
		return ERR_INVALID;
	if (p->kind == CHAIN_NSEC3 && c->apex_len + 1 + HASH_LABEL > NAME_MAX_LEN)
		return ERR_TOOBIG;
	c->ttl = denial_ttl(soa);
	return 0;
}

void chain_end(struct chain *c)
{
	free(c->links);
	c->links = NULL;
}

/* ---- keys ---- */

void chain_hash_key(const uint8_t hash[static NSEC3_HASH_LEN], struct chain_key *out)
{
	out->len = base32hex_encode(hash, NSEC3_HASH_LEN, out->bytes);
	out->bytes[out->len++] = 0;
}

bool chain_key_hash(const uint8_t *key, size_t len, uint8_t hash[static NSEC3_HASH_LEN])
{
	return len == HASH_LABEL + 1 && key[HASH_LABEL] == 0 &&
	       base32hex_decode(key, HASH_LABEL, hash) == NSEC3_HASH_LEN;
}

void chain_link_key(const struct chain *c, const struct chain_key *name,
                    struct chain_key *out)
{
	uint8_t wire[NAME_MAX_LEN];
	uint8_t hash[NSEC3_HASH_LEN];

	if (c->params->kind != CHAIN_NSEC3) {
		chain_key_set(out, name->bytes, name->len);
		return;
	}
	int len = name_from_key(name->bytes, name->len, c->apex, wire);
	assert(len > 0);
	nsec3_hash(wire, (size_t)len, c->params->salt, c->params->salt_len,
	           c->params->iterations, hash);
	chain_hash_key(hash, out);
}

/* ---- records ---- */

static void write_params(struct wire_writer *w, const struct chain_params *p,
                         uint8_t flags)
{
	wire_write8(w, HASH_SHA1);
	wire_write8(w, flags);
	wire_write16(w, p->iterations);
	wire_write8(w, p->salt_len);
	wire_write_bytes(w, p->salt, p->salt_len);
}

static uint8_t flags_of(const struct chain *c)
{
	return c->params->opt_out ? FLAG_OPT_OUT : 0;
}

/* What names the next link. */
static void write_next(struct wire_writer *w, const struct chain *c,
                       struct chain_ref next)
{
	uint8_t name[NAME_MAX_LEN];
	uint8_t hash[NSEC3_HASH_LEN];

	if (c->params->kind == CHAIN_NSEC) {
		int len = name_from_key(next.bytes, next.len, c->apex, name);
		assert(len > 0);
		wire_write_bytes(w, name, (size_t)len);
		return;
	}
	bool good = chain_key_hash(next.bytes, next.len, hash);
	assert(good);
	write_params(w, c->params, flags_of(c));
	wire_write8(w, NSEC3_HASH_LEN);
	wire_write_bytes(w, hash, sizeof hash);
}

/* The record is in two parts. */
static struct chain_blob blob_of(const struct chain *c, uint16_t type,
                                 const struct wire_writer *first, const uint8_t *rest,
                                 size_t rest_len)
{
	const struct rrset head = {.type = type, .count = 1, .ttl = c->ttl};
	size_t first_len = wire_written(first);
	uint16_t len = (uint16_t)(first_len + rest_len);
	size_t size = RRSET_HEADER + sizeof len + len;
	uint8_t *blob = arena_alloc(c->arena, size);
	uint8_t *at = blob + RRSET_HEADER;

	assert(first->ok);
	rrset_write_header(blob, &head);
	memcpy(at, &len, sizeof len);
	memcpy(at + sizeof len, first->start, first_len);
	if (rest_len)
		memcpy(at + sizeof len + first_len, rest, rest_len);
	return (struct chain_blob){.bytes = blob, .size = size};
}

struct chain_blob chain_link_blob(const struct chain *c, const struct chain_link *l,
                                  struct chain_ref next)
{
	uint8_t fixed[RECORD_FIXED];
	struct wire_writer w = wire_writer_on(fixed, sizeof fixed);

	write_next(&w, c, next);
	return blob_of(c, chain_type(c), &w, l->types, l->types_len);
}

struct chain_blob chain_param_blob(const struct chain *c)
{
	uint8_t fixed[RECORD_FIXED];
	struct wire_writer w = wire_writer_on(fixed, sizeof fixed);

	write_params(&w, c->params, 0);
	return blob_of(c, RRTYPE_NSEC3PARAM, &w, NULL, 0);
}

/* ---- and back ---- */

static int read_name(const struct chain *c, struct wire_reader *r, struct chain_key *next)
{
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_len(r->at, wire_left(r));

	if (len == 0 || !name_is_under(r->at, c->apex, NULL))
		return ERR_INVALID;
	memcpy(name, wire_read_bytes(r, len), len);
	name_fold(name, len);
	next->len = name_to_key(name, c->apex_len, next->bytes);
	return 0;
}

static int read_hash(const struct chain *c, struct wire_reader *r, struct chain_key *next)
{
	uint8_t algorithm = wire_read8(r);
	uint8_t flags = wire_read8(r);
	uint16_t iterations = wire_read16(r);
	uint8_t salt_len = wire_read8(r);
	const uint8_t *salt = wire_read_bytes(r, salt_len);
	uint8_t hash_len = wire_read8(r);
	const uint8_t *hash = wire_read_bytes(r, hash_len);

	if (!r->ok || algorithm != HASH_SHA1 || flags != flags_of(c) ||
	    iterations != c->params->iterations || salt_len != c->params->salt_len ||
	    memcmp(salt, c->params->salt, salt_len) != 0 || hash_len != NSEC3_HASH_LEN)
		return ERR_INVALID;
	chain_hash_key(hash, next);
	return 0;
}

int chain_link_read(const struct chain *c, const struct rrset *set,
                    struct chain_link *out, struct chain_key *next)
{
	if (set->count != 1)
		return ERR_INVALID;
	struct rdata d = rrset_first_record(set);
	struct wire_reader r = wire_reader_on(d.bytes, d.len);
	TRY(c->params->kind == CHAIN_NSEC ? read_name(c, &r, next)
	                                  : read_hash(c, &r, next));
	out->types = r.at;
	out->types_len = (uint16_t)wire_left(&r);
	return 0;
}

bool chain_blob_is(struct chain_blob b, const struct rrset *set)
{
	struct rrset ours;
	int err = rrset_open(set->type, b.bytes, b.size, &ours);

	assert(err == 0);
	if (set->count != 1 || set->ttl != ours.ttl)
		return false;
	return rdata_same(rrset_first_record(&ours), rrset_first_record(set));
}
