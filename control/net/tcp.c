/*
 * One thread, many connections. What they share is large, what each of them has is small: bytes
 * are received into one buffer, queries are copied from there into one set of response buffers
 * and answered in place in small bursts, and responses are sent from there. A connection holds
 * memory only for a begun message and for responses that the kernel did not take; an idle one
 * holds a few hundred bytes.
 *
 * A connection lives through these states:
 *
 *      OPEN --(client shut down, or sent nonsense)--> LAST --(all sent)--> LEAVING --> CLOSED
 *
 * and in each of them it waits for exactly one thing with a time limit (waits.h). The sockets are
 * polled and used directly, not as uv streams: libuv's own accept loop spins when there is no
 * descriptor or memory left, and its writes do not show progress.
 */
#include "control/net/tcp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "control/net/answer.h"
#include "control/net/byte_queue.h"
#include "control/net/client_counts.h"
#include "control/net/framing.h"
#include "control/net/listen.h"
#include "control/net/waits.h"
#include "dataplane/respond/respond.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	READ_SIZE = 16384, /* received at a time: nobody holds up the others for long */
	TCP_BURST = 8,     /* messages of one connection answered at a time */
	RESPONSE_ROOM = UINT16_MAX,
	FRAME_MAX = FRAMING_PREFIX + RESPONSE_ROOM,
	SLOT_SIZE = 1026 * CACHE_LINE, /* a frame, and room for loads of whole vectors */
	ACCEPT_MAX = 64,      /* accepted before the connections get their turn */
	ACCEPT_PAUSE = 100,   /* ms, when the system has no room for more */
	LEAVE_TIMEOUT = 1000, /* ms */
	UNSENT_MAX = 131072,  /* bytes that the kernel queues beyond the window */
};
STATIC_ASSERT(SLOT_SIZE > FRAME_MAX + CACHE_LINE, "frame and slack");

/* Why LEAVING: closing with unread input would reset the connection, and with it go responses
 * that the client has not read (RFC 1122 §4.2.2.13). */
enum conn_state {
	CONN_OPEN,
	CONN_LAST,    /* nothing more is read; what is queued still goes out */
	CONN_LEAVING, /* all is sent; input is thrown away until the client closes */
	CONN_CLOSED,  /* only libuv still holds it */
};

struct conn {
	struct wait wait; /* first */
	uv_poll_t poll;
	struct tcp_server *server;
	struct framing in;
	struct byte_queue out;
	struct client client;
	int fd;
	int events; /* polled for */
	enum conn_state state;
	bool stalled;    /* has too many responses queued to be read from */
	bool client_end; /* the client has shut down its side */
	bool took;       /* a message since the last look at the wait */
	bool sent;       /* a byte since then */
	int unacked;     /* bytes that the kernel held when the wait began */
};
STATIC_ASSERT(offsetof(struct conn, wait) == 0, "conn_of_wait()");

struct listener {
	uv_poll_t poll;
	struct tcp_server *server;
	int fd;
	bool paused;
};

struct tcp_server {
	uv_loop_t *loop;
	const struct config *config;
	struct table_source *table;
	struct responder *responder;
	struct client_counts *clients;
	struct waits waits;
	uv_timer_t wait_timer;   /* the next end of a wait, or before it */
	uint64_t wait_timer_end; /* UINT64_MAX: not started */
	uv_timer_t accept_timer; /* ends the pause of listeners */
	struct listener listeners[CONFIG_LISTEN_MAX];
	size_t listener_count;
	unsigned connections;
	unsigned
		handles; /* of libuv, not yet closed: the server's memory must outlive them */
	struct pkt pkts[TCP_BURST];
	uint8_t *slots; /* TCP_BURST of them, a frame at the start of each */
	uint8_t read_buffer[READ_SIZE];
};

static void on_wait_timer(uv_timer_t *timer);
static void on_conn(uv_poll_t *poll, int status, int events);

/* ---- libuv's handles ---- */

static void server_release(struct tcp_server *s)
{
	assert(s->handles > 0);
	if (--s->handles == 0) {
		free(s->slots);
		free(s);
	}
}

static void on_conn_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct tcp_server *s = c->server;

	free(c);
	server_release(s);
}

static void on_server_handle_closed(uv_handle_t *handle)
{
	server_release(handle->data);
}

/* ---- closing ---- */

