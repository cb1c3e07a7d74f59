#include "control/http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/http/internal.h"
#include "control/must.h"
#include "control/net/listen.h"
#include "shared/address.h"
#include "shared/err.h"

enum {
	BACKLOG = 128,
	AT_ONCE_MAX = 1024,
	SWEEP_MIN_MS = 10,
	SWEEP_MAX_MS = 500,
};

/* ---- libmicrohttpd in the loop ---- */

static void on_speaker_timer(uv_timer_t *timer);

static void on_speaker_again(uv_idle_t *again);

/* A turn at once is no timer of 0 ms: libuv would call that again before anybody else. And there
 * are requests (a chunk's extension larger than the buffer) with which it wants its turn at once for
 * as long as they are there: they shall not have a processor for themselves. */
static void speaker_want(struct speaker *p, uint64_t ms)
{
	if (ms == 0 && p->at_once < AT_ONCE_MAX) {
		p->at_once++;
		(void)uv_timer_stop(&p->timer);
		(void)uv_idle_start(&p->again, on_speaker_again);
		return;
	}
	if (ms > 0)
		p->at_once = 0;
	(void)uv_idle_stop(&p->again);
	(void)uv_timer_start(&p->timer, on_speaker_timer, ms > 0 ? ms : 1, 0);
}

/* Lets it do what is ready, and asks when it wants to be called without being ready. */
static void speaker_turn(struct speaker *p)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	if (!p->mhd)
		return;
	(void)MHD_run(p->mhd);
	if (MHD_get_timeout(p->mhd, &ms) == MHD_YES) {
		speaker_want(p, ms);
		return;
	}
	p->at_once = 0;
	(void)uv_timer_stop(&p->timer);
	(void)uv_idle_stop(&p->again);
}

static void on_speaker_again(uv_idle_t *again)
{
	speaker_turn(again->data);
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
		if ((c->deadline && c->deadline <= now) ||
		    (c->take_deadline && c->take_deadline <= now) || has_gone(c))
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

static struct connection *connection_new(struct http_server *s, int fd,
                                         const struct http_peer *peer)
{
	struct connection *c = must(calloc(1, sizeof *c));

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

static void admit(void *listener, int fd, const struct sockaddr_storage *address,
                  socklen_t len)
{
	struct listener *l = listener;
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

/* Whoever has gone makes room before others are told that there is none. */
static void make_room(void *listener)
{
	struct listener *l = listener;

	speaker_turn(&l->server->plain);
	speaker_turn(&l->server->tls);
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
		MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX + HTTP_UNIX_CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, secrets,
		MHD_OPTION_END);
	if (!p->mhd)
		return ERR_SYSTEM;
	info = MHD_get_daemon_info(p->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || uv_poll_init(s->loop, &p->poll, info->epoll_fd) < 0 ||
	    uv_timer_init(s->loop, &p->timer) < 0 || uv_idle_init(s->loop, &p->again) < 0)
		abort();
	s->handles += 3;
	p->poll.data = p;
	p->timer.data = p;
	p->again.data = p;
	return uv_poll_start(&p->poll, UV_READABLE, on_speaker_ready) < 0 ? ERR_SYSTEM
	                                                                  : 0;
}

/* Takes fd, which listens. */
static void listener_open(struct http_server *s, struct speaker *p, int fd,
                          const struct sockaddr_storage *address)
{
	struct listener *l = must(calloc(1, sizeof *l));

	s->listeners[s->listener_count++] = l;
	l->server = s;
	l->speaker = p;
	l->accepting = (struct accepting){
		.fd = fd, .take = admit, .before = make_room, .arg = l};
	if (accepting_open(&l->accepting, s->loop) < 0)
		abort();
	l->prepared = true;
	l->address = *address;
	l->handles = 2;
	s->handles += 2;
}

static bool listens_on(const struct http_server *s, const struct speaker *p,
                       const struct sockaddr_storage *address)
{
	for (unsigned i = 0; i < s->listener_count; i++)
		if (s->listeners[i]->speaker == p &&
		    !memcmp(&s->listeners[i]->address, address, sizeof *address))
			return true;
	return false;
}

/* Where it does not listen yet. */
static int listen_on(struct http_server *s, struct speaker *p,
                     const struct sockaddr_storage *addresses, size_t count, char *text,
                     size_t text_size)
{
	for (size_t i = 0; i < count; i++) {
		int fd = -1;

		if (listens_on(s, p, &addresses[i]))
			continue;
		if (s->listener_count == LISTENERS_MAX) {
			(void)snprintf(text, text_size, "too many addresses for HTTP");
			return ERR_TOOBIG;
		}
		TRY(listen_open(&addresses[i], false, &fd, text, text_size));
		listener_open(s, p, fd, &addresses[i]);
	}
	return 0;
}

static void start_listeners(struct http_server *s)
{
	for (unsigned i = 0; i < s->listener_count; i++) {
		struct listener *l = s->listeners[i];
		if (l->prepared)
			accepting_start(&l->accepting);
		l->prepared = false;
	}
}

static int listen_on_file(struct http_server *s, const char *path, char *text,
                          size_t text_size)
{
	const struct sockaddr_storage file = {.ss_family = AF_UNIX};
	int fd = -1;

	TRY(unix_socket_bind(path, &s->file, &fd, text, text_size));
	s->has_file = true;
	if (listen(fd, BACKLOG) < 0) {
		(void)snprintf(text, text_size, "%s: %s", path, strerror(errno));
		(void)close(fd);
		return ERR_SYSTEM;
	}
	listener_open(s, &s->plain, fd, &file);
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
	struct http_server *s = must(calloc(1, sizeof *s));
	s->loop = loop;
	s->counts = counts;
	s->tcp_max = settings->max_connections;
	s->timeout_ms = settings->timeout_ms;
	s->max_body = settings->max_body;
	s->max_backlog = settings->max_backlog;
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
	start_listeners(s);
	*out = s;
	return 0;
}

void http_routes(struct http_server *s, const struct http_route *routes, size_t count,
                 void *arg)
{
	router_add(&s->router, routes, count, arg);
}

const struct router *http_router(const struct http_server *s)
{
	return &s->router;
}

/* ---- closing ---- */

void server_release(struct http_server *s)
{
	if (--s->handles)
		return;
	client_counts_free(s->counts);
	free(s);
}

static void on_closed(uv_handle_t *handle)
{
	server_release(handle->data);
}

/* Nothing looks at the handle's owner any more: at its end it leads to the server. */
static void close_handle(struct http_server *s, uv_handle_t *handle)
{
	handle->data = s;
	uv_close(handle, on_closed);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;
	struct http_server *s = l->server;

	if (--l->handles == 0)
		free(l);
	server_release(s);
}

static void listener_close(struct listener *l)
{
	accepting_stop(&l->accepting, on_listener_closed, l);
}

/* Closes those of which leaves() says so. */
static void close_listeners(struct http_server *s,
                            bool (*leaves)(const struct listener *,
                                           const struct http_settings *),
                            const struct http_settings *settings)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < s->listener_count; i++) {
		struct listener *l = s->listeners[i];
		if (leaves(l, settings))
			listener_close(l);
		else
			s->listeners[kept++] = l;
	}
	s->listener_count = kept;
}

