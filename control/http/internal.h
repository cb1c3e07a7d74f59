/* What the server's files share. Everything belongs to the loop thread. */
#ifndef CONTROL_HTTP_INTERNAL_H
#define CONTROL_HTTP_INTERNAL_H

#include <microhttpd.h>

#include "control/http/http.h"
#include "control/http/server.h"
#include "control/net/accepting.h"
#include "control/net/client_counts.h"
#include "control/net/unix_socket.h"

struct exchange;
struct body_stream;

/* One instance of libmicrohttpd: it speaks either TLS, by one certificate, or not. Its memory goes when its handles
 * are closed. */
struct speaker {
	struct http_server *server;
	struct speaker *next; /* among the server's */
	struct speaker **link;
	struct MHD_Daemon *mhd;
	uv_poll_t poll; /* of its epoll descriptor */
	uv_timer_t timer;
	uv_idle_t again;  /* while it wants its next turn at once */
	unsigned at_once; /* turns that it has wanted so, one after the other */
	unsigned handles; /* still open */
	unsigned connections;
	bool retired;      /* ends with the last of them */
	char *certificate; /* PEM, with those behind it; NULL: no TLS */
};

/* Its handles outlive it until libuv has called back, so each has memory of its own. */
struct listener {
	struct http_server *server;
	struct speaker *speaker;
	struct accepting accepting;
	unsigned handles; /* still open */
	bool prepared;    /* for a configuration to come: accepts nothing yet */
	struct sockaddr_storage address; /* AF_UNIX: that of the file */
};

/* Lives from before libmicrohttpd has the connection until it is done with it. */
struct connection {
	struct http_server *server;
	struct speaker *speaker;
	struct MHD_Connection *mhd;
	struct exchange *exchange; /* under way, or NULL */
	struct connection *next;
	struct connection **link; /* what points to this */
	char *target;             /* of the request whose head is being read */
	uint64_t deadline; /* loop time, ms; 0: it is not the client who is waited for */
	uint64_t take_deadline; /* the same, for what it is to take of a stream */
	struct http_peer peer;
	int fd;
};

enum { LISTENERS_MAX = 32, HEADERS_MAX = 8 };

struct http_server {
	uv_loop_t *loop;
	struct speaker *speakers; /* all of them */
	struct speaker *plain;
	struct speaker *tls;      /* NULL: none */
	struct speaker *next_tls; /* for a configuration to come; NULL: tls stays */
	struct listener *listeners[LISTENERS_MAX];
	unsigned listener_count;
	struct connection *connections;
	struct connection *accepting; /* being handed to libmicrohttpd */
	struct client_counts *counts;
	unsigned tcp_count;
	unsigned tcp_max;
	unsigned unix_count;
	uv_timer_t sweep; /* runs while there are connections */
	struct unix_socket file;
	bool has_file;
	unsigned timeout_ms;
	size_t max_body;
	size_t max_backlog;
	http_guard *guard;
	void *guard_arg;
	struct router router;
	unsigned handles; /* still open: the last one to close frees the server */
};

/* A request and its answer. Given up by its connection while the handler is at work, it lives
 * until the handler has answered. */
struct exchange {
	struct http_request
		request; /* what handlers see; first, so that it can be told back */
	struct connection *connection; /* NULL: given up */
	struct router_match match;
	char *body;
	size_t body_len;
	size_t body_room;
	bool too_big;
	bool started;               /* the handler has been called */
	bool suspended;             /* libmicrohttpd waits for the handler */
	bool closes;                /* the connection ends with this answer */
	struct body_stream *stream; /* of a request with a body of lines, else NULL */
	struct MHD_Response *response;
	unsigned status;
	struct {
		char *name;
		char *value;
	} headers[HEADERS_MAX];
	unsigned header_count;
};

/* ---- exchange.c: libmicrohttpd's callbacks ---- */

void *exchange_note_target(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result exchange_take(void *server, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **context);
void exchange_ended(void *server, struct MHD_Connection *mhd, void **context,
                    enum MHD_RequestTerminationCode how);

/* The handler has answered (e->response is set). */
void exchange_answered(struct exchange *e);

/* Suspends the connection and lets it go on; both do nothing when it is so already. */
void exchange_suspend(struct exchange *e);
void exchange_resume(struct exchange *e);

void exchange_free(struct exchange *e);

/* ---- stream.c: bodies and answers of lines ---- */

/* A piece of the body, or its end with len 0. */
enum MHD_Result body_stream_take(struct exchange *e, const char *piece, size_t len);

/* The connection is no more. Takes the exchange. */
void body_stream_detach(struct exchange *e);

/* The exchange is no more. NULL is fine. */
void body_stream_release(struct body_stream *s);

/* ---- response.c ---- */

/* The head of an answer that libmicrohttpd does not send, malloc()ed: its body is in chunks, and the
 * connection ends with it. */
char *response_head(struct exchange *e, unsigned status, const char *type);

/* Answers with a response, taken. */
void response_reply(struct http_request *r, unsigned status, const char *type,
                    struct MHD_Response *response);

/* Security headers, the exchange's own, and for browsers elsewhere none. */
void response_finish(struct exchange *e);

/* ---- connection.c ---- */

/* Counts it in; NULL: there is no room for it. */
struct connection *connection_new(struct speaker *p, int fd,
                                  const struct http_peer *peer);
void connection_free(struct connection *c);

/* Gives the client timeout_ms from now; 0: as long as it takes. */
void connection_wait(struct connection *c, unsigned timeout_ms);

/* There are connections: looks at their times again and again, by the server's timeout. */
void connections_sweep(struct http_server *s);

/* Tells of a connection that libmicrohttpd begins, or is done with; its own callback. */
void connection_changed(void *server, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what);

/* ---- server.c ---- */

/* A handle that was counted is closed. */
void server_release(struct http_server *s);

/* ---- speaker.c ---- */

/* Starts one; with TLS, by the settings' certificate. ERR_SYSTEM: errno says why, or those do not serve. */
MUST_CHECK int speaker_open(struct http_server *s, const struct http_settings *settings,
                            bool tls, struct speaker **out);

/* Connections that it has stay until they end; then it is closed. */
void speaker_retire(struct speaker *p);

/* Not out of its own callbacks. None of its connections waits for a handler. */
void speaker_close(struct speaker *p);
void speakers_close(struct http_server *s);

/* Lets it, or all, go on in the loop's next turn; or at once, which is not for its own callbacks. */
void speaker_wake(struct speaker *p);
void speakers_wake(struct http_server *s);
void speakers_turn(struct http_server *s);

#endif
