#include "control/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/audit.h"
#include "control/engine_internal.h"
#include "control/pool.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum { TICK_MS = 20, WAIT_DEFAULT_MS = 5000, GROUP_MAX = 256 };

struct command {
	const char *name;
	engine_command *run;
	enum permission permission;
	enum command_thread thread;
};

static const struct command commands[] = {
#define COMMAND(name, function, permission, thread) {name, function, permission, thread},
#include "control/commands.def"
#undef COMMAND
};

/* ---- helpers for commands ---- */

void engine_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		abort();
}

enum engine_outcome engine_fail(json_t *result, enum engine_outcome outcome,
                                const char *format, ...)
{
	va_list args;

	va_start(args, format);
	engine_set(result, "error", json_vsprintf(format, args));
	va_end(args);
	return outcome;
}

json_t *engine_diagnostics(const struct diag *diag)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diag->kept; i++) {
		const struct diag_entry *d = &diag->entries[i];
		json_t *entry =
			json_pack("{s:s, s:s, s:i, s:i, s:s, s:s}", "severity",
		                  d->severity == DIAG_ERROR ? "error" : "warning", "file",
		                  d->file ? d->file : "", "line", (int)d->line, "column",
		                  (int)d->column, "rule", d->rule, "text", d->text);
		/* Text from a zone file need not be UTF-8. */
		if (!entry)
			entry = json_pack("{s:s, s:i, s:s}", "severity",
			                  d->severity == DIAG_ERROR ? "error" : "warning",
			                  "line", (int)d->line, "rule", d->rule);
		json_array_append_new(list, entry);
	}
	return list;
}

enum engine_outcome engine_zone_arg(const json_t *args, json_t *result,
                                    uint8_t name[static NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	const char *text = json_string_value(json_object_get(args, "zone"));

	if (!text)
		return engine_fail(result, ENGINE_USAGE, "\"zone\" is missing");
	int len = name_from_text(text, strlen(text), root, name);
	if (len < 0)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"%s\" is not a domain name: %s", text,
		                   err_text(len));
	name_fold(name, (size_t)len);
	return ENGINE_OK;
}

void engine_wait_visible(struct engine *e, const json_t *args, json_t *result)
{
	const json_t *wait = json_object_get(args, "wait");
	const json_t *timeout = json_object_get(args, "timeout_ms");
	struct job *j = engine_job();

	engine_set(result, "visible_ms", json_null());
	j->waits = !wait || json_is_true(wait);
	j->timeout_ms = timeout ? (unsigned)json_integer_value(timeout) : WAIT_DEFAULT_MS;
	j->grace = e->committer.grace;
	clock_gettime(CLOCK_MONOTONIC, &j->committed);
}

struct change *engine_change_new(const struct job *j, const json_t *args)
{
	const json_t *wait = json_object_get(args, "wait");
	const json_t *timeout = json_object_get(args, "timeout_ms");
	struct change *c = change_new(j->actor);

	c->why = change_text(c, j->name);
	c->wait_visible = !wait || json_is_true(wait);
	c->timeout_ms = timeout ? (unsigned)json_integer_value(timeout) : WAIT_DEFAULT_MS;
	return c;
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

	engine_set(j->result, "visible_ms",
	           r->visible_ms >= 0 ? json_real(r->visible_ms) : json_null());
	return r->err == ERR_TIMEOUT ? fail_timed_out(j->result) : ENGINE_OK;
}

/* ---- queues ---- */

static void push(struct job_queue *q, struct job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
}

static struct job *pop(struct job_queue *q)
{
	struct job *j = q->first;

	if (!j)
		return NULL;
	q->first = j->next;
	if (!q->first)
		q->last = &q->first;
	return j;
}

static struct job *job_new(struct engine *e, struct actor *actor)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j)
		abort();
	j->engine = e;
	j->actor = actor_hold(actor);
	atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
	return j;
}

static void job_free(struct job *j)
{
	json_decref(j->args);
	json_decref(j->result);
	if (j->state)
		j->state_free(j->state);
	change_free(&j->change);
	actor_release(&j->actor);
	free(j->name);
	free(j);
}

/* Loop thread. */
static void finish_job(struct job *j)
{
	struct engine *e = j->engine;

	if (j->report && j->change)
		j->outcome = j->report(j);
	if (j->change_done)
		j->change_done(j->arg, j->change, &j->changed);
	else
		j->done(j->arg, j->outcome, j->result);
	job_free(j);
	engine_release(e);
}

static _Thread_local struct job *job_here;

struct job *engine_job(void)
{
	return job_here;
}

void engine_continue(enum command_thread where, engine_command *part)
{
	job_here->part = part;
	job_here->part_thread = where;
}

/* Other commands know of no tenants and no grants: they would show, or change, what is not for an
 * actor that has any. */
static bool is_for_confined(const struct command *c)
{
	static const char *const names[] = {
		"status",     "stats",     "version",    "record set",   "record add",
		"record del", "change",    "key list",   "key show",     "key create",
		"key revoke", "key grant", "audit list", "audit export", "audit verify"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], c->name) == 0)
			return true;
	return false;
}

