/*
 * An RRset with its signatures as one run of bytes: the form in which the store keeps it, checks
 * and diffs see it, and the compiler reads it where it lies.
 *
 *      offset 0  u32 ttl
 *             4  u32 sig_ttl       TTL of the RRSIGs
 *             8  u16 count         records; 0 when only signatures exist
 *             10 u16 sig_count     RRSIGs covering this type
 *             12 (u16 len, rdata) x count, then (u16 len, rdata) x sig_count
 *
 * Integers are in host order (the store is not moved between machines of another byte order);
 * RDATA is uncompressed wire form as written in the zone. Records are sorted in canonical order
 * (RFC 4034 §6.3) and unique. RRSIG is never a type of its own here.
 */
#ifndef CONTROL_ZONE_RRSET_H
#define CONTROL_ZONE_RRSET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"

enum {
	RRSET_HEADER = 12,
	RRSET_TYPES_MAX =
		250, /* at one name, which counts them in one octet once compiled */
};

/* A parsed header; bytes are lent from wherever the blob lies. */
struct rrset {
	uint16_t type;
	uint16_t count;
	uint16_t sig_count;
	uint32_t ttl;
	uint32_t sig_ttl;
	const uint8_t *bytes; /* the whole blob */
	size_t size;
};

/* Checks that all lengths add up. ERR_CORRUPT otherwise. */
MUST_CHECK int rrset_open(uint16_t type, const void *blob, size_t size,
                          struct rrset *out);

/* Walks records, then signatures: start with rrset_first(), call count + sig_count times. */
struct rdata {
	const uint8_t *bytes;
	uint16_t len;
};

static inline const uint8_t *rrset_first(const struct rrset *s)
{
	return s->bytes + RRSET_HEADER;
}

/* Gives the record at *at and moves *at behind it. */
static inline struct rdata rrset_next(const uint8_t **at)
{
	struct rdata d;
	memcpy(&d.len, *at, sizeof d.len);
	d.bytes = *at + sizeof d.len;
	*at = d.bytes + d.len;
	return d;
}

static inline bool rdata_same(struct rdata a, struct rdata b)
{
	return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

/* Says whether an RRset has a record, octet by octet. */
bool rrset_has(const struct rrset *s, struct rdata record);

/* Gives the first record of an RRset that has any. */
static inline struct rdata rrset_first_record(const struct rrset *s)
{
	const uint8_t *at = rrset_first(s);

	return rrset_next(&at);
}

/* Building one: a blob takes RRSET_HEADER bytes and 2 + len for each record. */
void rrset_write_header(uint8_t *blob, const struct rrset *s);

/* Writes one record. Gives where the next one goes. */
uint8_t *rrset_write_rdata(uint8_t *at, const uint8_t *rdata, uint16_t len);

#endif
