/*
 * Builds the body of a fragment: whole RRs in wire form, names compressed against the base name
 * and against each other, with the list of what must move when the body does
 * (shared/table.h, struct table_fragment).
 */
#ifndef CONTROL_COMPILE_BODY_H
#define CONTROL_COMPILE_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "control/zone/rrset.h"
#include "shared/compiler.h"
#include "shared/name.h"
#include "shared/table.h"

enum {
	BODY_MAX = 65535,
	BODY_RELOCS_MAX = 8192,
	BODY_TARGETS_MAX = 2048,
	BODY_TARGET_BYTES = BODY_TARGETS_MAX * 64,
	BODY_SUFFIXES_MAX = 256,
};

/* A name already written, by its suffix. */
struct body_suffix {
	const uint8_t *name; /* as in the record */
	uint16_t at;         /* message offset under the base name's assumption */
	uint8_t len;
};

struct body {
	const uint8_t *base; /* base name, folded */
	uint8_t base_len;
	bool owner_relocs;
	bool overflow;
	uint32_t len;
	uint32_t plain_len;
	uint32_t plain_count;
	uint32_t do_count;
	uint32_t nrelocs;
	uint32_t ntargets;
	uint32_t nsuffixes;
	uint32_t target_bytes;
	uint16_t relocs[BODY_RELOCS_MAX];
	struct body_suffix suffixes[BODY_SUFFIXES_MAX];
	uint8_t bytes[BODY_MAX + 512];
	alignas(8) uint8_t targets[BODY_TARGET_BYTES];
};

void body_begin(struct body *b, const uint8_t *base, uint8_t base_len, bool owner_relocs);

/* Which names in the records answering may go on from. */
struct body_aim {
	const uint8_t *apex; /* only targets at or below it */
	const uint8_t *cut;  /* NS of this cut: targets below it are glue; else NULL */
	const struct name_hash_key *key;
};

/* Appends all records of a set to the plain part. aim may be NULL: no targets. */
void body_add_records(struct body *b, const struct rrset *set, uint32_t ttl,
                      const struct body_aim *aim);

/* From here on only queries with DO. Then any of the two below. */
void body_end_plain(struct body *b);
void body_add_do_records(struct body *b, const struct rrset *set);
void body_add_signatures(struct body *b, const struct rrset *set, uint32_t ttl);

/* Appends a denial record and its signatures under its own name. The base name is the apex. */
void body_add_denial(struct body *b, const struct table_denial *d);

/* Bytes of the finished fragment, and the fragment itself. */
size_t body_fragment_size(const struct body *b);
void body_write_fragment(const struct body *b, struct table_fragment *f);

#endif