/* Frees the kernel's memory at once. */
static void reset_on_close(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* What is sent but not acknowledged is the kernel's to deliver after the close. To a client with a
 * window of zero it would try for minutes. */
static void limit_delivery(int fd, unsigned timeout_ms)
{
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
	                 sizeof timeout_ms);
}

static void count_connections(struct tcp_server *s, int change)
{
	s->connections = (unsigned)((int)s->connections + change);
	atomic_store_explicit(&s->table->connections, s->connections,
	                      memory_order_relaxed);
}

static void conn_close(struct conn *c)
{
	struct tcp_server *s = c->server;

	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	waits_stop(&s->waits, &c->wait);
	client_counts_remove(s->clients, c->client.addr);
	count_connections(s, -1);
	framing_fini(&c->in);
	if (byte_queue_len(&c->out))
		reset_on_close(c->fd);
	else
		limit_delivery(c->fd, s->config->tcp_write_timeout_ms);
	byte_queue_fini(&c->out);
	uv_close((uv_handle_t *)&c->poll, on_conn_closed);
	close(c->fd);
}

static struct conn *conn_of_wait(struct wait *w)
{
	return (struct conn *)(void *)w;
}

/* Closes the connection that does nothing for the longest time. Says whether there was one. */
static bool server_evict(struct tcp_server *s)
{
	struct wait *w = s->waits.of[WAIT_LEAVE].first;

	if (!w)
		w = s->waits.of[WAIT_QUERY].first;
	if (!w)
		return false;
	conn_close(conn_of_wait(w));
	return true;
}

/* ---- time limits ---- */

static void server_set_wait_timer(struct tcp_server *s, uint64_t end)
{
	uint64_t now = uv_now(s->loop);

	s->wait_timer_end = end;
	(void)uv_timer_start(&s->wait_timer, on_wait_timer, end > now ? end - now : 0, 0);
}

/* Bytes that the kernel holds because the client has not acknowledged them. */
static int conn_unacked(const struct conn *c)
{
	int n = 0;

	return ioctl(c->fd, SIOCOUTQ, &n) < 0 ? 0 : n;
}

/* The timer is moved only to come earlier: one that comes too early finds out what is next. */
static void conn_wait(struct conn *c, enum wait_kind kind)
{
	struct tcp_server *s = c->server;
	uint64_t now = uv_now(s->loop);

	if (kind == WAIT_TAKEN)
		c->unacked = conn_unacked(c);
	waits_start(&s->waits, &c->wait, kind, now);
	if (now + s->waits.of[kind].timeout < s->wait_timer_end)
		server_set_wait_timer(s, now + s->waits.of[kind].timeout);
}

/* The socket becomes writable only when much has been taken; a slow client has taken little. */
static void conn_wait_is_over(struct conn *c)
{
	if (c->wait.kind == WAIT_TAKEN && conn_unacked(c) < c->unacked)
		conn_wait(c, WAIT_TAKEN);
	else
		conn_close(c);
}

static void on_wait_timer(uv_timer_t *timer)
{
	struct tcp_server *s = timer->data;
	uint64_t end;
	struct wait *w;

	while ((w = waits_over(&s->waits, uv_now(s->loop))) != NULL)
		conn_wait_is_over(conn_of_wait(w));
	s->wait_timer_end = UINT64_MAX;
	end = waits_next_end(&s->waits);
	if (end != UINT64_MAX)
		server_set_wait_timer(s, end);
}

/* ---- sending ---- */

/* Gives how many bytes the kernel took, 0 when none now, or -1: the connection is lost. */
static ssize_t conn_transmit(const struct conn *c, struct iovec *iov, size_t n)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
	ssize_t sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return sent;
}

/* Sends from the queue. */
static void conn_flush(struct conn *c)
{
	/* sendmsg() only reads from here; iovec has no const. */
	struct iovec iov = {.iov_base = c->out.bytes + c->out.at,
	                    .iov_len = byte_queue_len(&c->out)};
	ssize_t sent = conn_transmit(c, &iov, 1);

	if (sent < 0) {
		conn_close(c);
		return;
	}
	if (sent > 0) {
		byte_queue_consume(&c->out, (size_t)sent);
		c->sent = true;
	}
	if (byte_queue_len(&c->out) <= c->server->config->tcp_max_pending / 2)
		c->stalled = false;
}

