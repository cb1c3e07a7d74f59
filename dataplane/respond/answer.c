#include "dataplane/respond/answer.h"

#include <string.h>

#include "shared/rrtype.h"
#include "shared/wire.h"

enum step {
	STEP_DONE,
	STEP_CHASE, /* a->subject is another name now */
};

/* RFC 8914 §4 */
enum { EDE_PROHIBITED = 18, EDE_NOT_AUTHORITATIVE = 20, EDE_INVALID_DATA = 24 };

const struct table_zone_version *answer_zone(struct answer *a)
{
	return zone_recall(a->zones, a->s, a->zone);
}

unsigned answer_apex_at(struct answer *a)
{
	unsigned apex_len = answer_zone(a)->apex_len;

	return apex_len == 1 ? 0 : DNS_QUESTION_AT + a->q->name_len - apex_len;
}

/* Something required does not fit: an empty answer with TC (RFC 2181 §9), so that nobody takes
 * part of it for the whole. Over TCP there is no larger transport to turn to. */
static enum step truncate(struct answer *a)
{
	a->e.at = a->q->question_end;
	memset(a->e.counts, 0, sizeof a->e.counts);
	a->additional = NULL;
	a->ndenials = 0;
	if (a->tcp)
		a->rcode = RCODE_SERVFAIL;
	else
		a->truncated = true;
	return STEP_DONE;
}

static enum step done_if(struct answer *a, bool fitted)
{
	return likely(fitted) ? STEP_DONE : truncate(a);
}

static enum step fail(struct answer *a, enum rcode rcode, unsigned ede)
{
	if (a->chain == 0) {
		a->aa = false;
		a->rcode = (uint8_t)rcode;
		a->ede = (uint8_t)(ede + 1);
	}
	return STEP_DONE;
}

static void path_of_subject(struct answer *a)
{
	if (a->chain > 0)
		path_of(&a->path, &a->s->hash_key, a->subject.name, a->subject.name_len,
		        &a->path_room);
	else
		path_of_query(&a->path, a->q);
}

/* ---- pieces ---- */

/* The zone's SOA in the negative form, then what proves the negative. */
static bool put_soa(struct answer *a)
{
	const struct table_zone_version *v = answer_zone(a);
	const struct table_fragment *f = table_zone_fragment(v, v->soa_at);
	struct subject original = {
		.name = a->q->name,
		.at = DNS_QUESTION_AT,
		.name_len = a->q->name_len,
	};

	return emit_fragment(&a->e, f, &original, SECTION_AUTHORITY);
}

/* A zone without contents cannot say what exists. */
static bool zone_unloaded(struct answer *a)
{
	return answer_zone(a)->soa_at == 0;
}

static bool put_entry(struct answer *a, const struct table_entry *e, enum section section)
{
	if (likely(!(e->flags & (ENTRY_FRAGMENT | ENTRY_DENIAL))))
		return emit_inline(&a->e, e, a->subject.at, section);
	if (e->flags & ENTRY_DENIAL)
		return emit_denial_as_data(&a->e, table_at(a->s->base, e->ref),
		                           a->subject.at, section);
	const struct table_fragment *f = table_at(a->s->base, e->ref);
	a->additional = f;
	a->additional_at = a->e.at;
	return emit_fragment(&a->e, f, &a->subject, section);
}

static enum step nodata(struct answer *a, const struct table_node *n)
{
	if (zone_unloaded(a))
		return fail(a, RCODE_SERVFAIL, EDE_INVALID_DATA);
	denial_nodata(a, n);
	return done_if(a, put_soa(a));
}

static enum step wildcard_nodata(struct answer *a, const struct table_node *n,
                                 unsigned labels)
{
	denial_wildcard_nodata(a, n, labels);
	return done_if(a, put_soa(a));
}

static enum step nxdomain(struct answer *a, unsigned labels)
{
	if (zone_unloaded(a))
		return fail(a, RCODE_SERVFAIL, EDE_INVALID_DATA);
	if (a->chain == 0)
		a->aa = true;
	a->rcode = RCODE_NXDOMAIN;
	denial_nxdomain(a, labels);
	return done_if(a, put_soa(a));
}

