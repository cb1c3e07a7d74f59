/*
 * Zones and RRsets as PowerDNS's JSON: members in alphabetical order, ", " and ": " between, on one
 * line, because there are clients that search the text. It is written straight from the store, an
 * RRset at a time, so a large zone is no tree in memory.
 */
#ifndef CONTROL_API_ZONE_JSON_H
#define CONTROL_API_ZONE_JSON_H

#include <stdio.h>

#include "control/store/store.h"
#include "shared/compiler.h"

/* Writes a text with quotes and escapes. text: UTF-8. */
void zone_json_text(FILE *to, const char *text);

/* "Native" and the like. */
const char *zone_json_kind(enum zone_kind kind);

/* Says whether the zone has keys. */
bool zone_json_secured(struct store_txn *t, const struct store_zone *z);

/* Writes the zone as a list has it. dnssec: with the members that tell of it. */
void zone_json_summary(FILE *to, struct store_txn *t, const struct store_zone *z,
                       bool dnssec);

/* Which RRsets are wanted. */
struct rrset_filter {
	bool none;
	bool one_owner;
	const uint8_t *owner; /* at or below the zone; with one_owner */
	uint16_t type;        /* 0: any */
	bool no_disabled;
};

/* Writes the zone with all that is known of it. */
MUST_CHECK int zone_json_detail(FILE *to, struct store_txn *t, const struct store_zone *z,
                                const struct rrset_filter *f);

#endif
