/*
 * What a handler has of a request, and how it answers.
 *
 * A handler runs on the loop thread when the request is complete. It answers at once or later, but
 * exactly once; until then the request is its own, whatever becomes of the client. After the
 * answer the request is gone.
 */
#ifndef CONTROL_HTTP_HTTP_H
#define CONTROL_HTTP_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/access/actor.h"
#include "control/http/router.h"
#include "control/http/target.h"

/* Who is at the other end. */
struct http_peer {
	bool unix_socket;
	bool local;          /* of this machine: the Unix socket, or a loopback address */
	uid_t uid;           /* of a client of the Unix socket, when it connected */
	uint8_t address[16]; /* of any other; an IPv4 one as ::ffff:a.b.c.d */
};

struct http_request {
	const char *method;
	struct target target;
	struct http_peer peer;
	json_t *body; /* of a route with HTTP_JSON, else NULL */
	bool lines;   /* of a route with HTTP_LINES: the body is yet to come (stream.h) */
	struct actor
		*actor; /* whom the guard let in, or NULL; released with the request */
};

/* The usual text of a status. */
const char *http_status_text(unsigned status);

/* A header of the request, lent until it is answered; NULL: not there, or the client has gone. */
const char *http_header(const struct http_request *r, const char *name);

/* For the answer to come. Both are copied; value is plain text without line breaks. */
void http_set_header(struct http_request *r, const char *name, const char *value);

/* Answers with JSON (taken), or with nothing when it is NULL. */
void http_reply_json(struct http_request *r, unsigned status, json_t *body);

/* Answers with text, malloc()ed and taken. type: a media type, lent for ever. */
void http_reply_text(struct http_request *r, unsigned status, const char *type,
                     char *text, size_t len);

/* The same with text lent for ever. */
void http_reply_constant(struct http_request *r, unsigned status, const char *type,
                         const void *text, size_t len);

/* Answers with a file, from its beginning on, piece by piece: the client has timeout_ms for each,
 * not for all. fd is taken. */
void http_reply_file(struct http_request *r, unsigned status, const char *type, int fd,
                     uint64_t size);

/* Answers with an error, in the form the client takes: JSON, {"error": text}, a page or plain
 * text. NULL stands for the usual text of the status. */
void http_reply_error(struct http_request *r, unsigned status, const char *text);

/* The same, naming in JSON what of the body is wrong: "rrsets[2].ttl"; NULL: that is not known. */
void http_reply_error_at(struct http_request *r, unsigned status, const char *text,
                         const char *field);

#endif
