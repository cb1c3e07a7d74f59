/*
 * Zone text (RFC 1035 §5, RFC 2308 §4 $TTL, RFC 3597 unknown types, BIND's $GENERATE) to contents
 * and back.
 */
#ifndef CONTROL_ZONE_ZONEFILE_H
#define CONTROL_ZONE_ZONEFILE_H

#include <stdio.h>

#include "control/diag.h"
#include "control/zone/contents.h"

/* Reads a zone file with everything it includes. Relative $INCLUDE paths are relative to the
 * including file. Errors name file, line and rule in diag, and reading goes on to find more of
 * them. Runs the reader only, not contents_check(). */
MUST_CHECK int zonefile_read(const char *path, const uint8_t *apex, struct contents **out,
                             struct diag *diag);

/* The same from memory; name stands in diagnostics for the path. */
MUST_CHECK int zonefile_parse(const char *text, size_t len, const char *name,
                              const uint8_t *apex, struct contents **out,
                              struct diag *diag);

/* Writes one RRset (and its RRSIGs) as fully qualified lines: "owner TTL IN TYPE rdata". */
MUST_CHECK int zonefile_write_rrset(FILE *to, const uint8_t *owner,
                                    const struct rrset *set);

#endif
