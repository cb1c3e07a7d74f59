/*
 * Who listens, and what becomes of messages: they are copied into one set of response buffers, answered in place
 * in small bursts, and the responses sent from there. How a connection lives is in stream.c.
 */
#include "control/net/tcp.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "control/must.h"
#include "control/net/answer.h"
#include "control/net/client_counts.h"
#include "control/net/listeners.h"
#include "control/net/stream.h"
#include "dataplane/respond/respond.h"
#include "shared/address.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/wire.h"

enum {
	RESPONSE_ROOM = UINT16_MAX,
	FRAME_MAX = STREAM_PREFIX + RESPONSE_ROOM,
	SLOT_SIZE = 1026 * CACHE_LINE, /* a frame, and room for loads of whole vectors */
	UNDER_WAY_MAX = 64, /* requests of a connection; with more it is not read from */
};
STATIC_ASSERT(SLOT_SIZE > FRAME_MAX + CACHE_LINE, "frame and slack");

struct conn {
	struct conn *prev;
	struct conn *next;
	struct tcp_server *server;
	struct pool *pool;
	struct stream *stream; /* NULL: it is being closed */
	struct client client;
	struct request_line line; /* of its requests */
};

/* Connections with TLS, or those without: each has its own number of them. */
struct pool {
	struct tcp_server *server;
	struct streams *streams;
	struct listeners *listeners;
	unsigned connections;
	unsigned max;
};

struct tcp_server {
	uv_loop_t *loop;
	const struct config *config;
	struct table_source *table;
	struct responder *responder;
	struct dispatch *dispatch; /* or NULL */
	struct client_counts *clients;
	struct pool plain;
	struct pool tls;
	struct tls_server *identity; /* of connections with TLS; NULL: none */
	struct tls_server *prepared; /* the next one */
	struct tls_trust *trust;     /* by whose certificates clients are known */
	struct log_share strangers;
	struct conn *conns;
	struct pkt pkts
		[STREAM_BURST]; /* of the connection whose messages are being gathered */
	unsigned gathered;
	struct conn *answered; /* whose messages the responder has */
	uint8_t *slots;        /* STREAM_BURST of them, a frame at the start of each */
};

/* ---- connections ---- */

static void count_connections(struct pool *p, int change)
{
	const struct tcp_server *s = p->server;

	p->connections = (unsigned)((int)p->connections + change);
	atomic_store_explicit(&s->table->connections,
	                      s->plain.connections + s->tls.connections,
	                      memory_order_relaxed);
}

static void conn_close(struct conn *c)
{
	struct tcp_server *s = c->server;

	stream_drop(&c->stream);
	request_line_end(&c->line);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	client_counts_remove(s->clients, c->client.addr);
	count_connections(c->pool, -1);
	free(c);
}

static void on_ended(void *arg, struct stream *stream, int err, const char *why)
{
	struct conn *c = arg;

	(void)stream;
	(void)err;
	(void)why;
	c->stream = NULL;
	conn_close(c);
}

/* Closes the connection that does nothing for the longest time. Says whether there was one. */
static bool pool_evict(struct pool *p)
{
	const struct stream *idle = streams_idlest(p->streams);

	if (!idle)
		return false;
	conn_close(stream_owner_arg(idle));
	return true;
}

/* ---- requests ---- */

static struct conn *conn_of(const struct request_line *l)
{
	return l->arg;
}

static int line_send(struct request_line *l, const struct request *r,
                     const uint8_t *message, uint16_t len)
{
	(void)r;
	stream_send_anyway(conn_of(l)->stream, message, len);
	return 0;
}

static bool line_has_room(struct request_line *l)
{
	return stream_has_room(conn_of(l)->stream);
}

/* A connection with many requests under way is not read from, and one with any is not idle. */
static void conn_count_requests(const struct conn *c)
{
	stream_expect(c->stream, c->line.count > 0);
	stream_read(c->stream, c->line.count < UNDER_WAY_MAX);
}

