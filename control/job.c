/* The life of jobs, but for what the commit thread does to them: job.h. */
#include "control/job.h"

#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/pool.h"
#include "control/presign.h"
#include "shared/clock.h"
#include "shared/err.h"

enum { TRIES_MAX = 30 };

/* ---- queues ---- */

void job_queue_init(struct job_queue *q)
{
	*q = (struct job_queue){.last = &q->first};
}

void job_push(struct job_queue *q, struct job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
}

struct job *job_pop(struct job_queue *q)
{
	struct job *j = q->first;

	if (!j)
		return NULL;
	q->first = j->next;
	if (!q->first)
		q->last = &q->first;
	return j;
}

/* ---- beginning and end ---- */

static struct job *job_new(struct engine *e, struct actor *actor)
{
	struct job *j = must(calloc(1, sizeof *j));

	j->engine = e;
	j->actor = actor_hold(actor);
	atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
	return j;
}

static void drop_changes(struct job *j)
{
	for (size_t i = 0; j->many.changes && i < j->many.count; i++)
		change_free(&j->many.changes[i]);
	free(j->many.changes);
	j->many.changes = NULL;
}

static void drop_state(struct job *j)
{
	if (j->state)
		j->state_free(j->state);
	j->state = NULL;
}

static void job_free(struct job *j)
{
	drop_changes(j);
	json_decref(j->args);
	json_decref(j->result);
	drop_state(j);
	change_free(&j->change);
	actor_release(&j->actor);
	free(j->name);
	free(j);
}

static void let_go(struct job *j)
{
	struct engine *e = j->engine;

	job_free(j);
	engine_release(e);
}

/* One of the changes that a command made is done: with the last one, the command is. */
static void tell_whole(const struct job *j)
{
	struct job *whole = j->whole;

	whole->many.took(whole, j->place, &j->changed, j->outcome, j->result);
	if (--whole->many.left > 0)
		return;
	whole->outcome = whole->many.took_all(whole);
	whole->done(whole->arg, whole->outcome, whole->result);
	let_go(whole);
}

/* Loop thread. */
static void finish_job(struct job *j)
{
	if (j->report && j->change)
		j->outcome = j->report(j);
	if (j->whole)
		tell_whole(j);
	else if (j->change_done)
		j->change_done(j->arg, j->change, &j->changed);
	else
		j->done(j->arg, j->outcome, j->result);
	let_go(j);
}

/* ---- the command runs ---- */

static _Thread_local struct job *job_here;

struct job *engine_job(void)
{
	return job_here;
}

void engine_drop_state(void)
{
	drop_state(job_here);
}

void engine_continue(enum command_thread where, engine_command *part)
{
	job_here->part = part;
	job_here->part_thread = where;
}

void engine_make_changes(struct change **changes, size_t count, job_report *report,
                         change_took *took, job_report *took_all)
{
	job_here->many = (struct job_changes){.changes = changes,
	                                      .count = count,
	                                      .left = count,
	                                      .took = took,
	                                      .took_all = took_all};
	job_here->report = report;
}

void job_run(struct job *j)
{
	engine_command *part = j->part;

	job_here = j;
	j->part = NULL;
	if (part)
		j->outcome = part(j->engine, j->args, j->result);
	else if (j->command && !command_is_for(j->command, j->actor))
		j->outcome = engine_refuse(j->result, ERR_DENIED, "%s may not do that",
		                           j->actor->name);
	else if (j->command && j->command->thread == ON_LOOP)
		engine_continue(ON_LOOP, j->command->run);
	else if (j->command)
		j->outcome = j->command->run(j->engine, j->args, j->result);
	else
		j->outcome = engine_fail(j->result, ENGINE_USAGE,
		                         "unknown command \"%s\"", j->name);
}

/* ---- every data plane shows it ---- */

void engine_wait_visible(struct engine *e, const json_t *args, json_t *result)
{
	struct job *j = engine_job();

	json_put(result, "visible_ms", json_null());
	engine_read_wait(args, &j->waits, &j->timeout_ms);
	j->grace = e->committer.grace;
	j->committed_ns = clock_now_ns();
}

static enum engine_outcome fail_timed_out(json_t *result)
{
	return engine_fail(result, ENGINE_TIMED_OUT,
	                   "committed, but not every data plane serves it yet: %s",
	                   err_text(ERR_TIMEOUT));
}

enum engine_outcome engine_report_visible(struct job *j)
{
	const struct change_result *r = &j->changed;

	json_put(j->result, "visible_ms",
	         r->visible_ms >= 0 ? json_real(r->visible_ms) : json_null());
	return r->err == ERR_TIMEOUT ? fail_timed_out(j->result) : ENGINE_OK;
}

static void on_visible(void *arg, int err)
{
	struct job *j = arg;
	double ms = clock_ms_since(j->committed_ns);

	if (j->change && err < 0)
		j->changed.err = ERR_TIMEOUT;
	else if (j->change)
		j->changed.visible_ms = ms;
	else if (err < 0)
		j->outcome = fail_timed_out(j->result);
	else
		json_put(j->result, "visible_ms", json_real(ms));
	finish_job(j);
}

