/*
 * Per-worker counters in the slots segment. Each struct has one writer, its worker, which adds
 * with counter_add(); any process may read at any time with counter_read().
 *
 * One array of numbers, so that whatever sums, carries or clears them need not know what they are:
 * the named ones (counters.def), then the queries by type (counted_types.def), then two histograms
 * (histogram.h) of bursts: how many messages they had, and how long answering them took.
 */
#ifndef SHARED_COUNTERS_H
#define SHARED_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "shared/compiler.h"

enum counter_index {
#define COUNTER(name, text) COUNTER_##name,
#include "shared/counters.def"
#undef COUNTER
	COUNTER_NAMED /* how many have a name */
};

/* Queries by type: as listed, of any other type, and without a question that could be read. They add
 * up to COUNTER_queries. */
enum counted_type {
#define COUNTED_TYPE(number, name) COUNTED_##name,
#include "shared/counted_types.def"
#undef COUNTED_TYPE
	COUNTED_OTHER,
	COUNTED_NONE,
	COUNTED_TYPES
};

enum {
	BURST_SIZES = 7,     /* buckets of messages a burst: 1, 2, 4 ... 64 */
	BURST_TIME_LOW = 8,  /* 256 ns */
	BURST_TIMES = 18,    /* buckets up to 16.8 ms, and beyond */
	BURST_TIMED_IN = 16, /* one burst in so many is timed */
};

/* Where the counters without a name of their own begin. */
enum {
	COUNTER_TYPE = COUNTER_NAMED,
	COUNTER_BURST_SIZE = COUNTER_TYPE + COUNTED_TYPES,
	COUNTER_BURST_TIME = COUNTER_BURST_SIZE + BURST_SIZES,
	COUNTER_COUNT = COUNTER_BURST_TIME + BURST_TIMES,
};

struct counters {
	alignas(CACHE_LINE) _Atomic uint64_t value[COUNTER_COUNT];
};

/* The one writer needs no read-modify-write: a relaxed load and store. */
static inline void counter_add(struct counters *c, unsigned i, uint64_t n)
{
	uint64_t old = atomic_load_explicit(&c->value[i], memory_order_relaxed);
	atomic_store_explicit(&c->value[i], old + n, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counters *c, unsigned i)
{
	return atomic_load_explicit(&c->value[i], memory_order_relaxed);
}

/* Adds all of them to sum. */
void counters_add(const struct counters *c, uint64_t sum[static COUNTER_COUNT]);

/* Gives the identifier ("rcode_nxdomain") and the description of a counter. */
const char *counter_name(enum counter_index i);
const char *counter_text(enum counter_index i);

/* Gives what a type is called: "AAAA", "other", "none". */
const char *counter_type_name(enum counted_type t);

#endif
