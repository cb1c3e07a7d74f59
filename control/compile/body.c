#include "control/compile/body.h"

#include <string.h>

#include "shared/dns.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	QUESTION_AT = 12,
	POINTER = 0xc000,
	POINTER_MAX = 0x3fff,
};

void body_begin(struct body *b, const uint8_t *base, uint8_t base_len, bool owner_relocs)
{
	b->base = base;
	b->base_len = base_len;
	b->owner_relocs = owner_relocs;
	b->overflow = false;
	b->len = 0;
	b->plain_len = 0;
	b->plain_count = 0;
	b->do_count = 0;
	b->nrelocs = 0;
	b->ntargets = 0;
	b->nsuffixes = 0;
	b->target_bytes = 0;
}

static void put(struct body *b, const void *bytes, size_t n)
{
	if (b->len + n > BODY_MAX) {
		b->overflow = true;
		return;
	}
	memcpy(b->bytes + b->len, bytes, n);
	b->len += (uint32_t)n;
}

static void put16(struct body *b, unsigned v)
{
	uint8_t bytes[2];

	wire_store16(bytes, (uint16_t)v);
	put(b, bytes, sizeof bytes);
}

static void put32(struct body *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

static void put_reloc(struct body *b)
{
	if (b->nrelocs == BODY_RELOCS_MAX)
		b->overflow = true;
	else
		b->relocs[b->nrelocs++] = (uint16_t)b->len;
}

/* Message offset of what is written next, if the base name were the question. */
static unsigned message_at(const struct body *b)
{
	return QUESTION_AT + (unsigned)b->base_len + 4 + b->len;
}

/* Where the name suffix already stands, or 0. A wildcard's own name stands nowhere: the question
 * it answers has another name in its place. */
static unsigned find_suffix(const struct body *b, const uint8_t *suffix, size_t len)
{
	bool wildcard = b->base[0] == 1 && b->base[1] == '*';

	for (size_t at = wildcard ? 2 : 0; b->base[at]; at += (size_t)b->base[at] + 1)
		if (b->base_len - at == len && name_equal(b->base + at, suffix))
			return QUESTION_AT + (unsigned)at;
	for (uint32_t i = 0; i < b->nsuffixes; i++)
		if (b->suffixes[i].len == len && name_equal(b->suffixes[i].name, suffix))
			return b->suffixes[i].at;
	return 0;
}

static void remember_suffix(struct body *b, const uint8_t *suffix, size_t len)
{
	unsigned at = message_at(b);

	if (b->nsuffixes == BODY_SUFFIXES_MAX || at > POINTER_MAX)
		return;
	b->suffixes[b->nsuffixes++] = (struct body_suffix){
		.name = suffix,
		.at = (uint16_t)at,
		.len = (uint8_t)len,
	};
}

/* name lives as long as the body is being built. */
static void put_compressed(struct body *b, const uint8_t *name, size_t len)
{
	while (*name) {
		unsigned at = find_suffix(b, name, len);
		if (at) {
			put_reloc(b);
			put16(b, POINTER | at);
			return;
		}
		remember_suffix(b, name, len);
		put(b, name, (size_t)*name + 1);
		len -= (size_t)*name + 1;
		name += *name + 1;
	}
	put(b, name, 1);
}

static bool has_target(const struct body *b, const uint8_t *name, size_t len)
{
	const struct table_target *t = (const void *)b->targets;

	for (uint32_t i = 0; i < b->ntargets; i++, t = table_target_next(t))
		if (t->name_len == len && memcmp(t->name, name, len) == 0)
			return true;
	return false;
}

static uint8_t target_flags(uint16_t type, const uint8_t *name,
                            const struct body_aim *aim)
{
	if (type == RRTYPE_CNAME)
		return TARGET_CHASE;
	if (type == RRTYPE_DNAME)
		return TARGET_DNAME;
	return aim->cut && name_is_under(name, aim->cut, NULL) ? TARGET_GLUE
	                                                       : TARGET_ADDRESS;
}

static void add_target(struct body *b, uint16_t type, const uint8_t *name, size_t len,
                       uint32_t name_at, const struct body_aim *aim)
{
	uint8_t folded[NAME_MAX_LEN + 1 + NAME_PAD] = {0};
	size_t size = (offsetof(struct table_target, name) + len + 7) & ~(size_t)7;

	if (type != RRTYPE_DNAME && !name_is_under(name, aim->apex, NULL))
		return;
	memcpy(folded, name, len);
	name_fold(folded, len);
	if (len == 1 && type != RRTYPE_DNAME)
		return; /* "." as a target says that there is none */
	if (has_target(b, folded, len))
		return;
	if (b->ntargets == BODY_TARGETS_MAX ||
	    b->target_bytes + size > BODY_TARGET_BYTES) {
		b->overflow = true;
		return;
	}
	struct table_target *t = (void *)(b->targets + b->target_bytes);
	memset(t, 0, size);
	t->hash = name_hash(aim->key, folded);
	t->name_at = (uint16_t)name_at;
	t->flags = target_flags(type, folded, aim);
	t->name_len = (uint8_t)len;
	t->units8 = (uint8_t)(size / 8);
	memcpy(t->name, folded, len);
	b->target_bytes += (uint32_t)size;
	b->ntargets++;
}

static bool may_have_targets(uint16_t type)
{
	const struct rrtype *t = rrtype_by_number(type);

	return type == RRTYPE_CNAME || type == RRTYPE_DNAME || (t && t->targets);
}

static void put_rdata(struct body *b, uint16_t type, struct rdata d,
                      const struct body_aim *aim)
{
	struct rdata_name names[RDATA_NAMES_MAX];
	int n = rrtype_rdata_names(type, d.bytes, d.len, names);
	size_t done = 0;

	for (int i = 0; i < n; i++) {
		put(b, d.bytes + done, names[i].at - done);
		uint32_t name_at = b->len;
		if (names[i].compressible)
			put_compressed(b, d.bytes + names[i].at, names[i].len);
		else
			put(b, d.bytes + names[i].at, names[i].len);
		done = (size_t)names[i].at + names[i].len;
		if (aim && may_have_targets(type))
			add_target(b, type, d.bytes + names[i].at, names[i].len, name_at,
			           aim);
	}
	put(b, d.bytes + done, d.len - done);
}

static void put_rr(struct body *b, uint16_t type, uint32_t ttl, struct rdata d,
                   const struct body_aim *aim)
{
	if (b->owner_relocs)
		put_reloc(b);
	put16(b, POINTER | QUESTION_AT);
	put16(b, type);
	put16(b, CLASS_IN);
	put32(b, ttl);
	uint32_t rdlen_at = b->len;
	put16(b, 0);
	put_rdata(b, type, d, aim);
	if (!b->overflow)
		wire_store16(b->bytes + rdlen_at, (uint16_t)(b->len - rdlen_at - 2));
}

void body_add_records(struct body *b, const struct rrset *set, uint32_t ttl,
                      const struct body_aim *aim)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		put_rr(b, set->type, ttl, rrset_next(&at), aim);
	b->plain_count += set->count;
}

