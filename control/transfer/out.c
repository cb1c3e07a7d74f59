#include "control/transfer/out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/serial.h"
#include "control/engine.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/net/client_counts.h"
#include "control/net/dispatch.h"
#include "control/transfer/cache.h"
#include "control/transfer/check_out.h"
#include "control/transfer/pack.h"
#include "control/transfer/refresh.h"
#include "control/zone/soa.h"
#include "shared/address.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	TURN_MESSAGES = 64, /* of one transfer, until others have their turn */
	WATCH_MS = 250,
	LEAST_OCTETS = 64 << 10, /* in tcp.write-timeout */
	DATAGRAMS_MAX = 16,      /* at once, whoever they say that they come from */
	CHUNK = 2 * (2 + MESSAGE_MAX),
	FLAGS_AT = 2,
	ARCOUNT_AT = 10,
	OUR_UDP_SIZE = 1232,
	TSIG_FIXED = 52, /* but for the names of keys, and MACs */
};

/* One that somebody is given. */
struct transfer {
	struct transfer *prev;
	struct transfer *next;
	struct transfers_out *all;
	struct request *request;
	struct out_check check;
	bool checking;         /* on the pool: it has to come back */
	struct packed *packed; /* once it is known what is sent */
	uint64_t at;           /* octets of the spool that are sent */
	size_t messages;
	uint64_t octets;
	uint16_t question_len;
	bool tells_expire;
	bool awaits;        /* more of the spool */
	uint64_t began_ms;  /* by clock_now_ms() */
	uint64_t window_ms; /* when it was last looked at how much was taken */
	uint64_t window_octets;
};

struct transfers_out {
	const struct transfer_parts *parts;
	const struct refresh *refresh;
	const struct config *config;
	struct pack_cache *cache;
	struct client_counts *clients;
	struct log_share refusals;
	struct log_share answers; /* over UDP */
	struct transfer *first;
	unsigned count;     /* over streams */
	unsigned datagrams; /* the others */
	struct message_walk walk;
	uv_async_t grew;
	uv_timer_t watch;
	unsigned handles;
	bool closing;
	uint8_t chunk[CHUNK];
	uint8_t message[MESSAGE_MAX];
};

static void pump(void *arg);
static void close_when_idle(struct transfers_out *all);

/* ---- a transfer's end ---- */

static void say(const struct transfer *t, const char *what)
{
	char name[NAME_TEXT_MAX];
	char from[ADDRESS_HOST_MAX];

	address_bytes_host(t->check.address, from);
	log_info("transfer of %s to %s: %s", name_to_text(t->check.name, name), from,
	         what);
}

static struct transfer_figures *figures(const struct transfers_out *all)
{
	return &engine_table(all->parts->engine)->transfers;
}

static void transfer_end(struct transfer *t)
{
	struct transfers_out *all = t->all;

	figure_add(figures(all), FIGURE_OUT_OCTETS, t->octets);
	figure_add(figures(all), FIGURE_OUT_MS, clock_now_ms() - t->began_ms);
	if (t->check.datagram) {
		all->datagrams--;
	} else {
		client_counts_remove(all->clients, t->check.address);
		all->count--;
	}
	packed_release(&t->packed);
	request_done(&t->request);
	out_check_fini(&t->check);
	if (t->prev)
		t->prev->next = t->next;
	else
		all->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	free(t);
}

/* Before anything was sent there is an answer; after that only the end of the connection says that it is not
 * the whole. */
static void transfer_fail(struct transfer *t, unsigned rcode, const char *why)
{
	figure_add(figures(t->all),
	           rcode == RCODE_SERVFAIL ? FIGURE_OUT_FAILED : FIGURE_OUT_REFUSED, 1);
	if (log_share_take(&t->all->refusals, clock_now_ms()))
		say(t, why);
	if (t->messages == 0)
		request_reply(&t->request, rcode, REQUEST_NO_EDE);
	else
		request_drop(&t->request);
	transfer_end(t);
}

static enum transfer_figure figure_of(const struct transfer *t)
{
	if (t->check.verdict == OUT_SINGLE)
		return FIGURE_OUT_SINGLE;
	return t->check.verdict == OUT_WHOLE ? FIGURE_OUT_WHOLE : FIGURE_OUT_DIFFERENCES;
}

