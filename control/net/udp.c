/*
 * One burst of one socket per turn of the loop: whoever sends many queries waits for TCP clients
 * and commands as they wait for him.
 *
 * A socket's handle outlives it until libuv has called back, and the same address may have been
 * opened again by then. So each opening has memory of its own.
 */
#include "control/net/udp.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "control/net/answer.h"
#include "control/net/client_counts.h"
#include "control/net/dispatch.h"
#include "control/net/listen.h"
#include "shared/address.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/udp_socket.h"

enum {
	RETRY_MS = 1000,
	STRIDE = UDP_MESSAGE_MAX + CACHE_LINE, /* room for loads of whole vectors */
	LAST_BURSTS = 16, /* answered from one socket before it closes */

	/* Whoever forges addresses can have any number of requests under way. */
	REQUESTS_MAX = 1024,
	REQUESTS_OF_CLIENT_MAX = 64,
};
STATIC_ASSERT(sizeof(struct udp_way) <= REQUEST_WAY_MAX, "a request has room for it");

struct opening {
	uv_poll_t poll;
	struct udp_server *server;
	struct udp_socket socket;
	struct request_line line; /* of what came by it and is dealt with elsewhere */
};

/* One message: where it lies, where it came from and where its reply goes. */
struct slot {
	struct sockaddr_storage client;
	struct iovec iov;
	size_t asked_len;
	union udp_asked asked;
};

struct udp_server {
	uv_loop_t *loop;
	const struct config *config;
	struct table_source *table;
	struct responder *responder;
	struct dispatch *dispatch;       /* or NULL */
	struct client_counts *under_way; /* requests; or NULL */
	struct opening *answering;       /* whose burst is being answered */
	uv_timer_t retry;
	struct opening *openings[CONFIG_LISTEN_MAX]; /* NULL: not open */
	bool told[CONFIG_LISTEN_MAX];                /* its failure has been logged */
	bool past_kernel; /* there is a data plane past the kernel, was, or has to be */
	bool running;     /* the sockets are to be open */
	unsigned handles; /* of libuv, not yet closed: the memory must outlive them */

	struct slot slots[BURST_MAX];
	struct mmsghdr messages[BURST_MAX]; /* on their way in, then out */
	struct pkt pkts[BURST_MAX];
	uint8_t *room; /* BURST_MAX times STRIDE */
};

/* ---- libuv's handles ---- */

static void server_release(struct udp_server *s)
{
	assert(s->handles > 0);
	if (--s->handles == 0) {
		free(s->room);
		free(s);
	}
}

static void on_opening_closed(uv_handle_t *handle)
{
	struct opening *o = handle->data;
	struct udp_server *s = o->server;

	free(o);
	server_release(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
	server_release(handle->data);
}

/* ---- receiving ---- */

static unsigned receive(struct udp_server *s, const struct udp_socket *socket)
{
	for (unsigned i = 0; i < BURST_MAX; i++) {
		struct slot *slot = &s->slots[i];
		slot->iov = (struct iovec){.iov_base = s->room + (size_t)i * STRIDE,
		                           .iov_len = UDP_MESSAGE_MAX};
		s->messages[i].msg_hdr =
			(struct msghdr){.msg_name = &slot->client,
		                        .msg_namelen = sizeof slot->client,
		                        .msg_iov = &slot->iov,
		                        .msg_iovlen = 1,
		                        .msg_control = &slot->asked,
		                        .msg_controllen = sizeof slot->asked};
	}
	int n = recvmmsg(socket->fd, s->messages, BURST_MAX, MSG_DONTWAIT, NULL);

	return n > 0 ? (unsigned)n : 0;
}

/* Makes packets of n messages. One from port 0 cannot be answered. Gives how many are kept. */
static unsigned accept_burst(struct udp_server *s, const struct udp_socket *socket,
                             unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct msghdr *h = &s->messages[i].msg_hdr;
		struct slot *slot = &s->slots[i];
		struct pkt *p = &s->pkts[kept];

		*p = (struct pkt){.dns = slot->iov.iov_base,
		                  .len = (uint16_t)s->messages[i].msg_len,
		                  .room = UDP_MESSAGE_MAX,
		                  .io = i,
		                  .client = {.transport = TRANSPORT_UDP,
		                             .is_ipv4 = socket->is_ipv4}};
		p->client.port = listen_peer(&slot->client, p->client.addr);
		slot->asked_len = socket->is_wildcard ? h->msg_controllen : 0;
		if (h->msg_flags & MSG_TRUNC)
			counter_add(s->table->counters, COUNTER_dropped_malformed, 1);
		else if (p->client.port == 0)
			counter_add(s->table->counters, COUNTER_dropped_source, 1);
		else
			kept++;
	}
	return kept;
}

/* ---- sending ---- */

