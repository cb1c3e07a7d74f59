#include <pthread.h>
#include <time.h>

#include "control/engine_internal.h"

uint64_t engine_pulse(struct engine *e)
{
	uint64_t pulse = atomic_load_explicit(&e->turns, memory_order_relaxed);
	struct timespec used;
	clockid_t clock;

	if (pthread_getcpuclockid(e->thread, &clock) == 0 &&
	    clock_gettime(clock, &used) == 0)
		pulse += (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
	return pulse;
}
