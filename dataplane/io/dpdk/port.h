/*
 * One port that DPDK drives: a queue in each direction for every worker, buffers from memory near
 * the card, and queries spread over the queues by address and port.
 *
 * A reply leaves in the buffer its query came in: one segment, one reference, one pool for all
 * that a port sends, so that drivers may give buffers back the fast way.
 */
#ifndef DATAPLANE_IO_DPDK_PORT_H
#define DATAPLANE_IO_DPDK_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "dataplane/io/dpdk/exception.h"
#include "dataplane/io/frame.h"
#include "dataplane/io/io.h"
#include "shared/compiler.h"

enum { PORTS_MAX = IPC_PORTS_MAX };

struct port {
	uint16_t id;
	char name[RTE_ETH_NAME_MAX_LEN];
	bool steers; /* its driver leaves to the kernel all that no rule of ours takes */
	bool keeps_buffers; /* its driver does not give back those that wait for frames */
	bool started;
	struct rte_mempool *pool;
	struct frame_rules rules;
	struct exception exception;
};

/* Opens port id with config->workers queues. Whatever was made on failure, port_close() undoes.
 * ERR_REFUSED with the reason in text. */
MUST_CHECK int port_open(struct port *p, uint16_t id, const struct io_config *config,
                         char *text, size_t text_size);

/* Starts it, and steers queries to it where the driver shares the card with the kernel. */
MUST_CHECK int port_start(struct port *p, const struct io_config *config, char *text,
                          size_t text_size);

/* Stops and closes it. Says how many buffers were never given back, which is a fault. */
unsigned port_close(struct port *p);

void port_describe(const struct port *p, struct ipc_port *out);

#endif
