#include "dataplane/respond/emit.h"

#include <string.h>

#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	OWNER_IS_BASE = POINTER_BITS | DNS_QUESTION_AT,
	RR_FIXED_LEN = 10, /* type, class, TTL, RDLENGTH */
	RR_POINTED_LEN = 2 + RR_FIXED_LEN,
	RR_RDLEN_AT = 8, /* from the type on */
};

unsigned emit_name_at(const uint8_t *dns, unsigned at, unsigned skip)
{
	for (;;) {
		uint8_t l = dns[at];
		if ((l & 0xc0) == 0xc0)
			at = wire_load16(dns + at) & POINTER_MAX;
		else if (skip == 0 || l == 0)
			return at;
		else {
			skip -= skip > l ? (unsigned)l + 1 : skip;
			at += (unsigned)l + 1;
		}
	}
}

/* Where the suffix that starts skip bytes into the fragment's base name stands. The base is
 * aligned with the subject at their ends: it is the subject, its suffix, or its wildcard. */
static unsigned place_of_suffix(const struct emit *e, const struct subject *s,
                                unsigned base_len, unsigned skip)
{
	unsigned into = skip + s->name_len - base_len;

	return s->chased ? emit_name_at(e->dns, s->at, into) : s->at + into;
}

static bool relocate(struct emit *e, const struct table_fragment *f,
                     const struct subject *s, unsigned copied)
{
	uint8_t *body = e->dns + e->at;
	unsigned compiled_at = DNS_QUESTION_AT + (unsigned)f->base_len + 4;

	for (unsigned i = 0; i < f->nrelocs && f->relocs[i] < copied; i++) {
		uint8_t *p = body + f->relocs[i];
		unsigned to = wire_load16(p) & POINTER_MAX;
		if (to < compiled_at)
			to = place_of_suffix(e, s, f->base_len, to - DNS_QUESTION_AT);
		else
			to = to - compiled_at + e->at;
		if (unlikely(to > POINTER_MAX))
			return false;
		wire_store16(p, (uint16_t)(POINTER_BITS | to));
	}
	return true;
}

/* Points the owner of each RR in [at, at + len) that means the base name to owner_at. */
static void set_owners(uint8_t *dns, unsigned at, unsigned len, unsigned owner_at)
{
	unsigned end = at + len;

	while (at + RR_POINTED_LEN <= end) {
		if (wire_load16(dns + at) == OWNER_IS_BASE)
			wire_store16(dns + at, (uint16_t)(POINTER_BITS | owner_at));
		at += RR_POINTED_LEN + wire_load16(dns + at + 2 + RR_RDLEN_AT);
	}
}

static ALWAYS_INLINE bool fits(const struct emit *e, size_t len)
{
	return len <= (size_t)(e->limit - e->at);
}

static ALWAYS_INLINE void copy_body(struct emit *e, const uint8_t *from, size_t len)
{
	emit_copy(e->dns + e->at, from, len, e->dns + e->room);
}

HOT bool emit_fragment(struct emit *e, const struct table_fragment *f,
                       const struct subject *s, enum section section)
{
	unsigned len = f->plain_len + (e->dnssec ? f->do_len : 0U);

	if (unlikely(!fits(e, len)))
		return false;
	copy_body(e, table_fragment_body(f), len);
	bool moved = s->chased || s->name_len != f->base_len ||
	             e->at != DNS_QUESTION_AT + f->base_len + 4U;
	if (moved && !relocate(e, f, s, len))
		return false;
	if (unlikely(s->chased && !(f->flags & FRAGMENT_OWNER_RELOCS)))
		set_owners(e->dns, e->at, len, s->at);
	e->at = (uint16_t)(e->at + len);
	e->counts[section] = (uint16_t)(e->counts[section] + f->plain_count +
	                                (e->dnssec ? f->do_count : 0));
	return true;
}

HOT bool emit_inline(struct emit *e, const struct table_entry *entry, unsigned owner_at,
                     enum section section)
{
	unsigned len = entry->plain_len + (e->dnssec ? entry->do_len : 0U);

	if (unlikely(!fits(e, len) || owner_at > POINTER_MAX))
		return false;
	copy_body(e, entry->body, len);
	if (unlikely(owner_at != DNS_QUESTION_AT))
		set_owners(e->dns, e->at, len, owner_at);
	e->at = (uint16_t)(e->at + len);
	unsigned count =
		entry->plain_count + (e->dnssec ? entry->flags >> ENTRY_DO_SHIFT : 0U);
	e->counts[section] = (uint16_t)(e->counts[section] + count);
	return true;
}

