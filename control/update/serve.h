/*
 * Serves dynamic updates (RFC 2136, 3007): who may is asked of the zone's policy, what is asked for becomes a
 * change like any other, and the answer goes out when that is durable.
 *
 * Messages are read on the loop, so that those of one connection are done in the order in which they
 * came. Loop thread.
 */
#ifndef CONTROL_UPDATE_SERVE_H
#define CONTROL_UPDATE_SERVE_H

#include "control/net/parts.h"

struct updates;

/* Has the dispatcher hand updates here. p is lent for its life. */
void updates_open(const struct transfer_parts *p, struct updates **out);

/* Those under way are still done, but not answered any more. NULL is fine. */
void updates_close(struct updates **u);

#endif
