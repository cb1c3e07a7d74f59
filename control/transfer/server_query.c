#include "control/transfer/server_query.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/transfer/connect.h"
#include "control/zone/arena.h"
#include "shared/err.h"

/* The question is sent again after 1 and after 3 s, and given up after 5. */
enum {
	TRIES = 3,
	FIRST_WAIT_MS = 1000,
	LATER_WAIT_MS = 2000,
	STREAM_WAIT_MS = 10000, /* to connect, to agree on TLS and to answer */
	ANSWER_MAX = 65535,
};

struct server_query {
	uv_udp_t udp;
	struct stream *stream; /* instead of it; NULL: none, or it has ended */
	uv_timer_t timer;
	unsigned open; /* handles */
	unsigned tries;
	uint8_t name[NAME_MAX_LEN];
	uint16_t type;
	struct question question;
	server_query_done *done; /* NULL: dropped */
	void *arg;
};

/* The loop thread's: of the answer that is being read. */
static uint8_t answer_room[ANSWER_MAX];

static void tell(struct server_query *q, const struct server_answer *a)
{
	server_query_done *done = q->done;

	q->done = NULL;
	uv_timer_stop(&q->timer);
	uv_udp_recv_stop(&q->udp);
	stream_drop(&q->stream);
	if (done)
		done(q->arg, a);
}

static void fail(struct server_query *q, int err, const char *why)
{
	tell(q, &(struct server_answer){.err = err, .why = why});
}

/* ---- reading ---- */

static bool is_ours(const struct server_query *q, const struct message *m)
{
	return m->id == q->question.id && (m->flags & MESSAGE_QR) && m->asked &&
	       m->opcode == OPCODE_QUERY && m->qtype == q->type &&
	       m->qclass == CLASS_IN && name_equal(m->qname, q->name);
}

static void take(struct server_query *q, uint8_t *bytes, uint16_t len)
{
	struct message m;

	if (message_open(bytes, len, &m) < 0 || !is_ours(q, &m))
		return; /* not the answer, which is still to come */
	if (tsig_take_reply(&q->question.tsig, bytes, &len, (uint64_t)time(NULL)) < 0 ||
	    !tsig_is_settled(&q->question.tsig)) {
		fail(q, ERR_DENIED, "the answer's signature is wrong");
		return;
	}
	if (message_open(bytes, len, &m) == 0)
		tell(q, &(struct server_answer){.message = &m});
	else
		fail(q, ERR_CORRUPT, "the answer is malformed");
}

static void give_room(uv_handle_t *h, size_t wanted, uv_buf_t *out)
{
	(void)h;
	(void)wanted;
	*out = uv_buf_init((char *)answer_room, sizeof answer_room);
}

static void received(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf,
                     const struct sockaddr *from, unsigned flags)
{
	struct server_query *q = udp->data;

	(void)from;
	if (!q->done || n == 0)
		return;
	if (n < 0)
		fail(q, ERR_SYSTEM, uv_strerror((int)n));
	else if (!(flags & UV_UDP_PARTIAL))
		take(q, (uint8_t *)buf->base, (uint16_t)n);
}

/* ---- sending ---- */

static void send_question(struct server_query *q);

static void waited(uv_timer_t *timer)
{
	struct server_query *q = timer->data;

	if (q->tries == TRIES)
		fail(q, ERR_TIMEOUT, "no answer");
	else
		send_question(q);
}

static void send_question(struct server_query *q)
{
	uv_buf_t buf = uv_buf_init((char *)q->question.bytes, q->question.len);

	/* What cannot be sent now is as if it were lost. */
	(void)uv_udp_try_send(&q->udp, &buf, 1, NULL);
	(void)uv_timer_start(&q->timer, waited,
	                     q->tries++ == 0 ? FIRST_WAIT_MS : LATER_WAIT_MS, 0);
}

static int open_socket(struct server_query *q, const struct transfer_source *s)
{
	struct sockaddr_storage from = s->from;

	if (from.ss_family == 0)
		from.ss_family = s->to.ss_family;
	if (uv_udp_bind(&q->udp, (const struct sockaddr *)&from, 0) < 0 ||
	    uv_udp_connect(&q->udp, (const struct sockaddr *)&s->to) < 0 ||
	    uv_udp_recv_start(&q->udp, give_room, received) < 0)
		return ERR_SYSTEM;
	return 0;
}

/* ---- over TCP and TLS ---- */

static void on_up(void *arg, struct stream *s)
{
	struct server_query *q = arg;
	const char *trouble = transfer_stream_trouble(s);

	if (trouble)
		fail(q, ERR_REFUSED, trouble);
	else if (stream_send(s, q->question.bytes, q->question.len) < 0)
		fail(q, ERR_GONE, "the question was not taken");
}

static void on_took(void *arg, struct stream *s, const uint8_t *message, uint16_t len)
{
	struct server_query *q = arg;

	(void)s;
	memcpy(answer_room, message, len);
	take(q, answer_room, len);
}

static void on_ended(void *arg, struct stream *s, int err, const char *why)
{
	struct server_query *q = arg;

	(void)s;
	q->stream = NULL;
	fail(q, err ? err : ERR_GONE, why);
}

static void on_too_late(uv_timer_t *timer)
{
	fail(timer->data, ERR_TIMEOUT, "no answer");
}

static int open_stream(struct server_query *q, const struct transfer_parts *p,
                       const struct transfer_source *s)
{
	const struct stream_owner owner = {
		.took = on_took, .up = on_up, .ended = on_ended, .arg = q};

	TRY(transfer_connect(p, s, &owner, &q->stream));
	(void)uv_timer_start(&q->timer, on_too_late, STREAM_WAIT_MS, 0);
	return 0;
}

/* ---- either way ---- */

int server_query_begin(const struct transfer_parts *p, const struct server_wanted *wanted,
                       server_query_done *done, void *arg, struct server_query **out)
{
	const struct transfer_source *s = wanted->source;
	const struct question_wanted *asked = &wanted->question;
	struct server_query *q = memory_get(sizeof *q);
	bool stream = wanted->stream || s->tls;

	*q = (struct server_query){
		.done = done, .arg = arg, .open = 2, .type = asked->type};
	memcpy(q->name, asked->name, name_len(asked->name, NAME_MAX_LEN));
	int err = question_make(asked, s, p->keyring, &q->question);
	if (err < 0) {
		tsig_end(&q->question.tsig);
		free(q);
		return err;
	}
	(void)uv_udp_init(p->loop, &q->udp);
	(void)uv_timer_init(p->loop, &q->timer);
	q->udp.data = q->timer.data = q;
	err = stream ? open_stream(q, p, s) : open_socket(q, s);
	if (err < 0) {
		server_query_drop(&q);
		return err;
	}
	if (!stream)
		send_question(q);
	*out = q;
	return 0;
}

static void closed(uv_handle_t *h)
{
	struct server_query *q = h->data;

	if (--q->open > 0)
		return;
	tsig_end(&q->question.tsig);
	free(q);
}

void server_query_drop(struct server_query **query)
{
	struct server_query *q = *query;

	if (!q)
		return;
	*query = NULL;
	q->done = NULL;
	stream_drop(&q->stream);
	uv_close((uv_handle_t *)&q->udp, closed);
	uv_close((uv_handle_t *)&q->timer, closed);
}