bool emit_rr(struct emit *e, const struct emit_rr *rr, enum section section)
{
	if (!fits(e, RR_POINTED_LEN + rr->rdlen) || rr->owner_at > POINTER_MAX)
		return false;
	uint8_t *p = e->dns + e->at;
	wire_store16(p, (uint16_t)(POINTER_BITS | rr->owner_at));
	wire_store16(p + 2, rr->type);
	wire_store16(p + 4, rr->class);
	wire_store32(p + 6, rr->ttl);
	wire_store16(p + 10, (uint16_t)rr->rdlen);
	memcpy(p + RR_POINTED_LEN, rr->rdata, rr->rdlen);
	e->at = (uint16_t)(e->at + RR_POINTED_LEN + rr->rdlen);
	e->counts[section]++;
	return true;
}

bool emit_signatures(struct emit *e, const uint8_t *sigs, size_t len, unsigned owner_at)
{
	const uint8_t *end = sigs + len;

	while (sigs + RR_POINTED_LEN <= end) {
		struct emit_rr rr = {
			.owner_at = owner_at,
			.type = wire_load16(sigs + 2),
			.class = CLASS_IN,
			.ttl = wire_load32(sigs + 6),
			.rdata = sigs + RR_POINTED_LEN,
			.rdlen = wire_load16(sigs + 2 + RR_RDLEN_AT),
		};
		bool own = wire_load16(sigs) == OWNER_IS_BASE && rr.type == RRTYPE_RRSIG;
		if (own && !emit_rr(e, &rr, SECTION_ANSWER))
			return false;
		sigs += RR_POINTED_LEN + rr.rdlen;
	}
	return true;
}

static bool denial_fits(const struct emit *e, const struct table_denial *d,
                        unsigned owner_len)
{
	size_t need = (size_t)owner_len + d->rr_len;

	if (e->dnssec)
		need += d->sigs_len;
	return fits(e, need) && e->at <= POINTER_MAX;
}

/* Copies the record from the given place on, with its signatures, whose owner is at owner_at. */
static void put_denial(struct emit *e, const struct table_denial *d, const uint8_t *from,
                       unsigned owner_at, enum section section)
{
	const uint8_t *sigs = table_denial_rr(d) + d->rr_len;
	size_t sigs_at = (size_t)(sigs - from);
	unsigned count = e->dnssec ? d->sig_count : 0;

	copy_body(e, from, sigs_at + (count ? d->sigs_len : 0U));
	e->at = (uint16_t)(e->at + sigs_at);
	for (unsigned i = 0; i < count; i++) {
		size_t len = RR_POINTED_LEN + (size_t)wire_load16(sigs + 2 + RR_RDLEN_AT);
		wire_store16(e->dns + e->at, (uint16_t)(POINTER_BITS | owner_at));
		e->at = (uint16_t)(e->at + len);
		sigs += len;
	}
	e->counts[section] = (uint16_t)(e->counts[section] + 1 + count);
}

HOT bool emit_denial(struct emit *e, const struct table_denial *d, unsigned apex_at)
{
	const uint8_t *owner = table_denial_owner(d);
	unsigned apex_pointer_at = e->at + d->owner_len - 2U;

	if (!denial_fits(e, d, d->owner_len))
		return false;
	/* An owner without labels of its own is the pointer to the apex. */
	unsigned owner_at = owner[0] == 0 && apex_at ? apex_at : e->at;
	put_denial(e, d, owner, owner_at, SECTION_AUTHORITY);
	if (apex_at)
		wire_store16(e->dns + apex_pointer_at,
		             (uint16_t)(POINTER_BITS | apex_at));
	return true;
}

bool emit_denial_as_data(struct emit *e, const struct table_denial *d, unsigned owner_at,
                         enum section section)
{
	if (!denial_fits(e, d, 2) || owner_at > POINTER_MAX)
		return false;
	wire_store16(e->dns + e->at, (uint16_t)(POINTER_BITS | owner_at));
	e->at = (uint16_t)(e->at + 2);
	put_denial(e, d, table_denial_rr(d), owner_at, section);
	return true;
}
