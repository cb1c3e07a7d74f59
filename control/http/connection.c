/* Connections: how many there may be, and how long each of them may take. */
#include <stdlib.h>
#include <sys/socket.h>

#include "control/http/internal.h"
#include "control/must.h"

enum { SWEEP_MIN_MS = 10, SWEEP_MAX_MS = 500 };

void connection_wait(struct connection *c, unsigned timeout_ms)
{
	c->deadline = timeout_ms ? uv_now(c->server->loop) + timeout_ms : 0;
}

/* libmicrohttpd overlooks an end that comes before its first read: the client has gone, there is
 * nothing of it to be read, and no request of it under way. */
static bool has_gone(const struct connection *c)
{
	char octet;

	return !c->exchange && recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* It knows no limit but for silence, either, and has no call to end a connection: what has been
 * shut down looks to it as if the client had gone. */
static void on_sweep(uv_timer_t *timer)
{
	struct http_server *s = timer->data;
	uint64_t now = uv_now(s->loop);

	for (struct connection *c = s->connections; c; c = c->next)
		if ((c->deadline && c->deadline <= now) ||
		    (c->take_deadline && c->take_deadline <= now) || has_gone(c))
			(void)shutdown(c->fd, SHUT_RDWR);
	speakers_wake(s);
}

void connections_sweep(struct http_server *s)
{
	uint64_t every = s->timeout_ms / 8;

	every = every < SWEEP_MIN_MS ? SWEEP_MIN_MS : every;
	every = every > SWEEP_MAX_MS ? SWEEP_MAX_MS : every;
	(void)uv_timer_start(&s->sweep, on_sweep, every, every);
}

/* Counts it, or says false. */
static bool count_in(struct http_server *s, const struct http_peer *peer)
{
	if (!peer->unix_socket) {
		if (s->tcp_count >= s->tcp_max ||
		    !client_counts_add(s->counts, peer->address))
			return false;
		s->tcp_count++;
		return true;
	}
	if (s->unix_count == HTTP_UNIX_CONNECTIONS)
		return false;
	s->unix_count++;
	return true;
}

static void count_out(struct http_server *s, const struct http_peer *peer)
{
	if (peer->unix_socket) {
		s->unix_count--;
		return;
	}
	s->tcp_count--;
	client_counts_remove(s->counts, peer->address);
}

struct connection *connection_new(struct speaker *p, int fd, const struct http_peer *peer)
{
	struct http_server *s = p->server;

	if (!count_in(s, peer))
		return NULL;
	struct connection *c = must(calloc(1, sizeof *c));

	c->server = s;
	c->speaker = p;
	p->connections++;
	c->fd = fd;
	c->peer = *peer;
	c->link = &s->connections;
	c->next = s->connections;
	if (c->next)
		c->next->link = &c->next;
	s->connections = c;
	connection_wait(c, s->timeout_ms);
	if (!c->next)
		connections_sweep(s);
	return c;
}

void connection_free(struct connection *c)
{
	struct http_server *s = c->server;

	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->speaker->connections--;
	count_out(s, &c->peer);
	if (!s->connections)
		(void)uv_timer_stop(&s->sweep);
	free(c->target);
	free(c);
}

void connection_changed(void *server, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what)
{
	struct http_server *s = server;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = s->accepting;
		s->accepting->mhd = mhd;
		s->accepting = NULL;
	} else {
		connection_free(*context);
	}
}
