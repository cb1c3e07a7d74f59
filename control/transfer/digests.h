/*
 * Makes the digests (RFC 8976) of zones that are to have one and are too large for it to be renewed within each
 * change: those changes take the ZONEMD away, and a moment after the last of them it comes back, in a change of
 * its own. One zone at a time; each takes time in proportion to the zone. Loop thread.
 */
#ifndef CONTROL_TRANSFER_DIGESTS_H
#define CONTROL_TRANSFER_DIGESTS_H

#include "control/net/parts.h"

struct digests;

/* Never fails. parts are lent until the loop has run on after digests_close(). */
void digests_open(const struct transfer_parts *parts, struct digests **out);
/* NULL is fine. The loop must run on until it has called back. */
void digests_close(struct digests **d);

#endif
