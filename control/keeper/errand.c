/*
 * One look at a zone, from the snapshot to the change that comes of it:
 *
 *      step on the pool --+--> nothing ----------------------------------------> next look
 *                         +--> a change ---------------------> engine -----+
 *                         +--> contents --> signing on the pool --> engine +---> look again at once
 *                         +--> RRsets that are due --> engine, a batch each, with pauses
 */
#include <stdlib.h>
#include <string.h>

#include "control/commit/commit.h"
#include "control/engine_internal.h"
#include "control/keeper/errand_internal.h"
#include "control/keeper/journals.h"
#include "control/must.h"
#include "control/pool.h"
#include "control/sign/threads.h"
#include "control/sign/zone_contents.h"
#include "control/zone/arena.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	BATCH = 128, /* RRsets signed anew in one change */
	PAUSE = 3,   /* times as long as the change took: others have changes, too */
	PAUSE_MAX_MS = 1000,
	RETRY_S = 60,
	STALE_MAX =
		20, /* changes of others in between, until the zone rests for a while */
	ROW_MAX = 100, /* steps without a pause: more of them lead nowhere */
	VISIBLE_MS = 60000,
};

/* ---- the end ---- */

static void set_trouble(struct kept *one, const char *text)
{
	char zone[NAME_TEXT_MAX];

	if (!text[0]) {
		if (one->trouble)
			log_info("zone %s: signing goes on",
			         name_to_text(one->name, zone));
		free(one->trouble);
		one->trouble = NULL;
		return;
	}
	if (!one->trouble || strcmp(one->trouble, text) != 0)
		log_error("zone %s: signing: %s", name_to_text(one->name, zone), text);
	must_set_text(&one->trouble, text);
}

static void free_errand(struct errand *e)
{
	struct keeper *k = e->keeper;

	step_fini(&e->step);
	config_release(e->step.config);
	parent_drop(&e->parent);
	if (e->arena)
		arena_free(e->arena);
	k->asking -= e->asks;
	k->errands--;
	free(e);
	keeper_go_on(k);
	keeper_free_if_over(k);
}

static void timer_closed(uv_handle_t *h)
{
	free_errand(h->data);
}

void errand_end(struct errand *e, uint64_t due)
{
	struct keeper *k = e->keeper;
	struct kept *one = e->one;
	uint64_t now = keeper_now();

	one->errand = NULL;
	if (one->ask_at < due)
		due = one->ask_at;
	if (one->again)
		due = now;
	one->again = false;
	if (!k->closed)
		keeper_at(k, one, due);
	if (e->timer_open)
		uv_close((uv_handle_t *)&e->timer, timer_closed);
	else
		free_errand(e);
}

static void fail(struct errand *e, const char *text)
{
	set_trouble(e->one, text);
	errand_end(e, keeper_now() + RETRY_S);
}

/* ---- changes ---- */

static void next_batch(struct errand *e);

/* Says why a change of ours was refused. */
static const char *refusal(const struct change_result *r)
{
	return r->problem_count ? r->problems[0].text : err_text(r->err);
}

/* All of the zone is signed. */
static void count_whole(struct errand *e)
{
	e->keeper->whole += atomic_load_explicit(&e->progress.done, memory_order_relaxed);
	journals_remove(e->step.config, e->step.id);
}

static void changed(void *arg, const struct change *change, const struct change_result *r)
{
	struct errand *e = arg;
	struct kept *one = e->one;

	(void)change;
	one->in_a_row++;
	if (r->err == ERR_STALE && one->in_a_row < STALE_MAX) {
		errand_end(e, keeper_now());
		return;
	}
	if (r->err < 0 && r->err != ERR_TIMEOUT) {
		fail(e, refusal(r));
		return;
	}
	if (e->step.keys)
		count_whole(e);
	if (one->in_a_row >= ROW_MAX) {
		fail(e, "each step leads to another: it rests for a minute");
		one->in_a_row = 0;
		return;
	}
	set_trouble(one, "");
	errand_end(e, keeper_now());
}

static void make_change(struct errand *e, change_done *done)
{
	e->step.change->wait_visible = true;
	e->step.change->timeout_ms = VISIBLE_MS;
	e->began_ns = clock_now_ns();
	engine_change(e->keeper->parts.engine, &e->step.change, done, e);
}

/* ---- all of a zone ---- */

static void sign_work(void *arg)
{
	struct errand *e = arg;

	e->err = step_sign(&e->step, threads_of_machine(), &e->progress);
}

static void signed_all(void *arg, bool ran)
{
	struct errand *e = arg;

	if (!ran || e->keeper->closed || e->err == ERR_STOPPED)
		errand_end(e, keeper_now());
	else if (e->err < 0)
		fail(e, e->step.trouble[0] ? e->step.trouble : err_text(e->err));
	else
		make_change(e, changed);
}

/* ---- what is due ---- */

static void pause_over(uv_timer_t *timer)
{
	next_batch(timer->data);
}