static void speaker_close(struct speaker *p)
{
	if (!p->mhd)
		return;
	close_handle(p->server, (uv_handle_t *)&p->poll);
	close_handle(p->server, (uv_handle_t *)&p->timer);
	close_handle(p->server, (uv_handle_t *)&p->again);
	MHD_stop_daemon(p->mhd);
	p->mhd = NULL;
}

/* libmicrohttpd must not be stopped with connections that wait for a handler. */
static void resume_all(struct http_server *s)
{
	for (struct connection *c = s->connections; c; c = c->next)
		if (c->exchange)
			exchange_resume(c->exchange);
}

static bool is_any(const struct listener *l, const struct http_settings *settings)
{
	(void)l;
	(void)settings;
	return true;
}

void http_server_close(struct http_server **server)
{
	struct http_server *s = *server;

	*server = NULL;
	if (!s)
		return;
	if (s->has_file)
		unix_socket_remove(&s->file);
	close_listeners(s, is_any, NULL);
	resume_all(s);
	speaker_close(&s->plain);
	speaker_close(&s->tls);
	close_handle(s, (uv_handle_t *)&s->sweep);
}

/* ---- other settings ---- */

static bool is_prepared(const struct listener *l, const struct http_settings *settings)
{
	(void)settings;
	return l->prepared;
}

static bool is_unwanted(const struct listener *l, const struct http_settings *settings)
{
	if (l->address.ss_family == AF_UNIX || l->speaker != &l->server->plain)
		return false;
	for (size_t i = 0; i < settings->listen_count; i++)
		if (!memcmp(&settings->listen[i], &l->address, sizeof l->address))
			return false;
	return true;
}

void http_server_abandon(struct http_server *s)
{
	close_listeners(s, is_prepared, NULL);
}

int http_server_prepare(struct http_server *s, const struct http_settings *settings,
                        char *text, size_t text_size)
{
	int err = listen_on(s, &s->plain, settings->listen, settings->listen_count, text,
	                    text_size);

	if (err < 0)
		http_server_abandon(s);
	return err;
}

void http_server_configure(struct http_server *s, const struct http_settings *settings)
{
	close_listeners(s, is_unwanted, settings);
	start_listeners(s);
	s->tcp_max = settings->max_connections;
	s->timeout_ms = settings->timeout_ms;
	s->max_body = settings->max_body;
	client_counts_configure(&s->counts, settings->max_connections,
	                        settings->max_per_client);
	if (s->connections) {
		(void)uv_timer_stop(&s->sweep);
		start_sweep(s);
	}
}
