/*
 * The Internet checksum (RFC 1071): the one's complement sum of 16-bit words. It may be taken over
 * words as the machine loads them, whatever its byte order, if the result is stored the same way;
 * and over wider words with the carries added in at the end.
 */
#ifndef DATAPLANE_IO_CHECKSUM_H
#define DATAPLANE_IO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"

/* Adds the bytes, which start at an even offset of what is summed. A sum of 64 bits has room for
 * four gigabytes. */
static ALWAYS_INLINE uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
	uint64_t word;

	for (; len >= sizeof word; len -= sizeof word, bytes += sizeof word) {
		memcpy(&word, bytes, sizeof word);
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	if (len > 0) {
		word = 0;
		memcpy(&word, bytes, len);
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	return sum;
}

/* The sum in 16 bits; its complement is what goes into a header. */
static ALWAYS_INLINE uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

#endif
