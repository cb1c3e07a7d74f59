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

enum { BACKLOG = 128 };

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

	s->accepting = identify(fd, address, &peer)
	                       ? connection_new(l->speaker, fd, &peer)
	                       : NULL;
	if (!s->accepting) {
		(void)close(fd);
		return;
	}
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

	speakers_turn(l->server);
}

/* ---- opening ---- */

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
	listener_open(s, s->plain, fd, &file);
	return 0;
}

static int open_tls(struct http_server *s, const struct http_settings *settings,
                    struct speaker **out, char *text, size_t text_size)
{
	if (speaker_open(s, settings, true, out) == 0)
		return 0;
	(void)snprintf(
		text, text_size,
		"HTTPS cannot be started: the certificate and its key do not serve");
	return ERR_REFUSED;
}

static int open_speakers(struct http_server *s, const struct http_settings *settings,
                         char *text, size_t text_size)
{
	if (speaker_open(s, settings, false, &s->plain) < 0) {
		(void)snprintf(text, text_size, "HTTP cannot be started: %s",
		               strerror(errno));
		return ERR_SYSTEM;
	}
	return settings->tls_listen_count
	               ? open_tls(s, settings, &s->tls, text, text_size)
	               : 0;
}

static int open_all(struct http_server *s, const struct http_settings *settings,
                    char *text, size_t text_size)
{
	TRY(open_speakers(s, settings, text, text_size));
	if (settings->socket && settings->socket[0])
		TRY(listen_on_file(s, settings->socket, text, text_size));
	TRY(listen_on(s, s->plain, settings->listen, settings->listen_count, text,
	              text_size));
	return listen_on(s, s->tls, settings->tls_listen, settings->tls_listen_count,
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
	speakers_close(s);
	uv_close((uv_handle_t *)&s->sweep, on_closed);
}

/* ---- other settings ---- */

static bool is_prepared(const struct listener *l, const struct http_settings *settings)
{
	(void)settings;
	return l->prepared;
}

static bool is_unwanted(const struct listener *l, const struct http_settings *settings)
{
	if (l->address.ss_family == AF_UNIX || l->speaker != l->server->plain)
		return false;
	for (size_t i = 0; i < settings->listen_count; i++)
		if (!memcmp(&settings->listen[i], &l->address, sizeof l->address))
			return false;
	return true;
}

void http_server_abandon(struct http_server *s)
{
	close_listeners(s, is_prepared, NULL);
	if (s->next_tls)
		speaker_close(s->next_tls);
	s->next_tls = NULL;
}

/* The one that is there may go on, although its files were written anew. */
static int prepare_tls(struct http_server *s, const struct http_settings *settings,
                       char *text, size_t text_size)
{
	if (!s->tls || strcmp(s->tls->certificate, settings->certificate) == 0)
		return 0;
	return open_tls(s, settings, &s->next_tls, text, text_size);
}

static void take_tls(struct http_server *s)
{
	struct speaker *old = s->tls;

	if (!s->next_tls)
		return;
	for (unsigned i = 0; i < s->listener_count; i++)
		if (s->listeners[i]->speaker == old)
			s->listeners[i]->speaker = s->next_tls;
	s->tls = s->next_tls;
	s->next_tls = NULL;
	speaker_retire(old);
}

int http_server_prepare(struct http_server *s, const struct http_settings *settings,
                        char *text, size_t text_size)
{
	int err = prepare_tls(s, settings, text, text_size);

	if (err == 0)
		err = listen_on(s, s->plain, settings->listen, settings->listen_count,
		                text, text_size);
	if (err < 0)
		http_server_abandon(s);
	return err;
}

void http_server_configure(struct http_server *s, const struct http_settings *settings)
{
	take_tls(s);
	close_listeners(s, is_unwanted, settings);
	start_listeners(s);
	s->tcp_max = settings->max_connections;
	s->timeout_ms = settings->timeout_ms;
	s->max_body = settings->max_body;
	client_counts_configure(&s->counts, settings->max_connections,
	                        settings->max_per_client);
	if (s->connections)
		connections_sweep(s);
}
