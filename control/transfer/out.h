/*
 * Zones for other servers: answers to AXFR (RFC 5936) and IXFR (RFC 1995).
 *
 * Whether who asks may is looked up in a snapshot of the store; nobody may whom no rule lets in. What
 * is sent is packed once for all who want the same (control/transfer/cache.h), and goes out as the
 * connection takes it: a slow receiver holds octets of a spool and no snapshot. One that takes less
 * than 64 KiB in tcp.write-timeout, or not all in transfer.timeout, is cut off.
 *
 * Loop thread.
 */
#ifndef CONTROL_TRANSFER_OUT_H
#define CONTROL_TRANSFER_OUT_H

#include "control/net/parts.h"
#include "shared/compiler.h"

struct config;
struct refresh;
struct transfers_out;

/* Takes DISPATCH_TRANSFER of the parts, which are lent like r, which knows when secondaries expire. */
MUST_CHECK int transfers_out_open(const struct transfer_parts *p, const struct refresh *r,
                                  struct transfers_out **out);
void transfers_out_configure(struct transfers_out *all, const struct config *next);

/* Before r, the engine and what requests come by are closed. Ends what is under way. The loop must run on until it
 * has called back for the closed handles. *out becomes NULL. NULL is fine. */
void transfers_out_close(struct transfers_out **out);

#endif
