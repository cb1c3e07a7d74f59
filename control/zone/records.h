/*
 * Single records on their way into RRsets, and their order.
 */
#ifndef CONTROL_ZONE_RECORDS_H
#define CONTROL_ZONE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

/* One record; what it points to lies in an arena. Forty bytes: there are ten million of them. */
struct record {
	uint64_t head; /* the first eight octets of the key as a big-endian number */
	const uint8_t *key;
	const uint8_t *rdata;
	uint32_t ttl;
	uint32_t line;
	uint16_t key_len;
	uint16_t type;
	uint16_t rdata_len;
	uint16_t file;
};
STATIC_ASSERT(sizeof(struct record) == 40, "one more word is eighty megabytes");

/* Gives the value of record.head for a key. */
uint64_t record_head(const uint8_t *key, size_t key_len);

/* Gives the type of the RRset that the record belongs to: what an RRSIG covers, else its own. */
uint16_t record_set_type(const struct record *r);

/* Orders by owner, type of RRset, records before signatures, and RDATA (RFC 4034 §6.3). 0 says
 * that both are the same record. */
int record_compare(const struct record *a, const struct record *b);

/* Sorts by record_compare(); equal records stay in the order in which they came. Cheap when the
 * input is nearly sorted, as zone files are. */
void records_sort(struct record *records, size_t count);

#endif
