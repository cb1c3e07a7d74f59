#include "dataplane/respond/query.h"

#include <string.h>

#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	OPCODE_SHIFT = 3, /* byte 2 */
	OPCODE_MASK = 0x0f,
	OPT_FIXED_LEN = 11, /* root name, type, class, TTL, RDLENGTH */
	OPT_DO = 0x8000,
};

static void reply(struct query *q, enum rcode rcode)
{
	q->verdict = VERDICT_REPLY;
	q->rcode = (uint8_t)rcode;
}

/* The verdict so far is for when there is nobody to hand it to. */
static void hand(struct query *q)
{
	q->otherwise = q->verdict;
	q->verdict = VERDICT_HAND;
}

/* Reads the name at offset 12: validates, folds and hashes it. A compression pointer has nothing
 * before it to point to: FORMERR. */
static ALWAYS_INLINE bool parse_name(struct query *q, const uint8_t *dns, size_t len,
                                     const struct name_hash_key *key)
{
	const uint8_t *name = dns + DNS_QUESTION_AT;
	size_t room = len - DNS_QUESTION_AT;
	size_t max = room < NAME_MAX_LEN ? room : NAME_MAX_LEN;
	size_t at = 0;
	unsigned labels = 0;

	for (;;) {
		if (unlikely(at >= max))
			return false;
		uint8_t l = name[at];
		q->label_at[labels] = (uint8_t)at;
		if (l == 0)
			break;
		if (unlikely(l > LABEL_MAX_LEN))
			return false;
		labels++;
		at += (size_t)l + 1;
	}
	q->labels = (uint8_t)labels;
	q->name_len = (uint8_t)(at + 1);
	q->hash = name_fold_and_hash(key, q->name, name, at + 1, &q->steps);
	return true;
}

static void parse_cookie(struct query *q, const uint8_t *data, size_t len)
{
	size_t server = len - COOKIE_CLIENT_LEN;

	memcpy(q->cookie_client, data, COOKIE_CLIENT_LEN);
	memcpy(q->cookie_server, data + COOKIE_CLIENT_LEN, server);
	q->cookie_server_len = (uint8_t)server;
	q->edns |= EDNS_COOKIE;
}

/* RFC 7873 §5.2.2: 8 octets, or 16 to 40. */
static bool cookie_len_valid(size_t len)
{
	return len == COOKIE_CLIENT_LEN ||
	       (len >= COOKIE_CLIENT_LEN + COOKIE_SERVER_MIN &&
	        len <= COOKIE_CLIENT_LEN + COOKIE_SERVER_MAX);
}

static bool parse_options(struct query *q, const uint8_t *options, size_t len)
{
	struct wire_reader r = wire_reader_on(options, len);

	while (r.ok && wire_left(&r) > 0) {
		uint16_t code = wire_read16(&r);
		uint16_t size = wire_read16(&r);
		const uint8_t *data = wire_read_bytes(&r, size);
		if (!r.ok)
			return false;
		if (code == OPTION_NSID) {
			q->edns |= EDNS_NSID;
		} else if (code == OPTION_KEEPALIVE) {
			q->edns |= EDNS_KEEPALIVE;
		} else if (code == OPTION_COOKIE && !(q->edns & EDNS_COOKIE)) {
			if (!cookie_len_valid(size))
				return false;
			parse_cookie(q, data, size);
		} else if (code == OPTION_EXPIRE && q->qtype == RRTYPE_SOA &&
		           q->qclass == CLASS_IN && q->verdict == VERDICT_LOOKUP) {
			hand(q);
		}
	}
	return r.ok;
}

/* RFC 6891 §6.1.2, §6.1.3. fixed: from the type field on. */
static ALWAYS_INLINE bool parse_opt(struct query *q, const uint8_t *fixed,
                                    const uint8_t *rdata, size_t rdlen)
{
	q->udp_size = wire_load16(fixed + 2);
	q->edns |= EDNS_PRESENT;
	if (wire_load16(fixed + 6) & OPT_DO)
		q->edns |= EDNS_DO;
	if (unlikely(fixed[5] != 0)) {
		reply(q, RCODE_BADVERS);
		return true;
	}
	return rdlen == 0 || parse_options(q, rdata, rdlen);
}

/* Steps over a name that may be compressed. */
static bool skip_name(struct wire_reader *r)
{
	for (;;) {
		uint8_t l = wire_read8(r);
		if (!r->ok)
			return false;
		if (l == 0)
			return true;
		if ((l & 0xc0) == 0xc0)
			return wire_read_bytes(r, 1) != NULL;
		if (l > LABEL_MAX_LEN || !wire_read_bytes(r, l))
			return false;
	}
}

/*
 * Everything behind the question that is not just one OPT: the authority section of an IXFR
 * query, records nobody asked for, TSIG. More than one OPT, an OPT outside the additional
 * section, or trailing bytes: FORMERR.
 */
static NEVER_INLINE bool parse_records(struct query *q, const uint8_t *dns, size_t len)
{
	struct wire_reader r =
		wire_reader_on(dns + q->question_end, len - q->question_end);
	unsigned before = (unsigned)wire_load16(dns + 6) + wire_load16(dns + 8);
	unsigned total = before + wire_load16(dns + 10);

	for (unsigned i = 0; i < total; i++) {
		const uint8_t *owner = r.at;
		if (!skip_name(&r))
			return false;
		bool root = r.at - owner == 1;
		const uint8_t *fixed = wire_read_bytes(&r, 8);
		uint16_t rdlen = wire_read16(&r);
		const uint8_t *rdata = wire_read_bytes(&r, rdlen);
		if (!r.ok)
			return false;
		uint16_t type = wire_load16(fixed);
		if (type == RRTYPE_TSIG) {
			if (i + 1 != total || i < before)
				return false;
			/* RFC 8945 §5.2: no key is known here. */
			reply(q, RCODE_NOTAUTH);
			hand(q);
		}
		if (type != RRTYPE_OPT)
			continue;
		if (!root || i < before || (q->edns & EDNS_PRESENT))
			return false;
		if (!parse_opt(q, fixed, rdata, rdlen))
			return false;
	}
	return wire_left(&r) == 0;
}

