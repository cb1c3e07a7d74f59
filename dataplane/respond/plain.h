/*
 * Plain answers: those that most queries get, without the general machinery of answer.h.
 *
 * Three kinds: one inline entry; the SOA alone for a name or type that does not exist; and for a
 * name missing right below the apex of a signed zone the zone's NXDOMAIN fragment with the record
 * that covers the name. All have no option but OPT itself. They mean what answer_run() would
 * write. Where a function gives false the answer is not plain after all, nothing up to the
 * question's end has changed, and answer_run() finds out what then.
 */
#ifndef DATAPLANE_RESPOND_PLAIN_H
#define DATAPLANE_RESPOND_PLAIN_H

#include <stdbool.h>

#include "dataplane/respond/edns.h"
#include "dataplane/respond/emit.h"
#include "dataplane/respond/lookup.h"
#include "dataplane/respond/query.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	PLAIN_NOT_AT = NODE_APEX | NODE_CUT | NODE_BELOW_CUT | NODE_VOID,
	PLAIN_NOT_BELOW =
		NODE_CUT | NODE_BELOW_CUT | NODE_VOID | NODE_DNAME | NODE_WILDCARD,
	PLAIN_NO_ENTRY = ENTRY_FRAGMENT | ENTRY_DENIAL | ENTRY_HASHES,
	PLAIN_NO_OPTION = EDNS_NSID | EDNS_COOKIE | EDNS_KEEPALIVE,
};

/* Whether the entry, as it stands in its node, is all that the question's name and type need. */
static ALWAYS_INLINE bool plain_entry_is_answer(const struct query *q,
                                                const struct table_entry *e)
{
	return (q->node->flags & PLAIN_NOT_AT) == 0 && (e->flags & PLAIN_NO_ENTRY) == 0 &&
	       (q->edns & PLAIN_NO_OPTION) == 0;
}

/* Whether the name's node, which lacks the type, is all there is to say. */
static ALWAYS_INLINE bool plain_no_data(const struct query *q)
{
	return (q->node->flags & PLAIN_NOT_AT) == 0 && (q->edns & PLAIN_NO_OPTION) == 0 &&
	       q->qtype < RRTYPE_IXFR && q->qtype != RRTYPE_RRSIG &&
	       !node_entry(q->node, RRTYPE_CNAME);
}

/* Whether nothing else than the name's absence below its closest encloser answers it. */
static ALWAYS_INLINE bool plain_no_name(const struct query *q)
{
	return (q->encloser->flags & PLAIN_NOT_BELOW) == 0 &&
	       (q->edns & PLAIN_NO_OPTION) == 0;
}

/* What is written behind the question. */
struct plain {
	const uint8_t *body;
	unsigned len;
	uint16_t answers;
	uint16_t authority;
	uint8_t rcode;
};

/* The largest message without OPT that may be written. */
static ALWAYS_INLINE unsigned plain_limit(const struct pkt *p, const struct query *q,
                                          const struct table_settings *settings)
{
	unsigned limit = edns_limit(q, settings, &p->client);
	unsigned opt = q->edns & EDNS_PRESENT ? EDNS_OPT_FIXED : 0;

	return (limit < p->room ? limit : p->room) - opt;
}

/* OPT at the message's end, and the header. */
static ALWAYS_INLINE void plain_end(struct pkt *p, const struct query *q,
                                    const struct table_settings *settings,
                                    const struct plain *a, unsigned end)
{
	bool edns = q->edns & EDNS_PRESENT;
	uint8_t *dns = p->dns;

	if (likely(edns)) {
		edns_write_plain(dns + end, q->edns & EDNS_DO,
		                 (uint16_t)edns_own_size(settings, &p->client));
		end += EDNS_OPT_FIXED;
	}
	dns[2] = (uint8_t)((dns[2] & DNS_FLAGS_KEPT) | DNS_FLAG_QR | DNS_FLAG_AA);
	dns[3] = a->rcode;
	wire_store16(dns + 6, a->answers);
	wire_store16(dns + 8, a->authority);
	wire_store16(dns + 10, edns ? 1 : 0);
	p->len = (uint16_t)end;
}

