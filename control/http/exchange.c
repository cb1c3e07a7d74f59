/*
 * A request's way through libmicrohttpd. Its callback is called once when the head is complete,
 * then with each piece of the body, then once when all is there. A request that is refused
 * for its head is answered at the first call, before the client has sent a body, and the connection
 * ends with it: what follows on it may be that body. The handler runs at the last call. When it has
 * not answered by its end, the connection is suspended, and the callback is called once more
 * after it has been resumed.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/http/internal.h"
#include "control/http/json.h"
#include "control/must.h"
#include "shared/err.h"

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

void *exchange_note_target(void *server, const char *target, struct MHD_Connection *mhd)
{
	struct connection *c = connection_of(mhd);

	(void)server;
	free(c->target);
	c->target = must(strdup(target));
	return NULL; /* the request's context, until exchange_take() */
}

/* ---- life and death ---- */

static struct exchange *exchange_new(struct connection *c, const char *method)
{
	struct exchange *e = must(calloc(1, sizeof *e));

	e->request.method = must(strdup(method));
	e->connection = c;
	e->request.peer = c->peer;
	c->exchange = e;
	return e;
}

void exchange_free(struct exchange *e)
{
	target_fini(&e->request.target);
	json_decref(e->request.body);
	actor_release(&e->request.actor);
	if (e->response)
		MHD_destroy_response(e->response);
	for (unsigned i = 0; i < e->header_count; i++) {
		free(e->headers[i].name);
		free(e->headers[i].value);
	}
	free((char *)(uintptr_t)e->request.method);
	body_stream_release(e->stream);
	free(e->body);
	free(e);
}

void exchange_ended(void *server, struct MHD_Connection *mhd, void **context,
                    enum MHD_RequestTerminationCode how)
{
	struct exchange *e = *context;
	(void)server;
	(void)mhd;
	(void)how;
	*context = NULL;
	if (!e)
		return;
	struct connection *c = e->connection;
	c->exchange = NULL;
	e->connection = NULL;
	connection_wait(c, c->server->timeout_ms);
	c->take_deadline = 0;
	if (e->stream)
		body_stream_detach(e);
	else if (!e->started || e->response)
		exchange_free(e);
}

void exchange_suspend(struct exchange *e)
{
	if (e->suspended)
		return;
	e->suspended = true;
	MHD_suspend_connection(e->connection->mhd);
}

void exchange_resume(struct exchange *e)
{
	if (!e->suspended)
		return;
	e->suspended = false;
	MHD_resume_connection(e->connection->mhd);
	speakers_wake(e->connection->server);
}

void exchange_answered(struct exchange *e)
{
	if (e->connection)
		exchange_resume(e);
	else
		exchange_free(e);
}

/* ---- the head ---- */

struct framing {
	unsigned hosts;
	unsigned lengths;
	unsigned codings;
	bool malformed; /* a field without a name, or with one that others read otherwise */
	const char *length;
	const char *coding;
};

