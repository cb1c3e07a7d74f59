/*
 * The kernel's side of a port that DPDK has taken: an interface named anser0 (or the next free
 * number) with the port's MAC address. What comes in and is no query appears there, and what the
 * kernel sends there leaves by the port, so that ARP, ND, ICMP and TCP work on the same addresses.
 *
 *      worker --> to_kernel   --> thread --> interface
 *      worker <-- from_kernel <-- thread <-- interface
 *
 * The interface costs system calls, which a worker does not make; so a thread of its own moves
 * frames between it and two rings. Only the first worker sends what comes back.
 */
#ifndef DATAPLANE_IO_DPDK_EXCEPTION_H
#define DATAPLANE_IO_DPDK_EXCEPTION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "shared/compiler.h"
#include "shared/io_settings.h"

enum { EXCEPTION_RING = 1024 /* frames on their way in each direction */ };

/* All zero: none. Everything put is dropped, nothing is to be taken. */
struct exception {
	uint16_t id; /* of the interface, as DPDK numbers it */
	bool has_interface;
	bool runs;
	char device[32]; /* DPDK's name of it */
	char interface[16];
	struct rte_ring *to_kernel;
	struct rte_ring *from_kernel;
	_Atomic bool stop;
	pthread_t thread;
};

/* Makes the interface for a port, with buffers from its pool (lent). Whatever was made on failure,
 * exception_close() undoes. ERR_REFUSED with the reason in text. */
MUST_CHECK int exception_open(struct exception *e, uint16_t port, enum io_exception kind,
                              struct rte_mempool *pool, char *text, size_t text_size);

/* Any worker. Takes the first of n frames, as many as there is room for; gives how many. */
static inline unsigned exception_put(struct exception *e, struct rte_mbuf **frames,
                                     unsigned n)
{
	return e->to_kernel
	               ? rte_ring_enqueue_burst(e->to_kernel, (void **)frames, n, NULL)
	               : 0;
}

/* The first worker. Gives up to n frames to be sent by the port. */
static inline unsigned exception_take(struct exception *e, struct rte_mbuf **frames,
                                      unsigned n)
{
	if (likely(e->from_kernel == NULL || rte_ring_empty(e->from_kernel)))
		return 0;
	return rte_ring_dequeue_burst(e->from_kernel, (void **)frames, n, NULL);
}

/* No worker runs any more. */
void exception_close(struct exception *e);

#endif
