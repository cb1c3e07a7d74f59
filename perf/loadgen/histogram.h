/*
 * Counts of durations in buckets that are as wide as their values are large: 32 to every power of
 * two, so that a quantile is off by at most 1/32 of itself, whatever its size.
 */
#ifndef PERF_LOADGEN_HISTOGRAM_H
#define PERF_LOADGEN_HISTOGRAM_H

#include <stdint.h>

#include "shared/compiler.h"

enum {
	HISTOGRAM_STEP_BITS = 5,
	HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS,
	HISTOGRAM_BUCKETS = (64 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS,
};

struct histogram {
	uint64_t count;
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Values below HISTOGRAM_STEPS have a bucket each. */
static inline unsigned histogram_bucket(uint64_t value)
{
	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	unsigned shift = HIGHEST_BIT(value) - HISTOGRAM_STEP_BITS;
	return (unsigned)(value >> shift) + shift * HISTOGRAM_STEPS;
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	if (value > h->max)
		h->max = value;
	h->buckets[histogram_bucket(value)]++;
}

/* The smallest value that a bucket takes. */
uint64_t histogram_floor(unsigned bucket);

/* A value that share (0 to 1) of all values do not exceed; its bucket's largest, but never more
 * than the maximum. 0 when there are none. */
uint64_t histogram_quantile(const struct histogram *h, double share);

#endif