static enum step referral(struct answer *a, const struct table_node *cut)
{
	const struct table_entry *ns = node_entry(cut, RRTYPE_NS);

	if (!ns)
		return fail(a, RCODE_SERVFAIL, EDE_INVALID_DATA);
	if (!node_entry(cut, RRTYPE_DS))
		denial_nodata(a, cut);
	return done_if(a, put_entry(a, ns, SECTION_AUTHORITY));
}

/* ---- chains ---- */

static bool visited(const struct answer *a, uint64_t hash)
{
	for (unsigned i = 0; i < a->chain; i++)
		if (a->visited[i] == hash)
			return true;
	return a->subject.hash == hash;
}

static enum step chase(struct answer *a, const struct subject *next)
{
	if (a->chain == CHAIN_MAX || visited(a, next->hash))
		return STEP_DONE;
	a->visited[a->chain++] = a->subject.hash;
	a->subject = *next;
	a->additional = NULL;
	return STEP_CHASE;
}

static enum step follow_cname(struct answer *a, const struct table_entry *e)
{
	unsigned body_at = a->e.at;

	if (!put_entry(a, e, SECTION_ANSWER))
		return truncate(a);
	a->additional = NULL;
	if (!(e->flags & ENTRY_FRAGMENT))
		return STEP_DONE;
	const struct table_fragment *f = table_at(a->s->base, e->ref);
	const struct table_target *t = table_fragment_targets(f);
	if (f->ntargets == 0 || !(t->flags & TARGET_CHASE))
		return STEP_DONE;
	struct subject next = {
		.name = t->name,
		.hash = t->hash,
		.at = (uint16_t)(body_at + t->name_at),
		.name_len = t->name_len,
		.chased = true,
	};
	return chase(a, &next);
}

/* RFC 6672 §3.1: the labels of the subject in front of the DNAME's owner, then its target, into
 * the RDATA of a CNAME; the target is pointed to where that is possible. */
static size_t dname_rdata(const struct answer *a, const struct table_target *t,
                          size_t prefix, unsigned target_at, uint8_t *rdata)
{
	const uint8_t *from =
		a->subject.chased ? a->subject.name : a->e.dns + a->subject.at;

	memcpy(rdata, from, prefix);
	if (target_at <= POINTER_MAX && t->name_len > 2) {
		wire_store16(rdata + prefix, (uint16_t)(POINTER_BITS | target_at));
		return prefix + 2;
	}
	memcpy(rdata + prefix, t->name, t->name_len);
	return prefix + t->name_len;
}

/* Puts a DNAME into the answer, once however often it is applied. */
static bool put_dname(struct answer *a, const struct table_node *n,
                      const struct table_entry *e, unsigned *body_at)
{
	for (unsigned i = 0; i < a->ndnames; i++) {
		if (a->dnames[i].node == n) {
			*body_at = a->dnames[i].body_at;
			return true;
		}
	}
	*body_at = a->e.at;
	a->dnames[a->ndnames++] = (struct answer_dname){.node = n, .body_at = a->e.at};
	bool fitted = put_entry(a, e, SECTION_ANSWER);
	a->additional = NULL;
	return fitted;
}

static enum step substitute_dname(struct answer *a, const struct table_node *n,
                                  const struct table_entry *e)
{
	const struct table_fragment *f = table_at(a->s->base, e->ref);
	const struct table_target *t = table_fragment_targets(f);
	size_t prefix = (size_t)a->subject.name_len - n->name_len;
	unsigned body_at;

	if (a->chain == 0)
		a->aa = true;
	if (!put_dname(a, n, e, &body_at))
		return truncate(a);
	if (prefix + t->name_len > NAME_MAX_LEN) {
		a->rcode = RCODE_YXDOMAIN;
		return STEP_DONE;
	}
	uint8_t rdata[NAME_MAX_LEN];
	size_t rdlen = dname_rdata(a, t, prefix, body_at + t->name_at, rdata);
	unsigned cname_at = a->e.at;
	struct emit_rr cname = {
		.owner_at = a->subject.at,
		.type = RRTYPE_CNAME,
		.class = CLASS_IN,
		.ttl = wire_load32(table_fragment_body(f) + 6),
		.rdata = rdata,
		.rdlen = rdlen,
	};
	if (!emit_rr(&a->e, &cname, SECTION_ANSWER))
		return truncate(a);
	if (a->q->qtype == RRTYPE_CNAME || a->q->qtype == RRTYPE_ANY)
		return STEP_DONE;

	uint8_t *name = a->chased[a->chain & 1];
	memcpy(name, a->subject.name, prefix);
	memcpy(name + prefix, t->name, t->name_len);
	memset(name + prefix + t->name_len, 0, NAME_PAD);
	struct subject next = {
		.name = name,
		.hash = name_hash(&a->s->hash_key, name),
		.at = (uint16_t)(cname_at + 12),
		.name_len = (uint8_t)(prefix + t->name_len),
		.chased = true,
	};
	return chase(a, &next);
}

