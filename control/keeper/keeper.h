/*
 * Keeps zones signed: those that a policy holds for (control/policy/policy.h), and those that are signed and are not to
 * be any more. Each has a time of its next look; a look is a step (step.h) on the pool, which may end in a change like
 * any other. So a zone is signed, its keys are replaced, and its signatures made again before they end,
 * without anybody who does anything.
 *
 * Loop thread.
 */
#ifndef CONTROL_KEEPER_KEEPER_H
#define CONTROL_KEEPER_KEEPER_H

#include "control/net/parts.h"

struct config;
struct keeper;

/* Never fails. parts are lent until the loop has run on after keeper_close(). */
void keeper_open(const struct transfer_parts *parts, struct keeper **out);
/* Policies, and what is to be signed, may be others now. */
void keeper_configure(struct keeper *k, const struct config *next);
/* NULL is fine. The loop must run on until it has called back. */
void keeper_close(struct keeper **k);

#endif
