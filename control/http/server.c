#include "control/http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/http/internal.h"
#include "control/net/listen.h"
#include "shared/address.h"
#include "shared/err.h"

enum {
	BACKLOG = 128,
	ACCEPTS_PER_TURN = 32, /* others want the loop, too */
	PAUSE_MS = 200,        /* after accept() has failed for want of descriptors */
	SWEEP_MIN_MS = 10,
	SWEEP_MAX_MS = 500,
};

/* ---- libmicrohttpd in the loop ---- */

static void on_speaker_timer(uv_timer_t *timer);

/* Lets it do what is ready, and asks when it wants to be called without being ready. */
static void speaker_turn(struct speaker *p)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	if (!p->mhd)
		return;
	(void)MHD_run(p->mhd);
	if (MHD_get_timeout(p->mhd, &ms) == MHD_YES)
		(void)uv_timer_start(&p->timer, on_speaker_timer, ms, 0);
	else
		(void)uv_timer_stop(&p->timer);
}

static void on_speaker_timer(uv_timer_t *timer)
{
	speaker_turn(timer->data);
}

static void on_speaker_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	speaker_turn(poll->data);
}

static void speaker_wake(struct speaker *p)
{
	if (p->mhd)
		(void)uv_timer_start(&p->timer, on_speaker_timer, 0, 0);
}

void speakers_wake(struct http_server *s)
{
	speaker_wake(&s->plain);
	speaker_wake(&s->tls);
}

/* ---- connections ---- */

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
		if ((c->deadline && c->deadline <= now) || has_gone(c))
			(void)shutdown(c->fd, SHUT_RDWR);
	speakers_wake(s);
}

static void start_sweep(struct http_server *s)
{
	uint64_t every = s->timeout_ms / 8;

	every = every < SWEEP_MIN_MS ? SWEEP_MIN_MS : every;
	every = every > SWEEP_MAX_MS ? SWEEP_MAX_MS : every;
	if (!uv_is_active((uv_handle_t *)&s->sweep))
		(void)uv_timer_start(&s->sweep, on_sweep, every, every);
}