/* ---- ANY and RRSIG: no RRset of their own ---- */

static bool real_entry(const struct table_entry *e)
{
	return !(e->flags & (ENTRY_HASHES | ENTRY_DENIAL));
}

/* RFC 8482 §4.1: one RRset over UDP; all of them over TCP, where nobody is reflected on. */
static bool put_any(struct answer *a, const struct table_node *n, bool *found)
{
	const struct table_entry *e = table_node_entries(n);

	for (unsigned i = 0; i < n->nentries; i++, e = table_entry_next(e)) {
		if (!real_entry(e))
			continue;
		if (!put_entry(a, e, SECTION_ANSWER))
			return false;
		*found = true;
		if (!a->tcp)
			break;
	}
	a->additional = NULL;
	return true;
}

static bool put_entry_signatures(struct answer *a, const struct table_entry *e)
{
	if (e->flags & ENTRY_FRAGMENT) {
		const struct table_fragment *f = table_at(a->s->base, e->ref);
		return emit_signatures(&a->e, table_fragment_body(f) + f->plain_len,
		                       f->do_len, a->subject.at);
	}
	return !real_entry(e) ||
	       emit_signatures(&a->e, e->body + e->plain_len, e->do_len, a->subject.at);
}

static bool put_rrsig(struct answer *a, const struct table_node *n, bool *found)
{
	const struct table_entry *e = table_node_entries(n);

	for (unsigned i = 0; i < n->nentries; i++, e = table_entry_next(e)) {
		if (!put_entry_signatures(a, e))
			return false;
		*found = a->e.counts[SECTION_ANSWER] > 0;
		if (*found && !a->tcp)
			break;
	}
	return true;
}

/* ---- states ---- */

/* RFC 1995 §2: over UDP the SOA alone, from which the client sees whether to come back over TCP,
 * where nobody is allowed a transfer. */
static enum step answer_ixfr(struct answer *a, const struct table_node *n)
{
	const struct table_entry *soa =
		n->flags & NODE_APEX ? node_entry(n, RRTYPE_SOA) : NULL;

	if (a->tcp || !soa)
		return fail(a, RCODE_REFUSED, EDE_PROHIBITED);
	a->aa = true;
	return done_if(a, put_entry(a, soa, SECTION_ANSWER));
}

/* A node that holds authoritative data; wildcard: it stands in for the subject, whose closest
 * encloser has that many labels. */
static enum step answer_from(struct answer *a, const struct table_node *n, bool wildcard,
                             unsigned labels)
{
	uint16_t qtype = a->q->qtype;
	const struct table_entry *e = node_entry(n, qtype);
	bool found = false;

	if (unlikely(qtype == RRTYPE_IXFR))
		return answer_ixfr(a, n);
	if (a->chain == 0)
		a->aa = true;
	if (unlikely(qtype == RRTYPE_ANY || qtype == RRTYPE_RRSIG)) {
		bool ok = qtype == RRTYPE_ANY ? put_any(a, n, &found)
		                              : put_rrsig(a, n, &found);
		if (!ok)
			return truncate(a);
	} else if (e) {
		found = true;
		if (!put_entry(a, e, SECTION_ANSWER))
			return truncate(a);
	}
	if (found) {
		if (wildcard)
			denial_wildcard(a, labels);
		return STEP_DONE;
	}
	e = node_entry(n, RRTYPE_CNAME);
	if (!e || qtype == RRTYPE_NSEC)
		return wildcard ? wildcard_nodata(a, n, labels) : nodata(a, n);
	if (wildcard)
		denial_wildcard(a, labels);
	return follow_cname(a, e);
}

