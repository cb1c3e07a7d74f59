/*
 * How fast each key may ask: so many requests a second over long, and so many at once. A key that has
 * been quiet for as long as it takes has all of them again and is not remembered, so the table has a
 * fixed size; when more keys are busy than it holds, those forgotten begin anew. Keys come from
 * whoever may make them, so nobody makes the table forget who could not ask without a limit anyway.
 */
#ifndef CONTROL_ACCESS_RATES_H
#define CONTROL_ACCESS_RATES_H

#include <stdint.h>

#include "control/access/actor.h"

struct rates;

/* per_second, burst: at least 1. Never fails. */
struct rates *rates_new(unsigned per_second, unsigned burst);
void rates_free(struct rates *r);

/* Takes one request of a key. Gives 0, or for how many milliseconds there is none. now: microseconds of
 * a clock that only rises. */
uint64_t rates_take(struct rates *r, const char id[static KEY_ID_SIZE], uint64_t now);

#endif
