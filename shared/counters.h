/*
 * Per-worker counters in the slots segment. Each struct has one writer, its worker, which adds
 * with counter_add(); any process may read at any time with counter_read().
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
	COUNTER_COUNT
};

struct counters {
	alignas(CACHE_LINE) _Atomic uint64_t value[COUNTER_COUNT];
};

/* The one writer needs no read-modify-write: a relaxed load and store. */
static inline void counter_add(struct counters *c, enum counter_index i, uint64_t n)
{
	uint64_t old = atomic_load_explicit(&c->value[i], memory_order_relaxed);
	atomic_store_explicit(&c->value[i], old + n, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counters *c, enum counter_index i)
{
	return atomic_load_explicit(&c->value[i], memory_order_relaxed);
}

/* Gives the identifier ("rcode_nxdomain") and the description of a counter. */
const char *counter_name(enum counter_index i);
const char *counter_text(enum counter_index i);

#endif