/* Queues what is left after the first skip bytes. */
static void conn_queue(struct conn *c, const struct iovec *iov, size_t n, size_t skip)
{
	for (size_t i = 0; i < n; i++) {
		size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;
		const uint8_t *bytes = iov[i].iov_base;

		skip -= from;
		if (byte_queue_append(&c->out, bytes + from, iov[i].iov_len - from) < 0) {
			conn_close(c);
			return;
		}
	}
	c->stalled = byte_queue_len(&c->out) >= c->server->config->tcp_max_pending;
}

/* Sends or queues the burst's responses, in the order of the queries. */
static void conn_send_burst(struct conn *c, unsigned n)
{
	struct tcp_server *s = c->server;
	struct iovec iov[TCP_BURST];
	size_t used = 0;
	ssize_t sent = 0;

	for (unsigned i = 0; i < n; i++) {
		uint16_t len = s->pkts[i].len;

		if (len == 0)
			continue;
		wire_store16(s->pkts[i].dns - FRAMING_PREFIX, len);
		iov[used++] = (struct iovec){.iov_base = s->pkts[i].dns - FRAMING_PREFIX,
		                             .iov_len = (size_t)FRAMING_PREFIX + len};
	}
	if (used && !byte_queue_len(&c->out))
		sent = conn_transmit(c, iov, used);
	if (sent < 0)
		conn_close(c);
	else
		conn_queue(c, iov, used, (size_t)sent);
}

/* ---- answering ---- */

/* As many messages as their responses, however large, fit into the queue; at least one. */
static unsigned conn_burst_max(const struct conn *c)
{
	size_t limit = c->server->config->tcp_max_pending;
	size_t pending = byte_queue_len(&c->out);
	size_t n = pending < limit ? (limit - pending) / FRAME_MAX : 0;

	if (n > TCP_BURST)
		return TCP_BURST;
	return n ? (unsigned)n : 1;
}

/* Copies the next messages into the slots. Gives how many. */
static unsigned conn_gather(struct conn *c, struct wire_reader *in)
{
	struct tcp_server *s = c->server;
	enum framing_verdict verdict = FRAMING_MESSAGE;
	unsigned max = conn_burst_max(c);
	struct framing_message m;
	unsigned n = 0;

	while (n < max && (verdict = framing_next(&c->in, in, &m)) == FRAMING_MESSAGE) {
		uint8_t *dns = s->slots + (size_t)n * SLOT_SIZE + FRAMING_PREFIX;

		memcpy(dns, m.bytes, m.len);
		s->pkts[n++] = (struct pkt){.dns = dns,
		                            .len = m.len,
		                            .room = RESPONSE_ROOM,
		                            .client = c->client};
	}
	if (verdict == FRAMING_BAD)
		c->state = CONN_LAST;
	else if (verdict == FRAMING_NO_MEMORY)
		conn_close(c);
	return n;
}

/* Answers what is whole, unless the client does not take its answers: then all is kept for
 * later, and what is kept at most is one message and one READ_SIZE. */
static void conn_answer(struct conn *c, struct wire_reader *in)
{
	unsigned n;

	while (c->state == CONN_OPEN && !c->stalled) {
		n = conn_gather(c, in);
		if (n == 0 || c->state == CONN_CLOSED)
			return;
		c->took = true;
		if (answer_burst(c->server->responder, c->server->table, c->server->pkts,
		                 n))
			conn_send_burst(c, n);
		else
			conn_close(c);
	}
	if (c->state == CONN_OPEN && framing_keep(&c->in, in) < 0)
		conn_close(c);
}

/* ---- events of a connection ---- */

static void conn_read(struct conn *c)
{
	struct tcp_server *s = c->server;
	ssize_t n = recv(c->fd, s->read_buffer, sizeof s->read_buffer, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_close(c);
		return;
	}
	if (n == 0) {
		c->client_end = true;
		if (c->state == CONN_OPEN)
			c->state = CONN_LAST;
		return;
	}
	if (c->state == CONN_OPEN) {
		struct wire_reader in = wire_reader_on(s->read_buffer, (size_t)n);
		conn_answer(c, &in);
	}
}

static void conn_poll(struct conn *c)
{
	int events = 0;

	if (byte_queue_len(&c->out))
		events |= UV_WRITABLE;
	if (c->state == CONN_LEAVING || (c->state == CONN_OPEN && !c->stalled))
		events |= UV_READABLE;
	if (events == c->events)
		return;
	c->events = events;
	if (uv_poll_start(&c->poll, events, on_conn) < 0)
		conn_close(c);
}

