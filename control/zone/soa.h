/*
 * The five numbers that end the data of an SOA (RFC 1035 §3.3.13). They are found from its end: the names before
 * them have any length.
 */
#ifndef CONTROL_ZONE_SOA_H
#define CONTROL_ZONE_SOA_H

#include <stddef.h>
#include <stdint.h>

#include "shared/wire.h"

/* Octets from a number to the end. */
enum soa_number {
	SOA_SERIAL = 20,
	SOA_REFRESH = 16,
	SOA_RETRY = 12,
	SOA_EXPIRE = 8,
	SOA_MINIMUM = 4,
};

enum {
	SOA_NUMBERS = SOA_SERIAL,       /* octets of all five */
	SOA_SIZE_MIN = SOA_NUMBERS + 2, /* with the names of the root before them */
};

/* rdata: not shortened, of SOA_SIZE_MIN octets at least. */
static inline uint32_t soa_number(const uint8_t *rdata, size_t len, enum soa_number which)
{
	return wire_load32(rdata + len - (size_t)which);
}

#endif
