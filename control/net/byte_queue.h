/*
 * A queue of bytes in one piece of memory, for what a connection has begun to receive or could
 * not send yet. An empty queue holds no memory at all, so that idle connections cost none.
 *
 * Its memory never exceeds 1.5 times the most bytes that it held plus BYTE_QUEUE_LEAST.
 */
#ifndef CONTROL_NET_BYTE_QUEUE_H
#define CONTROL_NET_BYTE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

enum { BYTE_QUEUE_LEAST = 512 };

/* All zero is an empty queue. */
struct byte_queue {
	uint8_t *bytes;
	size_t at;  /* of the first byte in the queue */
	size_t end; /* behind the last one */
	size_t room;
};

static inline size_t byte_queue_len(const struct byte_queue *q)
{
	return q->end - q->at;
}

/* Lends what is in the queue until the next append or consume; NULL may stand for nothing. */
static inline const uint8_t *byte_queue_front(const struct byte_queue *q)
{
	return q->bytes ? q->bytes + q->at : NULL;
}

/* Puts n bytes, which lie outside of the queue, at its end. ERR_NOMEM: nothing was appended. */
MUST_CHECK int byte_queue_append(struct byte_queue *q, const void *bytes, size_t n);

/* Takes n bytes, at most as many as there are, from the front. */
void byte_queue_consume(struct byte_queue *q, size_t n);

void byte_queue_fini(struct byte_queue *q);

#endif
