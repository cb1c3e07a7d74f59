/*
 * clock_now: the clock that timeouts and durations are measured by. It only rises, and all processes
 * see the same. clock_wall: the time of day. No system call where the kernel maps its clocks.
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

/* Gives how many milliseconds ago clock_now_ns() gave this. */
static inline double clock_ms_since(uint64_t then_ns)
{
	return (double)(clock_now_ns() - then_ns) / 1e6;
}

/* Gives microseconds since 1970. */
static inline uint64_t clock_wall_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Gives the time of day in so many milliseconds, as pthread_cond_timedwait() takes it. */
static inline struct timespec clock_wall_in(unsigned ms)
{
	struct timespec then;

	(void)clock_gettime(CLOCK_REALTIME, &then);
	then.tv_nsec += (long)(ms % 1000) * 1000000;
	then.tv_sec += ms / 1000 + then.tv_nsec / 1000000000;
	then.tv_nsec %= 1000000000;
	return then;
}

#endif
