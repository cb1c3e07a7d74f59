/*
 * A look is at all zones, on the pool, and gives the changes to be made; what is right already gives none. It is taken
 * after a commit that may matter, but not before a pause in proportion to how long the last one took. Where no
 * policy asks for any of this, and nothing of it is there, commits do not matter.
 */
#include "control/keeper/bootstrap.h"

#include <stdlib.h>
#include <string.h>

#include "control/engine.h"
#include "control/keeper/bootstrap_plan.h"
#include "control/must.h"
#include "control/zone/arena.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	GATHER_MS = 500,  /* from the first commit on */
	AGAIN_MS = 10000, /* after a failure */
	PAUSE_FACTOR = 9, /* of the time that the last look took */
};

struct look {
	struct bootstrap *bootstrap;
	const struct config *config;
	struct bootstrap_plan plan;
	size_t next; /* of its changes */
	bool failed;
};

struct bootstrap {
	struct transfer_parts parts;
	uv_timer_t timer;
	bool timer_is_set;
	bool asked_for; /* by any policy */
	bool due, busy;
	uint64_t began_ns, pause_ms;
	/* Of the last look. */
	uint32_t *watched;
	size_t watched_count;
	struct bootstrap_homeless *homeless;
	size_t homeless_count;
	char *said; /* the last failure that was told; NULL: none since a look went well */
	bool closed, timer_closed;
};

static void free_if_over(struct bootstrap *b)
{
	if (!b->closed || !b->timer_closed || b->busy)
		return;
	free(b->watched);
	free(b->homeless);
	free(b->said);
	free(b);
}

/* ---- when ---- */

static void begin(struct bootstrap *b);

static void on_timer(uv_timer_t *timer)
{
	struct bootstrap *b = timer->data;

	b->timer_is_set = false;
	if (b->due && !b->busy)
		begin(b);
}

static void wind(struct bootstrap *b, uint64_t ms)
{
	b->due = true;
	if (b->closed || b->timer_is_set || b->busy)
		return;
	b->timer_is_set = true;
	(void)uv_timer_start(&b->timer, on_timer, ms > b->pause_ms ? ms : b->pause_ms, 0);
}

