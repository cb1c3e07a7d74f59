/*
 * libmicrohttpd sends no answer before it has read all of the request. So the answer goes past it:
 * while it takes the body from the socket, the answer is put into the same socket here, head and
 * chunks (RFC 9112 §7.1), over TLS by the session that libmicrohttpd has opened. Nothing else is
 * sent meanwhile, except that it says "100 Continue" before the first piece of the body: until then
 * the answer waits. The connection ends with the answer.
 */
#include "control/http/stream.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control/http/internal.h"
#include "control/must.h"

struct body_stream {
	struct exchange *exchange;
	struct http_server *server;
	const struct http_sink *sink;
	void *arg;
	gnutls_session_t tls; /* NULL: none */
	uv_poll_t poll; /* for the socket to take more; closed with the connection */
	bool polling;
	unsigned holders; /* the exchange, and the handle */
	bool detached;    /* the connection is no more */
	bool broken;      /* nothing can be sent any more */
	bool open;        /* the answer may be sent */
	bool paused;      /* by the handler */
	bool held;        /* too much of the answer waits */
	bool body_ended;
	bool ended; /* the handler has said all */
	bool shut;  /* all of it has been sent */
	char *out;  /* from at to len: not sent yet */
	size_t at, len, room;
	size_t step;  /* octets sent since the client was last given time */
	size_t retry; /* octets that TLS wants to be given once more; 0: none */
};

static struct exchange *exchange_of(const struct http_request *r)
{
	return (struct exchange *)(uintptr_t)r;
}

/* ---- what is to be sent ---- */

static void put(struct body_stream *s, const char *octets, size_t len)
{
	if (s->at == s->len)
		s->at = s->len = 0;
	if (s->len + len > s->room && s->at > s->room / 2) {
		memmove(s->out, s->out + s->at, s->len - s->at);
		s->len -= s->at;
		s->at = 0;
	}
	if (s->len + len > s->room) {
		s->room = (s->len + len) / 4 * 5 + STREAM_STEP;
		s->out = must(realloc(s->out, s->room));
	}
	memcpy(s->out + s->len, octets, len);
	s->len += len;
}

static void forget(struct body_stream *s)
{
	free(s->out);
	s->out = NULL;
	s->at = s->len = s->room = 0;
}

/* ---- sending ---- */

static void take_time(struct body_stream *s, unsigned ms)
{
	struct connection *c = s->exchange->connection;

	c->take_deadline = ms ? uv_now(s->server->loop) + ms : 0;
	s->step = 0;
}

/* Gives what was taken, 0 when nothing can be at present, or -1. */
static ssize_t send_some(struct body_stream *s)
{
	const char *octets = s->out + s->at;
	size_t len = s->retry ? s->retry : s->len - s->at;
	ssize_t sent;

	if (!s->tls) {
		sent = send(s->exchange->connection->fd, octets, len,
		            MSG_DONTWAIT | MSG_NOSIGNAL);
		return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
	}
	sent = gnutls_record_send(s->tls, octets, len);
	s->retry = sent < 0 ? len : 0;
	return sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED ? 0 : sent;
}

static void send_all(struct body_stream *s);

static void on_takes_more(uv_poll_t *poll, int status, int events)
{
	struct body_stream *s = poll->data;

	(void)status;
	(void)events;
	send_all(s);
}

static void watch(struct body_stream *s, bool on)
{
	if (on && !s->polling)
		(void)uv_poll_start(&s->poll, UV_WRITABLE, on_takes_more);
	else if (!on && s->polling)
		(void)uv_poll_stop(&s->poll);
	s->polling = on;
}

/* The client has gone, or takes nothing any more: libmicrohttpd finds out, and ends it. */
static void break_off(struct body_stream *s)
{
	s->broken = true;
	forget(s);
	watch(s, false);
	take_time(s, 0);
	(void)shutdown(s->exchange->connection->fd, SHUT_RDWR);
	exchange_resume(s->exchange);
	speakers_wake(s->server);
}

/* All has been said and taken. */
static void shut(struct body_stream *s)
{
	if (s->shut)
		return;
	s->shut = true;
	if (s->tls)
		(void)gnutls_bye(s->tls, GNUTLS_SHUT_WR);
	(void)shutdown(s->exchange->connection->fd, SHUT_WR);
	exchange_resume(s->exchange);
}

static bool is_read(const struct body_stream *s)
{
	return !s->paused && !s->held && !s->body_ended;
}

/* The body goes on, or does not, as it should. */
static void wait_for_body(struct body_stream *s)
{
	connection_wait(s->exchange->connection, is_read(s) ? s->server->timeout_ms : 0);
	if (is_read(s))
		exchange_resume(s->exchange);
}