/* What was sent, which is not always what was asked for. */
static const char *sent_text(const struct transfer *t)
{
	switch (t->check.verdict) {
	case OUT_DIFFERENCE: return "by IXFR";
	case OUT_WHOLE: return "by AXFR";
	case OUT_REFUSED:
	case OUT_SINGLE: break;
	}
	return "by its SOA alone";
}

static void transfer_finish(struct transfer *t)
{
	char text[160];

	figure_add(figures(t->all), figure_of(t), 1);
	/* Anybody can have as many of these asked for as he likes. */
	if (t->check.datagram && !log_share_take(&t->all->answers, clock_now_ms())) {
		transfer_end(t);
		return;
	}
	(void)snprintf(text, sizeof text,
	               "serial %" PRIu32 " %s, %zu messages, %" PRIu64 " octets, %" PRIu64
	               " ms",
	               t->check.serial, sent_text(t), t->messages, t->octets,
	               clock_now_ms() - t->began_ms);
	say(t, text);
	transfer_end(t);
}

/* ---- sending ---- */

/* Puts what depends on who asks into a message as it was packed, and the OPT record into the first. Gives its
 * length. */
static uint16_t fit_message(const struct transfer *t, uint8_t *message, uint16_t len)
{
	const struct request *r = t->request;
	uint16_t flags = MESSAGE_QR | MESSAGE_AA;
	const struct message_opt opt = {.there = true,
	                                .dnssec_ok = r->opt.dnssec_ok,
	                                .has_expire = t->tells_expire,
	                                .expire = t->check.expire,
	                                .udp_size = OUR_UDP_SIZE};

	/* The question has the length of the one that was packed. */
	wire_store16(message, wire_load16(r->bytes));
	flags |= wire_load16(r->bytes + FLAGS_AT) & MESSAGE_RD;
	wire_store16(message + FLAGS_AT, flags);
	memcpy(message + MESSAGE_HEADER, r->bytes + MESSAGE_HEADER, t->question_len);
	if (t->messages > 0 || !r->opt.there)
		return len;
	wire_store16(message + ARCOUNT_AT, 1);
	return (uint16_t)(len + opt_write(&opt, message + len));
}

/* Whether something is put behind a message. */
static bool gets_longer(const struct transfer *t)
{
	return t->messages == 0 || tsig_signs_reply(&t->request->tsig);
}

/* Writes to the message, and to nothing behind it. Gives what request_answer() gives. */
static int send_message(struct transfer *t, uint8_t *packed, uint16_t len)
{
	uint8_t *message = packed;

	if (gets_longer(t)) {
		message = t->all->message;
		memcpy(message, packed, len);
	}
	int err = request_answer(t->request, message, fit_message(t, message, len));
	if (err == 0) {
		t->messages++;
		t->octets += len;
	}
	return err;
}

/* Sends the whole messages of a chunk of the spool. Gives how many octets of it are done with; *err may be
 * that of request_answer(). */
static size_t send_chunk(struct transfer *t, size_t size, size_t *budget, int *err)
{
	uint8_t *chunk = t->all->chunk;
	size_t at = 0;
	uint16_t len;

	while (*budget > 0 && at + sizeof len <= size) {
		memcpy(&len, chunk + at, sizeof len);
		if (at + sizeof len + len > size)
			break;
		*err = send_message(t, chunk + at + sizeof len, len);
		if (*err < 0)
			break;
		at += sizeof len + len;
		--*budget;
	}
	return at;
}

enum pumped { PUMP_AGAIN, PUMP_AWAIT, PUMP_ENDED };

/* Sends what there is, as far as there is room for it. */
static int pump_spool(struct transfer *t, enum pumped *out)
{
	size_t budget = TURN_MESSAGES;
	bool ended = false;
	size_t n = 0;

	do {
		int err = 0;
		TRY(growing_read(packed_spool(t->packed), t->at, t->all->chunk, CHUNK, &n,
		                 &ended));
		size_t sent = send_chunk(t, n, &budget, &err);
		t->at += sent;
		*out = ended && sent == n ? PUMP_ENDED : n ? PUMP_AGAIN : PUMP_AWAIT;
		if (err < 0)
			return err;
	} while (budget > 0 && *out == PUMP_AGAIN && n > 0);
	return 0;
}

