/*
 * A burst goes through in stages, each over all its messages, so that the cache misses of one
 * message hide behind the work on the others (group prefetching, Chen et al., "Improving hash
 * join performance through prefetching", 2004):
 *
 *      parse, hash        asks for each bucket, and for where the reply will end
 *      match tags         asks for each candidate node
 *      compare the name   asks for the fragment, if the answer is not in the node itself
 *      closest encloser   of missing names; asks for the zone
 *      cover              of missing names in signed zones (search.h); asks for the record
 *      write
 */
#include "dataplane/respond/respond.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/respond/answer.h"
#include "dataplane/respond/chaos.h"
#include "dataplane/respond/cookie.h"
#include "dataplane/respond/edns.h"
#include "dataplane/respond/nsec3hash.h"
#include "dataplane/respond/plain.h"
#include "dataplane/respond/query.h"
#include "shared/cacheline.h"
#include "shared/clock.h"
#include "shared/histogram.h"
#include "shared/qlog.h"
#include "shared/wire.h"

enum {
	ONE_A_RR = 16, /* bytes of an A record whose owner is a pointer */
};

/* What is counted by message: of many counters, each burst touches a few. */
struct tally {
	unsigned noerror; /* what most are counts without a list */
	unsigned nxdomain;
	unsigned count; /* of those touched */
	uint8_t touched[COUNTER_COUNT + 1];
	uint8_t value[COUNTER_COUNT]; /* at most BURST_MAX */
};
STATIC_ASSERT((int)COUNTER_COUNT < UINT8_MAX, "an index fits in touched");
STATIC_ASSERT((int)BURST_MAX == 1 << (BURST_SIZES - 1), "every size has a bucket");

struct responder {
	struct query queries[BURST_MAX];
	struct counters *counters;
	struct qlog_ring *log; /* or NULL */
	responder_hand *hand;  /* or NULL */
	void *hand_arg;
	const struct table_settings *settings;
	struct tally tally; /* of the present burst */
	struct snapshot snapshot;
	struct zone_memo zones;
	struct answer answer;    /* of the present message */
	struct path_guess guess; /* the last closest encloser */
	uint32_t now;
	uint32_t bursts;
	uint32_t until_logged; /* messages */
};

struct responder *responder_new(struct counters *counters)
{
	struct responder *r = cacheline_new(sizeof *r);

	if (!r)
		abort();
	r->counters = counters;
	return r;
}

void responder_free(struct responder *r)
{
	free(r);
}

void responder_count_in(struct responder *r, struct counters *counters)
{
	r->counters = counters;
}

void responder_log_to(struct responder *r, struct qlog_ring *ring)
{
	r->log = ring;
}

void responder_hand_to(struct responder *r, responder_hand *hand, void *arg)
{
	r->hand = hand;
	r->hand_arg = arg;
}

/* ---- counting ---- */

static ALWAYS_INLINE void count(struct responder *r, enum counter_index i, uint64_t n)
{
	counter_add(r->counters, i, n);
}

/* Counts one, at the end of the burst. Without a branch: types of queries come in no order. */
static ALWAYS_INLINE void tally(struct responder *r, unsigned i)
{
	struct tally *t = &r->tally;

	t->touched[t->count] = (uint8_t)i;
	t->count += t->value[i]++ == 0;
}

static void flush_tally(struct responder *r)
{
	struct tally *t = &r->tally;

	for (unsigned n = 0; n < t->count; n++) {
		unsigned i = t->touched[n];
		counter_add(r->counters, i, t->value[i]);
		t->value[i] = 0;
	}
	count(r, COUNTER_rcode_noerror, t->noerror);
	count(r, COUNTER_rcode_nxdomain, t->nxdomain);
	t->noerror = t->nxdomain = t->count = 0;
}

static void tally_rcode(struct responder *r, unsigned rcode)
{
	static const uint8_t counters[] = {
		[RCODE_NOERROR] = COUNTER_rcode_noerror,
		[RCODE_FORMERR] = COUNTER_rcode_formerr,
		[RCODE_SERVFAIL] = COUNTER_rcode_servfail,
		[RCODE_NXDOMAIN] = COUNTER_rcode_nxdomain,
		[RCODE_NOTIMP] = COUNTER_rcode_notimp,
		[RCODE_REFUSED] = COUNTER_rcode_refused,
	};

	tally(r, rcode < ARRAY_LEN(counters) ? counters[rcode]
	                                     : (unsigned)COUNTER_rcode_other);
}

