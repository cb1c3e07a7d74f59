/*
 * The records that are changed together, and what versions of them a reply may show.
 *
 * Each writer has PAIRS_SLOTS slots, and its change number v makes version v of slot v mod PAIRS_SLOTS:
 *
 *     c3-7.pairs.example.  <v> CNAME t3-7.pairs.example.
 *     t3-7.pairs.example.  <v> A     <v as an address of 10.0.0.0/8>
 *     p3-7.other.example.  <v> A     <v>
 *
 * Asked for the address of c3-7, a server puts the CNAME and the address of t3-7 into one reply: both
 * must be of the same version. And since changes come one after the other, who has seen change v
 * of a writer knows for each of its slots below which version no later reply may be.
 */
#ifndef PERF_PAIRS_RECORD_H
#define PERF_PAIRS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	PAIRS_WRITERS_MAX = 64,
	PAIRS_SLOTS = 256,
	PAIRS_VERSION_MAX = (1 << 24) - 1,
	PAIRS_QUERY_MAX = 64,
	PAIRS_EDITS_MAX = 1024, /* octets of a command */
};

enum pairs_kind { PAIRS_ALIAS, PAIRS_TARGET, PAIRS_OTHER, PAIRS_KINDS };

struct pairs_record {
	enum pairs_kind kind;
	unsigned writer;
	unsigned slot;
};

/* The newest version of a slot when change number newest has been made. Before any change, when
 * newest is PAIRS_SLOTS - 1, the version of slot i is i. */
uint32_t pairs_version(uint32_t newest, unsigned slot);

/* Writes the zone with the records of one kind (aliases and targets have one together) as it is
 * before any change. */
void pairs_write_zone(FILE *to, bool other, unsigned writers);

/* Writes a command for the control socket that makes a change. Gives its length. */
size_t pairs_write_change(char command[static PAIRS_EDITS_MAX], unsigned writer,
                          uint32_t version);

/* Writes a query with ID 0. Gives its length. */
size_t pairs_write_query(uint8_t query[static PAIRS_QUERY_MAX],
                         const struct pairs_record *record);

enum pairs_verdict {
	PAIRS_WHOLE,
	PAIRS_WRONG, /* not an answer to this query */
	PAIRS_MIXED, /* of two versions */
};

/* Reads a reply to a query, whatever its ID is, and gives the version that it shows. */
enum pairs_verdict pairs_read_reply(const uint8_t *reply, size_t len,
                                    const uint8_t *query, size_t query_len,
                                    uint32_t *version);

#endif
