/*
 * The TSIG keys of a zone in PowerDNS's JSON: "master_tsig_key_ids", with which others get it, and
 * "slave_tsig_key_ids", with which it is got from its primaries. They are metadata, in which keys are
 * named; here they are ids, as keys have them.
 */
#ifndef CONTROL_API_KEY_IDS_H
#define CONTROL_API_KEY_IDS_H

#include <jansson.h>
#include <stdio.h>

#include "control/api/call.h"
#include "shared/compiler.h"

enum key_ids { KEY_IDS_MASTER, KEY_IDS_SLAVE };

/* Writes the list, with its brackets. */
MUST_CHECK int key_ids_write(FILE *to, struct store_txn *t, const struct store_zone *z,
                             enum key_ids which);

/* For work. Adds to call->change what the body says of either. zone: its id; 0: the change's last zone,
 * which it makes. Refuses keys that there are not. */
MUST_CHECK int key_ids_read(struct zone_call *c, struct store_txn *t, uint32_t zone);

#endif
