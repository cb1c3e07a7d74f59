/*
 * Takes notifications (RFC 1996) from primaries: that a zone has changed, which is looked into at
 * once. Who may send them is a matter of the zone's policy. Loop thread.
 */
#ifndef CONTROL_TRANSFER_NOTIFY_IN_H
#define CONTROL_TRANSFER_NOTIFY_IN_H

#include "control/net/parts.h"

struct refresh;
struct notify_in;

/* Both are lent until notify_in_close(). Never fails. */
struct notify_in *notify_in_open(const struct transfer_parts *parts, struct refresh *r);
/* What is under way is not answered any more. NULL is fine. */
void notify_in_close(struct notify_in **n);

#endif
