#include "control/net/byte_queue.h"

#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

static void move_to_start(struct byte_queue *q)
{
	memmove(q->bytes, q->bytes + q->at, byte_queue_len(q));
	q->end -= q->at;
	q->at = 0;
}

/* Growing leaves room for half as much again: both the moves and the memory stay in proportion
 * to the bytes that went through the queue. */
static int grow(struct byte_queue *q, size_t n)
{
	size_t len = byte_queue_len(q);
	size_t room = len + len / 2 + n;
	uint8_t *bytes;

	if (room < BYTE_QUEUE_LEAST)
		room = BYTE_QUEUE_LEAST;
	bytes = malloc(room);
	if (!bytes)
		return ERR_NOMEM;
	if (len)
		memcpy(bytes, q->bytes + q->at, len);
	free(q->bytes);
	*q = (struct byte_queue){.bytes = bytes, .end = len, .room = room};
	return 0;
}

int byte_queue_append(struct byte_queue *q, const void *bytes, size_t n)
{
	if (!n)
		return 0;
	/* A move is paid for by the bytes that were taken since the last one. */
	if (n > q->room - q->end && q->at >= byte_queue_len(q) / 4 && q->at)
		move_to_start(q);
	if (n > q->room - q->end) {
		int err = grow(q, n);
		if (err < 0)
			return err;
	}
	memcpy(q->bytes + q->end, bytes, n);
	q->end += n;
	return 0;
}

void byte_queue_consume(struct byte_queue *q, size_t n)
{
	q->at += n;
	if (q->at == q->end)
		byte_queue_fini(q);
}

void byte_queue_fini(struct byte_queue *q)
{
	free(q->bytes);
	*q = (struct byte_queue){0};
}