static void line_done(struct request_line *l)
{
	if (conn_of(l)->stream)
		conn_count_requests(conn_of(l));
}

static void line_drop(struct request_line *l)
{
	conn_close(conn_of(l));
}

/* TLS is agreed on. */
static void on_up(void *arg, struct stream *stream)
{
	struct conn *c = arg;
	const char *stranger = stream_stranger(stream);
	struct sockaddr_storage from;
	char host[ADDRESS_HOST_MAX];

	c->line.peer = stream_peer(stream);
	if (!stranger[0] || !log_share_take(&c->server->strangers, clock_now_ms()))
		return;
	address_from_bytes(c->client.addr, 0, &from);
	address_host(&from, host);
	log_warning("TLS: %s is nobody whom a rule knows: %s", host, stranger);
}

static void on_room(void *arg, struct stream *stream)
{
	struct conn *c = arg;

	(void)stream;
	request_line_has_room(&c->line);
}

/* Of the responder: a message of the burst that it has now. */
static bool hand(void *arg, const struct pkt *p)
{
	struct tcp_server *s = arg;
	struct conn *c = s->answered;
	struct request *r = request_new(&c->line, p);

	if (!r)
		return false;
	dispatch_put(s->dispatch, &r);
	conn_count_requests(c);
	return true;
}

void tcp_server_hand_to(struct tcp_server *s, struct dispatch *d)
{
	s->dispatch = d;
	responder_hand_to(s->responder, hand, s);
}

/* ---- answering ---- */

static void on_message(void *arg, struct stream *stream, const uint8_t *message,
                       uint16_t len)
{
	const struct conn *c = arg;
	struct tcp_server *s = c->server;
	uint8_t *dns = s->slots + (size_t)s->gathered * SLOT_SIZE + STREAM_PREFIX;

	(void)stream;
	memcpy(dns, message, len);
	s->pkts[s->gathered++] = (struct pkt){
		.dns = dns, .len = len, .room = RESPONSE_ROOM, .client = c->client};
}

/* Sends or queues the burst's responses, in the order of the queries. */
static void send_burst(struct tcp_server *s, struct stream *stream, unsigned n)
{
	struct iovec iov[STREAM_BURST];
	size_t used = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *frame = s->pkts[i].dns - STREAM_PREFIX;
		uint16_t len = s->pkts[i].len;

		if (len == 0)
			continue;
		wire_store16(frame, len);
		iov[used++] = (struct iovec){.iov_base = frame,
		                             .iov_len = (size_t)STREAM_PREFIX + len};
	}
	stream_send_frames(stream, iov, used);
}

static void on_gathered(void *arg, struct stream *stream)
{
	struct conn *c = arg;
	struct tcp_server *s = c->server;
	unsigned n = s->gathered;

	s->gathered = 0;
	s->answered = c;
	if (answer_burst(s->responder, s->table, s->pkts, n))
		send_burst(s, stream, n);
	else
		conn_close(c);
}

/* ---- accepting ---- */

/* Counts one more connection, for which another one may have to go. */
static bool pool_admit(struct pool *p, const struct client *client)
{
	struct client_counts *clients = p->server->clients;

	if (!client_counts_add(clients, client->addr))
		return false;
	if (p->connections >= p->max && !pool_evict(p)) {
		client_counts_remove(clients, client->addr);
		return false;
	}
	count_connections(p, 1);
	return true;
}

static struct conn *conn_new(struct pool *p, const struct client *client)
{
	struct conn *c = must(calloc(1, sizeof *c));
	struct tcp_server *s = p->server;

	c->server = s;
	c->pool = p;
	c->client = *client;
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	c->line = (struct request_line){.way = p == &s->tls ? REQUEST_TLS : REQUEST_TCP,
	                                .send = line_send,
	                                .has_room = line_has_room,
	                                .drop = line_drop,
	                                .done = line_done,
	                                .arg = c};
	if (s->dispatch)
		c->line.all = dispatch_requests(s->dispatch);
	return c;
}

