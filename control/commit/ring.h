/*
 * Keys of zones in use, opened: to read a key takes longer than to sign with it. Commit thread.
 */
#ifndef CONTROL_COMMIT_RING_H
#define CONTROL_COMMIT_RING_H

#include <stdint.h>

#include "control/sign/secrets.h"
#include "control/sign/zone_keys.h"
#include "shared/compiler.h"

struct key_ring;

/* secrets: lent as long as it lives. */
struct key_ring *key_ring_new(struct sign_secrets *secrets);
/* NULL is fine. */
void key_ring_free(struct key_ring **r);

/* Gives a zone's keys as a change will leave them, lent until the next call. Errors of zone_keys_read(). */
MUST_CHECK int key_ring_get(struct key_ring *r, struct store_txn *t,
                            const struct store_zone *zone, const struct change *with,
                            struct zone_keys **out, char why[static ZONE_KEYS_WHY_SIZE]);

/* The keys of zones that a change has items of are others now. */
void key_ring_changed(struct key_ring *r, const struct change *c);
/* What was read may never have been so. */
void key_ring_forget(struct key_ring *r);

#endif
