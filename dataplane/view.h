/*
 * What the workers see: one table, and for each worker a responder that counts into the slots
 * segment. A view never changes; the housekeeping thread replaces it as a whole by one store,
 * waits until no worker can be using the old one, and lets go of what only the old one had.
 */
#ifndef DATAPLANE_VIEW_H
#define DATAPLANE_VIEW_H

#include <stdatomic.h>
#include <stdint.h>

#include "dataplane/respond/respond.h"
#include "shared/compiler.h"
#include "shared/segment.h"
#include "shared/slots.h"

struct view_worker {
	struct responder *responder;
	struct counters *counters;
	struct punt *punt;
};

struct view {
	struct table table;
	struct view_worker workers[WORKERS_MAX];
};

/* What a view is made of, and what has to be given back when it is not shown any more. */
struct view_parts {
	uint64_t generation; /* of the mapped table; 0: none */
	struct segment table_segment;
	struct table table;
	uint64_t instance; /* of the slots segment */
	struct segment slots_segment;
	struct slots_attachment *attachment; /* NULL: no slots yet */
	unsigned nworkers;
	struct view_worker workers[WORKERS_MAX];
};

struct views {
	_Atomic(struct view *) current; /* NULL until there are both a table and slots */
	struct view_parts parts; /* of the current one; the housekeeping thread's own */
	responder_hand *hand;    /* NULL: responders are given none */
	void *hand_args[WORKERS_MAX];
};

/* Called by a worker, an online reader, once per burst.
 * Acquire pairs with the release in views_show(): the view is whole. */
static inline const struct view *views_get(const struct views *v)
{
	return atomic_load_explicit(&v->current, memory_order_acquire);
}

void views_init(struct views *v);

/* The hand of worker's responders (responder_hand_to()), from the next views_set_slots() on. */
void views_hand_to(struct views *v, unsigned worker, responder_hand *hand, void *arg);

/* No worker may be running any more. */
void views_fini(struct views *v);

/* Switches to a slots segment (fd is taken) and the attachment's part of it; what was counted so
 * far is carried over unless it is the same segment. On failure nothing has changed.
 * ERR_REFUSED, ERR_VERSION, ERR_CORRUPT, ERR_RANGE (no such slot, too many workers), ERR_SYSTEM. */
MUST_CHECK int views_set_slots(struct views *v, int fd, unsigned slot, unsigned nworkers);

/* Switches to a table segment (fd is taken) of that generation. On failure the old one goes on
 * serving. ERR_REFUSED, ERR_VERSION, ERR_CORRUPT, ERR_SYSTEM. */
MUST_CHECK int views_set_table(struct views *v, int fd, uint64_t generation);

#endif
