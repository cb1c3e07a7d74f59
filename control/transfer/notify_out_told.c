/*
 * Servers that are to be told wait in one list for all zones, and are asked when not too many are, altogether and at
 * their address. One that is asked already when its zone changes again goes on as if it had been asked of the newer
 * serial.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/json_put.h"
#include "control/must.h"
#include "control/transfer/notify_out_internal.h"
#include "shared/address.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	AT_ONCE = 200,    /* servers asked */
	AT_ONE_HOST = 50, /* of those */
	LOOK_MAX = 1000,  /* that wait, at a time, for those that can be asked */
};

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

/* Neither waiting nor asked any more. */
static void free_told(struct told *o)
{
	struct told **at = &o->task->told;

	while (*at != o)
		at = &(*at)->sibling;
	*at = o->sibling;
	free(o);
}

/* ---- asking ---- */

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
		notifier_rest_if_done(n, t);
	}
	notifier_ask_more(n);
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
void notifier_ask_more(struct notifier *n)
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

/* ---- who is to be told ---- */

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
	notifier_rest_if_done(n, t);
	notifier_ask_more(n);
}

static void drop_one(struct notifier *n, struct told *o)
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
			drop_one(n, o);
	}
}

void notifier_tell_all(struct notifier *n, struct task *t)
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

void notifier_drop_told(struct notifier *n, struct task *t)
{
	struct told *next;

	for (struct told *o = t->told; o; o = next) {
		next = o->sibling;
		drop_one(n, o);
	}
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

void notifier_forget_told(struct notifier *n)
{
	forget(&n->waiting);
	forget(&n->asked);
}

/* ---- for the commands ---- */

json_t *notifier_figures(void *arg)
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
