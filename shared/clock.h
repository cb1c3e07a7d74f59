/*
 * The clock that timeouts and durations are measured by. It only rises, and all processes see the
 * same. No system call where the kernel maps its clock.
 */
#ifndef SHARED_CLOCK_H
#define SHARED_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Gives nanoseconds since some moment before the start of the process. */
static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The same in milliseconds. */
static inline uint64_t clock_now_ms(void)
{
	return clock_now_ns() / 1000000;
}

#endif
