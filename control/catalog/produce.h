/*
 * Keeps a catalog that is made here (a zone of kind producer): its members are the zones that say so, or
 * whose template does, and those that are to move to it.
 */
#ifndef CONTROL_CATALOG_PRODUCE_H
#define CONTROL_CATALOG_PRODUCE_H

#include "control/catalog/catalog.h"
#include "control/config/config.h"

enum { CATALOG_EDITS_AT_ONCE = 20000 };

/* Any thread. Finds what is to be changed in the catalog, at most so many RRsets; out->first is the
 * caller's. ERR_CORRUPT, ERR_TOOBIG: the catalog's own name is too long; and errors of the store. Costs
 * as much as the catalog is large and as there are zones. */
MUST_CHECK int catalog_produce(struct store_txn *t, const struct config *config,
                               const struct store_zone *z, struct catalog_steps *out,
                               struct catalog_report *report);

#endif