static void on_connection(void *arg, int fd, const struct client *from)
{
	struct pool *p = arg;
	struct tcp_server *s = p->server;

	if (!pool_admit(p, from)) {
		stream_refuse(fd);
		return;
	}
	struct conn *c = conn_new(p, from);
	const struct stream_owner owner = {.took = on_message,
	                                   .gathered = on_gathered,
	                                   .up = on_up,
	                                   .room = on_room,
	                                   .ended = on_ended,
	                                   .arg = c};
	if (stream_take(p->streams, fd, p == &s->tls ? s->identity : NULL, &owner,
	                &c->stream) < 0)
		conn_close(c);
}

/* A descriptor is a descriptor: any connection may go for it. */
static bool on_no_room(void *arg)
{
	const struct pool *p = arg;

	return pool_evict(&p->server->plain) || pool_evict(&p->server->tls);
}

/* ---- the server ---- */

static struct stream_limits limits_of(const struct config *c)
{
	return (struct stream_limits){.idle_ms = c->tcp_idle_timeout_ms,
	                              .read_ms = c->tcp_read_timeout_ms,
	                              .write_ms = c->tcp_write_timeout_ms,
	                              .pending_max = c->tcp_max_pending};
}

static int read_identity(const struct config *c, struct tls_identity *out, char *text,
                         size_t text_size)
{
	char directory[PATH_MAX];

	if (c->tls_certificate[0])
		return tls_identity_read(c->tls_certificate, c->tls_key, out, text,
		                         text_size);
	if (snprintf(directory, sizeof directory, "%s/tls", c->store) >=
	    (int)sizeof directory)
		return ERR_TOOBIG;
	return tls_identity_own(directory, c->tls_listen.at, c->tls_listen.count, out,
	                        text, text_size);
}

/* Of both pools. One client more than connections: the new one is counted before an old one goes. */
static unsigned clients_max(const struct config *c)
{
	return c->tcp_max_connections + c->tcp_max_tls + 1;
}

static int server_allocate(const struct config *config, struct counters *counters,
                           struct tcp_server **out)
{
	struct tcp_server *s = must(calloc(1, sizeof *s));
	int err = ERR_NOMEM;

	s->slots = calloc(STREAM_BURST, SLOT_SIZE);
	s->responder = responder_new(counters);
	if (s->slots && s->responder)
		err = client_counts_new(clients_max(config), config->tcp_max_per_client,
		                        &s->clients);
	if (err < 0) {
		if (s->responder)
			responder_free(s->responder);
		free(s->slots);
		free(s);
		return err;
	}
	s->config = config;
	*out = s;
	return 0;
}

static void pool_open(struct tcp_server *s, struct pool *p, uv_loop_t *loop, unsigned max)
{
	const struct stream_limits limits = limits_of(s->config);
	const struct listeners_owner owner = {on_connection, on_no_room, p};

	*p = (struct pool){.server = s,
	                   .streams = streams_new(loop, &limits),
	                   .listeners = listeners_new(loop, &owner),
	                   .max = max};
}

void tcp_server_abandon(struct tcp_server *s)
{
	listeners_abandon(s->plain.listeners);
	listeners_abandon(s->tls.listeners);
	tls_server_release(&s->prepared);
	tls_trust_abandon(s->trust);
}

/* Also when neither file is another one: what is in them may be new. */
static int prepare_identity(struct tcp_server *s, const struct config *next, char *text,
                            size_t text_size)
{
	struct tls_identity identity = {0};

	if (!next->tls_listen.count)
		return 0;
	TRY(read_identity(next, &identity, text, text_size));
	int err = 0;
	if (s->identity && tls_server_has(s->identity, &identity))
		s->prepared = tls_server_hold(s->identity);
	else
		err = tls_server_new(&identity, s->trust, &s->prepared, text, text_size);
	tls_identity_fini(&identity);
	return err;
}

