/*
 * The digest of a zone's contents (RFC 8976), of the scheme SIMPLE with SHA-384 or SHA-512, and
 * what a ZONEMD record in the zone says of it. Costs as much as the zone is large: not for the
 * loop nor the commit thread.
 */
#ifndef CONTROL_ZONE_ZONEMD_H
#define CONTROL_ZONE_ZONEMD_H

#include <stdint.h>

#include "control/diag.h"
#include "control/zone/contents.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

enum {
	ZONEMD_SIMPLE = 1,
	ZONEMD_SHA384 = 1,
	ZONEMD_SHA512 = 2,
	ZONEMD_DIGEST_MAX = 64,
	ZONEMD_HEADER = 6, /* of the RDATA: serial, scheme, algorithm; then the digest */
	ZONEMD_BLOB_SIZE = RRSET_HEADER + 2 + ZONEMD_HEADER + 48, /* with SHA-384 */
};

struct zonemd;

/* ERR_INVALID: an algorithm that is not one of these. apex: folded; copied. */
MUST_CHECK int zonemd_begin(struct zonemd **out, const uint8_t *apex, unsigned algorithm);

/* The zone's RRsets, in the order in which the store and contents have them. key and what set refers
 * to are lent until zonemd_end(). */
void zonemd_set(struct zonemd *z, const uint8_t *key, size_t key_len,
                const struct rrset *set);

/* Takes it. Gives the digest's length. */
size_t zonemd_end(struct zonemd **z, uint8_t out[static ZONEMD_DIGEST_MAX]);

/* A zone, wherever it lies. */
struct zonemd_zone {
	const uint8_t *apex;      /* folded */
	const char *file;         /* for what is said of it; "": none */
	struct rrset soa, zonemd; /* at the apex; count 0: none */
	int (*walk)(const struct zonemd_zone *zone,
	            struct zonemd *z); /* zonemd_set() for all of it */
	const void *arg;
};

/* Checks a zone against the ZONEMD at its apex, if there is one, and adds to diag:
 *
 *   zonemd-mismatch     an error: there are records that can be verified, and none of them is right
 *   zonemd-unknown      a warning: there are records, and none that can be verified
 *
 * ERR_REFUSED when it added an error; those of walk. Does not look at signatures. */
MUST_CHECK int zonemd_check_zone(const struct zonemd_zone *zone, struct diag *diag);

/* The same of contents. */
MUST_CHECK int zonemd_check(const struct contents *c, struct diag *diag);

/* Gives contents as a zone, lent from them. */
void zonemd_zone_of(const struct contents *c, struct zonemd_zone *out);

/* Makes the RRset that is right for a zone, which has an SOA: one record with SHA-384. Errors of walk. */
MUST_CHECK int zonemd_make(const struct zonemd_zone *zone,
                           uint8_t blob[static ZONEMD_BLOB_SIZE]);

/* Puts the RRset that is right into contents, which have an SOA, in place of the one that is there. */
MUST_CHECK int zonemd_put(struct contents *c);

#endif
