#include "control/table/ahead.h"

/* The kernel maps nothing else in this process meanwhile. */
enum { STEP = 64 << 10 };

static void *populate(void *arg)
{
	const struct ahead *a = arg;

	for (uint64_t done = 0; done < a->len; done += STEP)
		segment_populate(a->segment, a->offset + done,
		                 a->len - done < STEP ? a->len - done : STEP);
	return NULL;
}

void ahead_begin(struct ahead *a, const struct segment *s, uint64_t offset, uint64_t len)
{
	ahead_end(a);
	a->segment = s;
	a->offset = offset;
	a->len = len;
	a->running = pthread_create(&a->thread, NULL, populate, a) == 0;
}

void ahead_end(struct ahead *a)
{
	if (a->running)
		pthread_join(a->thread, NULL);
	a->running = false;
}
