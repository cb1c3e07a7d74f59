/*
 * The Internet checksum (RFC 1071) in sums that have not been folded yet.
 *
 * Words are added as the machine loads them: a one's-complement sum in the other byte order is the
 * sum with its octets swapped, so that the result is stored as it is and nothing is ever swapped.
 */
#ifndef PERF_LOADGEN_CHECKSUM_H
#define PERF_LOADGEN_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t load16_raw(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline void store16_raw(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof v);
}

/* Sum of bytes that begin at an even offset of what is summed. */
static inline uint64_t sum_bytes(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

	for (; n >= 2; p += 2, n -= 2)
		sum += load16_raw(p);
	if (n)
		sum += load16_raw((const uint8_t[2]){p[0], 0});
	return sum;
}

static inline uint16_t sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* What goes into a UDP header: 0 would mean "none" there (RFC 768). */
static inline uint16_t sum_to_udp(uint64_t sum)
{
	uint16_t checksum = (uint16_t)~sum_fold(sum);

	return checksum ? checksum : 0xffff;
}

#endif
