/*
 * Histograms by powers of two: a bucket for values up to 2^low, one for each power above it, and
 * the last for whatever is larger. Wide enough for times from nanoseconds to seconds in a few dozen
 * numbers, and found by one instruction.
 */
#ifndef SHARED_HISTOGRAM_H
#define SHARED_HISTOGRAM_H

#include <stdint.h>

#include "shared/compiler.h"

/* Which of count buckets value falls into: bucket i takes up to 2^(low + i). */
static ALWAYS_INLINE unsigned histogram_bucket(uint64_t value, unsigned low,
                                               unsigned count)
{
	uint64_t above = value > 1 ? (value - 1) >> low : 0;
	unsigned bucket = above ? HIGHEST_BIT(above) + 1 : 0;

	return bucket < count ? bucket : count - 1;
}

/* The largest value of a bucket; the last one has none. */
static inline uint64_t histogram_limit(unsigned bucket, unsigned low)
{
	return UINT64_C(1) << (low + bucket);
}

enum {
	DURATION_LOW = 13, /* 8 us */
	DURATIONS = 22,    /* up to 8.6 s, and beyond */
};

/* Of things that take from microseconds to seconds. Whoever has one says who may touch it. */
struct durations {
	uint64_t count[DURATIONS];
	uint64_t sum; /* ns */
};

static inline void durations_add(struct durations *d, uint64_t ns)
{
	d->count[histogram_bucket(ns, DURATION_LOW, DURATIONS)]++;
	d->sum += ns;
}

#endif