static void take_packed(struct transfer *t)
{
	const struct out_check *c = &t->check;
	struct packed_wanted w = {.id = c->id,
	                          .version = c->version,
	                          .whole = c->verdict == OUT_WHOLE,
	                          .from = c->have};

	memcpy(w.name, c->name, sizeof w.name);
	t->packed = packed_get(t->all->cache, &w);
}

/* Where there is no difference the zone is sent whole. It is packed once for all, whatever serials they say that
 * they have. */
static bool goes_on_whole(struct transfer *t, int err)
{
	if (err != ERR_NOTFOUND || t->check.verdict != OUT_DIFFERENCE || t->messages)
		return false;
	t->check.verdict = OUT_WHOLE;
	packed_release(&t->packed);
	take_packed(t);
	return true;
}

static void pump(void *arg)
{
	struct transfer *t = arg;
	enum pumped what = PUMP_AGAIN;

	t->awaits = false;
	int err = pump_spool(t, &what);
	if (goes_on_whole(t, err))
		err = pump_spool(t, &what);
	if (err == ERR_GONE) {
		transfer_fail(t, RCODE_SERVFAIL, "the connection ended");
	} else if (err < 0 && err != ERR_FULL) {
		transfer_fail(t, RCODE_SERVFAIL, err_text(err));
	} else if (err == 0 && what == PUMP_ENDED) {
		transfer_finish(t);
	} else if (err == 0 && what == PUMP_AWAIT) {
		t->awaits = true;
	} else {
		request_when_room(t->request, pump, t);
	}
}

/* The spool of some has grown. */
static void on_grew(uv_async_t *async)
{
	struct transfers_out *all = async->data;
	struct transfer *next;

	for (struct transfer *t = all->first; t; t = next) {
		next = t->next;
		if (t->awaits)
			pump(t);
	}
}

static void grew(void *arg)
{
	struct transfers_out *all = arg;

	(void)uv_async_send(&all->grew);
}

/* ---- the answer in one message ---- */

static void send_single(void *arg)
{
	struct transfer *t = arg;
	int err = send_message(t, t->check.answer, t->check.answer_len);

	if (err == ERR_FULL)
		request_when_room(t->request, send_single, t);
	else if (err < 0)
		transfer_fail(t, RCODE_SERVFAIL, "the connection ended");
	else
		transfer_finish(t);
}

/* ---- slow receivers ---- */

/* What the pool is slow with is nobody's fault. */
static bool is_slow(struct transfer *t, uint64_t now_ms)
{
	if (t->awaits || t->checking) {
		t->window_ms = now_ms;
		t->window_octets = t->octets;
		return false;
	}
	if (now_ms - t->window_ms < t->all->config->tcp_write_timeout_ms)
		return false;
	bool slow = t->octets - t->window_octets < LEAST_OCTETS;
	t->window_ms = now_ms;
	t->window_octets = t->octets;
	return slow;
}

static void on_watch(uv_timer_t *timer)
{
	struct transfers_out *all = timer->data;
	uint64_t now_ms = clock_now_ms();
	struct transfer *next;

	for (struct transfer *t = all->first; t; t = next) {
		next = t->next;
		if (t->checking)
			continue;
		if (is_slow(t, now_ms))
			transfer_fail(t, RCODE_SERVFAIL, "it is too slow");
		else if (t->check.timeout_ms &&
		         now_ms - t->began_ms > t->check.timeout_ms)
			transfer_fail(t, RCODE_SERVFAIL, "it takes too long");
	}
	pack_cache_tidy(all->cache);
}

/* ---- what is asked for ---- */

static int check_work(struct store_txn *txn, void *arg)
{
	struct transfer *t = arg;

	return out_check_look(&t->check, txn);
}

