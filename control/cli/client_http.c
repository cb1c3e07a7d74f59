/*
 * The road by HTTP: POST /api/anser/v1/run, one command a request, on a connection that is kept.
 * The server hangs up on a connection that is idle for a while; then there is another.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "control/access/secret_file.h"
#include "control/cli/http_reply.h"
#include "control/cli/stream.h"
#include "control/cli/transport.h"

enum { BODY_MAX = 1 << 30, READ_STEP = 65536 };

struct http_client {
	struct client client;
	struct client_target target;
	struct url url;
	char *key; /* NULL: none */
	struct stream *stream;
};

/* OpenSSL writes to sockets with write(): a server that hangs up must not end the program, and
 * whoever reads its output and goes away must. */
typedef void (*signal_handler)(int);

static signal_handler hold_sigpipe(void)
{
	return signal(SIGPIPE, SIG_IGN);
}

static void release_sigpipe(signal_handler before)
{
	(void)signal(SIGPIPE, before);
}

static void http_close(struct client *client)
{
	struct http_client *c = (struct http_client *)client;
	signal_handler before = hold_sigpipe();

	stream_close(&c->stream);
	release_sigpipe(before);
	if (c->key)
		OPENSSL_cleanse(c->key, strlen(c->key));
	free(c->key);
	free(c);
}

/* ---- connecting ---- */

static enum engine_outcome reconnect(struct http_client *c, uint64_t deadline, char *text,
                                     size_t text_size)
{
	stream_close(&c->stream);
	return stream_open(&c->url, &c->target, deadline, &c->stream, text, text_size);
}

static enum engine_outcome http_open(const struct client_target *target,
                                     uint64_t deadline, struct client **out, char *text,
                                     size_t text_size)
{
	struct http_client *c = calloc(1, sizeof *c);
	enum engine_outcome outcome = ENGINE_OK;

	if (!c)
		abort();
	c->client.ops = &client_over_http;
	c->target = *target;
	if (!url_parse(target->url, &c->url)) {
		(void)snprintf(text, text_size,
		               "\"%s\" is no address like https://host:8081",
		               target->url);
		outcome = ENGINE_USAGE;
	} else if (target->key_file && secret_file_read_line(target->key_file, &c->key,
	                                                     text, text_size) < 0) {
		outcome = ENGINE_REFUSED;
	} else {
		signal_handler before = hold_sigpipe();
		outcome = reconnect(c, deadline, text, text_size);
		release_sigpipe(before);
	}
	if (outcome == ENGINE_OK)
		*out = &c->client;
	else
		http_close(&c->client);
	return outcome;
}

/* ---- the request ---- */

static enum engine_outcome send_request(struct http_client *c, const char *body,
                                        uint64_t deadline)
{
	const struct url *u = &c->url;
	bool v6 = strchr(u->host, ':');
	size_t len = strlen(body);
	char *whole = NULL;

	int size = asprintf(&whole,
	                    "POST %s/api/anser/v1/run HTTP/1.1\r\n"
	                    "Host: %s%s%s:%s\r\n"
	                    "User-Agent: anserctl/" ANSER_VERSION "\r\n"
	                    "Accept: application/json\r\n"
	                    "Content-Type: application/json\r\n"
	                    "Content-Length: %zu\r\n"
	                    "%s%s%s\r\n%s",
	                    u->path, v6 ? "[" : "", u->host, v6 ? "]" : "", u->port, len,
	                    c->key ? "X-API-Key: " : "", c->key ? c->key : "",
	                    c->key ? "\r\n" : "", body);
	if (size < 0)
		abort();
	enum engine_outcome outcome =
		stream_write(c->stream, whole, (size_t)size, deadline);
	OPENSSL_cleanse(whole, (size_t)size - len);
	free(whole);
	return outcome;
}

/* ---- the response ---- */