static void batch_done(void *arg, const struct change *change,
                       const struct change_result *r)
{
	struct errand *e = arg;
	uint64_t pause = PAUSE * (clock_now_ns() - e->began_ns) / 1000000;

	(void)change;
	if (r->err < 0 && r->err != ERR_TIMEOUT) {
		fail(e, refusal(r));
		return;
	}
	e->one->due_count -= e->batch_end - e->batch;
	e->batch = e->batch_end;
	if (!e->timer_open) {
		(void)uv_timer_init(e->keeper->parts.loop, &e->timer);
		e->timer.data = e;
		e->timer_open = true;
	}
	(void)uv_timer_start(&e->timer, pause_over,
	                     pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause, 0);
}

static void next_batch(struct errand *e)
{
	const struct change_again *due = &e->step.scan.due;
	size_t left = due->count - e->batch;

	if (left == 0 || e->keeper->closed) {
		errand_end(e, keeper_now());
		return;
	}
	struct change *c = change_new(actor_self());
	struct zone_change *zc = change_zone(c, ZONE_EDIT, e->one->name);
	e->batch_end = e->batch + (left < BATCH ? left : BATCH);
	c->why = change_text(c, "sign again");
	for (size_t i = e->batch; i < e->batch_end; i++)
		change_sign_again(c, zc, &due->sets[i]);
	change_free(&e->step.change);
	e->step.change = c;
	c->wait_visible = false;
	e->began_ns = clock_now_ns();
	engine_change(e->keeper->parts.engine, &e->step.change, batch_done, e);
}

/* ---- the look ---- */

STATIC_ASSERT(sizeof(((struct step *)0)->keys_in) == sizeof(((struct kept *)0)->keys),
              "records and states are the same");

/* A zone that could not be looked at is as it was: its signatures end when they did. */
static void take_figures(struct errand *e)
{
	const struct zone_scan *s = &e->step.scan;
	struct kept *one = e->one;

	if (e->step.trouble[0] && !s->arena)
		return;
	memcpy(one->keys, e->step.keys_in, sizeof one->keys);
	one->is_signed = e->step.is_signed;
	one->signed_count = s->signed_count;
	one->due_count = s->due_count;
	one->ends = s->arena ? s->ends : UINT64_MAX;
}

static void rest(struct errand *e)
{
	e->one->in_a_row = 0;
	set_trouble(e->one, e->step.trouble);
	/* The server ended when it was signed, and before that was noticed. */
	if (e->step.scan.signed_count > ZONE_SIGN_AT_ONCE)
		journals_remove(e->step.config, e->step.id);
	if (e->step.agents && errand_asks(e))
		return;
	errand_end(e, e->step.again);
}

static void forget(struct errand *e)
{
	struct keeper *k = e->keeper;
	struct kept *one = e->one;
	bool again = one->again;

	journals_remove(e->step.config, one->at.id);
	one->ask_at = UINT64_MAX; /* no other look begins meanwhile */
	errand_end(e, UINT64_MAX);
	if (!again && !k->closed)
		keeper_forget(k, one);
}

static void looked(void *arg, int err)
{
	struct errand *e = arg;

	if (err < 0 || e->keeper->closed) {
		fail(e, err == ERR_GONE || err == 0 ? "" : err_text(err));
		return;
	}
	take_figures(e);
	switch (e->step.outcome) {
	case STEP_NONE: rest(e); break;
	case STEP_CHANGE: make_change(e, changed); break;
	case STEP_SIGN:
		pool_run(e->keeper->parts.engine, sign_work, signed_all, e);
		break;
	case STEP_AGAIN: next_batch(e); break;
	case STEP_FORGET: forget(e); break;
	}
}

static int look_work(struct store_txn *t, void *arg)
{
	struct errand *e = arg;

	return step_look(t, &e->step);
}

void errand_begin(struct keeper *k, struct kept *one)
{
	struct errand *e = memory_get(sizeof *e);

	*e = (struct errand){.keeper = k, .one = one};
	e->step.config = engine_config(k->parts.engine);
	e->step.secrets = engine_secrets(k->parts.engine);
	e->step.now = keeper_now();
	memcpy(e->step.name, one->name, name_len(one->name, NAME_MAX_LEN));
	if (one->seen)
		e->step.seen = *one->seen;
	free(one->seen);
	one->seen = NULL;
	one->errand = e;
	k->errands++;
	engine_read(k->parts.engine, look_work, looked, e);
}

void errand_stop(struct errand *e)
{
	atomic_store_explicit(&e->progress.stop, true, memory_order_relaxed);
	if (e->parent) {
		parent_drop(&e->parent);
		errand_end(e, keeper_now());
	}
}

const struct bulk_progress *errand_progress(const struct errand *e)
{
	size_t total = atomic_load_explicit(&e->progress.total, memory_order_relaxed);

	return total > 0 ? &e->progress : NULL;
}
