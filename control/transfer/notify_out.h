/*
 * Tells other servers of new contents (RFC 1996). A zone's are told a moment after its serial has
 * changed, and every two seconds at most, so that many changes are told once; over UDP, five times in
 * growing intervals until they answer, and then over TCP. Not more than some hundred are being told
 * at a time, and of those that are at one address only a part, so that one that is down does not keep
 * the others waiting. Each is told for itself: who does not answer hears of the newest serial with the next attempt,
 * and those who do hear of each change as if they were alone. What was not told before the process ended is told when it starts
 * (control/transfer/notify_past.h).
 *
 * Loop thread.
 */
#ifndef CONTROL_TRANSFER_NOTIFY_OUT_H
#define CONTROL_TRANSFER_NOTIFY_OUT_H

#include "control/net/parts.h"

struct notifier;

/* Watches the engine of the parts, which are lent. */
void notifier_open(const struct transfer_parts *p, struct notifier **out);

/* Before the engine is closed. The loop must run on until it has called back for the closed handles. *notifier
 * becomes NULL. NULL is fine. */
void notifier_close(struct notifier **notifier);

#endif
