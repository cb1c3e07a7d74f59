/*
 * Keeps signalling records (RFC 9615): copies of the CDS and CDNSKEY of zones whose policy asks for that, below the
 * names of their servers, in zones that are signed here as well. A parent that has no DS yet, and so no way to believe
 * the zone, believes those zones. They come with the CDS, follow it, and go when the parent has the DS, or when the
 * policy, or the zone, is another or gone.
 *
 * Loop thread.
 */
#ifndef CONTROL_KEEPER_BOOTSTRAP_H
#define CONTROL_KEEPER_BOOTSTRAP_H

#include "control/net/parts.h"

struct bootstrap;

/* Never fails. parts are lent until the loop has run on after bootstrap_close(). */
void bootstrap_open(const struct transfer_parts *parts, struct bootstrap **out);
/* Policies may be others now. */
void bootstrap_configure(struct bootstrap *b);
/* NULL is fine. The loop must run on until it has called back. */
void bootstrap_close(struct bootstrap **b);

#endif
