/*
 * RDATA in wire form: whether it is well formed, and its canonical order.
 */
#ifndef CONTROL_ZONE_RDATA_H
#define CONTROL_ZONE_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

enum { RDATA_MAX = 65535 };
enum { TTL_MAX = 0x7fffffff }; /* RFC 2181 §8 */

/* Gives the field letters of rdata_fields.def, or NULL for a type that has no line there. */
const char *rdata_fields(uint16_t type);

/* Checks uncompressed RDATA, from whatever source, against its type's format. ERR_CORRUPT.
 * Anything goes for a type without a known format. */
MUST_CHECK int rdata_check(uint16_t type, const uint8_t *rdata, size_t len);

/* Canonical order of two RDATA of one type (RFC 4034 §6.3), as if the names in them that RFC 4034
 * §6.2 lists were in lower case; 0 means that they are one record written twice. Both have passed
 * rdata_check(). */
int rdata_compare(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b,
                  size_t b_len);

/* Gives RDATA with those names in lower case: a copy in scratch, or itself when it has no such names.
 * It has passed rdata_check(). */
const uint8_t *rdata_canonical(uint16_t type, const uint8_t *rdata, size_t len,
                               uint8_t scratch[static RDATA_MAX]);

#endif
