/*
 * Packet input and output: one struct io is one worker's own way in and out, with bursts of
 * messages as the only currency. A back end is a table of functions chosen once per process and
 * called once per burst; it knows nothing of DNS.
 *
 * What all workers share (ports, programs, memory) is the back end's device: started before the
 * first struct io is opened, stopped after the last is closed.
 */
#ifndef DATAPLANE_IO_IO_H
#define DATAPLANE_IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dataplane/respond/respond.h"
#include "shared/compiler.h"
#include "shared/io_settings.h"
#include "shared/ipc.h"

/* Messages up to this size come in; responses have this much room, less where a link's frames are
 * smaller. */
enum { IO_MESSAGE_MAX = 4096 };

/* Octets of a way back, whatever the back end. */
enum { IO_WAY_MAX = 152 };

struct io_mem;
struct io_device;

/* What a back end needs to know. Lent for the life of its device. */
struct io_config {
	const struct sockaddr_storage *listen; /* where to answer */
	size_t listen_count;
	unsigned workers;
	const struct io_settings *settings; /* dpdk and xdp only */
	int wake_fd;              /* readable: idle() returns at once, for good */
	const int *nudge_fds;     /* by worker: the same, once (nudge.h); NULL: none */
	const struct io_mem *mem; /* mem only */
};

/* What became of packets that were not answered. */
enum io_event {
	IO_UNSENT,      /* the way out took no more */
	IO_CHECKSUM,    /* dropped: IPv4 or UDP checksum wrong */
	IO_MALFORMED,   /* dropped: lengths contradict each other, or too large */
	IO_SOURCE,      /* dropped: came from where no reply may go */
	IO_TO_KERNEL,   /* not ours */
	IO_KERNEL_FULL, /* not ours, and the kernel's side took no more */
	IO_FROM_KERNEL, /* sent for the kernel */
	IO_EVENTS
};

/* Every back end's own struct starts with this. Whoever counts the events sets them to 0. */
struct io {
	bool noted; /* some event is not 0 */
	bool polls; /* idle() never sleeps */
	bool naps; /* idle() sleeps for less than a millisecond: nobody needs to wake it */
	uint64_t events[IO_EVENTS];
};

static inline void io_note(struct io *io, enum io_event event, uint64_t n)
{
	io->events[event] += n;
	io->noted |= n != 0;
}

struct io_ops {
	const char *name;

	/* Makes ready what all workers share, and says what it is in text; on failure, why not.
	 * NULL: there is nothing to share. ERR_REFUSED: nothing is configured for this back end or
	 * this machine lacks it; ERR_SYSTEM and the like. */
	MUST_CHECK int (*start)(const struct io_config *config, struct io_device **out,
	                        char *text, size_t text_size);

	/* The way in and out of one worker. ERR_SYSTEM and the like, with the reason in text. */
	MUST_CHECK int (*open)(const struct io_config *config, struct io_device *device,
	                       unsigned worker, struct io **out, char *text,
	                       size_t text_size);

	/* The worker's own thread begins, and ends. NULL: nothing to do. */
	void (*enter)(struct io *io);
	void (*leave)(struct io *io);

	/* Lends up to BURST_MAX messages, without waiting; they are the worker's until tx(), which
	 * it calls before the next rx() unless there were none. Gives how many. */
	unsigned (*rx)(struct io *io, struct pkt pkts[static BURST_MAX]);

	/* Takes back all that the last rx() lent and sends those with len > 0, without waiting. */
	void (*tx)(struct io *io, struct pkt pkts[], unsigned n);

	/* How a reply to a message that rx() lent gets back, for as long as the device runs: octets that
	 * mean something to send() of this device only. Gives their number. Between rx() and tx(). */
	unsigned (*way)(struct io *io, const struct pkt *p,
	                uint8_t way[static IO_WAY_MAX]);

	/* Sends one message by such a way, without waiting; outside of rx() to tx(). Slow: for the few
	 * that were not answered at once. false: there is no room, or the way is none of this device,
	 * which is all that may come of any octets. */
	bool (*send)(struct io *io, const uint8_t *way, unsigned way_len,
	             const uint8_t *message, uint16_t len);

	/* Waits until rx() may have something. The worker holds nothing from the table, and is
	 * no reader meanwhile unless the back end polls. */
	void (*idle)(struct io *io);

	/* The worker's thread has ended, or never ran. */
	void (*close)(struct io **io);

	/* Link and statistics of the ports, from any one thread. NULL: it has no ports. */
	void (*ports)(struct io_device *device, struct ipc_ports *out);

	/* NULL with start. */
	void (*stop)(struct io_device **device);
};

extern const struct io_ops io_udp;
extern const struct io_ops io_xdp;  /* with ANSER_XDP */
extern const struct io_ops io_dpdk; /* with ANSER_DPDK */
extern const struct io_ops io_mem_ops;

#endif