/* Who still sends, and is read, need not take anything yet. */
static void wait_for_taking(struct body_stream *s)
{
	bool waits = s->polling && (s->held || s->body_ended || s->ended);

	if (!waits || !s->exchange->connection->take_deadline || s->step >= STREAM_STEP)
		take_time(s, waits ? s->server->timeout_ms : 0);
}

static void hold(struct body_stream *s)
{
	size_t waits = s->len - s->at;
	size_t most = s->server->max_backlog;
	bool held = waits > (s->held ? most / 2 : most);

	if (held != s->held) {
		s->held = held;
		wait_for_body(s);
	}
	wait_for_taking(s);
}

static void send_all(struct body_stream *s)
{
	ssize_t sent = 1;

	while (s->at < s->len && sent > 0) {
		sent = send_some(s);
		if (sent < 0) {
			break_off(s);
			return;
		}
		s->at += (size_t)sent;
		s->step += (size_t)sent;
	}
	watch(s, s->at < s->len);
	hold(s);
	if (s->at == s->len && s->ended)
		shut(s);
}

static void send_in_time(struct body_stream *s)
{
	if (s->open && !s->broken && !s->polling && s->at < s->len)
		send_all(s);
	else if (s->polling)
		hold(s);
}

/* ---- the body ---- */

static void take_piece(struct body_stream *s, const char *piece, size_t len)
{
	if (!s->ended && s->sink->piece(s->arg, piece, len))
		wait_for_body(s);
}

enum MHD_Result body_stream_take(struct exchange *e, const char *piece, size_t len)
{
	struct body_stream *s = e->stream;

	if (s->broken || (s->shut && !len))
		return MHD_NO;
	s->open = true;
	if (len) {
		take_piece(s, piece, len);
	} else if (!s->body_ended) {
		s->body_ended = true;
		wait_for_body(s);
		if (!s->ended)
			s->sink->end(s->arg);
	}
	send_in_time(s);
	if (s->broken || (s->shut && s->body_ended))
		return MHD_NO;
	if (!is_read(s))
		exchange_suspend(e);
	return MHD_YES;
}

/* ---- for handlers ---- */

void http_stream(struct http_request *r, const char *type, const struct http_sink *sink,
                 void *arg)
{
	struct exchange *e = exchange_of(r);
	struct connection *c = e->connection;
	struct body_stream *s = calloc(1, sizeof *s);
	const union MHD_ConnectionInfo *tls =
		MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	if (!s || uv_poll_init(c->server->loop, &s->poll, c->fd) < 0)
		abort();
	s->holders = 2;
	s->exchange = e;
	s->server = c->server;
	s->sink = sink;
	s->arg = arg;
	s->tls = tls ? tls->tls_session : NULL;
	s->poll.data = s;
	s->server->handles++;
	e->stream = s;
	char *head = response_head(e, MHD_HTTP_OK, type);
	put(s, head, strlen(head));
	free(head);
}

void http_stream_pause(struct http_request *r, bool pause)
{
	struct exchange *e = exchange_of(r);
	struct body_stream *s = e->stream;

	if (s->detached || s->paused == pause)
		return;
	s->paused = pause;
	if (!s->body_ended)
		wait_for_body(s);
}

void http_stream_write(struct http_request *r, const char *text, size_t len)
{
	struct body_stream *s = exchange_of(r)->stream;
	char size[24];

	if (s->detached || s->broken || !len)
		return;
	put(s, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", len));
	put(s, text, len);
	put(s, "\r\n", 2);
	send_in_time(s);
}

void http_stream_end(struct http_request *r)
{
	static const char last[] = "0\r\n\r\n";
	struct exchange *e = exchange_of(r);
	struct body_stream *s = e->stream;

	if (s->detached) {
		exchange_free(e);
		return;
	}
	s->ended = true;
	put(s, last, sizeof last - 1);
	/* So that what is left of the body comes to an end. */
	http_stream_pause(r, false);
	send_in_time(s);
}

/* ---- the end ---- */

void body_stream_release(struct body_stream *s)
{
	if (s && --s->holders == 0)
		free(s);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct body_stream *s = handle->data;

	server_release(s->server);
	body_stream_release(s);
}

void body_stream_detach(struct exchange *e)
{
	struct body_stream *s = e->stream;

	forget(s);
	s->detached = true;
	uv_close((uv_handle_t *)&s->poll, on_poll_closed);
	if (s->ended)
		exchange_free(e);
	else
		s->sink->gone(s->arg);
}