static void prepare(struct udp_server *s, const struct udp_socket *socket,
                    const struct pkt *p, struct mmsghdr *out)
{
	struct slot *slot = &s->slots[p->io];

	slot->iov.iov_len = p->len;
	out->msg_hdr = (struct msghdr){.msg_name = &slot->client,
	                               .msg_namelen = address_size(socket->is_ipv4),
	                               .msg_iov = &slot->iov,
	                               .msg_iovlen = 1};
	if (slot->asked_len) {
		udp_asked_to_reply(&slot->asked, socket->is_ipv4);
		out->msg_hdr.msg_control = &slot->asked;
		out->msg_hdr.msg_controllen = slot->asked_len;
	}
}

/* A full queue costs the rest of the burst; a message that the kernel refuses (no route, a filter)
 * costs that message. */
static void send_burst(struct udp_server *s, const struct udp_socket *socket, unsigned n)
{
	unsigned total = 0;
	unsigned done = 0;
	unsigned lost = 0;

	for (unsigned i = 0; i < n; i++) {
		if (s->pkts[i].len > 0)
			prepare(s, socket, &s->pkts[i], &s->messages[total++]);
	}
	while (done < total) {
		int sent = sendmmsg(socket->fd, s->messages + done, total - done,
		                    MSG_DONTWAIT);
		if (sent > 0) {
			done += (unsigned)sent;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			lost += total - done;
			done = total;
		} else if (errno != EINTR) {
			lost++;
			done++;
		}
	}
	if (lost)
		counter_add(s->table->counters, COUNTER_dropped_io, lost);
}

/* ---- requests ---- */

static int line_send(struct request_line *l, const struct request *r,
                     const uint8_t *message, uint16_t len)
{
	const struct opening *o = l->arg;
	struct udp_way way;

	memcpy(&way, r->back, sizeof way);
	if (!udp_way_send(&o->socket, &way, message, len))
		counter_add(o->server->table->counters, COUNTER_dropped_relay, 1);
	else
		counter_add(o->server->table->counters, COUNTER_relayed, 1);
	return 0;
}

/* Of the responder: a message of the burst that it has now. */
static bool hand(void *arg, const struct pkt *p)
{
	struct udp_server *s = arg;
	struct opening *o = s->answering;
	const struct slot *slot = &s->slots[p->io];

	struct request *r = request_new(&o->line, p);
	if (!r)
		return false;
	const struct udp_way way = udp_way_of(&slot->client, p->client.is_ipv4,
	                                      &slot->asked, slot->asked_len);
	memcpy(r->back, &way, sizeof way);
	r->back_len = sizeof way;
	dispatch_put(s->dispatch, &r);
	return true;
}

void udp_server_hand_to(struct udp_server *s, struct dispatch *d)
{
	s->dispatch = d;
	responder_hand_to(s->responder, hand, s);
	for (size_t i = 0; i < s->config->listen_count; i++) {
		if (s->openings[i])
			s->openings[i]->line.all = dispatch_requests(d);
	}
}

/* Answers one burst. Says whether there was one. */
static bool serve_burst(struct udp_server *s, struct opening *o)
{
	const struct udp_socket *socket = &o->socket;
	unsigned received = receive(s, socket);
	unsigned n = accept_burst(s, socket, received);

	s->answering = o;
	if (n > 0 && answer_burst(s->responder, s->table, s->pkts, n))
		send_burst(s, socket, n);
	else if (n > 0)
		counter_add(s->table->counters, COUNTER_dropped_io, n);
	return received > 0;
}

/* ---- opening and closing sockets ---- */

static void count_sockets(struct udp_server *s, int change)
{
	unsigned now = atomic_load_explicit(&s->table->udp_sockets, memory_order_relaxed);

	atomic_store_explicit(&s->table->udp_sockets, (unsigned)((int)now + change),
	                      memory_order_relaxed);
}

/* What came before the end is answered: whoever has the address afterwards does not get it. */
static void socket_close(struct udp_server *s, size_t i)
{
	struct opening *o = s->openings[i];

	s->openings[i] = NULL;
	for (unsigned n = 0; n < LAST_BURSTS && serve_burst(s, o); n++)
		continue;
	request_line_end(&o->line);
	uv_close((uv_handle_t *)&o->poll, on_opening_closed);
	close(o->socket.fd);
	count_sockets(s, -1);
}

static void on_retry(uv_timer_t *timer);

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct opening *o = poll->data;
	struct udp_server *s = o->server;

	(void)events;
	if (status == 0) {
		(void)serve_burst(s, o);
		return;
	}
	for (size_t i = 0; i < s->config->listen_count; i++) {
		if (s->openings[i] == o)
			socket_close(s, i);
	}
	(void)uv_timer_start(&s->retry, on_retry, RETRY_MS, 0);
}

