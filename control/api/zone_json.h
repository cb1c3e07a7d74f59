/*
 * Zones and RRsets as PowerDNS's JSON: members in alphabetical order, ", " and ": " between, on one
 * line, because there are clients that search the text. It is written straight from the store, an
 * RRset at a time, so a large zone is no tree in memory.
 */
#ifndef CONTROL_API_ZONE_JSON_H
#define CONTROL_API_ZONE_JSON_H

#include <stdio.h>

#include "control/config/config.h"
#include "control/store/store.h"
#include "control/zone_marks.h"
#include "shared/compiler.h"

/* Writes a text with quotes and escapes. text: UTF-8. */
void zone_json_text(FILE *to, const char *text);

/* Gives what writes its input to another stream as the inside of a text, for fclose(). */
FILE *zone_json_escaping(FILE *to);

/* "Native" and the like. */
const char *zone_json_kind(enum zone_kind kind);

/* Says whether the zone has DNSKEY records that come from elsewhere: of keys that are not kept here. */
bool zone_json_comes_signed(struct store_txn *t, const struct store_zone *z);

/* Where what is written comes from: the zone's kind and its primaries are a matter of the configuration,
 * too. */
struct zone_json_source {
	struct store_txn *txn;
	const struct config *config;
	struct zone_marks *marks;
};

/* Writes the zone as a list has it. dnssec: with the members that tell of it. */
MUST_CHECK int zone_json_summary(FILE *to, const struct zone_json_source *s,
                                 const struct store_zone *z, bool dnssec);

/* Which RRsets are wanted. */
struct rrset_filter {
	bool none;
	bool one_owner;
	const uint8_t *owner; /* at or below the zone; with one_owner */
	uint16_t type;        /* 0: any */
	bool no_disabled;
};

/* Writes the zone with all that is known of it. */
MUST_CHECK int zone_json_detail(FILE *to, const struct zone_json_source *s,
                                const struct store_zone *z, const struct rrset_filter *f);

#endif
