/*
 * A worker: one thread that takes bursts from its own struct io, answers them from the view of
 * the moment, and sends them, and what has come down from the control plane besides. It is an online RCU reader except while it waits for packets, and
 * between two bursts it holds nothing.
 */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "dataplane/io/io.h"
#include "dataplane/view.h"
#include "shared/compiler.h"

enum { WORKER_ANY_CPU = -1 };

struct worker {
	unsigned index;
	int cpu; /* WORKER_ANY_CPU: wherever */
	const struct io_ops *ops;
	struct io *io;
	const struct views *views; /* lent */
	const _Atomic bool *stop;  /* lent; true and the wake descriptor readable: end */
	int bell; /* eventfd: rung when the control plane is to look for what was punted */
	const _Atomic bool *attended; /* lent; false: nobody takes what is punted */
	pthread_t thread;
};

/* Starts the thread. The view must be there. ERR_SYSTEM. */
MUST_CHECK int worker_start(struct worker *w);

/* Waits until the thread has ended; *stop is true. */
void worker_join(struct worker *w);

#endif