/* RFC 7314 §3: as the SOA says, or what is left of that. */
static void find_expire(struct transfer *t)
{
	struct out_check *c = &t->check;
	uint32_t left = UINT32_MAX;

	t->tells_expire =
		t->request->opt.expire_asked &&
		(!c->is_secondary || refresh_expire(t->all->refresh, c->id, &left));
	if (c->expire > left)
		c->expire = left;
}

static void checked(void *arg, int err)
{
	struct transfer *t = arg;
	struct out_check *c = &t->check;

	t->checking = false;
	t->window_ms = clock_now_ms();
	if (t->all->closing) {
		struct transfers_out *all = t->all;
		transfer_end(t);
		close_when_idle(all);
	} else if (err < 0) {
		transfer_fail(t, RCODE_SERVFAIL, err_text(err));
	} else if (c->verdict == OUT_REFUSED) {
		transfer_fail(t, c->rcode, c->why);
	} else if (c->verdict == OUT_SINGLE) {
		find_expire(t);
		send_single(t);
	} else {
		find_expire(t);
		take_packed(t);
		pump(t);
	}
}

/* The serial that the asker has, RFC 1995 §3. Gives false: there is none. */
static bool read_serial(struct transfers_out *all, const struct message *m,
                        uint32_t *serial)
{
	struct message_record r;

	message_walk_begin(&all->walk, m);
	while (message_next(&all->walk, &r) == 0) {
		if (r.section != SECTION_AUTHORITY || r.type != RRTYPE_SOA ||
		    r.rdata_len < SOA_SIZE_MIN)
			continue;
		*serial = soa_number(r.rdata, r.rdata_len, SOA_SERIAL);
		return name_equal(r.owner, m->qname);
	}
	return false;
}

/* What OPT and TSIG leave of a datagram. */
static uint16_t datagram_room(const struct request *r)
{
	const struct tsig_key *key = tsig_signer(&r->tsig);
	unsigned taken = r->opt.there ? (unsigned)OPT_SIZE_MAX : 0;

	if (key)
		taken += (unsigned)key->name_len + TSIG_FIXED + TSIG_MAC_MAX;
	return (uint16_t)(r->room > taken ? r->room - taken : 1);
}

static struct transfer *transfer_new(struct transfers_out *all, struct request **r,
                                     const struct message *m)
{
	struct transfer *t = must(calloc(1, sizeof *t));
	const struct request *from = *r;

	t->all = all;
	t->request = *r;
	*r = NULL;
	t->began_ms = clock_now_ms();
	t->question_len = (uint16_t)(m->qname_len + 4);
	t->check.engine = all->parts->engine;
	memcpy(t->check.name, m->qname, m->qname_len);
	name_fold(t->check.name, m->qname_len);
	memcpy(t->check.address, from->client.addr, sizeof t->check.address);
	t->check.incremental = m->qtype == RRTYPE_IXFR;
	t->check.key = tsig_signer(&from->tsig);
	if (from->peer)
		tls_peer_init(&t->check.peer, from->peer);
	if (from->client.transport == TRANSPORT_UDP)
		t->check.datagram = datagram_room(from);
	t->next = all->first;
	if (t->next)
		t->next->prev = t;
	all->first = t;
	return t;
}

/* Counts one more, or gives false. Over UDP anybody may say that he is one of those who are let in, and is not to
 * take their places. */
static bool admit(struct transfers_out *all, const struct client *c)
{
	unsigned max = all->config->transfer_max_out;

	if (c->transport == TRANSPORT_UDP) {
		if (all->datagrams >= max || all->datagrams >= DATAGRAMS_MAX)
			return false;
		all->datagrams++;
		return true;
	}
	if (all->count >= max || !client_counts_add(all->clients, c->addr))
		return false;
	all->count++;
	return true;
}