static ALWAYS_INLINE bool plain_write(struct pkt *p, const struct query *q,
                                      const struct table_settings *settings,
                                      const struct plain *a)
{
	unsigned end = q->question_end + a->len;

	if (unlikely(end > plain_limit(p, q, settings)))
		return false;
	emit_copy(p->dns + q->question_end, a->body, a->len, p->dns + p->room);
	plain_end(p, q, settings, a, end);
	return true;
}

static ALWAYS_INLINE bool plain_write_entry(struct pkt *p, const struct query *q,
                                            const struct table_settings *settings)
{
	const struct table_entry *e = q->simple;
	bool dnssec = q->edns & EDNS_DO;
	struct plain a = {
		.body = e->body,
		.len = e->plain_len + (dnssec ? e->do_len : 0U),
		.answers = (uint16_t)(e->plain_count +
	                              (dnssec ? e->flags >> ENTRY_DO_SHIFT : 0U)),
		.rcode = RCODE_NOERROR,
	};

	return plain_write(p, q, settings, &a);
}

/* Moves the pointers in a fragment of the zone that stands behind the question: it was laid out
 * behind the apex, so all of them move by what the question's name is longer. */
static ALWAYS_INLINE void plain_move(uint8_t *body, const struct table_fragment *f,
                                     unsigned len, unsigned by)
{
	const uint8_t *from = table_fragment_body(f);

	for (unsigned i = 0; i < f->nrelocs && f->relocs[i] < len; i++)
		wire_store16(body + f->relocs[i],
		             (uint16_t)(wire_load16(from + f->relocs[i]) + by));
}

/* Nothing was found in the zone of which v is the version. */
static ALWAYS_INLINE bool plain_write_negative(struct pkt *p, const struct query *q,
                                               const struct table_settings *settings,
                                               const struct table_zone_version *v)
{
	const struct table_fragment *soa = table_zone_fragment(v, v->soa_at);
	struct plain a = {
		.body = table_fragment_body(soa),
		.len = soa->plain_len,
		.authority = soa->plain_count,
		.rcode = q->node ? RCODE_NOERROR : RCODE_NXDOMAIN,
	};

	if (unlikely(v->soa_at == 0 || !plain_write(p, q, settings, &a)))
		return false;
	plain_move(p->dns + q->question_end, soa, soa->plain_len,
	           (unsigned)q->name_len - v->apex_len);
	return true;
}

/* Offset of the apex in the question; 0 for the root. */
static ALWAYS_INLINE unsigned plain_apex_at(const struct query *q,
                                            const struct table_zone_version *v)
{
	return v->apex_len == 1 ? 0
	                        : DNS_QUESTION_AT + (unsigned)q->name_len - v->apex_len;
}

/* A name is missing right below the apex of a signed zone, and its cover is known. */
static ALWAYS_INLINE bool plain_write_denial(struct pkt *p, const struct query *q,
                                             const struct table_settings *settings,
                                             const struct table_zone_version *v,
                                             const uint8_t *base)
{
	const struct table_fragment *f = table_zone_fragment(v, v->nxdomain_at);
	unsigned len = (unsigned)f->plain_len + f->do_len;
	unsigned limit = plain_limit(p, q, settings);
	table_ref cover = q->cover.found;

	if (unlikely(!cover || v->nxdomain_at == 0 ||
	             q->encloser_labels != v->apex_labels ||
	             q->question_end + len > limit))
		return false;
	emit_copy(p->dns + q->question_end, table_fragment_body(f), len,
	          p->dns + p->room);
	plain_move(p->dns + q->question_end, f, len, (unsigned)q->name_len - v->apex_len);
	struct emit e = {
		.dns = p->dns,
		.at = (uint16_t)(q->question_end + len),
		.limit = (uint16_t)limit,
		.room = p->room,
		.dnssec = true,
	};
	struct plain a = {
		.authority = (uint16_t)(f->plain_count + f->do_count),
		.rcode = RCODE_NXDOMAIN,
	};
	if (cover != v->apex_wild && cover != v->apex_match) {
		if (!emit_denial(&e, table_at(base, cover), plain_apex_at(q, v)))
			return false;
		a.authority = (uint16_t)(a.authority + e.counts[SECTION_AUTHORITY]);
	}
	plain_end(p, q, settings, &a, e.at);
	return true;
}

#endif