/* Gives 0 or what errno has. */
static int socket_open(struct udp_server *s, size_t i)
{
	struct opening *o = calloc(1, sizeof *o);

	if (!o)
		return ENOMEM;
	if (udp_socket_open(&s->config->listen[i], true, &o->socket) < 0) {
		int reason = errno;
		free(o);
		return reason;
	}
	int err = uv_poll_init(s->loop, &o->poll, o->socket.fd);
	if (err < 0) {
		close(o->socket.fd);
		free(o);
		return -err;
	}
	o->poll.data = o;
	o->server = s;
	o->line = (struct request_line){
		.way = REQUEST_UDP, .send = line_send, .clients = s->under_way, .arg = o};
	if (s->dispatch)
		o->line.all = dispatch_requests(s->dispatch);
	s->handles++;
	s->openings[i] = o;
	count_sockets(s, 1);
	err = uv_poll_start(&o->poll, UV_READABLE, on_socket);
	if (err < 0)
		socket_close(s, i);
	return -err;
}

static void tell(const struct udp_server *s, size_t i, const char *what)
{
	char address[ADDRESS_TEXT_MAX];

	address_text(&s->config->listen[i], address, sizeof address);
	log_warning("UDP %s: %s", address, what);
}

/* Says whether the address is being answered on. */
static bool socket_try(struct udp_server *s, size_t i)
{
	int reason = s->openings[i] ? 0 : socket_open(s, i);

	if (reason != 0 && !s->told[i])
		tell(s, i, strerror(reason));
	if (reason == 0 && s->told[i])
		tell(s, i, "open now");
	s->told[i] = reason != 0;
	return reason == 0;
}

static void open_missing(struct udp_server *s)
{
	bool all = true;

	for (size_t i = 0; i < s->config->listen_count; i++)
		all &= socket_try(s, i);
	if (!all)
		(void)uv_timer_start(&s->retry, on_retry, RETRY_MS, 0);
}

static void on_retry(uv_timer_t *timer)
{
	open_missing(timer->data);
}

static void close_all(struct udp_server *s)
{
	(void)uv_timer_stop(&s->retry);
	for (size_t i = 0; i < s->config->listen_count; i++) {
		if (s->openings[i])
			socket_close(s, i);
	}
}

/* ---- the server ---- */

static bool demands_past_kernel(const struct config *c)
{
	return c->io != IO_AUTO && c->io != IO_UDP;
}

void udp_server_follow(struct udp_server *s, bool past_kernel, bool by_kernel)
{
	/* With udp there is nothing to be left to the kernel, unless a data plane of before still runs. */
	if (s->config->io == IO_UDP && !s->running)
		return;
	s->past_kernel |= past_kernel;
	bool running = s->past_kernel && !by_kernel;
	if (running == s->running)
		return;
	s->running = running;
	log_info("UDP: %s", running ? "answering what data planes leave to the kernel"
	                            : "left to the sockets of a data plane");
	if (running)
		open_missing(s);
	else
		close_all(s);
}

static size_t address_at(const struct config *c, const struct sockaddr_storage *address)
{
	size_t i = 0;

	while (i < c->listen_count &&
	       memcmp(&c->listen[i], address, sizeof *address) != 0)
		i++;
	return i;
}

void udp_server_configure(struct udp_server *s, const struct config *next)
{
	struct opening *kept[CONFIG_LISTEN_MAX] = {0};
	bool told[CONFIG_LISTEN_MAX] = {0};

	for (size_t i = 0; i < s->config->listen_count; i++) {
		size_t to = address_at(next, &s->config->listen[i]);
		if (to == next->listen_count)
			continue;
		kept[to] = s->openings[i];
		told[to] = s->told[i];
		s->openings[i] = NULL;
	}
	close_all(s);
	memcpy(s->openings, kept, sizeof kept);
	memcpy(s->told, told, sizeof told);
	s->config = next;
	s->past_kernel |= demands_past_kernel(next);
	if (s->running)
		open_missing(s);
}

int udp_server_open(uv_loop_t *loop, const struct config *config,
                    struct table_source *table, struct udp_server **out, char *text,
                    size_t text_size)
{
	struct udp_server *s = calloc(1, sizeof *s);

	if (s) {
		s->room = calloc(BURST_MAX, STRIDE);
		s->responder = responder_new(table->counters);
	}
	if (!s || !s->room || !s->responder ||
	    client_counts_new(REQUESTS_MAX, REQUESTS_OF_CLIENT_MAX, &s->under_way) < 0) {
		if (s && s->responder)
			responder_free(s->responder);
		if (s)
			free(s->room);
		free(s);
		snprintf(text, text_size, "UDP: %s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	responder_log_to(s->responder, table->log);
	s->loop = loop;
	s->config = config;
	s->table = table;
	(void)uv_timer_init(loop, &s->retry);
	s->retry.data = s;
	s->handles = 1;
	udp_server_follow(s, demands_past_kernel(config), false);
	*out = s;
	return 0;
}

void udp_server_close(struct udp_server **server)
{
	struct udp_server *s = *server;

	if (!s)
		return;
	*server = NULL;
	close_all(s);
	uv_close((uv_handle_t *)&s->retry, on_timer_closed);
	responder_free(s->responder);
	client_counts_free(s->under_way);
}
