/*
 * One look at a zone, from the snapshot to the change that comes of it:
 *
 *      step on the pool --+--> nothing ----------------------------------------> next look
 *                         +--> a change ---------------------> engine -----+
 *                         +--> contents --> signing on the pool --> engine +---> look again at once
 *                         +--> RRsets that are due --> engine, a batch each, with pauses
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/commit/commit.h"
#include "control/engine_internal.h"
#include "control/keeper/internal.h"
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
	ASK_MIN_S = 5,
	ASK_MAX_S = 3600,
	ASK_LATER_S = 30, /* when too many are asked: some have answered by then */
	ASKS = 24,        /* in the time that the parent takes to forget a DS */
	VISIBLE_MS = 60000,
};

struct errand {
	struct keeper *keeper;
	struct kept *one;
	struct step step;
	struct bulk_progress progress;
	struct parent *parent;
	bool asks;                    /* it counts among those that do */
	struct contents_arena *arena; /* of the servers that are asked */
	size_t batch;                 /* of what is due: where the next one begins */
	size_t batch_end;
	uint64_t began_ns; /* of the change under way */
	uv_timer_t timer;  /* of the pause between two */
	bool timer_open;
	int err;
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

/* The zone is looked at again then. */
static void end(struct errand *e, uint64_t due)
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
	end(e, keeper_now() + RETRY_S);
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
		end(e, keeper_now());
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
	end(e, keeper_now());
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
		end(e, keeper_now());
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
		end(e, keeper_now());
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

/* ---- the parent ---- */

static uint64_t ask_interval(const struct errand *e)
{
	uint64_t s = e->step.ds_ttl / ASKS;

	return s < ASK_MIN_S ? ASK_MIN_S : s > ASK_MAX_S ? ASK_MAX_S : s;
}

static void parent_said(void *arg, const struct parent_result *r)
{
	struct errand *e = arg;
	struct kept *one = e->one;
	struct step_seen *seen = memory_get(sizeof *seen);

	*seen = (struct step_seen){.ttl = r->ttl};
	for (size_t i = 0; i < e->step.asked_count && r->answered; i++) {
		seen->numbers[i] = e->step.asked[i].number;
		seen->seen[i] = r->seen[i];
		seen->count++;
	}
	free(one->seen);
	one->seen = seen;
	one->ask_at = keeper_now() + ask_interval(e);
	end(e, keeper_now());
}

static int find_agents(struct errand *e, struct remote *out, unsigned most)
{
	char words[CONFIG_WORDS_SIZE];
	unsigned found = 0;
	char *rest;

	snprintf(words, sizeof words, "%s", e->step.agents);
	for (char *w = strtok_r(words, " ", &rest); w && found < most;
	     w = strtok_r(NULL, " ", &rest))
		if (remote_find(e->step.config, w, e->arena, &out[found]) == 0)
			found++;
	return (int)found;
}

/* Gives false when nobody is asked now. What is waited for must not keep other zones from being signed. */
static bool ask_parent(struct errand *e)
{
	struct keeper *k = e->keeper;
	struct remote agents[CONFIG_API_LISTEN_MAX];
	struct rdata dnskeys[SIGN_KEYS_MAX];

	if (k->asking == ASKING_MAX) {
		e->one->ask_at = keeper_now() + ASK_LATER_S;
		return false;
	}
	e->arena = arena_new();
	int count = find_agents(e, agents, CONFIG_API_LISTEN_MAX);
	if (count == 0 || e->step.asked_count == 0) {
		e->one->ask_at = keeper_now() + ask_interval(e);
		return false;
	}
	for (size_t i = 0; i < e->step.asked_count; i++)
		dnskeys[i] = (struct rdata){.bytes = e->step.asked[i].dnskey,
		                            .len = e->step.asked[i].len};
	const struct parent_asked asked = {.zone = e->one->name,
	                                   .config = e->step.config,
	                                   .servers = agents,
	                                   .server_count = (unsigned)count,
	                                   .dnskeys = dnskeys,
	                                   .dnskey_count = e->step.asked_count};
	e->asks = true;
	k->asking++;
	e->parent = parent_ask(&k->parts, &asked, parent_said, e);
	keeper_go_on(k);
	return true;
}

/* What the parent has is not known yet, and matters. */
static bool is_time_to_ask(struct errand *e)
{
	struct kept *one = e->one;
	uint64_t now = keeper_now();

	if (!e->step.ask || !e->step.agents[0]) {
		one->ask_at = UINT64_MAX;
		return false;
	}
	if (one->ask_at == UINT64_MAX || one->ask_at > now + ask_interval(e))
		one->ask_at = now;
	return one->ask_at <= now;
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
	if (e->step.agents && is_time_to_ask(e) && ask_parent(e))
		return;
	end(e, e->step.again);
}

static void forget(struct errand *e)
{
	struct keeper *k = e->keeper;
	struct kept *one = e->one;
	bool again = one->again;

	journals_remove(e->step.config, one->at.id);
	one->ask_at = UINT64_MAX; /* no other look begins meanwhile */
	end(e, UINT64_MAX);
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
		end(e, keeper_now());
	}
}

const struct bulk_progress *errand_progress(const struct errand *e)
{
	size_t total = atomic_load_explicit(&e->progress.total, memory_order_relaxed);

	return total > 0 ? &e->progress : NULL;
}
