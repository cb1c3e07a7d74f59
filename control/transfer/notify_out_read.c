#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/transfer/notify_out_internal.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum { READ_AT_ONCE = 64 };

/* Some zones, looked up in one snapshot. */
struct batch {
	struct notifier *notifier;
	struct task *tasks[READ_AT_ONCE];
	struct notify_list
		lists[READ_AT_ONCE]; /* those of the tasks are in use meanwhile */
	unsigned count;
};

static int read_batch(struct store_txn *txn, void *arg)
{
	struct batch *b = arg;

	for (unsigned i = 0; i < b->count; i++)
		TRY(notify_list_read(&b->lists[i], b->notifier->parts->engine, txn));
	return 0;
}

/* Where it belongs after it was read. */
static void settle(struct notifier *n, struct task *t)
{
	bool for_nobody = t->list.count + t->list.name_count + t->lookups == 0;

	if (t->again) {
		t->again = false;
		notifier_wait_again(n, t, t->again_after);
	} else if (for_nobody && !t->told) {
		notifier_free_task(n, t);
	} else {
		notifier_move_task(n, t, TASK_SENDING);
		notifier_rest_if_done(n, t);
	}
}

static void batch_read(void *arg, int err)
{
	struct batch *b = arg;
	struct notifier *n = b->notifier;

	n->reading = false;
	if (err < 0 && err != ERR_GONE)
		log_error("whom to tell of new zones: %s", err_text(err));
	for (unsigned i = 0; i < b->count; i++) {
		struct task *t = b->tasks[i];
		notify_list_fini(err < 0 ? &b->lists[i] : &t->list);
		if (err == 0)
			t->list = b->lists[i];
		if (err == 0 && !n->closing)
			notifier_tell_all(n, t);
		if (!n->closing)
			settle(n, t);
	}
	free(b);
	if (n->closing) {
		notifier_end_if_over(n);
		return;
	}
	notifier_ask_more(n);
	notifier_read_more(n);
}

/* Takes the first of a list that is due. */
static bool take_due(struct notifier *n, enum task_state state, struct batch *b,
                     uint64_t now_ms)
{
	struct task *t = n->lists[state].first;

	if (!t || t->due_ms > now_ms || b->count == READ_AT_ONCE)
		return false;
	struct notify_list *l = &b->lists[b->count];
	notifier_move_task(n, t, TASK_READING);
	l->id = t->list.id;
	memcpy(l->name, t->list.name, sizeof l->name);
	b->tasks[b->count++] = t;
	return true;
}

void notifier_read_more(struct notifier *n)
{
	uint64_t now_ms = clock_now_ms();

	if (n->reading)
		return;
	struct batch *b = must(calloc(1, sizeof *b));
	b->notifier = n;
	while (take_due(n, TASK_AGAIN, b, now_ms) || take_due(n, TASK_FRESH, b, now_ms))
		;
	if (b->count == 0) {
		free(b);
		return;
	}
	n->reading = true;
	engine_read(n->parts->engine, read_batch, batch_read, b);
}
