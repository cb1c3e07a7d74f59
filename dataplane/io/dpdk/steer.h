/*
 * Cards that DPDK and the kernel share (bifurcated drivers): in isolated mode such a card gives
 * DPDK only what a flow rule says. One rule for each address served takes UDP to its port; all
 * else stays with the kernel's own driver, and when the process ends, so do the rules.
 */
#ifndef DATAPLANE_IO_DPDK_STEER_H
#define DATAPLANE_IO_DPDK_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "dataplane/io/io.h"
#include "shared/compiler.h"

/* Says whether the port's driver leaves the kernel's to work on the same card. */
bool steer_can(const struct rte_eth_dev_info *info);

/* Before the port starts. A negative errno on failure, as DPDK gives it; so the next one. */
MUST_CHECK int steer_isolate(uint16_t port);

/* After it has started: spreads the queries to config->listen over all workers' queues. */
MUST_CHECK int steer_queries(uint16_t port, const struct io_config *config);

#endif