static ALWAYS_INLINE void tally_type(struct responder *r, const struct query *q)
{
	/* One more than the type's index, so that 0 is for all that are not listed. */
	static const uint8_t listed[] = {
#define COUNTED_TYPE(number, name) [number] = COUNTED_##name + 1,
#include "shared/counted_types.def"
#undef COUNTED_TYPE
	};
	unsigned type = COUNTED_NONE;

	if (likely(q->question_end != 0)) {
		unsigned at = q->qtype < ARRAY_LEN(listed) ? listed[q->qtype] : 0;
		type = at ? at - 1 : (unsigned)COUNTED_OTHER;
	}
	tally(r, COUNTER_TYPE + type);
}

static void count_time(struct responder *r, uint64_t ns)
{
	counter_add(r->counters,
	            COUNTER_BURST_TIME +
	                    histogram_bucket(ns, BURST_TIME_LOW, BURST_TIMES),
	            1);
	count(r, COUNTER_timed_ns, ns);
}

/* ---- cookies ---- */

/* RFC 7873 §5.2: whether the client has shown before that it receives what is sent to it. */
static NEVER_INLINE void check_cookie(struct responder *r, const struct pkt *p,
                                      const struct query *q)
{
	const struct client *c = &p->client;
	const uint8_t *addr = c->is_ipv4 ? c->addr + 12 : c->addr;
	size_t addr_len = c->is_ipv4 ? 4 : 16;

	count(r, COUNTER_cookies, 1);
	if (q->cookie_server_len != COOKIE_LEN || !r->settings->cookies)
		return;
	if (cookie_check(r->settings->cookie_secret, q->cookie_client, r->now, addr,
	                 addr_len, q->cookie_server) ||
	    cookie_check(r->settings->cookie_secret_previous, q->cookie_client, r->now,
	                 addr, addr_len, q->cookie_server))
		count(r, COUNTER_cookies_valid, 1);
}

/* ---- stages ---- */

/* The rest of a long query, up to three lines in all: a loop would cost a mispredicted branch. */
static ALWAYS_INLINE void prefetch_rest(const struct pkt pkts[], unsigned i, unsigned n)
{
	enum { AHEAD = 4 };

	if (i + AHEAD >= n || likely(pkts[i + AHEAD].len <= CACHE_LINE))
		return;
	const struct pkt *p = &pkts[i + AHEAD];
	prefetch_write(p->dns + CACHE_LINE);
	prefetch_write(p->dns + p->len);
}

static ALWAYS_INLINE void prefetch_bucket(const struct snapshot *s, struct query *q,
                                          const struct pkt *p)
{
	q->bucket = table_bucket_of(s, q->hash);
	prefetch_read(q->bucket);
	prefetch_write(p->dns + p->len + ONE_A_RR);
}

/* Hands a message over, or finds that it has to do without. */
static NEVER_INLINE void hand_over(struct responder *r, const struct pkt *p,
                                   struct query *q)
{
	if (r->hand && r->hand(r->hand_arg, p)) {
		count(r, COUNTER_handed_over, 1);
		return;
	}
	if (r->hand)
		count(r, COUNTER_dropped_hand, 1);
	if (!r->hand || q->otherwise == VERDICT_LOOKUP)
		q->verdict = q->otherwise;
	if (q->verdict == VERDICT_LOOKUP)
		prefetch_bucket(&r->snapshot, q, p);
}

/* Messages are asked for some ahead of their parsing: the processor drops requests for memory, or
 * makes them wait, when too many come at once. */
