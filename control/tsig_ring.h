/*
 * Keeps a keyring to what the store and the configuration hold. Loop thread.
 *
 * It is made anew within the turn of the loop that tells of the change, before whoever made the change is
 * told that it is done: from then on the key counts. Keys that stay the same are shared with the ring
 * before, so that this costs a walk through the list; files of secrets are read with a configuration.
 */
#ifndef CONTROL_TSIG_RING_H
#define CONTROL_TSIG_RING_H

#include "control/config/config.h"
#include "control/engine.h"
#include "control/tsig/keyring.h"
#include "shared/compiler.h"

struct tsig_ring;

/* The engine is lent for its life. What cannot be read is logged, and not there. */
struct tsig_ring *tsig_ring_open(struct engine *e, const struct config *config);
/* Before engine_close(). NULL is fine. */
void tsig_ring_close(struct tsig_ring **r);

/* Another configuration counts. */
void tsig_ring_configure(struct tsig_ring *r, const struct config *next);

/* Says whether a configuration's keys can be had, before it counts. ERR_REFUSED: text says why not. */
MUST_CHECK int tsig_ring_prepare(const struct config *next, char *text, size_t text_size);

/* Lent for the life of r. */
struct keyring *tsig_ring_keys(const struct tsig_ring *r);

#endif
