/*
 * Packet input and output: one struct io is one worker's own way in and out, with bursts of
 * messages as the only currency. A back end is a table of functions chosen once per worker and
 * called once per burst; it knows nothing of DNS.
 */
#ifndef DATAPLANE_IO_IO_H
#define DATAPLANE_IO_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dataplane/respond/respond.h"
#include "shared/compiler.h"

/* Messages up to this size come in; responses have this much room. */
enum { IO_MESSAGE_MAX = 4096 };

struct io_mem;

/* What a back end needs to know. Lent for the life of every struct io opened with it. */
struct io_config {
	const struct sockaddr_storage *listen; /* udp: where to answer */
	size_t listen_count;
	int wake_fd;              /* readable: idle() returns at once, for good */
	const struct io_mem *mem; /* mem only */
};

/* Every back end's own struct starts with this. */
struct io {
	uint64_t
		dropped; /* packets that could not be answered; whoever counts them sets it to 0 */
};

struct io_ops {
	const char *name;

	/* ERR_SYSTEM and the like, with the reason in text. */
	MUST_CHECK int (*open)(const struct io_config *config, struct io **out,
	                       char *text, size_t text_size);

	/* Lends up to BURST_MAX messages, without waiting; they are the worker's until tx(), which
	 * it calls before the next rx() unless there were none. Gives how many. */
	unsigned (*rx)(struct io *io, struct pkt pkts[static BURST_MAX]);

	/* Takes back all that the last rx() lent and sends those with len > 0, without waiting. */
	void (*tx)(struct io *io, struct pkt pkts[], unsigned n);

	/* Waits until rx() may have something. The worker holds nothing from the table. */
	void (*idle)(struct io *io);

	void (*close)(struct io **io);
};

extern const struct io_ops io_udp;
extern const struct io_ops io_mem_ops;

#endif
