/*
 * The memory back end: messages that a test or a benchmark has prepared, round and round, and
 * responses handed to a function of its own.
 */
#ifndef DATAPLANE_IO_MEM_H
#define DATAPLANE_IO_MEM_H

#include <stdint.h>

#include "dataplane/io/io.h"

struct io_mem_message {
	const uint8_t *bytes; /* lent */
	uint16_t len;         /* at most IO_MESSAGE_MAX */
	struct client client;
};

/* Called from tx() for each message of a burst, where response.len is 0 if nothing is sent, and from send().
 * index is that of the message it answers. */
typedef void io_mem_sink(void *arg, uint64_t index, const struct pkt *response);

struct io_mem {
	const struct io_mem_message *messages; /* lent */
	uint64_t count;
	uint64_t
		total; /* how many rx() gives in all before it gives none; goes round the messages */
	unsigned burst;    /* how many per burst, at most BURST_MAX */
	io_mem_sink *sink; /* NULL: responses are dropped */
	void *arg;
};

#endif
