/*
 * A response of HTTP/1.1, read as it comes in (RFC 9112): status, the few headers that matter to
 * anserctl, and the body, whichever way its end is told. What comes is a server's, and not trusted.
 */
#ifndef CONTROL_CLI_HTTP_REPLY_H
#define CONTROL_CLI_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_LINE_MAX = 8192, HTTP_LINES_MAX = 128 };

enum http_reply_state {
	REPLY_STATUS, /* of the status line, or one of an interim response */
	REPLY_HEADERS,
	REPLY_BODY,     /* left octets of it */
	REPLY_CHUNK,    /* left octets of a chunk */
	REPLY_CHUNKED,  /* the line with a chunk's size */
	REPLY_BETWEEN,  /* the end of the line behind a chunk */
	REPLY_TRAILERS, /* behind the last chunk */
	REPLY_TO_END,   /* of the connection */
	REPLY_DONE,
	REPLY_BROKEN,
};

struct http_reply {
	enum http_reply_state state;
	unsigned status;
	unsigned retry_after; /* seconds; 0: not said, or as a date */
	bool closes;          /* the connection ends with this response */
	char *body;           /* size octets, and a NUL behind them; NULL: none */
	size_t size;
	/* Of reading. */
	size_t room;
	size_t most; /* octets that a body may have */
	uint64_t left;
	bool chunked;
	bool sized;
	unsigned lines;
	size_t line_len;
	char line[HTTP_LINE_MAX];
};

/* most: a body of more octets breaks the response. */
void http_reply_init(struct http_reply *r, size_t most);
void http_reply_fini(struct http_reply *r);

/* Takes octets until the response is done or broken; gives how many. */
size_t http_reply_feed(struct http_reply *r, const char *octets, size_t len);

/* The connection has ended: the response is done, if that ends it, else broken. */
void http_reply_end(struct http_reply *r);

#endif