/* at: where the question has ended. */
static ALWAYS_INLINE bool parse_rest(struct query *q, const uint8_t *dns, size_t len,
                                     size_t at)
{
	uint32_t an_ns = wire_load32(dns + 6);
	uint16_t ar = wire_load16(dns + 10);

	if (likely(an_ns == 0 && ar == 1 && len >= at + OPT_FIXED_LEN && dns[at] == 0 &&
	           wire_load16(dns + at + 1) == RRTYPE_OPT)) {
		size_t rdlen = wire_load16(dns + at + 9);
		return at + OPT_FIXED_LEN + rdlen == len &&
		       parse_opt(q, dns + at + 1, dns + at + OPT_FIXED_LEN, rdlen);
	}
	if (likely((an_ns | ar) == 0))
		return at == len;
	return parse_records(q, dns, len);
}

/* RFC 7873 §5.4: a query without a question asks for a cookie. */
static void parse_no_question(struct query *q, const uint8_t *dns, size_t len)
{
	q->question_end = DNS_HEADER_LEN;
	q->qtype = 0;
	bool ok = parse_rest(q, dns, len, DNS_HEADER_LEN);
	q->question_end = 0;
	if (q->verdict != VERDICT_LOOKUP)
		return;
	reply(q, ok && (q->edns & EDNS_COOKIE) ? RCODE_NOERROR : RCODE_FORMERR);
}

/* AXFR is never over UDP, RFC 5936 §4.2. */
static void classify_transfer(struct query *q, const struct pkt *p)
{
	if (q->qtype == RRTYPE_AXFR)
		reply(q, RCODE_REFUSED);
	if (q->qtype == RRTYPE_IXFR || p->client.transport == TRANSPORT_TCP)
		hand(q);
}

static void classify(struct query *q, const struct pkt *p)
{
	if (q->verdict != VERDICT_LOOKUP)
		return;
	if (q->qclass == CLASS_CH)
		q->verdict = VERDICT_CHAOS;
	else if (q->qclass != CLASS_IN)
		reply(q, RCODE_REFUSED);
	else if (q->qtype == RRTYPE_OPT || q->qtype == 0)
		reply(q, RCODE_FORMERR);
	else if (q->qtype >= 128 && q->qtype < RRTYPE_IXFR)
		reply(q, RCODE_NOTIMP);
	else if (q->qtype == RRTYPE_MAILA || q->qtype == RRTYPE_MAILB)
		reply(q, RCODE_NOTIMP);
	else if (q->qtype == RRTYPE_AXFR || q->qtype == RRTYPE_IXFR)
		classify_transfer(q, p);
}

/* RFC 1996 §3.7, RFC 2136 §3.1.1. What others have is not known. */
static bool has_one_question(unsigned opcode)
{
	return opcode == OPCODE_QUERY || opcode == OPCODE_NOTIFY ||
	       opcode == OPCODE_UPDATE;
}

HOT void query_parse(struct query *q, const struct pkt *p,
                     const struct name_hash_key *key)
{
	const uint8_t *dns = p->dns;
	size_t len = p->len;

	q->ede = 0;
	q->question_end = 0;
	q->udp_size = DNS_CLASSIC_MAX;
	q->edns = 0;
	q->rcode = RCODE_NOERROR;
	q->verdict = VERDICT_DROP;
	if (unlikely(len < DNS_HEADER_LEN || (dns[2] & DNS_FLAG_QR)))
		return;
	q->verdict = VERDICT_LOOKUP;
	unsigned opcode = dns[2] >> OPCODE_SHIFT & OPCODE_MASK;
	uint16_t questions = wire_load16(dns + 4);
	if (unlikely(questions == 0 && opcode == OPCODE_QUERY)) {
		parse_no_question(q, dns, len);
		return;
	}
	if (unlikely(questions != 1 || !parse_name(q, dns, len, key) ||
	             (size_t)DNS_QUESTION_AT + q->name_len + 4 > len)) {
		reply(q, has_one_question(opcode) ? RCODE_FORMERR : RCODE_NOTIMP);
		return;
	}
	size_t at = (size_t)DNS_QUESTION_AT + q->name_len;
	q->qtype = wire_load16(dns + at);
	q->qclass = wire_load16(dns + at + 2);
	q->question_end = (uint16_t)(at + 4);
	if (unlikely(opcode != OPCODE_QUERY)) {
		reply(q, RCODE_NOTIMP);
		if (opcode == OPCODE_NOTIFY || opcode == OPCODE_UPDATE)
			hand(q);
		return;
	}
	if (unlikely(!parse_rest(q, dns, len, at + 4))) {
		q->question_end = 0;
		q->edns &= EDNS_PRESENT;
		reply(q, RCODE_FORMERR);
		return;
	}
	if (unlikely(q->verdict != VERDICT_LOOKUP || q->qclass != CLASS_IN ||
	             q->qtype >= 128 || q->qtype == RRTYPE_OPT || q->qtype == 0))
		classify(q, p);
}