/* RFC 9110 §5.6.2. libmicrohttpd takes "Content-Length : 5" for a field of another name. */
static bool is_token(const char *name)
{
	static const char octets[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz!#$%&'*+-.^_`|~";

	return name[0] && name[strspn(name, octets)] == '\0';
}

static enum MHD_Result look_at_header(void *arg, enum MHD_ValueKind kind,
                                      const char *name, const char *value)
{
	struct framing *f = arg;

	(void)kind;
	f->malformed |= !is_token(name);
	if (!strcasecmp(name, "Host")) {
		f->hosts++;
	} else if (!strcasecmp(name, "Content-Length")) {
		f->lengths++;
		f->length = value;
	} else if (!strcasecmp(name, "Transfer-Encoding")) {
		f->codings++;
		f->coding = value;
	}
	return MHD_YES;
}

/* Where the body ends must have one meaning (RFC 9112 §6.3), and so must the host (§3.2). Gives the
 * status to refuse the request with, or 0; *has_body: one has been announced. */
static unsigned check_framing(struct exchange *e, bool *has_body)
{
	struct framing f = {0};

	(void)MHD_get_connection_values(e->connection->mhd, MHD_HEADER_KIND,
	                                look_at_header, &f);
	*has_body = f.malformed || f.codings || (f.length && strcmp(f.length, "0") != 0);
	if (f.malformed || f.hosts > 1 || f.lengths + f.codings > 1)
		return MHD_HTTP_BAD_REQUEST;
	if (f.coding && strcasecmp(f.coding, "chunked") != 0)
		return MHD_HTTP_NOT_IMPLEMENTED;
	if (f.length &&
	    (!f.length[0] || f.length[strspn(f.length, "0123456789")] != '\0'))
		return MHD_HTTP_BAD_REQUEST;
	if (f.length && !e->request.lines &&
	    strtoull(f.length, NULL, 10) > e->connection->server->max_body)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return 0;
}

/* Says whether the body is said to be of lines, which has no size by which it is too large. */
static bool is_of_lines(const struct exchange *e)
{
	static const char lines[] = "application/x-ndjson";
	const char *type = http_header(&e->request, "Content-Type");

	return type && !strncasecmp(type, lines, sizeof lines - 1) &&
	       strchr("; \t", type[sizeof lines - 1]);
}

static bool is_below_api(const struct target *t)
{
	return t->segment_count && !strcmp(t->segments[0], "api");
}

static void answer_options(struct exchange *e)
{
	struct http_request *r = &e->request;
	char methods[ROUTER_METHODS_MAX];

	router_methods(&e->connection->server->router, &r->target, methods);
	http_set_header(r, "Allow", methods);
	http_set_header(r, "Access-Control-Allow-Methods", methods);
	http_set_header(r, "Access-Control-Allow-Headers", "Content-Type, X-API-Key");
	http_set_header(r, "Access-Control-Max-Age", "3600");
	http_reply_constant(r, MHD_HTTP_OK, NULL, "", 0);
}

/* Gives the status to refuse the request with, or 0. */
static unsigned check_head(struct exchange *e, bool *has_body)
{
	const struct http_server *s = e->connection->server;
	struct http_request *r = &e->request;
	char methods[ROUTER_METHODS_MAX];

	r->lines = is_of_lines(e);
	unsigned status = check_framing(e, has_body);
	if (status)
		return status;
	int err = target_parse(e->connection->target ? e->connection->target : "",
	                       &r->target);
	if (err < 0)
		return err == ERR_TOOBIG ? MHD_HTTP_NOT_FOUND : MHD_HTTP_BAD_REQUEST;
	e->match = router_find(&s->router, r->method, &r->target);
	r->lines &= e->match.route && e->match.route->flags & HTTP_LINES;
	if (e->match.known && !strcmp(r->method, "OPTIONS"))
		return 0;
	if (e->match.route || is_below_api(&r->target))
		status = s->guard(s->guard_arg, r,
		                  e->match.route && e->match.route->flags & HTTP_OPEN);
	if (status || e->match.route)
		return status;
	if (!e->match.known)
		return MHD_HTTP_NOT_FOUND;
	router_methods(&s->router, &r->target, methods);
	http_set_header(r, "Allow", methods);
	return MHD_HTTP_METHOD_NOT_ALLOWED;
}

static enum MHD_Result send_response(struct exchange *e)
{
	response_finish(e);
	connection_wait(e->connection, e->connection->server->timeout_ms);
	return MHD_queue_response(e->connection->mhd, e->status, e->response);
}

/* The handler gets the body as it comes, or refuses the request for its head. */
static enum MHD_Result begin_lines(struct exchange *e)
{
	e->started = true;
	e->match.route->run(e->match.arg, &e->request);
	if (!e->response)
		return MHD_YES;
	e->closes = true;
	return send_response(e);
}

static enum MHD_Result take_head(struct exchange *e, const char *version)
{
	bool has_body = false;
	unsigned status = check_head(e, &has_body);

	connection_wait(e->connection, e->connection->server->timeout_ms);
	if (!status && e->request.lines && strcmp(version, MHD_HTTP_VERSION_1_1) != 0)
		status = MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED; /* has no chunks */
	if (!status)
		return e->request.lines ? begin_lines(e) : MHD_YES;
	e->started = true;
	if (status == MHD_HTTP_UNAUTHORIZED)
		http_set_header(&e->request, "WWW-Authenticate",
		                "X-API-Key realm=\"Anser\", Bearer realm=\"Anser\"");
	http_reply_error(&e->request, status, NULL);
	if (!has_body)
		return MHD_YES;
	e->closes = true;
	return send_response(e);
}

/* ---- the body ---- */

static void take_body(struct exchange *e, const char *piece, size_t len)
{
	bool wanted = e->match.route && e->match.route->flags & HTTP_JSON && !e->response;

	if (!wanted || e->too_big)
		return;
	if (len > e->connection->server->max_body - e->body_len) {
		e->too_big = true;
		free(e->body);
		e->body = NULL;
		return;
	}
	if (e->body_len + len > e->body_room) {
		e->body_room = (e->body_len + len) * 2;
		e->body = must(realloc(e->body, e->body_room));
	}
	memcpy(e->body + e->body_len, piece, len);
	e->body_len += len;
}

/* ---- all is there ---- */

static void run(struct exchange *e)
{
	struct http_request *r = &e->request;
	char text[256];

	e->started = true;
	connection_wait(e->connection, 0);
	if (!strcmp(r->method, "OPTIONS") && !e->match.route) {
		answer_options(e);
		return;
	}
	if (e->too_big) {
		http_reply_error(r, MHD_HTTP_CONTENT_TOO_LARGE, NULL);
		return;
	}
	if (e->match.route->flags & HTTP_JSON) {
		r->body = http_json_read(e->body ? e->body : "", e->body_len, text,
		                         sizeof text);
		if (!r->body) {
			http_reply_error(r, MHD_HTTP_BAD_REQUEST, text);
			return;
		}
	}
	e->match.route->run(e->match.arg, r);
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd says with which parameters. */
enum MHD_Result exchange_take(void *server, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **context)
{
	struct exchange *e = *context;

	(void)server;
	(void)url;
	if (!e) {
		*context = e = exchange_new(connection_of(mhd), method);
		return take_head(e, version);
	}
	if (e->stream) {
		size_t len = *upload_size;
		*upload_size = 0;
		return body_stream_take(e, upload, len);
	}
	if (*upload_size) {
		take_body(e, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!e->started)
		run(e);
	if (e->response)
		return send_response(e);
	exchange_suspend(e);
	return MHD_YES;
}

const char *http_header(const struct http_request *r, const char *name)
{
	const struct exchange *e = (const struct exchange *)(const void *)r;

	return e->connection ? MHD_lookup_connection_value(e->connection->mhd,
	                                                   MHD_HEADER_KIND, name)
	                     : NULL;
}
