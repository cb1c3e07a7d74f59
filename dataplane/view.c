#include "dataplane/view.h"

#include <stdlib.h>
#include <string.h>

#include "shared/err.h"
#include "shared/rcu.h"

static const struct view_parts no_parts = {.table_segment.fd = -1,
                                           .slots_segment.fd = -1};

void views_init(struct views *v)
{
	atomic_init(&v->current, NULL);
	v->parts = no_parts;
	v->hand = NULL;
	memset(v->hand_args, 0, sizeof v->hand_args);
}

void views_hand_to(struct views *v, unsigned worker, responder_hand *hand, void *arg)
{
	v->hand = hand;
	v->hand_args[worker] = arg;
}

static void free_responders(struct view_worker workers[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		responder_free(workers[i].responder);
}

void views_fini(struct views *v)
{
	free(atomic_load_explicit(&v->current, memory_order_relaxed));
	free_responders(v->parts.workers, v->parts.nworkers);
	segment_close(&v->parts.table_segment);
	segment_close(&v->parts.slots_segment);
	views_init(v);
}

/* Replaces the view by one of these parts, if they are complete, and the parts in any case.
 * Afterwards no worker uses any others. */
static int show(struct views *v, const struct view_parts *parts)
{
	struct view *next;

	if (parts->generation == 0 || parts->attachment == NULL) {
		v->parts = *parts;
		return 0;
	}
	next = malloc(sizeof *next);
	if (next == NULL)
		return ERR_NOMEM;
	next->table = parts->table;
	memcpy(next->workers, parts->workers, sizeof next->workers);
	v->parts = *parts;
	struct view *old = atomic_load_explicit(&v->current, memory_order_relaxed);
	/* Release pairs with the acquire in views_get(). */
	atomic_store_explicit(&v->current, next, memory_order_release);
	rcu_wait();
	free(old);
	return 0;
}

/* ---- slots ---- */

static int make_responders(const struct views *v, struct view_parts *p,
                           struct qlog_ring rings[], struct punt punts[])
{
	for (unsigned i = 0; i < p->nworkers; i++) {
		p->workers[i].counters = &p->attachment->workers[i];
		p->workers[i].punt = &punts[i];
		p->workers[i].responder = responder_new(p->workers[i].counters);
		if (p->workers[i].responder == NULL) {
			free_responders(p->workers, i);
			return ERR_NOMEM;
		}
		responder_log_to(p->workers[i].responder, &rings[i]);
		responder_hand_to(p->workers[i].responder, v->hand, v->hand_args[i]);
	}
	return 0;
}

/* No worker counts in the old attachment any more, so its sums are final. */
static void carry(struct slots_attachment *to, const struct slots_attachment *from)
{
	uint64_t sum[COUNTER_COUNT] = {0};

	slots_add(from, sum);
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		counter_add(&to->carried, i, sum[i]);
}

static int use_slots(const struct views *v, struct view_parts *p, unsigned slot,
                     unsigned nworkers)
{
	struct slots *slots;

	if (slot >= ATTACHMENTS_MAX || nworkers == 0 || nworkers > WORKERS_MAX)
		return ERR_RANGE;
	TRY(slots_attach(&p->slots_segment, &slots));
	p->attachment = &slots->attachments[slot];
	p->instance = slots->header.instance;
	p->nworkers = nworkers;
	return make_responders(v, p, slots->rings[slot], slots->punts[slot]);
}

int views_set_slots(struct views *v, int fd, unsigned slot, unsigned nworkers)
{
	struct view_parts old = v->parts;
	struct view_parts next = old;

	TRY(segment_map(fd, true, &next.slots_segment));
	int err = use_slots(v, &next, slot, nworkers);
	if (err != 0)
		goto fail;
	err = show(v, &next);
	if (err != 0)
		goto fail_responders;
	if (old.attachment != NULL && old.instance != next.instance)
		carry(next.attachment, old.attachment);
	free_responders(old.workers, old.nworkers);
	segment_close(&old.slots_segment);
	return 0;

fail_responders:
	free_responders(next.workers, next.nworkers);
fail:
	segment_close(&next.slots_segment);
	return err;
}

/* ---- table ---- */

static int use_table(struct view_parts *p, uint64_t generation)
{
	TRY(table_attach(p->table_segment.base, p->table_segment.size, &p->table));
	if (generation == 0 || p->table.header->generation != generation)
		return ERR_CORRUPT;
	p->generation = generation;
	segment_prefault(&p->table_segment);
	return 0;
}

int views_set_table(struct views *v, int fd, uint64_t generation)
{
	struct segment old = v->parts.table_segment;
	struct view_parts next = v->parts;

	TRY(segment_map(fd, false, &next.table_segment));
	int err = use_table(&next, generation);
	if (err == 0)
		err = show(v, &next);
	if (err != 0) {
		segment_close(&next.table_segment);
		return err;
	}
	segment_close(&old);
	return 0;
}
