/*
 * A request whose body is taken as it comes, line by line or however its handler reads it, and
 * whose answer is sent piece by piece meanwhile: a client may go on sending while it reads.
 *
 * Nothing of it is kept but what its handler keeps, and answers that the client has not taken. A
 * handler that has enough pauses the body: the client's sending stops at the kernel's buffers then.
 * The same happens while the server's max_backlog of the answer waits to be taken: a client may send
 * all before it reads, unless there is too much of it.
 *
 * The client has the server's timeout for each part of the body that its handler calls whole; and,
 * when all of the body has come or nothing more is read for its sake, for each STREAM_STEP octets
 * of the answer.
 */
#ifndef CONTROL_HTTP_STREAM_H
#define CONTROL_HTTP_STREAM_H

#include "control/http/http.h"

enum { STREAM_STEP = 65536 };

/* What a handler is told, on the loop thread. */
struct http_sink {
	/* A piece of the body, lent. Says whether something has become whole with it. */
	bool (*piece)(void *arg, const char *octets, size_t len);
	/* All of the body has come. */
	void (*end)(void *arg);
	/* The client has gone; it may have before end, and after it. What is written from now on is
	 * thrown away. */
	void (*gone)(void *arg);
};

/* From the handler of a request with lines set: takes its body, and begins to answer with 200. Not
 * before http_stream_end() is the request gone. sink: lent for ever. */
void http_stream(struct http_request *r, const char *type, const struct http_sink *sink,
                 void *arg);

/* No more pieces until it is called with false; one may still come. */
void http_stream_pause(struct http_request *r, bool pause);

/* Copies a piece of the answer. It is not sent before the first piece of the body has come. */
void http_stream_write(struct http_request *r, const char *text, size_t len);

/* The answer is complete: nothing is called any more. What still comes of the body is dropped. */
void http_stream_end(struct http_request *r);

#endif
