/*
 * The servers that a zone's NS records name, and their addresses, as far as they are in the zones
 * here.
 */
#ifndef CONTROL_POLICY_SERVERS_H
#define CONTROL_POLICY_SERVERS_H

#include <stdint.h>

#include "control/store/store.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"

/* Calls back for each NS record of the zone's apex, until fn gives non-zero, which is handed through.
 * name: folded, lent for the call. */
MUST_CHECK int servers_each(struct store_txn *t, const struct store_zone *z,
                            int (*fn)(const uint8_t *name, void *arg), void *arg);

/* Calls back for each address that a zone here has for a name, as 16 octets (an IPv4 address as
 * ::ffff:a.b.c.d), in the same way. ERR_NOTFOUND: the name is in no zone here. */
MUST_CHECK int servers_addresses(struct store_txn *t, const uint8_t *name,
                                 int (*fn)(const uint8_t address[static 16], void *arg),
                                 void *arg);

#endif
