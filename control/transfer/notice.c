#include "control/transfer/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "control/must.h"
#include "control/net/stream.h"
#include "control/transfer/connect.h"
#include "control/tsig/tsig.h"
#include "control/wire/writer.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	UDP_TRIES = 5, /* which wait 1, 2, 4, 8 and 16 s */
	FIRST_WAIT_MS = 1000,
	TCP_WAIT_MS = 10000,
	/* The longest names three times, an SOA's numbers, TSIG. */
	MESSAGE_ROOM = 4 * NAME_MAX_LEN + 128 + TSIG_ROOM_MAX,
	REPLY_ROOM = 4096,
};

/* It outlives the notice until libuv has called back. */
struct notice_socket {
	uv_udp_t udp;
	struct notice *notice; /* NULL: it has been given up */
	char received[REPLY_ROOM];
};

struct notice {
	const struct transfer_parts *parts;
	uv_timer_t timer;
	notice_done *done;
	void *arg;
	struct notify_target target;
	struct notice_socket *socket; /* or NULL */
	struct stream *stream;        /* or NULL */
	struct tsig_key *key;         /* held; NULL: none */
	struct tsig_exchange tsig;
	bool is_signed; /* message is, and no answer to it has been looked at */
	unsigned tries;
	uint32_t serial; /* that it is told of */
	uint32_t next_serial;
	uint16_t plain_len;
	uint16_t next_len; /* 0: there is nothing newer */
	uint16_t len;
	uint8_t plain[MESSAGE_ROOM]; /* as it is signed anew */
	uint8_t next[MESSAGE_ROOM];  /* for the next attempt */
	uint8_t message[MESSAGE_ROOM];
};

/* ---- its end ---- */

static void socket_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_socket(struct notice *n)
{
	if (!n->socket)
		return;
	n->socket->notice = NULL;
	uv_close((uv_handle_t *)&n->socket->udp, socket_closed);
	n->socket = NULL;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void notice_drop(struct notice **notice)
{
	struct notice *n = *notice;

	*notice = NULL;
	close_socket(n);
	stream_drop(&n->stream);
	tsig_end(&n->tsig);
	tsig_key_release(&n->key);
	uv_close((uv_handle_t *)&n->timer, timer_closed);
}

static void finish(struct notice *n, enum notice_result result, const char *why)
{
	notice_done *done = n->done;
	void *arg = n->arg;
	uint32_t serial = n->serial;

	notice_drop(&n);
	done(arg, result, serial, why);
}

/* ---- messages ---- */

/* Gives the length. */
static uint16_t build(const struct notify_list *l, uint8_t out[static MESSAGE_ROOM])
{
	struct message_writer *w = must(calloc(1, sizeof *w));
	struct message_record soa = {.section = SECTION_ANSWER,
	                             .type = RRTYPE_SOA,
	                             .rrclass = CLASS_IN,
	                             .ttl = l->soa_ttl,
	                             .rdata = l->soa,
	                             .rdata_len = l->soa_len};
	uint16_t id = 0;

	if (getrandom(&id, sizeof id, 0) != sizeof id)
		id = (uint16_t)clock_now_ns();
	soa.owner_len = (uint8_t)name_len(l->name, NAME_MAX_LEN);
	memcpy(soa.owner, l->name, soa.owner_len);
	message_begin(w, out, MESSAGE_ROOM - TSIG_ROOM_MAX, id,
	              OPCODE_NOTIFY << MESSAGE_OPCODE_SHIFT | MESSAGE_AA);
	(void)message_put_question(w, l->name, RRTYPE_SOA, CLASS_IN);
	(void)message_put(w, &soa);
	uint16_t len = message_end(w);
	free(w);
	return len;
}

/* An answer to what was sent before counts no more. */
static void take_next(struct notice *n)
{
	if (!n->next_len)
		return;
	memcpy(n->plain, n->next, n->next_len);
	n->plain_len = n->next_len;
	n->serial = n->next_serial;
	n->next_len = 0;
	n->is_signed = false;
}

/* ERR_TOOBIG and others: it cannot be signed. */
static int make_signed(struct notice *n)
{
	if (n->is_signed)
		return 0;
	tsig_end(&n->tsig);
	memcpy(n->message, n->plain, n->plain_len);
	n->len = n->plain_len;
	TRY(tsig_ask(&n->tsig, n->key, n->message, &n->len, MESSAGE_ROOM,
	             (uint64_t)time(NULL)));
	n->is_signed = true;
	return 0;
}

/* Whether it is an answer to this question. What is not is as if it had not come. */
static bool is_answer(struct notice *n, uint8_t *bytes, uint16_t *len, struct message *m)
{
	struct message asked;

	if (message_open(bytes, *len, m) < 0 || !(m->flags & MESSAGE_QR) ||
	    m->opcode != OPCODE_NOTIFY || m->id != wire_load16(n->plain))
		return false;
	if (n->key) {
		n->is_signed = false;
		if (tsig_take_reply(&n->tsig, bytes, len, (uint64_t)time(NULL)) < 0)
			return false;
	}
	return !m->asked ||
	       (message_open(n->plain, n->plain_len, &asked) == 0 &&
	        m->qtype == asked.qtype && name_equal(m->qname, asked.qname));
}

static void take_reply(struct notice *n, uint8_t *bytes, uint16_t len)
{
	struct message m;
	char why[64];

	if (!is_answer(n, bytes, &len, &m))
		return;
	(void)snprintf(why, sizeof why, "it answers with code %u", m.rcode);
	if (m.rcode == RCODE_NOERROR)
		finish(n, NOTICE_TOLD, "");
	else
		finish(n, NOTICE_REFUSED, why);
}

/* ---- over UDP ---- */

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct notice_socket *s = handle->data;

	(void)size;
	*buf = uv_buf_init(s->received, REPLY_ROOM);
}

