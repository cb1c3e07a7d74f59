/*
 * What of a difference is data, in a zone that is signed here: neither signatures, nor what denies names, nor keys, nor
 * the digest. All of that goes by the zone as it is, and by the time; none of it is anybody's to bring back.
 */
#ifndef CONTROL_HISTORY_BARE_H
#define CONTROL_HISTORY_BARE_H

#include "control/history/difference.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"

/* Takes the signatures out of what an RRset is, or was; NULL may come, and stays. The value may lie in the arena
 * then. ERR_CORRUPT. */
MUST_CHECK int bare_value(struct contents_arena *a, uint16_t type, const void **value,
                          size_t *size);

/* Leaves nothing but data in a difference; values may lie in the arena. ERR_CORRUPT. */
MUST_CHECK int bare_difference(struct difference *d, struct contents_arena *a);

#endif
