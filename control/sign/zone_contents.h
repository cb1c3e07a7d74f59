/*
 * All of a zone that is signed here: contents that come from a file or a transfer, or what the store has of it, from
 * data to what is to be served. Signatures that the store has stay where data and keys are the same. Costs what
 * the zone is large: for the pool, and for the commit thread where zones are small.
 */
#ifndef CONTROL_SIGN_ZONE_CONTENTS_H
#define CONTROL_SIGN_ZONE_CONTENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/sign/bulk.h"
#include "control/sign/zone_keys.h"
#include "control/store/store.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"

/* RRsets. Contents of more are signed on the pool, before they are given to the commit thread. */
enum { ZONE_SIGN_AT_ONCE = 2000 };

/* Gives what the store has of a zone. */
MUST_CHECK int zone_contents_load(struct store_txn *t, const struct store_zone *zone,
                                  struct contents **out);

/* Takes out of contents all signatures, the chain of denial, a digest, and keys: of the zone's only those that keys has (NULL: none)
 * which are not to be there. */
MUST_CHECK int zone_contents_bare(struct contents *c, const struct zone_keys *keys);

/* Makes of contents, bare or not, what is to be signed: keys, room for a digest, the chain of denial, and from the store (NULL: none) the
 * signatures of what is the same there. now: seconds since 1970. ERR_INVALID: the contents have no SOA. ERR_TOOBIG: see
 * chain_put(). Errors of the store. */
MUST_CHECK int zone_contents_prepare(struct contents *c, struct zone_keys *k,
                                     struct store_txn *t, bool digest, uint64_t now);

/* Gives an RRset of contents that are prepared the signatures that another has, of the same name, type and data, which
 * was signed by the same keys, wherever it is from. Says whether it did: not if they are due, or not needed. */
bool zone_contents_reuse(struct contents *c, const struct zone_keys *k,
                         const struct contents_rrset *from);

/* Signs what lacks signatures in contents that are prepared. watcher: may be NULL. Errors of bulk_sign(), which leave the
 * contents as they were. */
MUST_CHECK int zone_contents_sign(struct contents *c, const struct zone_keys *k,
                                  unsigned threads, struct bulk_progress *progress,
                                  const struct bulk_watcher *watcher);

/* Signs the RRset of a type at the apex that has become another since: another serial, a digest. */
MUST_CHECK int zone_contents_sign_apex(struct contents *c, struct zone_keys *k,
                                       uint16_t type);

#endif