/* A wait goes on when what it waits for has not come: a byte of a begun message, or a query while
 * responses are not taken, buys no time. */
static void conn_update_wait(struct conn *c)
{
	enum wait_kind kind = WAIT_QUERY;
	bool came = c->took;

	if (byte_queue_len(&c->out)) {
		kind = WAIT_TAKEN;
		came = c->sent;
	} else if (c->state == CONN_LEAVING) {
		kind = WAIT_LEAVE;
		came = false;
	} else if (framing_begun(&c->in)) {
		kind = WAIT_MESSAGE;
	}
	if (kind != c->wait.kind || came)
		conn_wait(c, kind);
	c->took = false;
	c->sent = false;
}

/* Brings everything into line with the state after something has happened. */
static void conn_settle(struct conn *c)
{
	if (c->state == CONN_LAST && !byte_queue_len(&c->out)) {
		framing_fini(&c->in);
		c->state = CONN_LEAVING;
		if (c->client_end || shutdown(c->fd, SHUT_WR) < 0)
			conn_close(c);
	}
	if (c->state == CONN_LEAVING && c->client_end)
		conn_close(c);
	if (c->state != CONN_CLOSED)
		conn_poll(c);
	if (c->state != CONN_CLOSED)
		conn_update_wait(c);
}

static void on_conn(uv_poll_t *poll, int status, int events)
{
	struct conn *c = poll->data;

	if (status < 0) {
		conn_close(c);
		return;
	}
	if ((events & UV_WRITABLE) && byte_queue_len(&c->out)) {
		bool stalled = c->stalled;

		conn_flush(c);
		if (stalled && !c->stalled) {
			struct wire_reader none =
				wire_reader_on(c->server->read_buffer, 0);
			conn_answer(c, &none);
		}
	}
	if ((events & UV_READABLE) && c->state != CONN_CLOSED && !c->stalled)
		conn_read(c);
	conn_settle(c);
}

/* ---- accepting ---- */

static void refuse(int fd)
{
	reset_on_close(fd);
	close(fd);
}

/* Counts one more connection, for which another one may have to go. */
static bool server_admit(struct tcp_server *s, const struct client *client)
{
	if (!client_counts_add(s->clients, client->addr))
		return false;
	if (s->connections >= s->config->tcp_max_connections && !server_evict(s)) {
		client_counts_remove(s->clients, client->addr);
		return false;
	}
	count_connections(s, 1);
	return true;
}