static ALWAYS_INLINE void stage_parse(struct responder *r, struct pkt pkts[], unsigned n)
{
	enum { AHEAD = 8 };
	const struct snapshot *s = &r->snapshot;
	uint64_t bytes = 0;
	unsigned ipv4 = 0;
	unsigned tcp = 0;
	unsigned edns = 0;
	unsigned dnssec = 0;

	for (unsigned i = 0; i < n && i < AHEAD; i++)
		prefetch_write(pkts[i].dns);
	for (unsigned i = 0; i < n; i++) {
		struct query *q = &r->queries[i];
		const struct pkt *p = &pkts[i];
		if (i + AHEAD < n)
			prefetch_write(pkts[i + AHEAD].dns);
		prefetch_rest(pkts, i, n);
		query_parse(q, p, &s->hash_key);
		if (likely(q->verdict == VERDICT_LOOKUP))
			prefetch_bucket(s, q, p);
		else if (q->verdict == VERDICT_HAND)
			hand_over(r, p, q);
		tally_type(r, q);
		if (unlikely(q->edns & EDNS_COOKIE))
			check_cookie(r, p, q);
		bytes += p->len;
		ipv4 += p->client.is_ipv4;
		tcp += p->client.transport == TRANSPORT_TCP;
		edns += (q->edns & EDNS_PRESENT) != 0;
		dnssec += (q->edns & EDNS_DO) != 0;
	}
	count(r, COUNTER_queries, n);
	count(r, COUNTER_bytes_in, bytes);
	count(r, COUNTER_ipv4, ipv4);
	count(r, COUNTER_ipv6, n - ipv4);
	count(r, COUNTER_tcp, tcp);
	count(r, COUNTER_edns, edns);
	count(r, COUNTER_dnssec_ok, dnssec);
}

static ALWAYS_INLINE void stage_match(struct responder *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct query *q = &r->queries[i];
		if (likely(q->verdict == VERDICT_LOOKUP))
			q->candidate = table_candidate(&r->snapshot, q->bucket, q->hash);
	}
}

/* The name is missing: asks for the bucket that will confirm the guessed encloser. */
static ALWAYS_INLINE void prefetch_encloser(const struct responder *r,
                                            const struct query *q)
{
	unsigned labels = r->guess.labels + 1U;

	if (labels >= q->labels)
		return;
	const uint8_t at = q->label_at[q->labels - labels];
	uint64_t hash = name_hash_suffix(&r->snapshot.hash_key, &q->steps, q->name + at,
	                                 (size_t)q->name_len - at);
	prefetch_read(table_bucket_of(&r->snapshot, hash));
}

/* The name has a node: is the answer a plain one? */
static ALWAYS_INLINE void find_entry(const struct snapshot *s, struct query *q)
{
	const struct table_entry *e = node_entry(q->node, q->qtype);

	if (!e)
		q->denies = plain_no_data(q) ? q->node->zone : 0;
	else if (likely(plain_entry_is_answer(q, e)))
		q->simple = e;
	else if (e->flags & ENTRY_FRAGMENT)
		prefetch_read(table_at(s->base, e->ref));
}

/* Gives the number of names that are missing; missing: which. */
static ALWAYS_INLINE unsigned stage_find(struct responder *r, const struct pkt pkts[],
                                         unsigned n, struct query *missing[])
{
	const struct snapshot *s = &r->snapshot;
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		struct query *q = &r->queries[i];
		q->simple = NULL;
		q->denies = 0;
		q->reply_len = 0;
		if (unlikely(q->verdict != VERDICT_LOOKUP))
			continue;
		q->node = table_find_from(s, q->candidate, q->hash, q->name, q->name_len);
		if (likely(q->node && !(q->node->flags & NODE_VOID))) {
			find_entry(s, q);
			continue;
		}
		q->node = NULL;
		q->encloser = NULL;
		q->cover.found = 0;
		prefetch_encloser(r, q);
		prefetch_write(pkts[i].dns + pkts[i].len + CACHE_LINE);
		missing[count++] = q;
	}
	return count;
}

/* Of n missing names, the closest encloser. Keeps in missing those that want proof, and gives how
 * many they are. */
