/*
 * Updates of secondaries go on to a primary (RFC 2136 §6), where the zone's policy says so: as they came, with
 * the TSIG of whoever sent them, so that it is the primary that says who may. So does its answer come back.
 * Loop thread.
 */
#ifndef CONTROL_UPDATE_FORWARD_H
#define CONTROL_UPDATE_FORWARD_H

#include "control/net/parts.h"

struct forwards;

/* Has the dispatcher show updates here first. p is lent for its life. */
void forwards_open(const struct transfer_parts *p, struct forwards **out);

/* Those under way are left. NULL is fine. The loop must run on until it has called back for the closed handle. */
void forwards_close(struct forwards **f);

#endif
