#include <stdlib.h>

#include "control/must.h"
#include "control/transfer/notify_out_internal.h"
#include "control/transfer/notify_past.h"
#include "shared/err.h"
#include "shared/log.h"

/* Gives the change up to which all is told. */
static uint64_t told_up_to(const struct notifier *n)
{
	const struct told *begun[] = {n->waiting.first, n->asked.first};
	uint64_t least = n->newest;

	for (int state = 0; state < TASK_RESTING; state++)
		for (const struct task *t = n->lists[state].first; t; t = t->next)
			if (t->after < least && (state != TASK_SENDING || t->lookups))
				least = t->after;
	for (size_t i = 0; i < ARRAY_LEN(begun); i++)
		for (const struct told *o = begun[i]; o; o = o->next)
			if (o->after < least)
				least = o->after;
	return least > n->floor ? least : n->floor;
}

void notifier_write_note(struct notifier *n)
{
	uint64_t told = told_up_to(n);

	if (!n->knows_past || told == n->noted)
		return;
	n->noted = told;
	notify_past_note(n->parts->engine, told);
}

struct recall {
	struct notifier *notifier;
	struct notify_past past;
};

static int read_past(struct store_txn *txn, void *arg)
{
	struct recall *r = arg;

	TRY(notified_read(r->notifier->parts->engine, txn));
	return notify_past_read(&r->past, txn);
}

/* Zones that have changed meanwhile are there already, and are told once. */
static void tell_past(struct notifier *n, const struct notify_past *p)
{
	for (size_t i = 0; i < p->count; i++)
		notifier_tell(n, p->zones[i].id, p->zones[i].name, p->told, false);
	if (p->newest > n->newest)
		n->newest = p->newest;
	n->floor = p->told;
	n->knows_past = true;
	notifier_write_note(n);
}

static void past_read(void *arg, int err)
{
	struct recall *r = arg;
	struct notifier *n = r->notifier;

	n->recalling = false;
	if (err < 0 && err != ERR_GONE)
		log_error("what others were told of: %s", err_text(err));
	if (err == 0 && !n->closing)
		tell_past(n, &r->past);
	notify_past_fini(&r->past);
	free(r);
	notifier_end_if_over(n);
}

void notifier_recall(struct notifier *n)
{
	struct recall *r = must(calloc(1, sizeof *r));

	r->notifier = n;
	n->recalling = true;
	engine_read(n->parts->engine, read_past, past_read, r);
}