static NEVER_INLINE unsigned stage_encloser(struct responder *r, struct query *missing[],
                                            unsigned n)
{
	const struct snapshot *s = &r->snapshot;
	unsigned unproven = 0;

	for (unsigned i = 0; i < n; i++) {
		struct query *q = missing[i];
		struct path path;
		unsigned labels;
		if (q->labels == 0)
			continue;
		path_of_query(&path, q);
		q->encloser = path_encloser(s, &path, q->labels - 1U, r->guess, &labels);
		if (!q->encloser)
			continue;
		q->encloser_labels = (uint8_t)labels;
		r->guess = (struct path_guess){.labels = labels, .node = q->encloser};
		prefetch_read(table_at(s->base, q->encloser->zone));
		if (plain_no_name(q))
			q->denies = q->encloser->zone;
		if ((q->edns & EDNS_DO) && !(q->encloser->flags & PLAIN_NOT_BELOW))
			missing[unproven++] = q;
	}
	return unproven;
}

/* About how long the answer will be that denies a name of the zone. */
static uint16_t expected_len(const struct query *q, const struct table_zone_version *v)
{
	enum { COVER_LEN = 200 }; /* with one signature */
	unsigned at = v->nxdomain_at ? v->nxdomain_at : v->soa_at;
	const struct table_fragment *f = table_zone_fragment(v, (uint16_t)at);
	unsigned len = q->question_end + (unsigned)f->plain_len + f->do_len + COVER_LEN;

	return (uint16_t)(len < q->udp_size ? len : q->udp_size);
}

/* Where a long answer will stand. */
static ALWAYS_INLINE void prefetch_reply(const struct pkt *p, const struct query *q)
{
	for (unsigned at = 2 * CACHE_LINE; at < q->reply_len; at += CACHE_LINE)
		prefetch_write(p->dns + at);
}

/* Puts the key of the record that denies a missing name into its search. Hashing takes long enough
 * to hide the requests for all of the reply's lines; else the search makes them. */
static void cover_begin(struct query *q, const struct table_zone_version *v,
                        const struct pkt *p)
{
	struct search *c = &q->cover;

	q->reply_len = expected_len(q, v);
	c->reply_lines = 0;
	if (v->flags & ZONE_NSEC) {
		c->reply = p->dns + (size_t)2 * CACHE_LINE;
		if (q->reply_len > 2 * CACHE_LINE)
			c->reply_lines = (uint16_t)((q->reply_len - 1) / CACHE_LINE - 1);
		c->key_len = (uint16_t)name_folded_to_key(
			q->name, q->label_at, q->labels - (unsigned)v->apex_labels,
			v->apex_len, c->key);
		return;
	}
	prefetch_reply(p, q);
	const uint8_t *closer = q->name + q->label_at[q->labels - q->encloser_labels - 1];
	nsec3_hash(closer, (size_t)(q->name + q->name_len - closer), v->salt, v->salt_len,
	           v->nsec3_iterations, c->key);
	c->key_len = NSEC3_HASH_LEN;
}

/* Of n missing names, the record that covers each, where the zone is signed. */
static NEVER_INLINE void stage_cover(struct responder *r, const struct pkt pkts[],
                                     struct query *missing[], unsigned n)
{
	const struct snapshot *s = &r->snapshot;
	struct search *searches[BURST_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		struct query *q = missing[i];
		const struct table_zone_version *v =
			zone_recall(&r->zones, s, q->encloser->zone);
		if (v->denial_root == 0)
			continue;
		cover_begin(q, v, &pkts[q - r->queries]);
		search_begin(&q->cover, s->base, v->denial_root);
		searches[count++] = &q->cover;
	}
	search_run(searches, count, s->base);
}

/* ---- writing ---- */

static void put_header(uint8_t *dns, const struct answer *a, bool question)
{
	uint8_t flags = (uint8_t)((dns[2] & DNS_FLAGS_KEPT) | DNS_FLAG_QR);

	if (a->aa)
		flags |= DNS_FLAG_AA;
	if (a->truncated)
		flags |= DNS_FLAG_TC;
	dns[2] = flags;
	dns[3] = a->rcode & 0x0f;
	wire_store16(dns + 4, question);
	wire_store16(dns + 6, a->e.counts[SECTION_ANSWER]);
	wire_store16(dns + 8, a->e.counts[SECTION_AUTHORITY]);
	wire_store16(dns + 10, a->e.counts[SECTION_ADDITIONAL]);
}

