#include "control/engine.h"

#include <stdlib.h>
#include <string.h>

#include "control/audit/audit.h"
#include "control/commit_thread.h"
#include "control/engine_internal.h"
#include "control/must.h"
#include "control/pool.h"
#include "control/qlog/figures.h"
#include "shared/clock.h"
#include "shared/err.h"

void engine_count_request(struct engine *e, enum api_verdict verdict)
{
	atomic_fetch_add_explicit(&e->requests[verdict], 1, memory_order_relaxed);
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

struct zone_marks *engine_marks(struct engine *e)
{
	return &e->marks;
}

/* ---- the configuration ---- */

void engine_configures(struct engine *e, const struct engine_configured *what)
{
	e->configured = *what;
}

void engine_has_secondaries(struct engine *e, const struct engine_secondaries *who)
{
	e->secondaries = *who;
}

void engine_has_keeper(struct engine *e, const struct engine_keeper *who)
{
	e->keeper = *who;
}

struct sign_secrets *engine_secrets(struct engine *e)
{
	return e->committer.secrets;
}

void engine_has_catalogs(struct engine *e, const struct engine_catalogs *who)
{
	e->catalogs = *who;
}

void engine_has_notifier(struct engine *e, const struct engine_notifier *who)
{
	e->notifier = *who;
}

void engine_has_transfers(struct engine *e, const struct engine_transfers *who)
{
	e->transfers = *who;
}

const struct config *engine_config(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	const struct config *c = config_hold(e->config);
	pthread_mutex_unlock(&e->lock);
	return c;
}

void engine_set_config(struct engine *e, const struct config *next)
{
	pthread_mutex_lock(&e->lock);
	const struct config *old = e->config;
	e->config = config_hold(next);
	pthread_mutex_unlock(&e->lock);
	config_release(old);
}

void engine_set_config_error(struct engine *e, const char *text)
{
	pthread_mutex_lock(&e->lock);
	must_set_text(&e->config_error, text);
	pthread_mutex_unlock(&e->lock);
}

/* ---- opening and closing ---- */

int engine_open(uv_loop_t *loop, const struct config *config, struct publisher *p,
                struct engine **out, char *text, size_t text_size)
{
	struct engine *e = must(calloc(1, sizeof *e));
	struct counters *counters = must(aligned_alloc(CACHE_LINE, sizeof *counters));
	struct qlog_ring *log = must(aligned_alloc(CACHE_LINE, sizeof *log));
	struct qlog_figures *log_figures = must(calloc(1, sizeof *log_figures));

	memset(log, 0, sizeof *log);
	memset(counters, 0, sizeof *counters);
	e->config = config_hold(config);
	e->publisher = p;
	job_queue_init(&e->waiting);
	job_queue_init(&e->finished);
	job_queue_init(&e->to_be_alone);
	e->started_ms = clock_now_ms();
	int err = committer_open(&e->committer, config, p, text, text_size);
	if (err == 0) {
		err = audit_open(config->store, e->committer.store, &e->audit, text,
		                 text_size);
		if (err < 0)
			committer_close(&e->committer);
	}
	if (err < 0) {
		config_release(e->config);
		free(log_figures);
		free(log);
		free(counters);
		free(e);
		return err;
	}
	zone_marks_init(&e->marks);
	e->committer.source.counters = counters;
	e->committer.source.log = log;
	e->committer.source.log_figures = log_figures;
	zone_counts_init(&log_figures->zones);
	atomic_init(&e->references, 1);
	shown_init(&e->shown);
	shown_update(&e->shown, &e->committer);
	uploads_init(&e->uploads, config->store);
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->wake, NULL);
	e->async.data = e;
	if (uv_async_init(loop, &e->async, jobs_deliver) < 0 ||
	    pthread_create(&e->thread, NULL, commit_thread, e) != 0)
		abort();
	*out = e;
	return 0;
}

void engine_release(struct engine *e)
{
	struct counters *counters = e->committer.source.counters;
	struct qlog_ring *log = e->committer.source.log;
	struct qlog_figures *log_figures = e->committer.source.log_figures;

	/* The last one sees what the others did: pairs with itself. */
	if (atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) > 1)
		return;
	backup_forget(e);
	audit_close(&e->audit);
	committer_close(&e->committer);
	change_note_free(e->notes);
	shown_fini(&e->shown);
	uploads_fini(&e->uploads);
	zone_marks_fini(&e->marks);
	config_release(e->config);
	free(e->config_error);
	zone_counts_fini(&log_figures->zones);
	free(log_figures);
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

	atomic_store_explicit(&e->closing, true, memory_order_relaxed);
	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
	pool_stop(e);
	e->closed = true;
	jobs_deliver(&e->async);
	uv_close((uv_handle_t *)&e->async, engine_closed);
	*ep = NULL;
}
