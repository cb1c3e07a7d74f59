/*
 * One server is told once that a zone has changed (RFC 1996): over UDP, again and again in growing
 * intervals, and when it never answers over TCP. With a key what is sent is signed, and an answer
 * counts only when it is; a server that is to be spoken to with a key is never told without. One with a TLS
 * profile is told over TLS alone, in the same intervals.
 *
 * Loop thread.
 */
#ifndef CONTROL_TRANSFER_NOTICE_H
#define CONTROL_TRANSFER_NOTICE_H

#include "control/net/parts.h"
#include "control/transfer/notify_targets.h"

struct notice;

enum notice_result { NOTICE_TOLD, NOTICE_REFUSED, NOTICE_UNANSWERED };

/* From the loop, never from within a call; the notice is gone with that. serial: that it was asked of last. why: lent
 * for the call. */
typedef void notice_done(void *arg, enum notice_result result, uint32_t serial,
                         const char *why);

/* p is lent until it is done with; of the others nothing is kept. */
struct notice *notice_start(const struct transfer_parts *p, const struct notify_list *l,
                            const struct notify_target *t, notice_done *done, void *arg);

/* The zone has another serial: from the next attempt on it is told of that one, unless it answers before. Attempts are
 * not begun anew. False: it is told of this one already. */
bool notice_renew(struct notice *n, const struct notify_list *l);

/* Ends it, done is not called. *notice becomes NULL. */
void notice_drop(struct notice **notice);

#endif
