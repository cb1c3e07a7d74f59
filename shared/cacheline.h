/*
 * Memory for what one thread writes all the time: it shares no cache line with anything else.
 */
#ifndef SHARED_CACHELINE_H
#define SHARED_CACHELINE_H

#include <stdlib.h>
#include <string.h>

#include "shared/compiler.h"

/* Gives zeroed memory in lines of its own, for free(); NULL when there is none. */
static inline void *cacheline_new(size_t size)
{
	size_t whole = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	void *memory = aligned_alloc(CACHE_LINE, whole);

	return memory ? memset(memory, 0, whole) : NULL;
}

#endif
