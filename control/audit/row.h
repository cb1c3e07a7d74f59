/*
 * The rows of a change as JSON: of each what it is of, and its value before and after.
 *
 *      {"of": "rrset", "zone": "example.org.", "name": "www.example.org.", "type": "A",
 *       "before": null, "after": {"ttl": 300, "records": ["192.0.2.1"]}}
 */
#ifndef CONTROL_AUDIT_ROW_H
#define CONTROL_AUDIT_ROW_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "control/audit/chain.h"
#include "control/change/record.h"
#include "control/store/store.h"
#include "control/zone/rdata_text.h"

struct row_teller;

enum { ROWS_TOLD_MAX = 1000, ROWS_BYTES_MAX = 256 << 10 };

struct row_teller *row_teller_new(void);

/* The rows told next are those of a part of the log. zone: lent until the next part; NULL: rows of
 * items. */
void row_teller_part(struct row_teller *t, const uint8_t *zone,
                     const struct store_rows *part);
void row_tell(struct row_teller *t, const struct record_row *row);

/* How many were not told for their number or size. */
size_t row_teller_omitted(const struct row_teller *t);

/* Gives all that was told, and the SHA-256 of all parts: of each its zone and its number (both u32,
 * big endian) and its rows. Takes. */
json_t *row_teller_end(struct row_teller **t, char hex[static CHAIN_HEX_SIZE]);

/* RDATA as a string. */
json_t *row_rdata(struct rdata_text *x, uint16_t type, struct rdata d);

/* A string, whatever octets are in the text. */
json_t *row_text(const char *text);

#endif
