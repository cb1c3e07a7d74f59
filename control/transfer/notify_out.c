/*
 * A zone is a task, which goes through the lists below. When it has been read, there is one thing more for each
 * server that is to be told of it: it waits or is asked, and is gone when that one has answered or was given up.
 *
 *      FRESH --+--> READING --> SENDING --> RESTING --> gone
 *      AGAIN --+                   |           |
 *        ^                         |           |  the zone has changed again
 *        +-------------------------+-----------+
 *
 * FRESH and AGAIN are in the order in which they are due. A task leaves SENDING when all servers are done with, or
 * when the zone changes: those that have answered are then told anew, and those that are still asked or wait hear of
 * the newer serial from then on, as if they had been asked of that one all the time.
 *
 * Each thing that is to be told knows the change in the log before which nothing of that was; the least of these is as
 * far as all is told.
 */
#include "control/transfer/notify_out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/engine.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/transfer/notice.h"
#include "control/transfer/notified.h"
#include "control/transfer/notify_past.h"
#include "control/transfer/notify_targets.h"
#include "control/transfer/resolver.h"
#include "shared/address.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	TICK_MS = 50,
	GATHER_MS = 250,  /* from the first change on */
	REST_MS = 2000,   /* between two times that a zone is told */
	AT_ONCE = 200,    /* servers asked */
	AT_ONE_HOST = 50, /* of those */
	READ_AT_ONCE = 64,
	LOOK_MAX = 1000, /* that wait, at a time, for those that can be asked */
	NOTE_MS =
		60000, /* how often it is written down how far all is told, and of which serials */
	NOTE_MORE_MS = 1000, /* what is left then */
	BUCKETS_MIN = 64,
};

enum task_state {
	TASK_FRESH,
	TASK_AGAIN,
	TASK_READING,
	TASK_SENDING,
	TASK_RESTING,
	TASK_STATES
};

struct task {
	struct task *prev; /* in the list of its state */
	struct task *next;
	struct task *chain; /* in its bucket */
	enum task_state state;
	struct notify_list list; /* as it was read last */
	uint64_t due_ms;
	uint64_t told_ms;     /* when it was sent last */
	uint64_t after;       /* up to this change there was nothing to be told */
	bool again;           /* it has changed while it was read, */
	uint64_t again_after; /* and likewise for that */
	struct told *told;    /* servers that have not answered */
	size_t lookups;       /* names of servers, under way */
	struct notifier *notifier;
};

/* One server that is to be told of one zone. */
struct told {
	struct told *prev; /* in waiting or asked */
	struct told *next;
	struct told *sibling; /* of the same task */
	struct notifier *notifier;
	struct task *task;
	struct notify_target target;
	struct notice *notice; /* NULL: it waits */
	uint64_t after;        /* as the task's */
	bool renewed; /* the zone has a newer serial than the one it was asked of first, */
	uint64_t renewed_after; /* and up to this change there was nothing newer */
	bool by_name;           /* its address was looked up */
	bool wanted;            /* by the list that was read last */
};

struct task_list {
	struct task *first;
	struct task *last;
};

struct told_list {
	struct told *first;
	struct told *last;
	size_t count;
};

struct notifier {
	const struct transfer_parts *parts;
	struct task_list lists[TASK_STATES];
	struct task **buckets; /* by id */
	size_t bucket_count;
	size_t task_count;
	struct told_list waiting;
	struct told_list asked;
	struct resolver *resolver;
	struct notified notified;
	uint64_t newest; /* change in the log that has been heard of */
	uint64_t floor;  /* all is told up to this one, whatever tasks say */
	uint64_t noted;  /* what is written down */
	bool knows_past;
	uv_timer_t timer;
	uv_timer_t note;
	unsigned handles; /* open */
	bool reading, recalling;
	bool closing;
};

static void on_tick(uv_timer_t *timer);

/* ---- tasks ---- */

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

static void move_task(struct notifier *n, struct task *t, enum task_state state)
{
	unlink_task(n, t);
	link_task(n, t, state);
}

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

static struct task *find_task(const struct notifier *n, uint32_t id)
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

static void free_task(struct notifier *n, struct task *t)
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

/* Nobody is left who is to be told. */
static void rest(struct notifier *n, struct task *t)
{
	t->due_ms = t->told_ms + REST_MS;
	notify_list_fini(&t->list);
	move_task(n, t, TASK_RESTING);
}

static void rest_if_done(struct notifier *n, struct task *t)
{
	if (t->state == TASK_SENDING && !t->told && !t->lookups)
		rest(n, t);
}

