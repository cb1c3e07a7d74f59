#include "control/pool.h"

#include <stdlib.h>

#include "control/engine_internal.h"
#include "shared/err.h"

struct work {
	uv_work_t request;
	struct engine *engine;
	void (*run)(void *arg);
	void (*done)(void *arg, bool ran);
	void *arg;
	bool ran;
};

/* false: the engine is closing. */
static bool enter(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	bool may = !e->stopping;
	e->readers += may;
	pthread_mutex_unlock(&e->lock);
	return may;
}

static void leave(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	if (--e->readers == 0)
		pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

static void on_pool(uv_work_t *request)
{
	struct work *w = request->data;

	if (!enter(w->engine))
		return;
	w->run(w->arg);
	w->ran = true;
	leave(w->engine);
}

static void on_loop(uv_work_t *request, int status)
{
	struct work *w = request->data;
	struct engine *e = w->engine;

	(void)status;
	w->done(w->arg, w->ran);
	free(w);
	engine_release(e);
}

void pool_run(struct engine *e, void (*run)(void *arg), void (*done)(void *arg, bool ran),
              void *arg)
{
	struct work *w = calloc(1, sizeof *w);

	if (!w)
		abort();
	*w = (struct work){.engine = e, .run = run, .done = done, .arg = arg};
	w->request.data = w;
	atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
	if (uv_queue_work(e->async.loop, &w->request, on_pool, on_loop) < 0)
		abort();
}

void pool_stop(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	while (e->readers > 0)
		pthread_cond_wait(&e->wake, &e->lock);
	pthread_mutex_unlock(&e->lock);
}

/* ---- with a snapshot ---- */

struct read {
	struct engine *engine;
	read_work *work;
	void (*done)(void *arg, int err);
	void *arg;
	int err;
};

static void run_read(void *arg)
{
	struct read *r = arg;
	struct store_txn *t;

	r->err = store_begin_read(r->engine->committer.store, &t);
	if (r->err < 0)
		return;
	r->err = r->work(t, r->arg);
	store_abort(&t);
}

static void read_done(void *arg, bool ran)
{
	struct read *r = arg;

	r->done(r->arg, ran ? r->err : ERR_GONE);
	free(r);
}

void engine_read(struct engine *e, read_work *work, void (*done)(void *arg, int err),
                 void *arg)
{
	struct read *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	*r = (struct read){.engine = e, .work = work, .done = done, .arg = arg};
	pool_run(e, run_read, read_done, r);
}