static void set_conn_options(int fd)
{
	const int on = 1;
	const int unsent = UNSENT_MAX;

	/* Failing costs speed or memory, not answers. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

static void conn_open(struct tcp_server *s, int fd, const struct client *client)
{
	struct conn *c;

	if (!server_admit(s, client)) {
		refuse(fd);
		return;
	}
	c = calloc(1, sizeof *c);
	if (!c || uv_poll_init(s->loop, &c->poll, fd) < 0) {
		free(c);
		client_counts_remove(s->clients, client->addr);
		count_connections(s, -1);
		refuse(fd);
		return;
	}
	s->handles++;
	c->poll.data = c;
	c->server = s;
	c->client = *client;
	c->fd = fd;
	set_conn_options(fd);
	conn_settle(c);
}

static void listener_pause(struct listener *l);

/* accept() takes a descriptor before it looks: with none left it fails even if nobody waits. */
static bool listener_has_client(const struct listener *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* After a failed accept(): says whether to go on with the next connection. */
static bool listener_recover(struct listener *l, int err)
{
	switch (err) {
	case EAGAIN: return false;
	/* Of one connection, or of the network that it came by (accept(2)). */
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EPERM: return true;
	case EMFILE:
		if (!listener_has_client(l))
			return false;
		if (server_evict(l->server))
			return true;
		break;
	default: break;
	}
	listener_pause(l);
	return false;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	(void)events;
	if (status < 0) {
		listener_pause(l);
		return;
	}
	for (unsigned i = 0; i < ACCEPT_MAX; i++) {
		struct client client = {.transport = TRANSPORT_TCP};
		struct sockaddr_storage addr = {0};
		socklen_t size = sizeof addr;
		int fd = accept4(l->fd, (struct sockaddr *)&addr, &size,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (!listener_recover(l, errno))
				return;
			continue;
		}
		client.port = listen_peer(&addr, client.addr);
		client.is_ipv4 = addr.ss_family == AF_INET;
		conn_open(l->server, fd, &client);
	}
}

/* Gives uv_poll_start()'s error. */
static int listener_start(struct listener *l)
{
	l->paused = false;
	return uv_poll_start(&l->poll, UV_READABLE, on_listener);
}

static void on_accept_timer(uv_timer_t *timer)
{
	struct tcp_server *s = timer->data;

	for (size_t i = 0; i < s->listener_count; i++) {
		if (s->listeners[i].paused && listener_start(&s->listeners[i]) < 0)
			listener_pause(&s->listeners[i]);
	}
}

static void listener_pause(struct listener *l)
{
	struct tcp_server *s = l->server;

	(void)uv_poll_stop(&l->poll);
	l->paused = true;
	if (!uv_is_active((uv_handle_t *)&s->accept_timer))
		(void)uv_timer_start(&s->accept_timer, on_accept_timer, ACCEPT_PAUSE, 0);
}

/* ---- the server ---- */

static int server_allocate(const struct config *config, struct counters *counters,
                           struct tcp_server **out)
{
	struct tcp_server *s = calloc(1, sizeof *s);
	int err = ERR_NOMEM;

	if (!s)
		return err;
	s->slots = calloc(TCP_BURST, SLOT_SIZE);
	s->responder = responder_new(counters);
	/* One client more than connections: the new one is counted before an old one goes. */
	if (s->slots && s->responder)
		err = client_counts_new(config->tcp_max_connections + 1,
		                        config->tcp_max_per_client, &s->clients);
	if (err < 0) {
		if (s->responder)
			responder_free(s->responder);
		free(s->slots);
		free(s);
		return err;
	}
	s->config = config;
	s->waits.of[WAIT_QUERY].timeout = config->tcp_idle_timeout_ms;
	s->waits.of[WAIT_MESSAGE].timeout = config->tcp_read_timeout_ms;
	s->waits.of[WAIT_TAKEN].timeout = config->tcp_write_timeout_ms;
	s->waits.of[WAIT_LEAVE].timeout = LEAVE_TIMEOUT;
	s->wait_timer_end = UINT64_MAX;
	*out = s;
	return 0;
}

static int listener_open(struct tcp_server *s, const struct sockaddr_storage *addr,
                         char *text, size_t text_size)
{
	struct listener *l = &s->listeners[s->listener_count];
	int err;

	TRY(listen_open(addr, config_past_kernel(s->config), &l->fd, text, text_size));
	err = uv_poll_init(s->loop, &l->poll, l->fd);
	if (err < 0) {
		snprintf(text, text_size, "TCP: polling: %s", uv_strerror(err));
		close(l->fd);
		return ERR_SYSTEM;
	}
	l->server = s;
	l->poll.data = l;
	s->handles++;
	s->listener_count++;
	err = listener_start(l);
	if (err < 0) {
		snprintf(text, text_size, "TCP: polling: %s", uv_strerror(err));
		return ERR_SYSTEM;
	}
	return 0;
}

static void server_init_timer(struct tcp_server *s, uv_timer_t *timer)
{
	(void)uv_timer_init(s->loop, timer);
	timer->data = s;
	s->handles++;
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
	s->loop = loop;
	s->table = table;
	responder_log_to(s->responder, table->log);
	server_init_timer(s, &s->wait_timer);
	server_init_timer(s, &s->accept_timer);
	for (size_t i = 0; i < config->listen_count; i++) {
		err = listener_open(s, &config->listen[i], text, text_size);
		if (err < 0) {
			tcp_server_close(&s);
			return err;
		}
	}
	*out = s;
	return 0;
}

void tcp_server_close(struct tcp_server **server)
{
	struct tcp_server *s = *server;

	if (!s)
		return;
	*server = NULL;
	for (size_t kind = 0; kind < WAIT_KINDS; kind++) {
		while (s->waits.of[kind].first)
			conn_close(conn_of_wait(s->waits.of[kind].first));
	}
	for (size_t i = 0; i < s->listener_count; i++) {
		uv_close((uv_handle_t *)&s->listeners[i].poll, on_server_handle_closed);
		s->listeners[i].poll.data = s;
		close(s->listeners[i].fd);
	}
	uv_close((uv_handle_t *)&s->wait_timer, on_server_handle_closed);
	uv_close((uv_handle_t *)&s->accept_timer, on_server_handle_closed);
	responder_free(s->responder);
	client_counts_free(s->clients);
}

unsigned tcp_server_connections(const struct tcp_server *s)
{
	return s->connections;
}