/* It was told before, and is to be again. */
static void wait_again(struct notifier *n, struct task *t, uint64_t after)
{
	uint64_t gathered = clock_now_ms() + GATHER_MS;
	uint64_t rested = t->told_ms + REST_MS;
	bool is_rested = gathered >= rested;

	if (!t->lookups)
		t->after = after;
	t->due_ms = is_rested ? gathered : rested;
	move_task(n, t, is_rested ? TASK_FRESH : TASK_AGAIN);
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

/* Has those who are to know of a zone told. after: the change up to which there was nothing to be told. now: without
 * waiting for further changes. */
static void tell_of(struct notifier *n, uint32_t id, const uint8_t *name, uint64_t after,
                    bool now)
{
	uint64_t now_ms = clock_now_ms();
	struct task *t = find_task(n, id);

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
		wait_again(n, t, after);
	}
	if (now && (t->state == TASK_FRESH || t->state == TASK_AGAIN))
		hurry(n, t, now_ms);
	if (!uv_is_active((uv_handle_t *)&n->timer))
		(void)uv_timer_start(&n->timer, on_tick, TICK_MS, TICK_MS);
}

/* ---- those who are told ---- */

static void told_link(struct told_list *l, struct told *o)
{
	o->prev = l->last;
	o->next = NULL;
	if (l->last)
		l->last->next = o;
	else
		l->first = o;
	l->last = o;
	l->count++;
}

static void told_unlink(struct told_list *l, struct told *o)
{
	if (o->prev)
		o->prev->next = o->next;
	else
		l->first = o->next;
	if (o->next)
		o->next->prev = o->prev;
	else
		l->last = o->prev;
	l->count--;
}

static void say(const struct told *o, enum notice_result result, uint32_t serial,
                const char *why)
{
	char name[NAME_TEXT_MAX];
	char to[ADDRESS_TEXT_MAX];

	(void)name_to_text(o->task->list.name, name);
	address_text(&o->target.to[0], to, sizeof to);
	if (result == NOTICE_TOLD)
		log_info("%s has been told of serial %" PRIu32 " of %s", to, serial,
		         name);
	else
		log_warning("%s has not been told of serial %" PRIu32 " of %s: %s", to,
		            serial, name, why);
}

static struct transfer_figures *figures(const struct notifier *n)
{
	return &engine_table(n->parts->engine)->transfers;
}

static enum transfer_figure figure_of(enum notice_result result)
{
	switch (result) {
	case NOTICE_TOLD: return FIGURE_NOTIFY_TOLD;
	case NOTICE_REFUSED: return FIGURE_NOTIFY_REFUSED;
	case NOTICE_UNANSWERED: break;
	}
	return FIGURE_NOTIFY_UNANSWERED;
}

/* Neither waiting nor asked any more. */
static void free_told(struct told *o)
{
	struct told **at = &o->task->told;

	while (*at != o)
		at = &(*at)->sibling;
	*at = o->sibling;
	free(o);
}

static void ask_more(struct notifier *n);

/* The message may be of a serial that is not the newest any more: then it is the next one's turn. */
static void on_done(void *arg, enum notice_result result, uint32_t serial,
                    const char *why)
{
	struct told *o = arg;
	struct notifier *n = o->notifier;
	struct task *t = o->task;

	say(o, result, serial, why);
	figure_add(figures(n), figure_of(result), 1);
	if (result == NOTICE_TOLD)
		notified_set(&n->notified, n->parts->engine, t->list.id, serial);
	told_unlink(&n->asked, o);
	o->notice = NULL;
	if (serial != t->list.serial) {
		o->after = o->renewed_after;
		told_link(&n->waiting, o);
	} else {
		free_told(o);
		rest_if_done(n, t);
	}
	ask_more(n);
}

static bool is_busy(const struct notifier *n, const struct sockaddr_storage *to)
{
	unsigned count = 0;

	for (const struct told *o = n->asked.first; o && count < AT_ONE_HOST; o = o->next)
		count += address_equal(&o->target.to[0], to);
	return count == AT_ONE_HOST;
}

/* Those whose host has enough to answer go behind all others: a host that is down, and is to be told of
 * thousands of zones, keeps nobody else from being told. */
static void ask_more(struct notifier *n)
{
	size_t left = n->waiting.count < LOOK_MAX ? n->waiting.count : LOOK_MAX;

	for (; left > 0 && n->waiting.first && n->asked.count < AT_ONCE; left--) {
		struct told *o = n->waiting.first;
		bool busy = is_busy(n, &o->target.to[0]);

		told_unlink(&n->waiting, o);
		told_link(busy ? &n->waiting : &n->asked, o);
		if (busy)
			continue;
		o->renewed = false;
		o->notice =
			notice_start(n->parts, &o->task->list, &o->target, on_done, o);
	}
}

