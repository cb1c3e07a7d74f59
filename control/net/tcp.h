/*
 * DNS over TCP (RFC 7766, RFC 9210) in the control plane: the same responder as for UDP, with
 * pipelining, time limits, and caps on connections in all and per client.
 *
 * Responses from the table go out in the order of the queries; what is handed over is answered
 * when its answer is ready, between those (RFC 7766 §7). A client is an IPv4 address or an IPv6 /64; over
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
#include "control/net/dispatch.h"
#include "shared/compiler.h"
#include "shared/counters.h"

struct tcp_server;

/* Listens on every config->listen address. config is lent until the next one, all else for the
 * server's life. The loop's thread is a registered RCU (QSBR) reader, offline outside of what this module does. */
MUST_CHECK int tcp_server_open(uv_loop_t *loop, const struct config *config,
                               struct table_source *table, struct tcp_server **out,
                               char *text, size_t text_size);

/* Requests are handed over to d from now on, which is lent until the server is closed. */
void tcp_server_hand_to(struct tcp_server *s, struct dispatch *d);

/* To go by another configuration, which is lent as above: prepare opens what it has more to listen
 * on and says in text what cannot be; then one of the other two follows, which do not fail. What is
 * open stays open, even where it is more than may be now. */
MUST_CHECK int tcp_server_prepare(struct tcp_server *s, const struct config *next,
                                  char *text, size_t text_size);
void tcp_server_configure(struct tcp_server *s, const struct config *next);
void tcp_server_abandon(struct tcp_server *s);

/* Closes all sockets and touches nothing lent any more. The loop must run on until it has called
 * back for the closed handles; also after a failed open. */
void tcp_server_close(struct tcp_server **s);

#endif
