/*
 * Wrong keys, counted by where they come from: an IPv4 address, or an IPv6 /64, the least that one
 * subscriber is given.
 *
 * An address may be wrong LIMITS_BURST times at once, and once more every LIMITS_REFILL_MS. With
 * the next one it is locked out: what it sends is not looked at any more, right keys included,
 * so that nothing can be learned by going on. The first time it takes LIMITS_LOCK_MS, and twice
 * as long each time it happens again, up to an hour; after an hour of quiet all is forgotten.
 *
 * The table has a fixed size. Who knows many addresses can make it forget, but only about other
 * wrong ones: those who are locked out go last.
 */
#ifndef CONTROL_ACCESS_LIMITS_H
#define CONTROL_ACCESS_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

enum {
	LIMITS_BURST = 10,
	LIMITS_REFILL_MS = 6000,
	LIMITS_LOCK_MS = 30000,
	LIMITS_LONGEST_MS = 3600 * 1000,
};

struct limits;

/* ERR_SYSTEM: no random numbers. */
MUST_CHECK int limits_new(struct limits **out);
void limits_free(struct limits *l);

/* Gives for how many milliseconds an address is still locked out, 0: it is not. now: milliseconds
 * of a clock that only rises. */
uint64_t limits_locked(struct limits *l, const uint8_t address[16], uint64_t now);

/* Counts a wrong key. Says whether that locks the address out. */
bool limits_wrong(struct limits *l, const uint8_t address[16], uint64_t now);

/* Addresses that are locked out. */
unsigned limits_locked_count(const struct limits *l, uint64_t now);

#endif
