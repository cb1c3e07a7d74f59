#include "control/net/dispatch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/must.h"
#include "control/net/answer.h"
#include "control/zone/soa.h"
#include "shared/cacheline.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	UDP_LEAST = 512,
	EXPIRE_SIZE = 4,
	PLAIN_ROOM = UINT16_MAX,
	/* The widest load of the responder goes so far beyond a message. */
	PLAIN_SIZE = PLAIN_ROOM + 2 * CACHE_LINE + 1 + TSIG_ROOM_MAX,
};

struct dispatch {
	struct requests requests; /* first: dispatch_of() */
	const struct config *config;
	struct table_source *source;
	struct keyring *keyring;
	struct responder
		*responder; /* without a hand: what comes here is not handed over again */
	struct counters *uncounted; /* has been counted by whom it was handed over by */
	struct {
		dispatch_fn *fn;
		void *arg;
	} handlers[DISPATCH_KINDS];
	struct message_walk walk;
	uint8_t *plain; /* a question, and its answer */
};

STATIC_ASSERT(offsetof(struct dispatch, requests) == 0, "dispatch_of()");

/* ---- reading ---- */

/* Reads through all of it, and finds the OPT record, of which there is one at most. */
static int read_all(struct dispatch *d, struct request *r, const struct message *m)
{
	struct message_record record;
	int err;

	message_walk_begin(&d->walk, m);
	while ((err = message_next(&d->walk, &record)) == 0) {
		if (record.section != SECTION_ADDITIONAL || record.type != RRTYPE_OPT)
			continue;
		if (r->opt.there)
			return ERR_CORRUPT;
		TRY(opt_read(&record, &r->opt));
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

/* What the client takes over UDP, and what we send at most (RFC 6891 §6.2.5). */
static void limit_room(const struct dispatch *d, struct request *r)
{
	unsigned most =
		r->client.is_ipv4 ? d->config->udp_max_ipv4 : d->config->udp_max_ipv6;
	unsigned room =
		r->opt.there && r->opt.udp_size > UDP_LEAST ? r->opt.udp_size : UDP_LEAST;

	if (r->client.transport != TRANSPORT_UDP)
		return;
	if (room > most)
		room = most;
	if (room < r->room)
		r->room = (uint16_t)room;
}

/* Gives DISPATCH_KINDS for what is a question like any other. */
static enum dispatch_kind kind_of(const struct request *r, const struct message *m)
{
	switch (m->opcode) {
	case OPCODE_NOTIFY: return DISPATCH_NOTIFY;
	case OPCODE_UPDATE: return DISPATCH_UPDATE;
	case OPCODE_QUERY: break;
	default: return DISPATCH_KINDS;
	}
	/* AXFR is never over UDP, RFC 5936 §4.2. */
	if (m->qtype == RRTYPE_IXFR ||
	    (m->qtype == RRTYPE_AXFR && r->client.transport == TRANSPORT_TCP))
		return DISPATCH_TRANSFER;
	if (m->qtype == RRTYPE_SOA && r->opt.expire_asked)
		return DISPATCH_EXPIRE;
	return DISPATCH_KINDS;
}

/* ---- answering ---- */

static void try_plain(void *arg);

/* Puts the EXPIRE option (RFC 7314 §3) into an answer with an SOA and an OPT record at its end, where there is
 * room. Gives the new length. */
static uint16_t put_expire(struct dispatch *d, const struct request *request,
                           uint8_t *bytes, uint16_t len)
{
	struct message m;
	struct message_record r;
	uint8_t option[OPTION_HEADER + EXPIRE_SIZE];
	bool known = false;

	if (len + sizeof option > request->room || message_open(bytes, len, &m) < 0)
		return len;
	message_walk_begin(&d->walk, &m);
	while (message_next(&d->walk, &r) == 0) {
		if (r.section == SECTION_ANSWER && r.type == RRTYPE_SOA &&
		    r.rdata_len > SOA_EXPIRE) {
			wire_store16(option, OPTION_EXPIRE);
			wire_store16(option + 2, EXPIRE_SIZE);
			uint32_t expire = soa_number(r.rdata, r.rdata_len, SOA_EXPIRE);
			if (expire > request->expire_at_most)
				expire = request->expire_at_most;
			wire_store32(option + OPTION_HEADER, expire);
			known = true;
		}
		if (r.type != RRTYPE_OPT || !known ||
		    r.at + OPT_FIXED + r.rdata_len != len)
			continue;
		wire_store16(bytes + r.at + OPT_FIXED - 2,
		             (uint16_t)(r.rdata_len + sizeof option));
		memcpy(bytes + len, option, sizeof option);
		return (uint16_t)(len + sizeof option);
	}
	return len;
}

/* By the responder that answers all other questions. */
static void answer_plain(struct dispatch *d, struct request *r)
{
	struct pkt p = {
		.dns = d->plain, .len = r->len, .room = r->room, .client = r->client};
	int err = 0;

	memcpy(d->plain, r->bytes, r->len);
	bool answered = answer_burst(d->responder, d->source, &p, 1) && p.len;
	if (answered && r->tells_expire)
		p.len = put_expire(d, r, p.dns, p.len);
	if (answered)
		err = request_answer(r, p.dns, p.len);
	if (err == ERR_FULL)
		request_when_room(r, try_plain, r);
	else
		request_done(&r);
}

static struct dispatch *dispatch_of(const struct request *r)
{
	return (struct dispatch *)(void *)r->all;
}

static void try_plain(void *arg)
{
	struct request *r = arg;

	if (request_is_gone(r))
		request_done(&r);
	else
		answer_plain(dispatch_of(r), r);
}

void dispatch_answer(struct dispatch *d, struct request **request)
{
	struct request *r = *request;

	*request = NULL;
	answer_plain(d, r);
}

/* Reads it through. Gives the rcode to answer with when it may not go on; RCODE_NOERROR: it may. */
static unsigned examine(struct dispatch *d, struct request *r, struct message *m)
{
	if (message_open(r->bytes, r->len, m) < 0 || read_all(d, r, m) < 0)
		return RCODE_FORMERR;
	limit_room(d, r);
	return RCODE_NOERROR;
}

static void count_denied(struct dispatch *d, enum tsig_error error)
{
	struct transfer_figures *f = &d->source->transfers;

	switch (error) {
	case TSIG_BADKEY: figure_add(f, FIGURE_TSIG_BADKEY, 1); break;
	case TSIG_BADTIME: figure_add(f, FIGURE_TSIG_BADTIME, 1); break;
	case TSIG_BADTRUNC: figure_add(f, FIGURE_TSIG_BADTRUNC, 1); break;
	case TSIG_OK:
	case TSIG_BADSIG: figure_add(f, FIGURE_TSIG_BADSIG, 1); break;
	}
}

/* Likewise, of who has signed it. */
static unsigned verify(struct dispatch *d, struct request *r, struct message *m)
{
	int err = tsig_take_request(&r->tsig, d->keyring, r->bytes, &r->len,
	                            (uint64_t)time(NULL));
	if (err == ERR_DENIED) {
		count_denied(d, r->tsig.error);
		return RCODE_NOTAUTH;
	}
	if (err != ERR_NOTFOUND && (err < 0 || message_open(r->bytes, r->len, m) < 0))
		return RCODE_FORMERR;
	return r->opt.there && r->opt.version > 0 ? RCODE_BADVERS : RCODE_NOERROR;
}

bool dispatch_verify(struct request **request, struct message *m)
{
	unsigned rcode = verify(dispatch_of(*request), *request, m);

	if (rcode != RCODE_NOERROR)
		request_reply(request, rcode, REQUEST_NO_EDE);
	return rcode == RCODE_NOERROR;
}

static void deal_with(struct dispatch *d, struct request *r)
{
	struct message m;
	unsigned rcode = examine(d, r, &m);

	if (rcode != RCODE_NOERROR) {
		request_reply(&r, rcode, REQUEST_NO_EDE);
		return;
	}
	enum dispatch_kind kind = kind_of(r, &m);
	bool is_known = kind != DISPATCH_KINDS && d->handlers[kind].fn;
	if (!(is_known && kind == DISPATCH_UPDATE) && !dispatch_verify(&r, &m))
		return;
	if (is_known)
		d->handlers[kind].fn(d->handlers[kind].arg, &r, &m);
	else
		answer_plain(d, r);
}

static void on_turn(void *arg)
{
	struct request *r = arg;

	/* A client that has gone does not want its question answered, but an update done: RFC 2136 says that
	 * it does not depend on the answer being heard. */
	deal_with(dispatch_of(r), r);
}

void dispatch_put(struct dispatch *d, struct request **request)
{
	struct request *r = *request;

	*request = NULL;
	turns_put(&d->requests.turns, &r->turn, on_turn, r);
}

/* ---- the dispatcher ---- */

struct requests *dispatch_requests(struct dispatch *d)
{
	return &d->requests;
}

void dispatch_set(struct dispatch *d, enum dispatch_kind kind, dispatch_fn *fn, void *arg)
{
	d->handlers[kind].fn = fn;
	d->handlers[kind].arg = arg;
}

int dispatch_open(uv_loop_t *loop, const struct config *config,
                  struct table_source *source, struct keyring *keyring,
                  struct dispatch **out)
{
	struct dispatch *d = must(calloc(1, sizeof *d));

	d->uncounted = must(cacheline_new(sizeof *d->uncounted));
	d->responder = responder_new(d->uncounted);
	if (!d->responder) {
		free(d->uncounted);
		free(d);
		return ERR_NOMEM;
	}
	responder_log_to(d->responder, source->log);
	d->config = config;
	d->source = source;
	d->keyring = keyring;
	d->plain = must(malloc(PLAIN_SIZE));
	turns_open(&d->requests.turns, loop);
	*out = d;
	return 0;
}

void dispatch_configure(struct dispatch *d, const struct config *next)
{
	d->config = next;
}

static void free_dispatch(struct requests *all)
{
	struct dispatch *d = (struct dispatch *)(void *)all;

	free(d->plain);
	free(d->uncounted);
	free(d);
}

/* A request may be with a thread of the pool still. */
static void on_closed(uv_handle_t *handle)
{
	struct dispatch *d = handle->data;

	if (d->requests.count)
		d->requests.last = free_dispatch;
	else
		free_dispatch(&d->requests);
}

/* Of those that wait for their turn: nobody else has them, for whoever deals with requests has closed. */
static void drop_waiting(struct dispatch *d)
{
	const struct turns *turns = &d->requests.turns;

	while (turns->first) {
		struct request *r = turns->first->arg;
		request_done(&r);
	}
}

void dispatch_close(struct dispatch **dispatch)
{
	struct dispatch *d = *dispatch;

	*dispatch = NULL;
	if (!d)
		return;
	responder_free(d->responder);
	drop_waiting(d);
	turns_close(&d->requests.turns, on_closed, d);
}
