#include "dataplane/worker.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/err.h"
#include "shared/rcu.h"

/* Seconds; server cookies need no better clock. */
static uint32_t now_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return (uint32_t)t.tv_sec;
}

HOT static void answer(struct worker *w, struct pkt pkts[], unsigned n)
{
	const struct view *view = views_get(w->views);
	const struct view_worker *mine = &view->workers[w->index];

	respond_burst(mine->responder, &view->table, now_seconds(), pkts, n);
	w->ops->tx(w->io, pkts, n);
	if (unlikely(w->io->dropped)) {
		counter_add(mine->counters, COUNTER_dropped_io, w->io->dropped);
		w->io->dropped = 0;
	}
}

HOT static void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct pkt pkts[BURST_MAX];

	rcu_reader_begin();
	while (!atomic_load_explicit(w->stop, memory_order_relaxed)) {
		unsigned n = w->ops->rx(w->io, pkts);
		if (n > 0) {
			answer(w, pkts, n);
			rcu_reader_quiet();
			continue;
		}
		rcu_reader_offline();
		w->ops->idle(w->io);
		rcu_reader_online();
	}
	rcu_reader_end();
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
		fprintf(stderr, "anser-dataplane: worker %u: processor %d: %s\n",
		        w->index, w->cpu, strerror(reason));
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
