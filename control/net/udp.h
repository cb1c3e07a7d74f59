/*
 * DNS over UDP in the control plane, by plain sockets on every address served: for data planes
 * that take packets past the kernel. What such a one leaves to the kernel (fragments, IP options,
 * interfaces that it does not have) is answered here, and everything when no data plane is left:
 * slower, but not dark.
 *
 * The sockets are open while there is such a data plane or was one, or the configuration demands
 * one, and no data plane has UDP sockets itself: with both open the kernel would give each of them
 * a share of the queries.
 */
#ifndef CONTROL_NET_UDP_H
#define CONTROL_NET_UDP_H

#include <stdbool.h>
#include <uv.h>

#include "control/config/config.h"
#include "control/engine.h"
#include "shared/compiler.h"

struct udp_server;
struct dispatch;

/* config is lent until the next one, all else for the server's life. With io: xdp or dpdk the sockets are open
 * afterwards. One that cannot be opened is logged once and tried again every second. The loop's
 * thread is as for tcp_server_open(). */
MUST_CHECK int udp_server_open(uv_loop_t *loop, const struct config *config,
                               struct table_source *table, struct udp_server **out,
                               char *text, size_t text_size);

/* What is no plain question goes there, lent for the server's life; without it is answered as questions are. */
void udp_server_hand_to(struct udp_server *s, struct dispatch *d);

/* Goes by another configuration, lent as above: its addresses count at once, its io once a data plane
 * runs it. */
void udp_server_configure(struct udp_server *s, const struct config *next);

/* Says what data planes run now: whether any takes packets past the kernel, and whether any has
 * UDP sockets. */
void udp_server_follow(struct udp_server *s, bool past_kernel, bool by_kernel);

/* Closes all sockets and touches nothing lent any more. The loop must run on until it has called
 * back for the closed handles. */
void udp_server_close(struct udp_server **s);

#endif
