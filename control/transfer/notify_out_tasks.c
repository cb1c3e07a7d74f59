#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/transfer/notify_out_internal.h"
#include "shared/clock.h"

enum {
	GATHER_MS = 250, /* from the first change on */
	REST_MS = 2000,  /* between two times that a zone is told */
	BUCKETS_MIN = 64,
};

/* ---- in the list of its state ---- */

static void unlink_task(struct notifier *n, struct task *t)
{
	struct task_list *l = &n->lists[t->state];

	if (t->prev)
		t->prev->next = t->next;
	else
		l->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		l->last = t->prev;
}

static void link_task(struct notifier *n, struct task *t, enum task_state state)
{
	struct task_list *l = &n->lists[state];

	t->state = state;
	t->prev = l->last;
	t->next = NULL;
	if (l->last)
		l->last->next = t;
	else
		l->first = t;
	l->last = t;
}

void notifier_move_task(struct notifier *n, struct task *t, enum task_state state)
{
	unlink_task(n, t);
	link_task(n, t, state);
}

/* It becomes due, and so goes to the front. */
static void hurry(struct notifier *n, struct task *t, uint64_t now_ms)
{
	struct task_list *l = &n->lists[t->state];

	unlink_task(n, t);
	t->due_ms = now_ms;
	t->prev = NULL;
	t->next = l->first;
	if (l->first)
		l->first->prev = t;
	else
		l->last = t;
	l->first = t;
}

/* ---- by number ---- */

static struct task **bucket_of(const struct notifier *n, uint32_t id)
{
	return &n->buckets[id & (n->bucket_count - 1)];
}

static void grow_buckets(struct notifier *n)
{
	struct task **old = n->buckets;
	size_t count = n->bucket_count;

	n->bucket_count = count ? count * 2 : BUCKETS_MIN;
	n->buckets = must(calloc(n->bucket_count, sizeof(struct task *)));
	for (size_t i = 0; i < count; i++) {
		struct task *next;
		for (struct task *t = old[i]; t; t = next) {
			next = t->chain;
			t->chain = *bucket_of(n, t->list.id);
			*bucket_of(n, t->list.id) = t;
		}
	}
	free(old);
}

struct task *notifier_find_task(const struct notifier *n, uint32_t id)
{
	struct task *t = n->bucket_count ? *bucket_of(n, id) : NULL;

	while (t && t->list.id != id)
		t = t->chain;
	return t;
}

static struct task *add_task(struct notifier *n, uint32_t id, const uint8_t *name)
{
	struct task *t = must(calloc(1, sizeof *t));

	if (n->task_count >= n->bucket_count)
		grow_buckets(n);
	n->task_count++;
	t->notifier = n;
	t->list.id = id;
	memcpy(t->list.name, name, name_len(name, NAME_MAX_LEN));
	t->chain = *bucket_of(n, id);
	*bucket_of(n, id) = t;
	return t;
}

void notifier_free_task(struct notifier *n, struct task *t)
{
	struct task **at = bucket_of(n, t->list.id);

	unlink_task(n, t);
	while (*at != t)
		at = &(*at)->chain;
	*at = t->chain;
	n->task_count--;
	notify_list_fini(&t->list);
	free(t);
}

/* ---- from one state to another ---- */

/* Nobody is left who is to be told. */
static void rest(struct notifier *n, struct task *t)
{
	t->due_ms = t->told_ms + REST_MS;
	notify_list_fini(&t->list);
	notifier_move_task(n, t, TASK_RESTING);
}

void notifier_rest_if_done(struct notifier *n, struct task *t)
{
	if (t->state == TASK_SENDING && !t->told && !t->lookups)
		rest(n, t);
}

void notifier_wait_again(struct notifier *n, struct task *t, uint64_t after)
{
	uint64_t gathered = clock_now_ms() + GATHER_MS;
	uint64_t rested = t->told_ms + REST_MS;
	bool is_rested = gathered >= rested;

	if (!t->lookups)
		t->after = after;
	t->due_ms = is_rested ? gathered : rested;
	notifier_move_task(n, t, is_rested ? TASK_FRESH : TASK_AGAIN);
}

void notifier_begin_task(struct notifier *n, uint32_t id, const uint8_t *name,
                         uint64_t after, bool now)
{
	uint64_t now_ms = clock_now_ms();
	struct task *t = notifier_find_task(n, id);

	if (!t) {
		t = add_task(n, id, name);
		t->after = after;
		t->due_ms = now_ms + GATHER_MS;
		link_task(n, t, TASK_FRESH);
	} else if (t->state == TASK_READING) {
		if (!t->again)
			t->again_after = after;
		t->again = true;
	} else if (t->state == TASK_SENDING || t->state == TASK_RESTING) {
		notifier_wait_again(n, t, after);
	}
	if (now && (t->state == TASK_FRESH || t->state == TASK_AGAIN))
		hurry(n, t, now_ms);
}