static bool may_run(const struct actor *a, const struct command *c)
{
	bool confined = a->tenant[0] || a->grant_count > 0;

	return actor_may(a, c->permission) && (!confined || is_for_confined(c));
}

static void run_job(struct job *j)
{
	engine_command *part = j->part;

	job_here = j;
	j->part = NULL;
	if (part)
		j->outcome = part(j->engine, j->args, j->result);
	else if (j->command && !may_run(j->actor, j->command))
		j->outcome = engine_fail(j->result, ENGINE_REFUSED, "%s may not do that",
		                         j->actor->name);
	else if (j->command)
		j->outcome = j->command->run(j->engine, j->args, j->result);
	else
		j->outcome = engine_fail(j->result, ENGINE_USAGE,
		                         "unknown command \"%s\"", j->name);
}

/* ---- the commit thread ---- */

static void give_back(struct engine *e, struct job *j)
{
	pthread_mutex_lock(&e->lock);
	push(&e->finished, j);
	pthread_mutex_unlock(&e->lock);
	uv_async_send(&e->async);
}

/* With the lock held: the next job, or as many changes as stand in front. */
static size_t take_jobs(struct engine *e, struct job *jobs[static GROUP_MAX])
{
	size_t count = 0;

	while (count < GROUP_MAX && e->waiting.first &&
	       (count == 0 || (jobs[0]->change && e->waiting.first->change)))
		jobs[count++] = pop(&e->waiting);
	return count;
}

/* Gives how many jobs there are; 0 after a while without one. */
static size_t wait_for_jobs(struct engine *e, struct job *jobs[static GROUP_MAX])
{
	struct timespec until = clock_wall_in(TICK_MS);

	pthread_mutex_lock(&e->lock);
	if (!e->waiting.first && !e->stopping)
		pthread_cond_timedwait(&e->wake, &e->lock, &until);
	size_t count = take_jobs(e, jobs);
	pthread_mutex_unlock(&e->lock);
	return count;
}

static double ms_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) * 1e3 +
	       (double)(now.tv_nsec - then->tv_nsec) / 1e6;
}

/* A zone that comes, goes or is loaded has no refused load behind it any more. */
static void show_zones(struct engine *e, const struct job *j)
{
	const struct change *c = j->change;

	for (size_t i = 0; i < c->zone_count && j->changed.seq > 0; i++) {
		const struct zone *z =
			registry_find(e->committer.registry, c->zones[i].name);
		if (!z)
			shown_zone_gone(&e->shown, c->zones[i].name);
		else if (c->zones[i].kind != ZONE_EDIT)
			shown_zone(&e->shown, z);
	}
}

/* Carries out a run of changes, in as many commits as it takes. */
static void run_changes(struct engine *e, struct job *jobs[], size_t count)
{
	struct commit_item items[GROUP_MAX];

	for (size_t i = 0; i < count; i++) {
		items[i] = (struct commit_item){jobs[i]->change, &jobs[i]->changed};
		jobs[i]->waited_ms = ms_since(&jobs[i]->queued);
	}
	for (size_t done = 0; done < count;) {
		size_t end =
			done + commit_group(&e->committer, items + done, count - done);
		assert(end <= count);
		shown_update(&e->shown, &e->committer);
		for (; done < end; done++) {
			struct job *j = jobs[done];
			show_zones(e, j);
			j->changed.waited_ms = j->waited_ms;
			clock_gettime(CLOCK_MONOTONIC, &j->committed);
			j->waits = j->changed.err == 0 && j->changed.seq > 0 &&
			           j->change->wait_visible;
			j->timeout_ms = j->change->timeout_ms;
			j->grace = j->changed.grace;
			give_back(e, j);
		}
	}
}

static bool stopping(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	bool stop = e->stopping && !e->waiting.first;
	pthread_mutex_unlock(&e->lock);
	return stop;
}

static void *commit_thread(void *arg)
{
	struct engine *e = arg;
	struct job *jobs[GROUP_MAX];

	while (!stopping(e)) {
		atomic_fetch_add_explicit(&e->turns, 1, memory_order_relaxed);
		size_t count = wait_for_jobs(e, jobs);
		if (count > 0 && jobs[0]->change) {
			run_changes(e, jobs, count);
		} else if (count > 0) {
			run_job(jobs[0]);
			shown_update(&e->shown, &e->committer);
			give_back(e, jobs[0]);
		}
		if (count > 0)
			audit_wake(e->audit);
		int err = committer_tick(&e->committer);
		if (err == 0 && count == 0)
			err = committer_rest(&e->committer);
		if (err < 0)
			log_error("table housekeeping: %s", err_text(err));
		shown_update(&e->shown, &e->committer);
	}
	return NULL;
}

/* ---- the loop thread ---- */

