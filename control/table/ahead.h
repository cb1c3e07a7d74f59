/*
 * Memory that is about to be filled, put behind a segment by another thread while the writer is still at
 * something else: the first touch of a page costs about as much as filling it. It hurries and nothing more:
 * what it has not come to is touched as ever.
 */
#ifndef CONTROL_TABLE_AHEAD_H
#define CONTROL_TABLE_AHEAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/segment.h"

struct ahead {
	const struct segment *segment; /* lent until ahead_end() */
	uint64_t offset;
	uint64_t len;
	pthread_t thread;
	bool running;
};

/* For [offset, offset + len). Where it cannot be done, nothing is. */
void ahead_begin(struct ahead *a, const struct segment *s, uint64_t offset, uint64_t len);

/* Waits for it, if it was begun at all. */
void ahead_end(struct ahead *a);

#endif
