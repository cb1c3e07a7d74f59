/*
 * The contents of one zone in memory, on their way from text (or a transfer) to the store: every
 * RRset, in canonical order of owner and then type. Lives only as long as a load does.
 */
#ifndef CONTROL_ZONE_CONTENTS_H
#define CONTROL_ZONE_CONTENTS_H

#include <stdint.h>

#include "control/diag.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"
#include "shared/name.h"

/* One RRset; everything is lent from the contents' arena. */
struct contents_rrset {
	const uint8_t *key; /* sort key of the owner below the apex */
	uint16_t key_len;
	uint16_t type;
	uint16_t file; /* index into contents.files, of the first record */
	uint32_t line; /* where the first record stands */
	uint32_t size;
	const uint8_t *blob; /* see control/zone/rrset.h */
};

struct contents {
	uint8_t apex[NAME_MAX_LEN]; /* folded */
	uint8_t apex_len;
	struct contents_rrset *rrsets; /* sorted by key, then type */
	size_t count;
	size_t records; /* RRs, signatures included */
	char **files;   /* zone file and $INCLUDEd ones */
	size_t file_count;
	struct contents_arena *arena;
};

/*
 * Builds contents record by record, in any order; used by the zone-text reader and by transfers.
 */
struct contents_builder;

struct contents_builder *contents_builder_new(const uint8_t *apex);
void contents_builder_free(struct contents_builder *b);

/* Gives the index by which records name their file. */
uint16_t contents_builder_file(struct contents_builder *b, const char *path);

/* owner: absolute wire name; rdata: uncompressed. Both are copied. Refused (with a diagnostic):
 * owner outside the zone, meta types. */
MUST_CHECK int contents_builder_add(struct contents_builder *b, const uint8_t *owner,
                                    uint16_t type, uint32_t ttl, const uint8_t *rdata,
                                    size_t rdata_len, uint16_t file, uint32_t line,
                                    struct diag *diag);

/* What contents_builder_add() checks of a record, for who does without it: that the zone may hold it. apex:
 * folded; rdata: uncompressed. ERR_REFUSED, with a diagnostic. */
MUST_CHECK int contents_check_record(const uint8_t *apex, const uint8_t *owner,
                                     uint16_t type, struct rdata rdata,
                                     struct diag *diag);

/* Sorts, merges into RRsets, drops duplicates (warned), evens out TTLs (the lowest wins, warned,
 * RFC 2181 §5.2). On success *b is taken and set to NULL. */
MUST_CHECK int contents_builder_finish(struct contents_builder **b, struct contents **out,
                                       struct diag *diag);

void contents_free(struct contents *c);

/* Gives the path of the file with this index, "" when there is none of it. */
static inline const char *contents_file(const struct contents *c, uint16_t file)
{
	return file < c->file_count ? c->files[file] : "";
}

/* Gives the first RRset of the owner with this key, or NULL; all of its RRsets follow it. */
const struct contents_rrset *contents_find(const struct contents *c, const uint8_t *key,
                                           size_t key_len);

/* Gives the RRset of a type at the apex, or NULL. */
struct contents_rrset *contents_at_apex(const struct contents *c, uint16_t type);

/* Puts an RRset at the apex, in place of the one of its type that is there, or takes that away (size 0). The blob is
 * lent as long as the contents live. ERR_CORRUPT. */
MUST_CHECK int contents_put_apex(struct contents *c, uint16_t type, const uint8_t *blob,
                                 size_t size);

static inline bool contents_same_owner(const struct contents_rrset *a,
                                       const struct contents_rrset *b)
{
	return a->key_len == b->key_len &&
	       (a->key == b->key || memcmp(a->key, b->key, a->key_len) == 0);
}

/* Gives the index of the first RRset whose owner's key is not below key; count when there is
 * none. What lies under a name follows from there. */
size_t contents_lower_bound(const struct contents *c, const uint8_t *key, size_t key_len);

/*
 * Checks what a zone must obey before it may be served; adds to diag. ERR_REFUSED when it added
 * an error. The rules are listed at the top of contents_check.c.
 */
MUST_CHECK int contents_check(const struct contents *c, struct diag *diag);

#endif
