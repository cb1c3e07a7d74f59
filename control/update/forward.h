/*
 * Updates of secondaries go on to a primary (RFC 2136 §6), where the zone's policy says so: as they came, with
 * the TSIG of whoever sent them, so that it is the primary that says who may. So does its answer come back.
 * Loop thread.
 */
#ifndef CONTROL_UPDATE_FORWARD_H
#define CONTROL_UPDATE_FORWARD_H

#include <stdbool.h>

#include "control/net/parts.h"
#include "control/net/request.h"
#include "control/store/store.h"

struct forwards;

/* p is lent for its life. */
void forwards_open(const struct transfer_parts *p, struct forwards **out);

/* Takes an update of this zone, as t has it, if it is to go on; nobody has verified it. False: it is for us. */
MUST_CHECK bool forwards_take(struct forwards *f, struct request **request,
                              struct store_txn *t, const struct store_zone *z);

/* Those under way are left. NULL is fine. The loop must run on until it has called back for the closed handle. */
void forwards_close(struct forwards **f);

#endif