/* false: the answer is not plain. */
static ALWAYS_INLINE bool put_plain(struct responder *r, struct pkt *p,
                                    const struct query *q)
{
	if (likely(q->simple)) {
		if (unlikely(!plain_write_entry(p, q, r->settings)))
			return false;
		r->tally.noerror++;
		return true;
	}
	if (q->denies == 0)
		return false;
	const struct table_zone_version *v =
		zone_recall(&r->zones, &r->snapshot, q->denies);
	bool wants_proof = (q->edns & EDNS_DO) && v->denial_root != 0;
	if (wants_proof ? q->node || !plain_write_denial(p, q, r->settings, v,
	                                                 r->snapshot.base)
	                : !plain_write_negative(p, q, r->settings, v))
		return false;
	r->tally.noerror += q->node != NULL;
	r->tally.nxdomain += q->node == NULL;
	return true;
}

static void answer_begin(struct responder *r, struct answer *a, const struct pkt *p,
                         const struct query *q)
{
	unsigned limit = edns_limit(q, r->settings, &p->client);

	if (limit > p->room)
		limit = p->room;
	a->s = &r->snapshot;
	a->q = q;
	a->e.dns = p->dns;
	a->e.at = q->question_end ? q->question_end : DNS_HEADER_LEN;
	a->e.limit = (uint16_t)(limit - edns_reserve(q, r->settings, &p->client));
	a->e.room = p->room;
	memset(a->e.counts, 0, sizeof a->e.counts);
	a->e.dnssec = (q->edns & EDNS_DO) != 0;
	a->subject.name = q->name;
	a->subject.hash = q->hash;
	a->subject.at = DNS_QUESTION_AT;
	a->subject.name_len = q->name_len;
	a->subject.chased = false;
	a->zone = 0;
	a->zones = &r->zones;
	a->rcode = q->rcode;
	a->ede = 0;
	a->tcp = p->client.transport == TRANSPORT_TCP;
	a->aa = false;
	a->truncated = false;
	a->chain = 0;
	a->ndenials = 0;
	a->own_denial = 0;
	a->ndnames = 0;
	a->additional = NULL;
}

static void answer_end(struct responder *r, struct answer *a, struct pkt *p)
{
	const struct query *q = a->q;

	p->len = a->e.at;
	if (q->edns & EDNS_PRESENT) {
		struct edns_reply reply = {
			.rcode_high = a->rcode >> 4,
			.ede = a->ede,
			.now = r->now,
		};
		p->len = (uint16_t)(p->len + edns_write(p->dns + p->len, q, r->settings,
		                                        &p->client, &reply));
		a->e.counts[SECTION_ADDITIONAL]++;
	}
	put_header(p->dns, a, q->question_end != 0);
	tally_rcode(r, a->rcode);
}

static void count_drop(struct responder *r, const struct query *q, const struct pkt *p)
{
	if (q->verdict == VERDICT_HAND)
		return; /* it has been counted */
	count(r,
	      p->len < DNS_HEADER_LEN ? COUNTER_dropped_runt : COUNTER_dropped_response,
	      1);
}

static ALWAYS_INLINE void stage_write(struct responder *r, struct pkt pkts[], unsigned n)
{
	enum { AHEAD = 4 };
	struct answer *a = &r->answer;
	uint64_t bytes = 0;
	unsigned dropped = 0;
	unsigned truncated = 0;
	unsigned referrals = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct query *q = &r->queries[i];
		struct pkt *p = &pkts[i];
		if (i + AHEAD < n && unlikely(r->queries[i + AHEAD].reply_len > 0))
			prefetch_reply(&pkts[i + AHEAD], &r->queries[i + AHEAD]);
		if (likely(put_plain(r, p, q))) {
			bytes += p->len;
			continue;
		}
		if (unlikely(q->verdict >= VERDICT_DROP)) {
			count_drop(r, q, p);
			p->len = 0;
			dropped++;
			continue;
		}
		answer_begin(r, a, p, q);
		if (likely(q->verdict == VERDICT_LOOKUP))
			answer_run(a, q->node);
		else if (q->verdict == VERDICT_CHAOS)
			a->rcode = (uint8_t)chaos_answer(&a->e, q, r->settings);
		answer_end(r, a, p);
		bytes += p->len;
		truncated += a->truncated;
		referrals += !a->aa && a->e.counts[SECTION_AUTHORITY] > 0;
	}
	count(r, COUNTER_responses, n - dropped);
	count(r, COUNTER_bytes_out, bytes);
	count(r, COUNTER_truncated, truncated);
	count(r, COUNTER_referrals, referrals);
}

