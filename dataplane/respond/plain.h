/*
 * Plain answers: those that most queries get, without the general machinery of answer.h.
 *
 * Two kinds: one inline entry behind the question, and the SOA alone for a name or type that does
 * not exist; both with OPT when the query had one. They are written as answer_run() would write
 * them. Where a function gives false the answer is not plain after all, the message is as it was,
 * and answer_run() finds out what then.
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

struct plain {
	const uint8_t *body;
	unsigned len;
	uint16_t answers;
	uint16_t authority;
	uint8_t rcode;
};

/* Writes the header, the body behind the question, and OPT. */
static ALWAYS_INLINE bool plain_write(struct pkt *p, const struct query *q,
                                      const struct table_settings *settings,
                                      const struct plain *a)
{
	bool edns = q->edns & EDNS_PRESENT;
	unsigned end = q->question_end + a->len;
	unsigned len = end + (edns ? EDNS_OPT_FIXED : 0U);
	uint8_t *dns = p->dns;

	if (unlikely(len > p->room || len > edns_limit(q, settings, &p->client)))
		return false;
	emit_copy(dns + q->question_end, a->body, a->len, dns + p->room);
	if (likely(edns))
		edns_write_plain(dns + end, q->edns & EDNS_DO,
		                 (uint16_t)edns_own_size(settings, &p->client));
	dns[2] = (uint8_t)((dns[2] & DNS_FLAGS_KEPT) | DNS_FLAG_QR | DNS_FLAG_AA);
	dns[3] = a->rcode;
	wire_store16(dns + 6, a->answers);
	wire_store16(dns + 8, a->authority);
	wire_store16(dns + 10, edns);
	p->len = (uint16_t)len;
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

/* Moves the pointers of the SOA behind the question: it was laid out behind the apex, so all of
 * them move by what the question's name is longer. */
static ALWAYS_INLINE void plain_move(uint8_t *body, const struct table_fragment *soa,
                                     unsigned by)
{
	for (unsigned i = 0; i < soa->nrelocs && soa->relocs[i] < soa->plain_len; i++) {
		uint8_t *at = body + soa->relocs[i];
		wire_store16(at, (uint16_t)(wire_load16(at) + by));
	}
}

/* v: the version of the zone where nothing was found. */
static ALWAYS_INLINE bool plain_write_negative(struct pkt *p, const struct query *q,
                                               const struct table_settings *settings,
                                               const struct table_zone_version *v)
{
	const struct table_fragment *soa = (const void *)((const uint8_t *)v + v->soa_at);
	struct plain a = {
		.body = table_fragment_body(soa),
		.len = soa->plain_len,
		.authority = soa->plain_count,
		.rcode = q->node ? RCODE_NOERROR : RCODE_NXDOMAIN,
	};

	if (unlikely(v->soa_at == 0 || ((q->edns & EDNS_DO) && v->denial_root != 0)))
		return false;
	if (!plain_write(p, q, settings, &a))
		return false;
	plain_move(p->dns + q->question_end, soa, (unsigned)q->name_len - v->apex_len);
	return true;
}

#endif