/* ---- what comes next ---- */

static void go_on(struct job *j);

static void push_waiting(struct job *j)
{
	struct engine *e = j->engine;

	j->queued_ns = clock_now_ns();
	pthread_mutex_lock(&e->lock);
	job_push(&e->waiting, j);
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

/* Makes the changes of a command jobs of their own, which stand one behind the other. */
static void push_changes(struct job *whole)
{
	struct engine *e = whole->engine;
	struct job_queue own;

	job_queue_init(&own);
	for (size_t i = 0; i < whole->many.count; i++) {
		struct job *j = job_new(e, whole->actor);
		j->change = whole->many.changes[i];
		j->result = json_object();
		j->report = whole->report;
		j->whole = whole;
		j->place = i;
		j->queued_ns = clock_now_ns();
		job_push(&own, j);
	}
	free(whole->many.changes);
	whole->many.changes = NULL;
	pthread_mutex_lock(&e->lock);
	*e->waiting.last = own.first;
	e->waiting.last = own.last;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

static void run_on_pool(void *arg)
{
	struct job *j = arg;

	job_run(j);
	if (j->change)
		presign_change(j->engine, j->change);
}

static void say_stopping(struct job *j)
{
	j->outcome = engine_fail(j->result, ENGINE_NOT_RUNNING, "the server is stopping");
	j->next = NULL;
	j->part = NULL;
	change_free(&j->change);
	drop_changes(j);
}

static void pool_done(void *arg, bool ran)
{
	struct job *j = arg;

	if (!ran || ((j->change || j->many.changes) && j->engine->closed))
		say_stopping(j);
	if (j->change)
		push_waiting(j);
	else if (j->many.changes)
		push_changes(j);
	else
		go_on(j);
}

static void dispatch(struct job *j, enum command_thread thread)
{
	if (thread == ON_COMMIT)
		push_waiting(j);
	else
		pool_run(j->engine, run_on_pool, pool_done, j);
}

static void next_alone(struct engine *e)
{
	e->alone = job_pop(&e->to_be_alone);
	if (e->alone)
		dispatch(e->alone, ON_POOL);
}

/* A change that was made for a zone as it was is made anew for the zone as it is. */
static bool try_again(struct job *j)
{
	if (!j->again || !j->change || j->changed.err != ERR_STALE || j->engine->closed ||
	    ++j->tries > TRIES_MAX)
		return false;
	change_free(&j->change);
	j->changed = (struct change_result){0};
	j->report = NULL;
	json_object_clear(j->result);
	j->part = j->command->run;
	dispatch(j, ON_POOL);
	return true;
}

/* When a part of a command, or a change, is done. */
static void go_on(struct job *j)
{
	struct engine *e = j->engine;

	if (try_again(j))
		return;
	if (j->part && e->closed)
		say_stopping(j);
	while (j->part && j->part_thread == ON_LOOP)
		job_run(j);
	if (j->part) {
		dispatch(j, j->part_thread);
		return;
	}
	if (e->alone == j)
		next_alone(e);
	if (j->waits)
		publisher_when_visible(e->publisher, j->grace, j->timeout_ms, on_visible,
		                       j);
	else
		finish_job(j);
}

void jobs_deliver(uv_async_t *async)
{
	struct engine *e = async->data;

	for (;;) {
		pthread_mutex_lock(&e->lock);
		struct change_note *notes = e->notes;
		e->notes = NULL;
		struct job *j = job_pop(&e->finished);
		pthread_mutex_unlock(&e->lock);
		watch_tell(e, notes);
		if (!j)
			return;
		go_on(j);
	}
}

/* ---- what is asked for ---- */

void engine_run(struct engine *e, struct actor *actor, const char *command, json_t *args,
                engine_done *done, void *arg)
{
	struct job *j = job_new(e, actor);

	must_set_text(&j->name, command);
	j->command = command_find(command);
	j->args = args ? args : json_object();
	j->result = json_object();
	j->done = done;
	j->arg = arg;
	enum command_thread thread = j->command ? j->command->thread : ON_POOL;
	if (thread == ON_POOL_ALONE && e->alone) {
		job_push(&e->to_be_alone, j);
		return;
	}
	if (thread == ON_POOL_ALONE)
		e->alone = j;
	dispatch(j, thread);
}

static void tell_nobody(void *arg, const struct change *change,
                        const struct change_result *result)
{
	(void)arg;
	(void)change;
	(void)result;
}

void engine_note_items(struct engine *e, struct change **change, change_done *done,
                       void *arg)
{
	(*change)->unlogged = true;
	engine_change(e, change, done ? done : tell_nobody, arg);
}

void engine_change(struct engine *e, struct change **change, change_done *done, void *arg)
{
	struct job *j = job_new(e, (*change)->actor);

	j->change = *change;
	*change = NULL;
	j->change_done = done;
	j->arg = arg;
	push_waiting(j);
}
