/*
 * Serial numbers of zones: which comes next, and where they stand in an SOA.
 */
#ifndef CONTROL_CHANGE_SERIAL_H
#define CONTROL_CHANGE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "control/store/store.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

/* Gives the serial that follows old at a time (seconds since 1970), newer by RFC 1982 whatever old
 * is; old itself with SERIAL_KEEP. */
uint32_t serial_next(enum serial_policy p, uint32_t old, uint64_t now);

/* Says whether a is newer than b (RFC 1982 §3.2). */
bool serial_newer(uint32_t a, uint32_t b);

/* Reads and writes the serial of an SOA's only record. ERR_CORRUPT: no SOA has this form. */
MUST_CHECK int serial_read(const struct rrset *soa, uint32_t *out);
MUST_CHECK int serial_write(uint8_t *blob, size_t size, uint32_t serial);

#endif