static bool is_watched(const struct bootstrap *b, uint32_t zone)
{
	size_t from = 0, to = b->watched_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (b->watched[middle] == zone)
			return true;
		if (b->watched[middle] < zone)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

static bool may_matter(const struct bootstrap *b, const struct change_note *note)
{
	if (!b->asked_for && !b->watched_count)
		return false;
	if (b->busy) /* with what was there before, and what is watched is not known yet */
		return true;
	for (size_t i = 0; i < note->count; i++) {
		const struct noted_zone *z = &note->zones[i];
		if (z->attrs || z->kind == ZONE_CREATE || z->kind == ZONE_REMOVE ||
		    is_watched(b, z->id))
			return true;
	}
	return note->signing_count != 0;
}

static void committed(void *arg, const struct change_note *note)
{
	struct bootstrap *b = arg;

	if (may_matter(b, note))
		wind(b, GATHER_MS);
}

/* ---- what is told ---- */

static int compare_homeless(const void *a, const void *b)
{
	const struct bootstrap_homeless *one = a, *other = b;

	return one->id < other->id ? -1 : one->id > other->id;
}

static bool was_homeless(const struct bootstrap *b, const struct bootstrap_homeless *h)
{
	return b->homeless_count &&
	       bsearch(h, b->homeless, b->homeless_count, sizeof *h, compare_homeless);
}

static void tell_homeless(const struct bootstrap *b, const struct bootstrap_plan *p)
{
	char text[NAME_TEXT_MAX];

	for (size_t i = 0; i < p->homeless_count; i++) {
		if (was_homeless(b, &p->homeless[i]))
			continue;
		log_warning(
			"bootstrapping: %s has none of its servers' names in "
			"another zone that is signed here: nothing is said of its keys "
			"there",
			name_to_text(p->homeless[i].name, text));
	}
}

/* A failure that stays the same is told once. */
static void tell_failure(struct look *l, const char *where, const char *why)
{
	struct bootstrap *b = l->bootstrap;

	l->failed = true;
	if (b->closed || (b->said && strcmp(b->said, why) == 0))
		return;
	log_warning("bootstrapping: %s: %s", where, why);
	must_set_text(&b->said, why);
}

/* ---- a look ---- */

static int look_work(struct store_txn *t, void *arg)
{
	struct look *l = arg;

	return bootstrap_plan_make(t, l->config, clock_wall_us() / 1000000, &l->plan);
}

/* Keeps what the next commits are measured by. */
static void take(struct bootstrap *b, struct bootstrap_plan *p)
{
	if (p->homeless_count)
		qsort(p->homeless, p->homeless_count, sizeof *p->homeless,
		      compare_homeless);
	tell_homeless(b, p);
	free(b->watched);
	free(b->homeless);
	b->watched = p->watched;
	b->watched_count = p->watched_count;
	b->homeless = p->homeless;
	b->homeless_count = p->homeless_count;
	p->watched = NULL;
	p->homeless = NULL;
}

static void finish(struct look *l)
{
	struct bootstrap *b = l->bootstrap;
	bool failed = l->failed;
	bool again = b->due || failed || l->plan.more;

	if (!failed)
		must_set_text(&b->said, NULL);
	bootstrap_plan_fini(&l->plan);
	config_release(l->config);
	free(l);
	b->busy = false;
	if (again && !b->closed)
		wind(b, failed ? AGAIN_MS : GATHER_MS);
	free_if_over(b);
}

static void go_on(struct look *l);

static void changed(void *arg, const struct change *change,
                    const struct change_result *result)
{
	struct look *l = arg;
	char text[NAME_TEXT_MAX];

	if (result->err < 0 && result->err != ERR_TIMEOUT)
		tell_failure(l, name_to_text(change->zones[0].name, text),
		             result->problem_count ? result->problems[0].text
		                                   : err_text(result->err));
	go_on(l);
}

static void go_on(struct look *l)
{
	struct bootstrap *b = l->bootstrap;

	if (l->next == l->plan.count || b->closed)
		finish(l);
	else
		engine_change(b->parts.engine, &l->plan.changes[l->next++], changed, l);
}

static void looked(void *arg, int err)
{
	struct look *l = arg;
	struct bootstrap *b = l->bootstrap;

	b->pause_ms = (uint64_t)clock_ms_since(b->began_ns) * PAUSE_FACTOR;
	if (err < 0) {
		tell_failure(l, "the store", err_text(err));
		finish(l);
		return;
	}
	if (!b->closed)
		take(b, &l->plan);
	go_on(l);
}

static bool is_asked_for(const struct config *c)
{
	for (size_t i = 0; i < c->dnssec_policy_count; i++)
		if (c->dnssec_policies[i].bootstrap)
			return true;
	return false;
}

static void begin(struct bootstrap *b)
{
	struct look *l = memory_get(sizeof *l);

	*l = (struct look){.bootstrap = b, .config = engine_config(b->parts.engine)};
	b->asked_for = is_asked_for(l->config);
	b->due = false;
	b->busy = true;
	b->began_ns = clock_now_ns();
	engine_read(b->parts.engine, look_work, looked, l);
}

/* ---- life ---- */

void bootstrap_open(const struct transfer_parts *parts, struct bootstrap **out)
{
	struct bootstrap *b = memory_get(sizeof *b);

	*b = (struct bootstrap){.parts = *parts};
	(void)uv_timer_init(parts->loop, &b->timer);
	b->timer.data = b;
	engine_watch(parts->engine, committed, b);
	wind(b, GATHER_MS);
	*out = b;
}

void bootstrap_configure(struct bootstrap *b)
{
	wind(b, GATHER_MS);
}

static void timer_closed(uv_handle_t *h)
{
	struct bootstrap *b = h->data;

	b->timer_closed = true;
	free_if_over(b);
}

void bootstrap_close(struct bootstrap **bootstrap)
{
	struct bootstrap *b = *bootstrap;

	if (!b)
		return;
	*bootstrap = NULL;
	b->closed = true;
	engine_unwatch(b->parts.engine, committed, b);
	uv_close((uv_handle_t *)&b->timer, timer_closed);
}
