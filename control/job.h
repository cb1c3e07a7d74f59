/*
 * A job: one command, or one change, from being asked for until whoever asked is told.
 *
 *      engine_run() --+--> pool -----------+--> loop: more to do? -- no --> visible? --> told
 *                     |                    |             |
 *                     +--> commit thread --+             | yes
 *                     |          ^                       |
 *                     |          +-- engine_change()     |
 *                     +----------------------------------+
 *
 * A command, or a part of one, leaves in its job what comes next:
 *
 * - nothing: it is done, and result is the answer;
 * - part (engine_continue()): the same command goes on there, on another thread or this one;
 * - change and report (set by the command, on the pool): the commit thread carries the change out, in
 *   one commit with others that wait, and report makes the result of what came of it. With again set
 *   a change that came too late is made anew;
 * - many (engine_make_changes(), on the pool): each change becomes a job of its own, that has whole.
 *   The command's job stands in no queue then: the last of them tells it, and it is done.
 *
 * A change that no command made has change from the start, and change_done in place of done.
 *
 * A job is one thread's at a time, which hands it on through a queue under the engine's lock, by the
 * pool, or by the publisher; so its members need no lock.
 */
#ifndef CONTROL_JOB_H
#define CONTROL_JOB_H

#include <uv.h>

#include "control/commands.h"
#include "control/commit/commit.h"
#include "control/engine.h"

struct job;

/* Loop thread: says as JSON, in job->result, what came of the change that a command made. */
typedef enum engine_outcome job_report(struct job *j);

/* Loop thread: one of the changes that a command made is done; its outcome and result are lent. */
typedef void change_took(struct job *j, size_t place, const struct change_result *changed,
                         enum engine_outcome outcome, json_t *result);

/* The changes of a command that makes many. */
struct job_changes {
	struct change **changes; /* until they are jobs of their own; then NULL */
	size_t count;
	size_t left; /* that are not done */
	change_took *took;
	job_report *took_all; /* gives the command's outcome */
};

struct job {
	struct job *next; /* in its queue */
	struct engine *engine;
	struct actor *actor;

	/* What is asked for, and who is told. */
	const struct command *command; /* NULL: a change, or there is none of that name */
	char *name;                    /* of the command, as it was asked for */
	json_t *args;
	engine_done *done;
	change_done *change_done; /* instead of done, for a change that no command made */
	void *arg;                /* for either */
	struct job *whole; /* instead of both, for one of many: the command's job */
	size_t place;      /* among them */

	/* What comes next. */
	engine_command *part; /* NULL: none */
	enum command_thread part_thread;
	struct change *change;
	job_report *report;
	bool again; /* the command runs anew when its change comes too late: ERR_STALE */
	unsigned tries; /* how often it has */
	struct job_changes many;
	void *state; /* the command's, between its parts */
	void (*state_free)(void *state);

	/* What came of it. */
	json_t *result;
	enum engine_outcome outcome;
	struct change_result changed;
	double waited_ms; /* of a change, in the queue since queued_ns */
	uint64_t queued_ns, committed_ns;
	bool waits; /* until every data plane shows generation grace, for so long at most: */
	unsigned timeout_ms;
	uint64_t grace;
};

struct job_queue {
	struct job *first;
	struct job **last;
};

void job_queue_init(struct job_queue *q);
void job_push(struct job_queue *q, struct job *j);
/* NULL: the queue is empty. */
struct job *job_pop(struct job_queue *q);

/* Pool, commit thread; a part on the loop, too. Runs the job's command, or its next part. */
void job_run(struct job *j);

/* Loop thread: goes on with all jobs that the commit thread has given back. */
void jobs_deliver(uv_async_t *async);

#endif
