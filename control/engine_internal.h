/* What the engine's files share. */
#ifndef CONTROL_ENGINE_INTERNAL_H
#define CONTROL_ENGINE_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include "control/commit/commit.h"
#include "control/engine.h"
#include "control/shown.h"

struct command;
struct job;

/* A command fills result, an empty object, and says how it went. */
typedef enum engine_outcome engine_command(struct engine *e, const json_t *args,
                                           json_t *result);

/* Where a command, or a part of it, runs. */
enum command_thread {
	ON_COMMIT,
	ON_POOL,
	ON_POOL_ALONE, /* begins on the pool; no two of these at a time */
};

/* Loop thread: says as JSON, in job->result, what came of the change that a command made. */
typedef enum engine_outcome job_report(struct job *j);

/* A command, a change, or a command that makes a change: that one runs on the pool first, where it
 * sets change and report. */
struct job {
	struct job *next;
	struct engine *engine;
	struct actor *actor;
	const struct command *command; /* NULL: there is none of that name */
	char *name;
	json_t *args;
	json_t *result;
	enum engine_outcome outcome;
	bool waits; /* until every data plane shows what it did */
	unsigned timeout_ms;
	uint64_t grace;
	struct timespec queued;
	double waited_ms; /* in the queue */
	struct timespec committed;
	engine_done *done;
	void *arg;
	struct change *change;
	struct change_result changed;
	change_done *change_done; /* instead of done, for a change that no command made */
	job_report *report;
	engine_command *part; /* the command's next part, or NULL */
	enum command_thread part_thread;
	void *state; /* the command's, between its parts */
	void (*state_free)(void *state);
};

struct job_queue {
	struct job *first;
	struct job **last;
};

struct engine {
	struct committer committer; /* the commit thread's, but for store and source */
	const struct config *config;
	struct publisher *publisher;
	struct shown shown;
	struct audit *audit;
	pthread_t thread;
	pthread_mutex_t lock; /* queues, readers and stopping */
	pthread_cond_t wake;
	struct job_queue waiting;
	struct job_queue finished;
	unsigned readers; /* running on the pool */
	bool stopping;
	atomic_ullong turns; /* of the commit thread; pulse.c */
	/* The loop thread's. */
	bool closed;       /* there is no commit thread any more */
	struct job *alone; /* the one that runs, of those that do so alone */
	struct job_queue to_be_alone;
	uv_async_t async;
	atomic_uint references; /* the handle above, and whatever is to come back */
	struct timespec started;
};

void engine_release(struct engine *e);

/* Sets "audit", and adds what is wrong with the audit log to the alarms. */
void audit_status(struct engine *e, json_t *result, json_t *alarms);

#define COMMAND(name, function, permission, thread) engine_command function;
#include "control/commands.def"
#undef COMMAND

/* Sets "error" and gives outcome. */
enum engine_outcome engine_fail(json_t *result, enum engine_outcome outcome,
                                const char *format, ...) PRINTF_LIKE(3, 4);

/* Adds key: value and takes value; out of memory ends the process. */
void engine_set(json_t *object, const char *key, json_t *value);

static inline json_t *engine_number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

json_t *engine_diagnostics(const struct diag *diag);

/* The zone that args names: the folded name is written to name. */
MUST_CHECK enum engine_outcome engine_zone_arg(const json_t *args, json_t *result,
                                               uint8_t name[static NAME_MAX_LEN]);

/* The job whose command this thread runs. */
struct job *engine_job(void);

/* Has the running command go on with a further part; its outcome so far does not count. */
void engine_continue(enum command_thread where, engine_command *part);

/* Commit thread: the running command's answer is to wait until every data plane shows the last
 * commit, unless args say otherwise; sets "visible_ms". */
void engine_wait_visible(struct engine *e, const json_t *args, json_t *result);

/* A change in the name of whoever gave the job's command, which waits as args say. */
struct change *engine_change_new(const struct job *j, const json_t *args);

/* Loop thread: sets "visible_ms" by j->changed. */
enum engine_outcome engine_report_visible(struct job *j);

#endif
