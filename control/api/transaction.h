/*
 * A transaction over several zones, as JSON: {"zones": [{"name": "a.example.", "rrsets": [...]}]}
 * with RRsets as for PATCH. All of it is done and served at once, or nothing.
 */
#ifndef CONTROL_API_TRANSACTION_H
#define CONTROL_API_TRANSACTION_H

#include <jansson.h>
#include <stdio.h>

#include "control/api/fault.h"
#include "control/change/change.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* Why such a change is made, for the log. */
#define TRANSACTION_WHY "API: changes of several zones"

/* Reads it into a change without zones, whose actor must see those that are named. */
MUST_CHECK int transaction_read(struct store_txn *t, const json_t *object,
                                struct change *c, struct api_fault *f);

/* Says of a change that was refused why and where. */
void transaction_refuse(const struct change *c, const struct change_result *r,
                        struct api_fault *f);

/* Writes "[...]", what became of each zone. */
void transaction_write_zones(FILE *to, const struct change_result *r);

#endif