static void begin(void *arg, struct request **r, const struct message *m)
{
	struct transfers_out *all = arg;
	uint32_t serial = 0;
	bool incremental = m->qtype == RRTYPE_IXFR;

	if (!m->asked || m->qclass != CLASS_IN ||
	    (incremental && !read_serial(all, m, &serial))) {
		figure_add(figures(all), FIGURE_OUT_REFUSED, 1);
		request_reply(r, RCODE_FORMERR, REQUEST_NO_EDE);
		return;
	}
	if (!admit(all, &(*r)->client)) {
		figure_add(figures(all), FIGURE_OUT_BUSY, 1);
		request_reply(r, RCODE_SERVFAIL, REQUEST_NO_EDE);
		return;
	}
	struct transfer *t = transfer_new(all, r, m);
	t->check.have = serial;
	t->checking = true;
	engine_read(all->parts->engine, check_work, checked, t);
}

/* ---- all of them ---- */

static json_t *tell(const struct transfer *t, uint64_t now_ms)
{
	json_t *out = json_object();
	char name[NAME_TEXT_MAX];
	char to[ADDRESS_HOST_MAX];

	address_bytes_host(t->check.address, to);
	json_put(out, "zone", json_string(name_to_text(t->check.name, name)));
	json_put(out, "to", json_string(to));
	json_put(out, "kind", json_string(t->check.incremental ? "ixfr" : "axfr"));
	json_put(out, "serial", t->checking ? json_null() : json_number(t->check.serial));
	json_put(out, "messages", json_number(t->messages));
	json_put(out, "octets", json_number(t->octets));
	json_put(out, "ms", json_number(now_ms - t->began_ms));
	return out;
}

static json_t *tell_all(void *arg)
{
	const struct transfers_out *all = arg;
	uint64_t now_ms = clock_now_ms();
	json_t *out = json_array();

	for (const struct transfer *t = all->first; t; t = t->next)
		(void)json_array_append_new(out, tell(t, now_ms));
	return out;
}

int transfers_out_open(const struct transfer_parts *p, const struct refresh *r,
                       struct transfers_out **out)
{
	struct transfers_out *all = must(calloc(1, sizeof *all));
	const struct config *c = p->config;

	int err = client_counts_new(c->transfer_max_out, c->transfer_max_per_client,
	                            &all->clients);
	if (err < 0) {
		free(all);
		return err;
	}
	all->parts = p;
	all->refresh = r;
	all->config = c;
	all->cache = pack_cache_new(p->engine, grew, all);
	(void)uv_async_init(p->loop, &all->grew, on_grew);
	(void)uv_timer_init(p->loop, &all->watch);
	all->grew.data = all->watch.data = all;
	(void)uv_timer_start(&all->watch, on_watch, WATCH_MS, WATCH_MS);
	dispatch_set(p->dispatch, DISPATCH_TRANSFER, begin, all);
	engine_has_transfers(p->engine, &(struct engine_transfers){tell_all, all});
	*out = all;
	return 0;
}

void transfers_out_configure(struct transfers_out *all, const struct config *next)
{
	all->config = next;
	client_counts_configure(&all->clients, next->transfer_max_out,
	                        next->transfer_max_per_client);
}

static void on_closed(uv_handle_t *handle)
{
	struct transfers_out *all = handle->data;

	if (--all->handles > 0)
		return;
	pack_cache_free(all->cache);
	client_counts_free(all->clients);
	free(all);
}

/* What runs on the pool comes back, and may still say that a spool grew. */
static void close_when_idle(struct transfers_out *all)
{
	if (!all->closing || all->handles || all->first || !pack_cache_idle(all->cache))
		return;
	all->handles = 2;
	uv_close((uv_handle_t *)&all->grew, on_closed);
	uv_close((uv_handle_t *)&all->watch, on_closed);
}

static void cache_idle(void *arg)
{
	close_when_idle(arg);
}

void transfers_out_close(struct transfers_out **out)
{
	struct transfers_out *all = *out;
	struct transfer *next;

	*out = NULL;
	if (!all)
		return;
	dispatch_set(all->parts->dispatch, DISPATCH_TRANSFER, NULL, NULL);
	engine_has_transfers(all->parts->engine, &(struct engine_transfers){0});
	for (struct transfer *t = all->first; t; t = next) {
		next = t->next;
		if (!t->checking)
			transfer_fail(t, RCODE_SERVFAIL, "the server ends");
	}
	all->closing = true;
	pack_cache_when_idle(all->cache, cache_idle);
	close_when_idle(all);
}