static enum step missing_below(struct answer *a, const struct table_node *n,
                               unsigned labels);

/* DS lives on the parent's side of a cut (RFC 4035 §3.1.4.1). When the parent is hosted here as
 * well it answers, else the child does, negatively. */
static enum step ds_at_apex(struct answer *a, const struct table_node *apex)
{
	const struct table_node *n =
		table_find(a->s, a->subject.hash ^ TABLE_PARENT_SALT, a->subject.name,
	                   a->subject.name_len, NODE_PARENT_SIDE);

	if (n) {
		a->zone = n->zone;
		return answer_from(a, n, false, 0);
	}
	path_of_subject(a);
	if (a->path.labels == 0)
		return answer_from(a, apex, false, 0);
	unsigned labels;
	n = path_encloser(a->s, &a->path, a->path.labels - 1U, (struct path_guess){0},
	                  &labels);
	return n ? missing_below(a, n, labels) : answer_from(a, apex, false, 0);
}

static enum step at_node(struct answer *a, const struct table_node *n)
{
	bool ds = a->q->qtype == RRTYPE_DS;

	if (likely(!(n->flags & (NODE_CUT | NODE_BELOW_CUT | NODE_APEX))))
		return answer_from(a, n, false, 0);
	if (n->flags & NODE_BELOW_CUT) {
		path_of_subject(a);
		return referral(a, path_node(a->s, &a->path, n->flags >> NODE_CUT_SHIFT));
	}
	if (n->flags & NODE_CUT)
		return ds ? answer_from(a, n, false, 0) : referral(a, n);
	return ds && a->chain == 0 ? ds_at_apex(a, n) : answer_from(a, n, false, 0);
}

/* The subject has no node; n, of that many labels, is its closest encloser. */
static enum step missing_below(struct answer *a, const struct table_node *n,
                               unsigned labels)
{
	if (a->chain == 0)
		a->zone = n->zone;
	else if (a->zone != n->zone)
		return STEP_DONE; /* the chain leaves the zone */
	if (n->flags & NODE_BELOW_CUT)
		return referral(a, path_node(a->s, &a->path, n->flags >> NODE_CUT_SHIFT));
	if (n->flags & NODE_CUT)
		return referral(a, n);
	if (n->flags & NODE_DNAME)
		return substitute_dname(a, n, node_entry(n, RRTYPE_DNAME));
	const struct table_node *wildcard =
		n->flags & NODE_WILDCARD ? path_wildcard(a->s, &a->path, labels) : NULL;
	return wildcard ? answer_from(a, wildcard, true, labels) : nxdomain(a, labels);
}

static enum step missing(struct answer *a)
{
	const struct table_node *n = a->q->encloser;
	unsigned labels = a->q->encloser_labels;

	path_of_subject(a);
	if (a->chain > 0)
		n = a->path.labels == 0
		            ? NULL
		            : path_encloser(a->s, &a->path, a->path.labels - 1U,
		                            (struct path_guess){0}, &labels);
	return n ? missing_below(a, n, labels)
	         : fail(a, RCODE_REFUSED, EDE_NOT_AUTHORITATIVE);
}

static enum step step(struct answer *a, const struct table_node *n)
{
	if (unlikely(!n || (n->flags & NODE_VOID)))
		return missing(a);
	if (a->chain == 0)
		a->zone = n->zone;
	else if (a->zone != n->zone)
		return STEP_DONE;
	return at_node(a, n);
}

HOT void answer_run(struct answer *a, const struct table_node *node)
{
	while (unlikely(step(a, node) == STEP_CHASE))
		node = table_find(a->s, a->subject.hash, a->subject.name,
		                  a->subject.name_len, 0);
	if (a->ndenials > 0 && !denial_write(a))
		truncate(a);
	if (a->additional && a->additional->ntargets > 0 && !additional_write(a) &&
	    !a->tcp)
		a->truncated = true;
}
