#include "control/transfer/notify_out.h"

#include <stdlib.h>

#include "control/must.h"
#include "control/transfer/notify_out_internal.h"
#include "shared/clock.h"

enum {
	TICK_MS = 50,
	NOTE_MS =
		60000, /* how often it is written down how far all is told, and of which serials */
	NOTE_MORE_MS = 1000, /* what is left then */
};

static void on_tick(uv_timer_t *timer)
{
	struct notifier *n = timer->data;
	uint64_t now_ms = clock_now_ms();
	struct task *t;

	while ((t = n->lists[TASK_RESTING].first) && t->due_ms <= now_ms)
		notifier_free_task(n, t);
	notifier_ask_more(n);
	notifier_read_more(n);
	if (n->task_count == 0)
		(void)uv_timer_stop(timer);
}

void notifier_tell(struct notifier *n, uint32_t id, const uint8_t *name, uint64_t after,
                   bool now)
{
	notifier_begin_task(n, id, name, after, now);
	if (!uv_is_active((uv_handle_t *)&n->timer))
		(void)uv_timer_start(&n->timer, on_tick, TICK_MS, TICK_MS);
}

static void zone_is_gone(struct notifier *n, uint32_t id)
{
	struct task *t = notifier_find_task(n, id);

	if (t) {
		notifier_drop_told(n, t);
		notifier_rest_if_done(n, t);
	}
	notified_forget(&n->notified, n->parts->engine, id);
}

static void on_commit(void *arg, const struct change_note *note)
{
	struct notifier *n = arg;

	for (size_t i = 0; i < note->count; i++) {
		const struct noted_zone *z = &note->zones[i];
		if (z->kind == ZONE_REMOVE)
			zone_is_gone(n, z->id);
		else if (z->new_serial != z->old_serial)
			notifier_tell(n, z->id, z->name, n->newest, false);
	}
	if (note->seq > n->newest)
		n->newest = note->seq;
}

static void notify_now(void *arg, uint32_t id, const uint8_t *name)
{
	struct notifier *n = arg;

	notifier_tell(n, id, name, n->newest, true);
}

static void time_to_note(uv_timer_t *timer)
{
	struct notifier *n = timer->data;

	notifier_write_note(n);
	bool more = notified_write(&n->notified, n->parts->engine);
	(void)uv_timer_start(timer, time_to_note, more ? NOTE_MORE_MS : NOTE_MS, 0);
}

/* ---- opening and closing ---- */

void notifier_open(const struct transfer_parts *p, struct notifier **out)
{
	struct notifier *n = must(calloc(1, sizeof *n));

	n->parts = p;
	n->resolver = resolver_open(p->loop);
	n->noted = UINT64_MAX; /* nothing that is known */
	n->handles = 2;
	(void)uv_timer_init(p->loop, &n->timer);
	(void)uv_timer_init(p->loop, &n->note);
	n->timer.data = n->note.data = n;
	(void)uv_timer_start(&n->note, time_to_note, NOTE_MS, 0);
	engine_watch(p->engine, on_commit, n);
	notifier_recall(n);
	engine_has_notifier(p->engine,
	                    &(struct engine_notifier){notify_now, notifier_figures, n});
	*out = n;
}

static void on_closed(uv_handle_t *handle)
{
	struct notifier *n = handle->data;

	if (--n->handles > 0)
		return;
	free(n->buckets);
	free(n);
}

void notifier_end_if_over(struct notifier *n)
{
	struct task *next;

	if (!n->closing || n->reading || n->recalling)
		return;
	for (int state = 0; state < TASK_STATES; state++) {
		for (struct task *t = n->lists[state].first; t; t = next) {
			next = t->next;
			notifier_free_task(n, t);
		}
	}
	uv_close((uv_handle_t *)&n->timer, on_closed);
	uv_close((uv_handle_t *)&n->note, on_closed);
}

void notifier_close(struct notifier **notifier)
{
	struct notifier *n = *notifier;

	*notifier = NULL;
	if (!n)
		return;
	engine_unwatch(n->parts->engine, on_commit, n);
	engine_has_notifier(n->parts->engine, &(struct engine_notifier){0});
	notifier_write_note(n);
	while (notified_write(&n->notified, n->parts->engine))
		;
	notified_fini(&n->notified);
	resolver_close(&n->resolver);
	notifier_forget_told(n);
	(void)uv_timer_stop(&n->timer);
	(void)uv_timer_stop(&n->note);
	n->closing = true;
	notifier_end_if_over(n);
}