static int prepare_to_listen(struct tcp_server *s, const struct config *next, char *text,
                             size_t text_size)
{
	bool early = config_past_kernel(next);
	int err = prepare_identity(s, next, text, text_size);

	if (err == 0)
		err = listeners_prepare(s->plain.listeners, next->listen,
		                        next->listen_count, early, text, text_size);
	if (err == 0)
		err = listeners_prepare(s->tls.listeners, next->tls_listen.at,
		                        next->tls_listen.count, early, text, text_size);
	if (err < 0)
		tcp_server_abandon(s);
	return err;
}

int tcp_server_prepare(struct tcp_server *s, const struct config *next, char *text,
                       size_t text_size)
{
	if (tls_trust_prepare(s->trust, next, text, text_size) < 0) {
		tls_trust_abandon(s->trust);
		return ERR_INVALID;
	}
	return prepare_to_listen(s, next, text, text_size);
}

static void take_trust(struct tcp_server *s)
{
	tls_trust_take(s->trust);
	for (struct conn *c = s->conns; c; c = c->next)
		if (c->stream)
			stream_judge(c->stream);
}

static void take_prepared(struct tcp_server *s, const struct config *next)
{
	listeners_take(s->plain.listeners, next->listen, next->listen_count);
	listeners_take(s->tls.listeners, next->tls_listen.at, next->tls_listen.count);
	/* Connections hold the one that they began with. */
	tls_server_release(&s->identity);
	s->identity = s->prepared;
	s->prepared = NULL;
	atomic_store_explicit(&s->table->certificate_ends[CERTIFICATE_DNS],
	                      s->identity ? tls_server_ends(s->identity) : 0,
	                      memory_order_relaxed);
	take_trust(s);
}

int tcp_server_open(uv_loop_t *loop, const struct config *config,
                    struct table_source *table, struct tcp_server **out, char *text,
                    size_t text_size)
{
	struct tcp_server *s = NULL;
	int err = server_allocate(config, table->counters, &s);

	if (err < 0) {
		snprintf(text, text_size, "TCP: %s", err_text(err));
		return err;
	}
	s->table = table;
	s->trust = tls_trust_new();
	responder_log_to(s->responder, table->log);
	pool_open(s, &s->plain, loop, config->tcp_max_connections);
	pool_open(s, &s->tls, loop, config->tcp_max_tls);
	streams_count_tls(s->tls.streams, &table->tls_in);
	/* Whom one rule fits is no reason to answer nobody. */
	if (tls_trust_prepare(s->trust, config, text, text_size) < 0)
		log_error("%s", text);
	err = prepare_to_listen(s, config, text, text_size);
	if (err < 0) {
		tcp_server_close(&s);
		return err;
	}
	take_prepared(s, config);
	*out = s;
	return 0;
}

void tcp_server_configure(struct tcp_server *s, const struct config *next)
{
	const struct stream_limits limits = limits_of(next);

	take_prepared(s, next);
	s->config = next;
	client_counts_configure(&s->clients, clients_max(next), next->tcp_max_per_client);
	s->plain.max = next->tcp_max_connections;
	s->tls.max = next->tcp_max_tls;
	streams_configure(s->plain.streams, &limits);
	streams_configure(s->tls.streams, &limits);
}

void tcp_server_close(struct tcp_server **server)
{
	struct tcp_server *s = *server;

	if (!s)
		return;
	*server = NULL;
	for (struct conn *c = s->conns, *next; c; c = next) {
		next = c->next;
		conn_close(c);
	}
	tcp_server_abandon(s);
	tls_server_release(&s->identity);
	tls_trust_release(&s->trust);
	listeners_close(&s->plain.listeners);
	listeners_close(&s->tls.listeners);
	streams_close(&s->plain.streams);
	streams_close(&s->tls.streams);
	responder_free(s->responder);
	client_counts_free(s->clients);
	free(s->slots);
	free(s);
}