/* ---- reading whom to tell ---- */

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

static bool same_target(const struct notify_target *a, const struct notify_target *b)
{
	if (a->count != b->count || a->has_key != b->has_key ||
	    (a->has_key && !name_equal(a->key, b->key)) || strcmp(a->tls, b->tls) != 0)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (!address_equal(&a->to[i], &b->to[i]))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(a->from); i++)
		if (a->from[i].ss_family != b->from[i].ss_family ||
		    (a->from[i].ss_family && !address_equal(&a->from[i], &b->from[i])))
			return false;
	return true;
}

/* What is under way to it is of an older serial perhaps. */
static void renew(struct told *o)
{
	const struct task *t = o->task;

	o->wanted = true;
	if (!o->notice || !notice_renew(o->notice, &t->list) || o->renewed)
		return;
	o->renewed = true;
	o->renewed_after = t->after;
}

static void tell_one(struct notifier *n, struct task *t,
                     const struct notify_target *target, bool by_name)
{
	struct told *o = t->told;

	while (o && !same_target(&o->target, target))
		o = o->sibling;
	if (o) {
		renew(o);
		return;
	}
	o = must(malloc(sizeof *o));
	*o = (struct told){.sibling = t->told,
	                   .notifier = n,
	                   .task = t,
	                   .target = *target,
	                   .after = t->after,
	                   .by_name = by_name,
	                   .wanted = true};
	t->told = o;
	told_link(&n->waiting, o);
}

static void on_resolved(void *arg, const struct sockaddr_storage *addresses,
                        unsigned count)
{
	struct task *t = arg;
	struct notifier *n = t->notifier;
	struct notify_target target;

	t->lookups--;
	if (t->list.soa &&
	    notify_target_make(&t->list, n->parts->config, addresses, count, &target))
		tell_one(n, t, &target, true);
	rest_if_done(n, t);
	ask_more(n);
}

static void drop_told(struct notifier *n, struct told *o)
{
	told_unlink(o->notice ? &n->asked : &n->waiting, o);
	if (o->notice)
		notice_drop(&o->notice);
	free_told(o);
}

/* Those that are not to be told any more. Names that are looked up again have the addresses they had until others are
 * known. */
static void drop_unwanted(struct notifier *n, struct task *t)
{
	struct told *next;

	for (struct told *o = t->told; o; o = next) {
		next = o->sibling;
		if (o->by_name && t->list.name_count)
			renew(o);
		if (!o->wanted)
			drop_told(n, o);
	}
}

static void tell_all(struct notifier *n, struct task *t)
{
	t->told_ms = clock_now_ms();
	for (struct told *o = t->told; o; o = o->sibling)
		o->wanted = false;
	for (size_t i = 0; i < t->list.count; i++)
		tell_one(n, t, &t->list.targets[i], false);
	drop_unwanted(n, t);
	/* Names may be known at once. */
	t->lookups += t->list.name_count;
	for (size_t i = 0; i < t->list.name_count; i++)
		resolver_ask(n->resolver, t->list.names[i], on_resolved, t);
}

/* Where it belongs after it was read. */
static void settle(struct notifier *n, struct task *t)
{
	bool for_nobody = t->list.count + t->list.name_count + t->lookups == 0;

	if (t->again) {
		t->again = false;
		wait_again(n, t, t->again_after);
	} else if (for_nobody && !t->told) {
		free_task(n, t);
	} else {
		move_task(n, t, TASK_SENDING);
		rest_if_done(n, t);
	}
}

static void read_more(struct notifier *n);
static void destroy(struct notifier *n);

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
			tell_all(n, t);
		if (!n->closing)
			settle(n, t);
	}
	free(b);
	if (n->closing) {
		if (!n->recalling)
			destroy(n);
		return;
	}
	ask_more(n);
	read_more(n);
}

/* Takes the first of a list that is due. */
static bool take_due(struct notifier *n, enum task_state state, struct batch *b,
                     uint64_t now_ms)
{
	struct task *t = n->lists[state].first;

	if (!t || t->due_ms > now_ms || b->count == READ_AT_ONCE)
		return false;
	struct notify_list *l = &b->lists[b->count];
	move_task(n, t, TASK_READING);
	l->id = t->list.id;
	memcpy(l->name, t->list.name, sizeof l->name);
	b->tasks[b->count++] = t;
	return true;
}

static void read_more(struct notifier *n)
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

static void on_tick(uv_timer_t *timer)
{
	struct notifier *n = timer->data;
	uint64_t now_ms = clock_now_ms();
	struct task *t;

	while ((t = n->lists[TASK_RESTING].first) && t->due_ms <= now_ms)
		free_task(n, t);
	ask_more(n);
	read_more(n);
	if (n->task_count == 0)
		(void)uv_timer_stop(timer);
}