void body_end_plain(struct body *b)
{
	b->plain_len = b->len;
}

void body_add_do_records(struct body *b, const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		put_rr(b, set->type, set->ttl, rrset_next(&at), NULL);
	b->do_count += set->count;
	body_add_signatures(b, set, set->sig_ttl);
}

void body_add_signatures(struct body *b, const struct rrset *set, uint32_t ttl)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		rrset_next(&at);
	for (unsigned i = 0; i < set->sig_count; i++)
		put_rr(b, RRTYPE_RRSIG, ttl, rrset_next(&at), NULL);
	b->do_count += set->sig_count;
}

static void put_pointer(struct body *b, unsigned at)
{
	put_reloc(b);
	put16(b, POINTER | at);
}

void body_add_denial(struct body *b, const struct table_denial *d)
{
	enum { POINTED_LEN = 12, RDLEN_AT = 10 };
	const uint8_t *owner = table_denial_owner(d);
	const uint8_t *sig = table_denial_rr(d) + d->rr_len;
	unsigned owner_at = owner[0] ? message_at(b) : QUESTION_AT;

	if (b->base_len > 1) {
		put(b, owner, d->owner_len - 2U);
		put_pointer(b, QUESTION_AT);
	} else {
		put(b, owner, d->owner_len);
	}
	put(b, table_denial_rr(d), d->rr_len);
	for (unsigned i = 0; i < d->sig_count; i++) {
		size_t len = POINTED_LEN + (size_t)wire_load16(sig + RDLEN_AT);
		put_pointer(b, owner_at);
		put(b, sig + 2, len - 2);
		sig += len;
	}
	b->do_count += 1U + d->sig_count;
}

static size_t targets_at(const struct body *b)
{
	size_t end = sizeof(struct table_fragment) + (size_t)b->nrelocs * 2 + b->len;

	return (end + 7) & ~(size_t)7;
}

size_t body_fragment_size(const struct body *b)
{
	return targets_at(b) + b->target_bytes;
}

void body_write_fragment(const struct body *b, struct table_fragment *f)
{
	f->units = (uint16_t)((body_fragment_size(b) + TABLE_UNIT - 1) / TABLE_UNIT);
	f->plain_len = (uint16_t)b->plain_len;
	f->do_len = (uint16_t)(b->len - b->plain_len);
	f->plain_count = (uint16_t)b->plain_count;
	f->do_count = (uint16_t)b->do_count;
	f->nrelocs = (uint16_t)b->nrelocs;
	f->ntargets = (uint16_t)b->ntargets;
	f->base_len = b->base_len;
	f->flags = b->owner_relocs ? FRAGMENT_OWNER_RELOCS : 0;
	memcpy(f->relocs, b->relocs, (size_t)b->nrelocs * 2);
	memcpy((uint8_t *)f->relocs + (size_t)b->nrelocs * 2, b->bytes, b->len);
	memcpy((uint8_t *)f + targets_at(b), b->targets, b->target_bytes);
}
