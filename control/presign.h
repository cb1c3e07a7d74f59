/*
 * Signs contents of zones that are signed here before they come to the commit thread, which would sign them all the
 * same, and have everybody wait meanwhile. Pool.
 */
#ifndef CONTROL_PRESIGN_H
#define CONTROL_PRESIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "control/change/change.h"

struct engine;

/* Signs contents, lent, of the zone with this name, folded, if it is signed here. Gives by which version of its signing
 * (control/sign/state.h), or 0: it did nothing, for whatever reason, of which the commit will speak. */
uint64_t presign(struct engine *e, const uint8_t *name, struct contents *contents);

/* The same for all contents of a change. */
void presign_change(struct engine *e, struct change *c);

/* Any thread. Says whether a change has contents that are worth it. */
bool presign_is_wanted(const struct change *c);

#endif
