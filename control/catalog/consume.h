/*
 * Brings the zones here in line with a catalog that comes from elsewhere (a zone of kind consumer): its
 * members become secondaries, by the template of their group, and zones that it has no more go. Only
 * zones that came from a catalog are ever touched.
 */
#ifndef CONTROL_CATALOG_CONSUME_H
#define CONTROL_CATALOG_CONSUME_H

#include "control/catalog/catalog.h"
#include "control/config/config.h"

enum { CATALOG_ZONES_AT_ONCE = 500 };

/* Any thread. Finds what is to be done, of at most so many zones in each step. accepted: however many
 * zones go. out->first and second are the caller's. ERR_CORRUPT, ERR_TOOBIG: the
 * catalog's own name is too long; and errors of the store. Costs as much
 * as the catalog is large and as there are zones. */
MUST_CHECK int catalog_consume(struct store_txn *t, const struct config *config,
                               const struct store_zone *z, bool accepted,
                               struct catalog_steps *out, struct catalog_report *report);

#endif