/* ---- the notifier ---- */

static void zone_is_gone(struct notifier *n, uint32_t id)
{
	struct task *t = find_task(n, id);
	struct told *next;

	for (struct told *o = t ? t->told : NULL; o; o = next) {
		next = o->sibling;
		drop_told(n, o);
	}
	if (t)
		rest_if_done(n, t);
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
			tell_of(n, z->id, z->name, n->newest, false);
	}
	if (note->seq > n->newest)
		n->newest = note->seq;
}

/* ---- from one run to the next ---- */

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

static void write_note(struct notifier *n)
{
	uint64_t told = told_up_to(n);

	if (!n->knows_past || told == n->noted)
		return;
	n->noted = told;
	notify_past_note(n->parts->engine, told);
}

static void time_to_note(uv_timer_t *timer)
{
	struct notifier *n = timer->data;

	write_note(n);
	bool more = notified_write(&n->notified, n->parts->engine);
	(void)uv_timer_start(timer, time_to_note, more ? NOTE_MORE_MS : NOTE_MS, 0);
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
		tell_of(n, p->zones[i].id, p->zones[i].name, p->told, false);
	if (p->newest > n->newest)
		n->newest = p->newest;
	n->floor = p->told;
	n->knows_past = true;
	write_note(n);
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
	if (n->closing && !n->reading)
		destroy(n);
}

static void recall(struct notifier *n)
{
	struct recall *r = must(calloc(1, sizeof *r));

	r->notifier = n;
	n->recalling = true;
	engine_read(n->parts->engine, read_past, past_read, r);
}

/* ---- commands ---- */

static void notify_now(void *arg, uint32_t id, const uint8_t *name)
{
	struct notifier *n = arg;

	tell_of(n, id, name, n->newest, true);
}

static json_t *tell_figures(void *arg)
{
	const struct notifier *n = arg;
	const struct transfer_figures *f = figures(n);
	json_t *out = json_object();

	json_put(out, "waiting", json_integer((json_int_t)n->waiting.count));
	json_put(out, "asked", json_integer((json_int_t)n->asked.count));
	json_put(out, "told", json_number(figure_look(f, FIGURE_NOTIFY_TOLD)));
	json_put(out, "refused", json_number(figure_look(f, FIGURE_NOTIFY_REFUSED)));
	json_put(out, "unanswered",
	         json_number(figure_look(f, FIGURE_NOTIFY_UNANSWERED)));
	return out;
}

/* ---- opening and closing ---- */

void notifier_open(const struct transfer_parts *p, struct notifier **out)
{
	struct notifier *n = must(calloc(1, sizeof *n));

	n->parts = p;
	n->resolver = resolver_open(p->loop);
	n->noted = UINT64_MAX; /* nothing that is known */
	grow_buckets(n);
	n->handles = 2;
	(void)uv_timer_init(p->loop, &n->timer);
	(void)uv_timer_init(p->loop, &n->note);
	n->timer.data = n->note.data = n;
	(void)uv_timer_start(&n->note, time_to_note, NOTE_MS, 0);
	engine_watch(p->engine, on_commit, n);
	recall(n);
	engine_has_notifier(p->engine,
	                    &(struct engine_notifier){notify_now, tell_figures, n});
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

static void destroy(struct notifier *n)
{
	struct task *next;

	for (int state = 0; state < TASK_STATES; state++) {
		for (struct task *t = n->lists[state].first; t; t = next) {
			next = t->next;
			free_task(n, t);
		}
	}
	uv_close((uv_handle_t *)&n->timer, on_closed);
	uv_close((uv_handle_t *)&n->note, on_closed);
}

static void forget(struct told_list *l)
{
	struct told *next;

	for (struct told *o = l->first; o; o = next) {
		next = o->next;
		if (o->notice)
			notice_drop(&o->notice);
		free(o);
	}
	*l = (struct told_list){0};
}

void notifier_close(struct notifier **notifier)
{
	struct notifier *n = *notifier;

	*notifier = NULL;
	if (!n)
		return;
	engine_unwatch(n->parts->engine, on_commit, n);
	engine_has_notifier(n->parts->engine, &(struct engine_notifier){0});
	write_note(n);
	while (notified_write(&n->notified, n->parts->engine))
		;
	notified_fini(&n->notified);
	resolver_close(&n->resolver);
	forget(&n->waiting);
	forget(&n->asked);
	(void)uv_timer_stop(&n->timer);
	(void)uv_timer_stop(&n->note);
	n->closing = true;
	if (!n->reading && !n->recalling)
		destroy(n);
}
