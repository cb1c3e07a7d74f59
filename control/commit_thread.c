/*
 * The commit thread: it alone changes store and table. It takes jobs from the queue in order, as many
 * changes at a time as stand one behind the other, since they share a commit, or one command; and
 * keeps house when nobody waits.
 */
#include "control/commit_thread.h"

#include <assert.h>

#include "control/audit/audit.h"
#include "control/engine_internal.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	TICK_MS = 20,
	TRIM_MS = 1000,
	GROUP_MAX = 256,
};

static void give_back(struct engine *e, struct job *j)
{
	pthread_mutex_lock(&e->lock);
	job_push(&e->finished, j);
	pthread_mutex_unlock(&e->lock);
	uv_async_send(&e->async);
}

/* With the lock held: the next job, or as many changes as stand in front. */
static size_t take_jobs(struct engine *e, struct job *jobs[static GROUP_MAX])
{
	size_t count = 0;

	while (count < GROUP_MAX && e->waiting.first &&
	       (count == 0 || (jobs[0]->change && e->waiting.first->change)))
		jobs[count++] = job_pop(&e->waiting);
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

/* A zone that comes, goes or is loaded has no refused load behind it any more. */
static void show_zones(struct engine *e, const struct job *j)
{
	const struct change *c = j->change;

	for (size_t i = 0; i < c->zone_count && j->changed.seq > 0; i++) {
		const struct zone *z =
			registry_find(e->committer.registry, c->zones[i].name);
		if (!z)
			shown_zone_gone(&e->shown, c->zones[i].name);
		else if (!zone_change_is_partial(c->zones[i].kind))
			shown_zone(&e->shown, z);
	}
}

/* Carries out a run of changes, in as many commits as it takes. */
static void run_changes(struct engine *e, struct job *jobs[], size_t count)
{
	struct commit_item items[GROUP_MAX];

	for (size_t i = 0; i < count; i++) {
		items[i] = (struct commit_item){jobs[i]->change, &jobs[i]->changed};
		jobs[i]->waited_ms = clock_ms_since(jobs[i]->queued_ns);
	}
	for (size_t done = 0; done < count;) {
		size_t end =
			done + commit_group(&e->committer, items + done, count - done);
		assert(end <= count);
		shown_update(&e->shown, &e->committer);
		watch_post(e);
		for (; done < end; done++) {
			struct job *j = jobs[done];
			show_zones(e, j);
			j->changed.waited_ms = j->waited_ms;
			j->committed_ns = clock_now_ns();
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

/* Takes from the log what is too old for it: now and then, and, while nobody waits, as long as there
 * is any. */
static int trim_log(struct engine *e, bool idle)
{
	struct audit_state s;
	uint64_t now = clock_now_ms();

	if (now < e->trims_next || e->committer.store_ails)
		return 0;
	audit_look(e->audit, &s);
	int more = committer_trim(&e->committer, s.book.followed, clock_wall_us());
	e->trims_next = now + (more > 0 && idle ? 0 : TRIM_MS);
	e->committer.store_ails |= more < 0;
	return more < 0 ? more : 0;
}

void *commit_thread(void *arg)
{
	struct engine *e = arg;
	struct job *jobs[GROUP_MAX];

	while (!stopping(e)) {
		atomic_fetch_add_explicit(&e->turns, 1, memory_order_relaxed);
		size_t count = wait_for_jobs(e, jobs);
		if (count > 0 && jobs[0]->change) {
			run_changes(e, jobs, count);
		} else if (count > 0) {
			job_run(jobs[0]);
			shown_update(&e->shown, &e->committer);
			watch_post(e);
			give_back(e, jobs[0]);
		}
		if (count > 0)
			audit_wake(e->audit);
		int err = committer_tick(&e->committer);
		if (err == 0 && count == 0)
			err = committer_rest(&e->committer);
		if (err >= 0)
			err = trim_log(e, count == 0);
		if (err < 0)
			log_error("table housekeeping: %s", err_text(err));
		shown_update(&e->shown, &e->committer);
	}
	return NULL;
}