/* Errors, such as that nobody listens there, are as no answer. */
static void on_datagram(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
	struct notice_socket *s = udp->data;

	(void)flags;
	if (len > 0 && from && s->notice)
		take_reply(s->notice, (uint8_t *)buf->base, (uint16_t)len);
}

static const struct sockaddr *as_sockaddr(const struct sockaddr_storage *a)
{
	return (const struct sockaddr *)a;
}

/* Those that we send from, if that is said. */
static const struct sockaddr_storage *source_for(const struct notice *n,
                                                 const struct sockaddr_storage *to)
{
	return &n->target.from[to->ss_family == AF_INET6];
}

/* The kernel takes answers from there only. */
static bool open_socket(struct notice *n, const struct sockaddr_storage *to)
{
	const struct sockaddr_storage *from = source_for(n, to);
	struct notice_socket *s = must(calloc(1, sizeof *s));

	(void)uv_udp_init(n->parts->loop, &s->udp);
	s->udp.data = s;
	s->notice = n;
	n->socket = s;
	return (from->ss_family != to->ss_family ||
	        uv_udp_bind(&s->udp, as_sockaddr(from), 0) == 0) &&
	       uv_udp_connect(&s->udp, as_sockaddr(to)) == 0 &&
	       uv_udp_recv_start(&s->udp, give_room, on_datagram) == 0;
}

/* What cannot be sent is as lost. */
static void send_datagram(struct notice *n)
{
	const struct sockaddr_storage *to = &n->target.to[n->tries % n->target.count];
	uv_buf_t buf = uv_buf_init((char *)n->message, n->len);

	if (n->target.count > 1)
		close_socket(n);
	if (n->socket || open_socket(n, to))
		(void)uv_udp_try_send(&n->socket->udp, &buf, 1, NULL);
}

/* ---- over TCP ---- */

static void on_up(void *arg, struct stream *s)
{
	struct notice *n = arg;

	if (stream_send(s, n->message, n->len) < 0)
		stream_finish(s);
}

static void on_message(void *arg, struct stream *s, const uint8_t *message, uint16_t len)
{
	struct notice *n = arg;
	uint8_t reply[REPLY_ROOM];

	(void)s;
	if (len > sizeof reply)
		return;
	memcpy(reply, message, len);
	take_reply(n, reply, len);
}

static void on_ended(void *arg, struct stream *s, int err, const char *why)
{
	struct notice *n = arg;

	(void)s;
	(void)err;
	n->stream = NULL;
	/* Over TLS it is tried again when it is time. */
	if (!n->target.tls[0])
		finish(n, NOTICE_UNANSWERED, why);
}

static bool connect_stream(struct notice *n)
{
	struct transfer_source s = {.to = n->target.to[0]};
	const struct stream_owner owner = {
		.took = on_message, .up = on_up, .ended = on_ended, .arg = n};

	if (n->target.tls[0]) {
		s.to = n->target.to[n->tries % n->target.count];
		s.tls = config_tls_find(n->parts->config, n->target.tls);
		if (!s.tls) /* it has gone meanwhile */
			return false;
	}
	s.from = *source_for(n, &s.to);
	if (s.from.ss_family != s.to.ss_family)
		s.from.ss_family = AF_UNSPEC;
	return transfer_connect(n->parts, &s, &owner, &n->stream) == 0;
}

/* ---- in turn ---- */

static void try_datagram_or_tls(struct notice *n)
{
	if (!n->target.tls[0]) {
		send_datagram(n);
		return;
	}
	/* The answer would have come by the one before. */
	stream_drop(&n->stream);
	(void)connect_stream(n);
}

/* Over UDP and then TCP, or over TLS alone. */
static bool has_tries(const struct notice *n)
{
	return n->tries < UDP_TRIES + (n->target.tls[0] ? 0U : 1U);
}

static void try_next(uv_timer_t *timer)
{
	struct notice *n = timer->data;

	if (has_tries(n))
		take_next(n);
	if (n->tries == UDP_TRIES && n->target.tls[0]) {
		finish(n, NOTICE_UNANSWERED, "it does not answer over TLS");
	} else if (n->target.has_key && !n->key) {
		finish(n, NOTICE_UNANSWERED, "there is no such key to sign with");
	} else if (n->tries > UDP_TRIES || make_signed(n) < 0) {
		finish(n, NOTICE_UNANSWERED, "it does not answer");
	} else if (n->tries < UDP_TRIES) {
		try_datagram_or_tls(n);
		(void)uv_timer_start(timer, try_next, (uint64_t)FIRST_WAIT_MS << n->tries,
		                     0);
		n->tries++;
	} else {
		n->tries++;
		close_socket(n);
		(void)uv_timer_start(timer, try_next, connect_stream(n) ? TCP_WAIT_MS : 0,
		                     0);
	}
}

struct notice *notice_start(const struct transfer_parts *p, const struct notify_list *l,
                            const struct notify_target *t, notice_done *done, void *arg)
{
	struct notice *n = must(calloc(1, sizeof *n));

	n->parts = p;
	n->done = done;
	n->arg = arg;
	n->target = *t;
	if (t->has_key)
		n->key = keyring_find(p->keyring, t->key);
	n->plain_len = build(l, n->plain);
	n->serial = l->serial;
	(void)uv_timer_init(p->loop, &n->timer);
	n->timer.data = n;
	(void)uv_timer_start(&n->timer, try_next, 0, 0);
	return n;
}

bool notice_renew(struct notice *n, const struct notify_list *l)
{
	if ((n->next_len ? n->next_serial : n->serial) == l->serial)
		return false;
	n->next_len = build(l, n->next);
	n->next_serial = l->serial;
	return true;
}
