/*
 * The HTTP/1.1 server: libmicrohttpd inside the control plane's libuv loop, over TCP, TLS and a
 * Unix socket. Everything runs on the loop thread and nothing waits there: connections are
 * taken from the listening sockets here, counted against the limits, and handed to
 * libmicrohttpd, whose epoll descriptor is one more that the loop polls.
 *
 * What a client may cost is bounded: connections in all and per address, octets of head and body,
 * nesting of JSON, and the time that head, body and response may take from their first octet to
 * their last, however busily they trickle. Who may not ask is refused before the body is read.
 */
#ifndef CONTROL_HTTP_SERVER_H
#define CONTROL_HTTP_SERVER_H

#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "control/http/http.h"
#include "shared/compiler.h"

struct http_server;

/* Says with which status to refuse a request, or 0; it may give the request an actor. open: its
 * route needs no key from this machine. The body is not there yet. */
typedef unsigned http_guard(void *arg, struct http_request *r, bool open);

struct http_settings {
	const char *socket; /* path; NULL or empty: none */
	const struct sockaddr_storage *listen;
	size_t listen_count;
	const struct sockaddr_storage *tls_listen;
	size_t tls_listen_count;
	const char *
		certificate; /* PEM texts; needed by who has been opened with tls_listen */
	const char *key;
	unsigned max_connections; /* over TCP */
	unsigned max_per_client;
	unsigned timeout_ms; /* for a head, for a body, for taking the response */
	size_t max_body;
	size_t max_backlog; /* octets of the answer that wait while a body is taken (stream.h) */
	http_guard *guard;
	void *guard_arg;
};

enum {
	HTTP_HEAD_MAX = 16384,        /* about what the head of a request may have */
	HTTP_CONNECTIONS_MAX = 10000, /* over TCP, whatever the limit is */
	HTTP_UNIX_CONNECTIONS = 64    /* over the Unix socket, beside the others */
};

/* Loop thread. settings, and all that it points to, are lent during the call, except for the guard
 * and its argument. The process must ignore SIGPIPE. */
MUST_CHECK int http_server_open(uv_loop_t *loop, const struct http_settings *settings,
                                struct http_server **out, char *text, size_t text_size);

/* Loop thread. To go by other settings, of which listen, certificate and key, max_connections, max_per_client,
 * timeout_ms and max_body count: prepare opens the addresses that are new, tries the certificate if it is
 * another one, and says in text what cannot be; then one of the other two follows, which do not fail. Who is
 * connected stays so, by the certificate that he was shown. */
MUST_CHECK int http_server_prepare(struct http_server *s,
                                   const struct http_settings *settings, char *text,
                                   size_t text_size);
void http_server_configure(struct http_server *s, const struct http_settings *settings);
void http_server_abandon(struct http_server *s);

/* Hangs up on everybody. Handlers that have not answered yet still may, to nobody. What is left
 * ends with the loop's next turns. */
void http_server_close(struct http_server **s);

/* Adds routes, lent for the server's life; their handlers get arg. */
void http_routes(struct http_server *s, const struct http_route *routes, size_t count,
                 void *arg);

/* Gives what routes there are, lent as long. */
const struct router *http_router(const struct http_server *s);

#endif