static void on_visible(void *arg, int err)
{
	struct job *j = arg;
	double ms = ms_since(&j->committed);

	if (j->change && err < 0)
		j->changed.err = ERR_TIMEOUT;
	else if (j->change)
		j->changed.visible_ms = ms;
	else if (err < 0)
		j->outcome = fail_timed_out(j->result);
	else
		engine_set(j->result, "visible_ms", json_real(ms));
	finish_job(j);
}

static void go_on(struct job *j);

static void push_waiting(struct job *j)
{
	struct engine *e = j->engine;

	clock_gettime(CLOCK_MONOTONIC, &j->queued);
	pthread_mutex_lock(&e->lock);
	push(&e->waiting, j);
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

static void run_on_pool(void *arg)
{
	run_job(arg);
}

static void say_stopping(struct job *j)
{
	j->outcome = engine_fail(j->result, ENGINE_NOT_RUNNING, "the server is stopping");
	j->next = NULL;
	change_free(&j->change);
}

static void pool_done(void *arg, bool ran)
{
	struct job *j = arg;

	if (!ran || (j->change && j->engine->closed))
		say_stopping(j);
	if (j->change)
		push_waiting(j);
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
	e->alone = pop(&e->to_be_alone);
	if (e->alone)
		dispatch(e->alone, ON_POOL);
}

/* When a part of a command, or a change, is done. */
static void go_on(struct job *j)
{
	struct engine *e = j->engine;

	if (j->part && e->closed)
		say_stopping(j);
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

static void deliver(uv_async_t *async)
{
	struct engine *e = async->data;

	for (;;) {
		pthread_mutex_lock(&e->lock);
		struct job *j = pop(&e->finished);
		pthread_mutex_unlock(&e->lock);
		if (!j)
			return;
		go_on(j);
	}
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

void engine_run(struct engine *e, struct actor *actor, const char *command, json_t *args,
                engine_done *done, void *arg)
{
	struct job *j = job_new(e, actor);

	if (!(j->name = strdup(command)))
		abort();
	j->command = find_command(command);
	j->args = args ? args : json_object();
	j->result = json_object();
	j->done = done;
	j->arg = arg;
	enum command_thread thread = j->command ? j->command->thread : ON_POOL;
	if (thread == ON_POOL_ALONE && e->alone) {
		push(&e->to_be_alone, j);
		return;
	}
	if (thread == ON_POOL_ALONE)
		e->alone = j;
	dispatch(j, thread);
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

struct store *engine_store(struct engine *e)
{
	return e->committer.store;
}

void engine_note(struct engine *e, struct actor *who, const char *what, json_t *detail)
{
	audit_note(e->audit, who, what, detail);
}

struct table_source *engine_table(struct engine *e)
{
	return &e->committer.source;
}

int engine_open(uv_loop_t *loop, const struct config *config, struct publisher *p,
                struct engine **out, char *text, size_t text_size)
{
	struct engine *e = calloc(1, sizeof *e);
	struct counters *counters = aligned_alloc(CACHE_LINE, sizeof *counters);
	struct qlog_ring *log = aligned_alloc(CACHE_LINE, sizeof *log);

	if (!e || !counters || !log)
		abort();
	memset(log, 0, sizeof *log);
	memset(counters, 0, sizeof *counters);
	e->config = config;
	e->publisher = p;
	e->waiting.last = &e->waiting.first;
	e->finished.last = &e->finished.first;
	e->to_be_alone.last = &e->to_be_alone.first;
	clock_gettime(CLOCK_MONOTONIC, &e->started);
	int err = committer_open(&e->committer, config, p, text, text_size);
	if (err == 0) {
		err = audit_open(config->store, e->committer.store, &e->audit, text,
		                 text_size);
		if (err < 0)
			committer_close(&e->committer);
	}
	if (err < 0) {
		free(log);
		free(counters);
		free(e);
		return err;
	}
	e->committer.source.counters = counters;
	e->committer.source.log = log;
	atomic_init(&e->references, 1);
	shown_init(&e->shown);
	shown_update(&e->shown, &e->committer);
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->wake, NULL);
	e->async.data = e;
	if (uv_async_init(loop, &e->async, deliver) < 0 ||
	    pthread_create(&e->thread, NULL, commit_thread, e) != 0)
		abort();
	*out = e;
	return 0;
}

void engine_release(struct engine *e)
{
	struct counters *counters = e->committer.source.counters;
	struct qlog_ring *log = e->committer.source.log;

	/* The last one sees what the others did: pairs with itself. */
	if (atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) > 1)
		return;
	audit_close(&e->audit);
	committer_close(&e->committer);
	shown_fini(&e->shown);
	free(log);
	free(counters);
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->wake);
	free(e);
}

static void engine_closed(uv_handle_t *handle)
{
	engine_release(handle->data);
}

void engine_close(struct engine **ep)
{
	struct engine *e = *ep;

	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
	pool_stop(e);
	e->closed = true;
	deliver(&e->async);
	uv_close((uv_handle_t *)&e->async, engine_closed);
	*ep = NULL;
}
