/* A zone's version: what its negative answers share. */
#include <string.h>

#include "control/compile/internal.h"
#include "control/zone/soa.h"
#include "dataplane/respond/nsec3hash.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/table_index.h"
#include "shared/wire.h"

void version_read_apex(struct compile_zone *z, const struct owner *apex)
{
	const struct rrset *nsec = owner_set(apex, RRTYPE_NSEC);
	const struct rrset *param = owner_set(apex, RRTYPE_NSEC3PARAM);

	z->denial = nsec && nsec->count > 0 ? ZONE_NSEC : 0;
	z->iterations = 0;
	z->salt_len = 0;
	const uint8_t *at = param ? rrset_first(param) : NULL;
	for (unsigned i = 0; param && i < param->count; i++) {
		struct rdata d = rrset_next(&at);
		/* RFC 5155 §4.1.2: flags other than zero are not for servers to use. */
		if (d.len < 5 || d.bytes[0] != 1 || d.bytes[1] != 0 ||
		    d.len < 5 + d.bytes[4])
			continue;
		z->denial = ZONE_NSEC3;
		z->iterations = wire_load16(d.bytes + 2);
		z->salt_len = d.bytes[4];
		memcpy(z->salt, d.bytes + 5, z->salt_len);
		return;
	}
}

/* RFC 2308 §3: the SOA's TTL in a negative answer. */
static uint32_t negative_ttl(const struct rrset *soa)
{
	struct rdata d = rrset_first_record(soa);
	uint32_t minimum = soa_number(d.bytes, d.len, SOA_MINIMUM);

	return minimum < soa->ttl ? minimum : soa->ttl;
}

static void build_soa(struct compiler *c, const struct compile_zone *z,
                      const struct rrset *soa)
{
	uint32_t ttl = negative_ttl(soa);

	body_begin(&c->body, z->apex, z->apex_len, true);
	body_add_records(&c->body, soa, ttl, NULL);
	body_end_plain(&c->body);
	body_add_signatures(&c->body, soa, ttl);
}

static void find_apex_denials(struct compiler *c, const struct compile_zone *z,
                              struct table_zone_version *v)
{
	static const uint8_t wild_key[] = {'*', 0};
	const uint8_t *base = writer_base(c->w);
	uint8_t wild[2 + NAME_MAX_LEN] = {1, '*'};
	uint8_t hash[NSEC3_HASH_LEN];
	bool exact;

	if (z->denial == ZONE_NSEC)
		v->apex_wild = table_index_find(base, z->denial_root, wild_key,
		                                sizeof wild_key, &exact);
	if (z->denial != ZONE_NSEC3)
		return;
	nsec3_hash(z->apex, z->apex_len, z->salt, z->salt_len, z->iterations, hash);
	table_ref match =
		table_index_find(base, z->denial_root, hash, sizeof hash, &exact);
	v->apex_match = exact ? match : 0;
	if (z->apex_len + 2 > NAME_MAX_LEN)
		return;
	memcpy(wild + 2, z->apex, z->apex_len);
	nsec3_hash(wild, z->apex_len + 2U, z->salt, z->salt_len, z->iterations, hash);
	v->apex_wild = table_index_find(base, z->denial_root, hash, sizeof hash, &exact);
}

/* Appends the body as a fragment to a version of *size bytes. Gives where it is. */
static size_t append_fragment(const struct body *body, struct table_zone_version *v,
                              size_t *size)
{
	size_t at = (*size + 7) & ~(size_t)7;

	body_write_fragment(body, (void *)((uint8_t *)v + at));
	*size = at + body_fragment_size(body);
	return at;
}

/* The body holds the SOA already. A zone whose chain is broken gets none: each query then finds
 * out what can be said. */
static void append_nxdomain(struct compiler *c, const struct compile_zone *z,
                            struct table_zone_version *v, size_t *size)
{
	const uint8_t *base = writer_base(c->w);

	if (!v->apex_wild || (z->denial == ZONE_NSEC3 && !v->apex_match))
		return;
	if (v->apex_match)
		body_add_denial(&c->body, table_at(base, v->apex_match));
	if (v->apex_wild != v->apex_match)
		body_add_denial(&c->body, table_at(base, v->apex_wild));
	if (c->body.overflow || *size > UINT16_MAX - 7)
		return;
	v->nxdomain_at = (uint16_t)append_fragment(&c->body, v, size);
}

static void fill_version(struct compiler *c, const struct compile_zone *z,
                         const struct rrset *soa, struct table_zone_version *v,
                         size_t *size)
{
	v->flags = z->denial;
	v->denial_root = z->denial_root;
	v->nsec3_iterations = z->iterations;
	v->salt_len = z->salt_len;
	memcpy(v->salt, z->salt, z->salt_len);
	*size += z->salt_len;
	find_apex_denials(c, z, v);
	build_soa(c, z, soa);
	v->soa_at = (uint16_t)append_fragment(&c->body, v, size);
	append_nxdomain(c, z, v, size);
}

int version_compile(struct compiler *c, struct compile_zone *z, const struct owner *apex)
{
	const struct rrset *soa = apex ? owner_set(apex, RRTYPE_SOA) : NULL;
	struct table_zone_version *v = (void *)c->node;
	size_t size = sizeof *v;
	void *room;

	memset(v, 0, sizeof *v);
	v->apex_len = z->apex_len;
	v->apex_labels = z->apex_labels;
	if (soa)
		fill_version(c, z, soa, v, &size);
	else
		v->flags = ZONE_UNLOADED;
	v->units = (uint16_t)((size + TABLE_UNIT - 1) / TABLE_UNIT);
	table_ref ref = writer_alloc(c->w, size, &room);
	if (!ref)
		return ERR_FULL;
	memcpy(room, v, size);
	writer_put_zone(c->w, z->stub, ref);
	return 0;
}
