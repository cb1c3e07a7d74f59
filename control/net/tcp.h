/*
 * DNS over TCP (RFC 7766, RFC 9210) in the control plane: the same responder as for UDP, with
 * pipelining, time limits, and caps on connections in all and per client.
 *
 * Responses go out in the order of the queries. A client is an IPv4 address or an IPv6 /64; over
 * its cap a new connection is refused. Over the total cap the one that has been idle for longest
 * makes room, and only when none is idle the new one is refused. A connection whose client takes
 * nothing is not read from while tcp_max_pending bytes are queued; the queue never exceeds
 * that by more than one response.
 */
#ifndef CONTROL_NET_TCP_H
#define CONTROL_NET_TCP_H

#include <uv.h>

#include "control/config/config.h"
#include "control/engine.h"
#include "shared/compiler.h"
#include "shared/counters.h"

struct tcp_server;

/* Listens on every config->listen address. All arguments are lent for the server's life. The
 * loop's thread is a registered RCU (QSBR) reader, offline outside of what this module does. */
MUST_CHECK int tcp_server_open(uv_loop_t *loop, const struct config *config,
                               struct table_source *table, struct tcp_server **out,
                               char *text, size_t text_size);

/* Closes all sockets and touches nothing lent any more. The loop must run on until it has called
 * back for the closed handles; also after a failed open. */
void tcp_server_close(struct tcp_server **s);

unsigned tcp_server_connections(const struct tcp_server *s);

#endif
