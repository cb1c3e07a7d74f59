#include "dataplane/worker.h"

#include <sched.h>
#include <string.h>
#include <time.h>

#include "dataplane/punting.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rcu.h"

/* Seconds; server cookies need no better clock. */
static uint32_t now_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return (uint32_t)t.tv_sec;
}

static const enum counter_index event_counters[IO_EVENTS] = {
	[IO_UNSENT] = COUNTER_dropped_io,
	[IO_CHECKSUM] = COUNTER_dropped_checksum,
	[IO_MALFORMED] = COUNTER_dropped_malformed,
	[IO_SOURCE] = COUNTER_dropped_source,
	[IO_TO_KERNEL] = COUNTER_to_kernel,
	[IO_KERNEL_FULL] = COUNTER_dropped_to_kernel,
	[IO_FROM_KERNEL] = COUNTER_from_kernel,
};

static void count_events(struct worker *w)
{
	struct counters *mine = views_get(w->views)->workers[w->index].counters;

	for (unsigned i = 0; i < IO_EVENTS; i++) {
		if (w->io->events[i] != 0)
			counter_add(mine, event_counters[i], w->io->events[i]);
		w->io->events[i] = 0;
	}
	w->io->noted = false;
}

HOT static void answer(struct worker *w, struct pkt pkts[], unsigned n)
{
	const struct view *view = views_get(w->views);
	const struct view_worker *mine = &view->workers[w->index];

	respond_burst(mine->responder, &view->table, now_seconds(), pkts, n);
	w->ops->tx(w->io, pkts, n);
}

static ALWAYS_INLINE struct punt_ring *ring_down(const struct worker *w)
{
	return &views_get(w->views)->workers[w->index].punt->down;
}

/* Leaving the readers and coming back takes two full barriers: only for a sleep. Another view may have been
 * shown meanwhile, whose ring has nothing yet: what is punted to it comes after this. */
static ALWAYS_INLINE void idle(const struct worker *w)
{
	if (w->io->polls) {
		rcu_reader_quiet();
		w->ops->idle(w->io);
		return;
	}
	if (!w->io->naps && !punt_sleep(ring_down(w))) {
		rcu_reader_quiet();
		return;
	}
	rcu_reader_offline();
	w->ops->idle(w->io);
	rcu_reader_online();
	if (!w->io->naps)
		punt_awake(ring_down(w));
}

HOT static void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct pkt pkts[BURST_MAX];

	if (w->ops->enter)
		w->ops->enter(w->io);
	rcu_reader_begin();
	while (!atomic_load_explicit(w->stop, memory_order_relaxed)) {
		unsigned n = w->ops->rx(w->io, pkts);
		if (n > 0)
			answer(w, pkts, n);
		if (unlikely(w->io->noted))
			count_events(w);
		if (unlikely(punt_waits(ring_down(w))))
			punting_down(w, ring_down(w));
		if (n > 0)
			rcu_reader_quiet();
		else
			idle(w);
	}
	rcu_reader_end();
	if (w->ops->leave)
		w->ops->leave(w->io);
	return NULL;
}

/* A processor that is not there costs speed, not service. */
static void pin(const struct worker *w)
{
	cpu_set_t cpus;

	if (w->cpu == WORKER_ANY_CPU)
		return;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)w->cpu, &cpus);
	int reason = pthread_setaffinity_np(w->thread, sizeof cpus, &cpus);
	if (reason != 0)
		log_warning("worker %u: processor %d: %s", w->index, w->cpu,
		            strerror(reason));
}

int worker_start(struct worker *w)
{
	if (pthread_create(&w->thread, NULL, worker_run, w) != 0)
		return ERR_SYSTEM;
	pin(w);
	return 0;
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}
