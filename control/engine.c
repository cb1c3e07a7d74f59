#include "control/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/pool.h"
#include "shared/err.h"

enum { TICK_MS = 20, WAIT_DEFAULT_MS = 5000 };

enum command_thread { ON_COMMIT, ON_POOL };

struct command {
	const char *name;
	engine_command *run;
	enum command_thread thread;
};

static const struct command commands[] = {
#define COMMAND(name, function, thread) {name, function, thread},
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
	struct job *j = e->running;

	engine_set(result, "visible_ms", json_null());
	j->waits = !wait || json_is_true(wait);
	j->timeout_ms = timeout ? (unsigned)json_integer_value(timeout) : WAIT_DEFAULT_MS;
	j->grace = e->committer.grace;
	clock_gettime(CLOCK_MONOTONIC, &j->committed);
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

static void job_free(struct job *j)
{
	json_decref(j->args);
	json_decref(j->result);
	free(j->name);
	free(j);
}

/* Loop thread. */
static void finish_job(struct job *j)
{
	struct engine *e = j->engine;

	j->done(j->arg, j->outcome, j->result);
	job_free(j);
	engine_release(e);
}

static void run_job(struct job *j)
{
	if (j->command)
		j->outcome = j->command->run(j->engine, j->args, j->result);
	else
		j->outcome = engine_fail(j->result, ENGINE_USAGE,
		                         "unknown command \"%s\"", j->name);
}

/* ---- the commit thread ---- */

/* Gives the next job, or NULL after a while without one. */
static struct job *wait_for_job(struct engine *e)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&e->lock);
	if (!e->waiting.first && !e->stopping)
		pthread_cond_timedwait(&e->wake, &e->lock, &until);
	struct job *j = pop(&e->waiting);
	pthread_mutex_unlock(&e->lock);
	return j;
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

	while (!stopping(e)) {
		atomic_fetch_add_explicit(&e->turns, 1, memory_order_relaxed);
		struct job *j = wait_for_job(e);
		if (j) {
			e->running = j;
			run_job(j);
			shown_update(&e->shown, &e->committer);
			pthread_mutex_lock(&e->lock);
			push(&e->finished, j);
			pthread_mutex_unlock(&e->lock);
			uv_async_send(&e->async);
		}
		int err = committer_tick(&e->committer);
		if (err == 0 && !j)
			err = committer_rest(&e->committer);
		if (err < 0)
			fprintf(stderr, "table housekeeping: %s\n", err_text(err));
		shown_update(&e->shown, &e->committer);
	}
	return NULL;
}

/* ---- the loop thread ---- */

static double ms_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) * 1e3 +
	       (double)(now.tv_nsec - then->tv_nsec) / 1e6;
}

static void on_visible(void *arg, int err)
{
	struct job *j = arg;

	if (err < 0)
		j->outcome = engine_fail(
			j->result, ENGINE_TIMED_OUT,
			"committed, but not every data plane serves it yet: %s",
			err_text(err));
	else
		engine_set(j->result, "visible_ms", json_real(ms_since(&j->committed)));
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
		if (j->waits)
			publisher_when_visible(e->publisher, j->grace, j->timeout_ms,
			                       on_visible, j);
		else
			finish_job(j);
	}
}

static void run_on_pool(void *arg)
{
	run_job(arg);
}

static void pool_done(void *arg, bool ran)
{
	struct job *j = arg;

	if (!ran)
		j->outcome = engine_fail(j->result, ENGINE_NOT_RUNNING,
		                         "the server is stopping");
	finish_job(j);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

void engine_run(struct engine *e, const char *command, const json_t *args,
                engine_done *done, void *arg)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j || !(j->name = strdup(command)))
		abort();
	j->engine = e;
	j->command = find_command(command);
	j->args = args ? json_deep_copy(args) : json_object();
	j->result = json_object();
	j->done = done;
	j->arg = arg;
	e->references++;
	if (!j->command || j->command->thread == ON_POOL) {
		pool_run(e, run_on_pool, pool_done, j);
		return;
	}
	pthread_mutex_lock(&e->lock);
	push(&e->waiting, j);
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
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

	if (!e || !counters)
		abort();
	memset(counters, 0, sizeof *counters);
	e->config = config;
	e->publisher = p;
	e->waiting.last = &e->waiting.first;
	e->finished.last = &e->finished.first;
	clock_gettime(CLOCK_MONOTONIC, &e->started);
	int err = committer_open(&e->committer, config, p, text, text_size);
	if (err < 0) {
		free(counters);
		free(e);
		return err;
	}
	e->committer.source.counters = counters;
	e->references = 1;
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

	if (--e->references > 0)
		return;
	committer_close(&e->committer);
	shown_fini(&e->shown);
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
	deliver(&e->async);
	uv_close((uv_handle_t *)&e->async, engine_closed);
	*ep = NULL;
}
