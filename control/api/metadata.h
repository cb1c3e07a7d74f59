/*
 * Metadata of zones: lists of texts by kind, kept and given back. Nothing acts upon them but those
 * that are attributes of the zone.
 */
#ifndef CONTROL_API_METADATA_H
#define CONTROL_API_METADATA_H

#include "control/api/call.h"
#include "shared/compiler.h"

/* For work. Lets call->change remove all metadata of call->zone. */
MUST_CHECK int metadata_forget(struct zone_call *c, struct store_txn *t);

#endif