/* Counts it, or says false. */
static bool count_in(struct http_server *s, const struct http_peer *peer)
{
	if (!peer->unix_socket) {
		if (s->tcp_count == s->tcp_max ||
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

static struct connection *connection_new(struct http_server *s, int fd,
                                         const struct http_peer *peer)
{
	struct connection *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->server = s;
	c->fd = fd;
	c->peer = *peer;
	c->link = &s->connections;
	c->next = s->connections;
	if (c->next)
		c->next->link = &c->next;
	s->connections = c;
	connection_wait(c, s->timeout_ms);
	start_sweep(s);
	return c;
}

static void connection_free(struct connection *c)
{
	struct http_server *s = c->server;

	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	count_out(s, &c->peer);
	if (!s->connections)
		(void)uv_timer_stop(&s->sweep);
	free(c->target);
	free(c);
}

static void on_connection_change(void *server, struct MHD_Connection *mhd, void **context,
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

/* ---- accepting ---- */

/* Says who it is that has connected, or false when that cannot be told. */
static bool identify(int fd, const struct sockaddr_storage *address,
                     struct http_peer *out)
{
	struct ucred credentials;
	socklen_t len = sizeof credentials;

	*out = (struct http_peer){0};
	if (address->ss_family != AF_UNIX) {
		(void)listen_peer(address, out->address);
		out->local = address_is_loopback(address);
		return true;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
		return false;
	out->unix_socket = true;
	out->local = true;
	out->uid = credentials.uid;
	return true;
}

/* Takes fd. */
static void admit(struct listener *l, int fd, const struct sockaddr_storage *address,
                  socklen_t len)
{
	struct http_server *s = l->server;
	struct http_peer peer;

	if (!identify(fd, address, &peer) || !count_in(s, &peer)) {
		(void)close(fd);
		return;
	}
	s->accepting = connection_new(s, fd, &peer);
	/* It closes fd where it fails. */
	if (MHD_add_connection(l->speaker->mhd, fd, (const struct sockaddr *)address,
	                       len) != MHD_YES &&
	    s->accepting) {
		connection_free(s->accepting);
		s->accepting = NULL;
	}
	speaker_wake(l->speaker);
}

static void on_connectable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
	struct listener *l = timer->data;

	(void)uv_poll_start(&l->poll, UV_READABLE, on_connectable);
}

static void on_connectable(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	(void)status;
	(void)events;
	/* Whoever has gone makes room before others are told that there is none. */
	speaker_turn(&l->server->plain);
	speaker_turn(&l->server->tls);
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage address = {.ss_family = AF_UNIX};
		socklen_t len = sizeof address;
		int fd = accept4(l->fd, (struct sockaddr *)&address, &len,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			admit(l, fd, &address, len);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			/* The client stays in the queue, and the descriptor ready. */
			(void)uv_poll_stop(poll);
			(void)uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0);
			return;
		}
	}
}

/* ---- opening ---- */

static int speaker_open(struct http_server *s, struct speaker *p,
                        const struct http_settings *settings, bool tls)
{
	const union MHD_DaemonInfo *info;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
	                 MHD_USE_NO_LISTEN_SOCKET | (tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem secrets[] = {
		{tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
	         (void *)(uintptr_t)settings->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)settings->key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0,
	         (void *)(uintptr_t) "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"},
		{MHD_OPTION_END, 0, NULL},
	};

	p->server = s;
	p->mhd = MHD_start_daemon(
		flags, 0, NULL, NULL, exchange_take, s, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection_change, s, MHD_OPTION_URI_LOG_CALLBACK,
		exchange_note_target, s, MHD_OPTION_NOTIFY_COMPLETED, exchange_ended, s,
		MHD_OPTION_CONNECTION_LIMIT,
		settings->max_connections + HTTP_UNIX_CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, secrets,
		MHD_OPTION_END);
	if (!p->mhd)
		return ERR_SYSTEM;
	info = MHD_get_daemon_info(p->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || uv_poll_init(s->loop, &p->poll, info->epoll_fd) < 0 ||
	    uv_timer_init(s->loop, &p->timer) < 0)
		abort();
	s->handles += 2;
	p->poll.data = p;
	p->timer.data = p;
	return uv_poll_start(&p->poll, UV_READABLE, on_speaker_ready) < 0 ? ERR_SYSTEM
	                                                                  : 0;
}

/* Takes fd, which listens. */
static void listener_open(struct http_server *s, struct speaker *p, int fd)
{
	struct listener *l = &s->listeners[s->listener_count++];

	l->server = s;
	l->speaker = p;
	l->fd = fd;
	if (uv_poll_init(s->loop, &l->poll, fd) < 0 ||
	    uv_timer_init(s->loop, &l->pause) < 0)
		abort();
	s->handles += 2;
	l->poll.data = l;
	l->pause.data = l;
	(void)uv_poll_start(&l->poll, UV_READABLE, on_connectable);
}

static int listen_on(struct http_server *s, struct speaker *p,
                     const struct sockaddr_storage *addresses, size_t count, char *text,
                     size_t text_size)
{
	for (size_t i = 0; i < count; i++) {
		int fd = -1;

		if (s->listener_count == LISTENERS_MAX) {
			(void)snprintf(text, text_size, "too many addresses for HTTP");
			return ERR_TOOBIG;
		}
		TRY(listen_open(&addresses[i], false, &fd, text, text_size));
		listener_open(s, p, fd);
	}
	return 0;
}

static int listen_on_file(struct http_server *s, const char *path, char *text,
                          size_t text_size)
{
	int fd = -1;

	TRY(unix_socket_bind(path, &s->file, &fd, text, text_size));
	s->has_file = true;
	if (listen(fd, BACKLOG) < 0) {
		(void)snprintf(text, text_size, "%s: %s", path, strerror(errno));
		(void)close(fd);
		return ERR_SYSTEM;
	}
	listener_open(s, &s->plain, fd);
	return 0;
}

static int open_all(struct http_server *s, const struct http_settings *settings,
                    char *text, size_t text_size)
{
	if (speaker_open(s, &s->plain, settings, false) < 0) {
		(void)snprintf(text, text_size, "HTTP cannot be started: %s",
		               strerror(errno));
		return ERR_SYSTEM;
	}
	if (settings->tls_listen_count && speaker_open(s, &s->tls, settings, true) < 0) {
		(void)snprintf(text, text_size,
		               "HTTPS cannot be started: the certificate and its key do "
		               "not serve");
		return ERR_REFUSED;
	}
	if (settings->socket && settings->socket[0])
		TRY(listen_on_file(s, settings->socket, text, text_size));
	TRY(listen_on(s, &s->plain, settings->listen, settings->listen_count, text,
	              text_size));
	return listen_on(s, &s->tls, settings->tls_listen, settings->tls_listen_count,
	                 text, text_size);
}

int http_server_open(uv_loop_t *loop, const struct http_settings *settings,
                     struct http_server **out, char *text, size_t text_size)
{
	struct client_counts *counts = NULL;

	TRY(client_counts_new(settings->max_connections, settings->max_per_client,
	                      &counts));
	struct http_server *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->loop = loop;
	s->counts = counts;
	s->tcp_max = settings->max_connections;
	s->timeout_ms = settings->timeout_ms;
	s->max_body = settings->max_body;
	s->guard = settings->guard;
	s->guard_arg = settings->guard_arg;
	(void)uv_timer_init(loop, &s->sweep);
	s->sweep.data = s;
	s->handles = 1;
	int err = open_all(s, settings, text, text_size);
	if (err < 0) {
		http_server_close(&s);
		return err;
	}
	*out = s;
	return 0;
}

void http_routes(struct http_server *s, const struct http_route *routes, size_t count,
                 void *arg)
{
	router_add(&s->router, routes, count, arg);
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle)
{
	struct http_server *s = handle->data;

	if (--s->handles)
		return;
	client_counts_free(s->counts);
	free(s);
}

/* Nothing looks at the handle's owner any more: at its end it leads to the server. */
static void close_handle(struct http_server *s, uv_handle_t *handle)
{
	handle->data = s;
	uv_close(handle, on_closed);
}

static void listener_close(struct listener *l)
{
	close_handle(l->server, (uv_handle_t *)&l->poll);
	close_handle(l->server, (uv_handle_t *)&l->pause);
	(void)close(l->fd);
}

static void speaker_close(struct speaker *p)
{
	if (!p->mhd)
		return;
	close_handle(p->server, (uv_handle_t *)&p->poll);
	close_handle(p->server, (uv_handle_t *)&p->timer);
	MHD_stop_daemon(p->mhd);
	p->mhd = NULL;
}

/* libmicrohttpd must not be stopped with connections that wait for a handler. */
static void resume_all(struct http_server *s)
{
	for (struct connection *c = s->connections; c; c = c->next) {
		if (!c->exchange || !c->exchange->suspended)
			continue;
		c->exchange->suspended = false;
		MHD_resume_connection(c->mhd);
	}
}

void http_server_close(struct http_server **server)
{
	struct http_server *s = *server;

	*server = NULL;
	if (!s)
		return;
	if (s->has_file)
		unix_socket_remove(&s->file);
	for (unsigned i = 0; i < s->listener_count; i++)
		listener_close(&s->listeners[i]);
	resume_all(s);
	speaker_close(&s->plain);
	speaker_close(&s->tls);
	close_handle(s, (uv_handle_t *)&s->sweep);
}