/* ---- logging ---- */

static uint8_t log_flags(const struct pkt *p, const struct query *q)
{
	return (uint8_t)((p->client.transport == TRANSPORT_TCP ? QLOG_TCP : 0) |
	                 (q->edns & EDNS_PRESENT ? QLOG_EDNS : 0) |
	                 (q->edns & EDNS_DO ? QLOG_DO : 0) |
	                 (p->dns[2] & DNS_FLAG_RD ? QLOG_RD : 0) |
	                 (p->dns[2] & DNS_FLAG_AA ? QLOG_AA : 0) |
	                 (p->dns[2] & DNS_FLAG_TC ? QLOG_TC : 0));
}

static void log_message(struct responder *r, const struct pkt *p, const struct query *q,
                        uint64_t now)
{
	struct qlog_record *to = qlog_reserve(r->log);

	if (!to) {
		count(r, COUNTER_log_lost, 1);
		return;
	}
	to->time = now;
	memcpy(to->addr, p->client.addr, sizeof to->addr);
	to->port = p->client.port;
	to->rcode =
		(uint16_t)(q->rcode == RCODE_BADVERS ? RCODE_BADVERS : p->dns[3] & 0x0f);
	to->len = p->len;
	to->flags = log_flags(p, q);
	to->name_len = 0;
	if (q->question_end != 0) {
		to->qtype = q->qtype;
		to->qclass = q->qclass;
		to->name_len = q->name_len;
		memcpy(to->name, q->name, q->name_len);
	}
	qlog_commit(r->log);
}

/* Each N-th message of all that came, the unanswered as well, which are not logged. */
static NEVER_INLINE void log_burst(struct responder *r, const struct pkt pkts[],
                                   unsigned n, uint32_t every)
{
	struct timespec t;
	uint32_t at = r->until_logged < every ? r->until_logged : every - 1;

	if (at < n) {
		(void)clock_gettime(CLOCK_REALTIME, &t);
		uint64_t now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
		for (; at < n; at += every)
			if (pkts[at].len > 0)
				log_message(r, &pkts[at], &r->queries[at], now);
	}
	r->until_logged = at - n;
}

static ALWAYS_INLINE uint32_t log_every(const struct responder *r)
{
	return r->log ? atomic_load_explicit(&r->log->every, memory_order_relaxed) : 0;
}

static ALWAYS_INLINE void answer_all(struct responder *r, struct pkt pkts[], unsigned n)
{
	struct query *missing[BURST_MAX];

	stage_parse(r, pkts, n);
	stage_match(r, n);
	unsigned unknown = stage_find(r, pkts, n, missing);
	if (unknown > 0)
		unknown = stage_encloser(r, missing, unknown);
	if (unknown > 0)
		stage_cover(r, pkts, missing, unknown);
	stage_write(r, pkts, n);
}

HOT void respond_burst(struct responder *r, const struct table *table, uint32_t now,
                       struct pkt pkts[], unsigned n)
{
	bool timed = r->bursts++ % BURST_TIMED_IN == 0;
	uint64_t start = unlikely(timed) ? clock_now_ns() : 0;

	table_snapshot(table, &r->snapshot);
	r->settings = table_settings_at(table, &r->snapshot);
	r->now = now;
	r->zones.zone = 0;
	r->guess.node = NULL;
	answer_all(r, pkts, n);
	count(r, COUNTER_bursts, 1);
	counter_add(r->counters, COUNTER_BURST_SIZE + histogram_bucket(n, 0, BURST_SIZES),
	            1);
	flush_tally(r);
	uint32_t every = log_every(r);
	if (unlikely(every))
		log_burst(r, pkts, n, every);
	if (unlikely(timed))
		count_time(r, clock_now_ns() - start);
}