static enum engine_outcome read_reply(struct http_client *c, struct http_reply *r,
                                      uint64_t deadline)
{
	char *octets = malloc(READ_STEP);
	enum engine_outcome outcome = ENGINE_OK;

	if (!octets)
		abort();
	http_reply_init(r, BODY_MAX);
	while (outcome == ENGINE_OK && r->state != REPLY_DONE &&
	       r->state != REPLY_BROKEN) {
		size_t got = 0;
		outcome = stream_read(c->stream, octets, READ_STEP, deadline, &got);
		bool begun = r->state != REPLY_STATUS || r->line_len || r->status;
		if (outcome == ENGINE_OK && got)
			r->closes |= http_reply_feed(r, octets, got) < got;
		else if (outcome == ENGINE_OK && begun)
			http_reply_end(r);
		else if (outcome == ENGINE_OK)
			outcome = ENGINE_NOT_RUNNING;
	}
	free(octets);
	if (outcome == ENGINE_OK && r->state == REPLY_BROKEN)
		outcome = ENGINE_REFUSED;
	return outcome;
}

static json_t *body_of(const struct http_reply *r)
{
	json_t *body =
		r->body ? json_loadb(r->body, r->size, JSON_REJECT_DUPLICATES, NULL)
			: NULL;

	if (json_is_object(body))
		return body;
	json_decref(body);
	return NULL;
}

/* Statuses that say how a command went, with its result; others are no answer of a command. */
static bool outcome_of(unsigned status, enum engine_outcome *out)
{
	switch (status) {
	case 200: *out = ENGINE_OK; return true;
	case 422: *out = ENGINE_REFUSED; return true;
	case 400: *out = ENGINE_USAGE; return true;
	case 503: *out = ENGINE_NOT_RUNNING; return true;
	case 504: *out = ENGINE_TIMED_OUT; return true;
	default: return false;
	}
}

/* Why there is no result. */
static void explain(const struct http_client *c, const struct http_reply *r,
                    const char *error, char *text, size_t text_size)
{
	if (r->status == 401)
		(void)snprintf(
			text, text_size, "%s",
			c->key ? "the server does not know this key, or not any more"
			       : "a key is needed: --key-file FILE");
	else if (r->status == 404)
		(void)snprintf(text, text_size, "nothing of Anser's is at %s (HTTP 404)",
		               c->target.url);
	else if (r->status == 413)
		(void)snprintf(text, text_size,
		               "larger than the server takes (api: max-body)");
	else if (r->status == 429)
		(void)snprintf(text, text_size,
		               "too many wrong keys came from here: try again in %u "
		               "seconds",
		               r->retry_after);
	else
		(void)snprintf(text, text_size, "HTTP %u%s%s", r->status,
		               error ? ": " : "", error ? error : "");
}

static enum engine_outcome take_reply(const struct http_client *c,
                                      const struct http_reply *r, json_t **result,
                                      char *text, size_t text_size)
{
	enum engine_outcome outcome = ENGINE_REFUSED;
	json_t *body = body_of(r);

	if (outcome_of(r->status, &outcome) && body) {
		*result = body;
		return outcome;
	}
	if (r->status == 200)
		(void)client_say(ENGINE_REFUSED, text, text_size);
	else
		explain(c, r, json_string_value(json_object_get(body, "error")), text,
		        text_size);
	json_decref(body);
	return r->status == 200 ? ENGINE_REFUSED : outcome;
}

static enum engine_outcome ask(struct http_client *c, const char *request,
                               uint64_t deadline, struct http_reply *r, char *text,
                               size_t text_size)
{
	enum engine_outcome outcome = ENGINE_OK;

	if (!c->stream || !stream_is_quiet(c->stream))
		outcome = reconnect(c, deadline, text, text_size);
	if (outcome != ENGINE_OK)
		return outcome;
	outcome = send_request(c, request, deadline);
	/* A server that hangs up may have said why first. */
	if (outcome == ENGINE_OK || outcome == ENGINE_NOT_RUNNING)
		outcome = read_reply(c, r, deadline);
	if (outcome != ENGINE_OK)
		return client_say(outcome, text, text_size);
	if (r->closes)
		stream_close(&c->stream);
	return ENGINE_OK;
}

static enum engine_outcome http_exchange(struct client *client, const char *request,
                                         uint64_t deadline, json_t **result, char *text,
                                         size_t text_size)
{
	struct http_client *c = (struct http_client *)client;
	struct http_reply reply = {0};
	signal_handler before = hold_sigpipe();

	enum engine_outcome outcome = ask(c, request, deadline, &reply, text, text_size);
	release_sigpipe(before);
	if (outcome == ENGINE_OK)
		outcome = take_reply(c, &reply, result, text, text_size);
	http_reply_fini(&reply);
	return outcome;
}

const struct client_ops client_over_http = {http_open, http_exchange, http_close};
