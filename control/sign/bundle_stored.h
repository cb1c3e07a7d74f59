/*
 * A response as it is kept: items of STORE_BUNDLE under the zone's id and the time from which each bundle holds.
 */
#ifndef CONTROL_SIGN_BUNDLE_STORED_H
#define CONTROL_SIGN_BUNDLE_STORED_H

#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/sign/bundle.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* Gives a value, for the caller to free, and its size. */
uint8_t *bundle_encode(const struct bundle *b, size_t *size);
/* Appends what a value has, from a time on. ERR_CORRUPT, so too when it is not later than the last; ERR_VERSION. */
MUST_CHECK int bundle_decode(const void *bytes, size_t size, uint64_t from,
                             struct bundles *to);

/* Gives all that a zone has, which may be none. zone: its name. ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK int bundle_stored_all(struct store_txn *t, uint32_t id, const uint8_t *zone,
                                 struct bundles **out);

/* The same with the one that holds at a time, and the one after it if there is any. ERR_NOTFOUND: none holds then. */
MUST_CHECK int bundle_stored_at(struct store_txn *t, uint32_t id, const uint8_t *zone,
                                uint64_t now, struct bundles **out);

/* Gives the one that begins at a time, as it will be with the items of a change (NULL: as it is). ERR_NOTFOUND. */
MUST_CHECK int bundle_stored_get(struct store_txn *t, const struct change *with,
                                 uint32_t id, const uint8_t *zone, uint64_t from,
                                 struct bundles **out);

/* Lets a change put a response in the place of all that the zone has from its beginning on, and of what no longer held
 * at that time; what holds until then stays. */
MUST_CHECK int bundle_stored_change(struct change *c, struct store_txn *t, uint32_t id,
                                    const struct bundles *response, uint64_t now);
/* Lets a change remove all that a zone has. */
MUST_CHECK int bundle_stored_forget(struct change *c, struct store_txn *t, uint32_t id);

#endif
