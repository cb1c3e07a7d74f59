/* What the engine's files share. */
#ifndef CONTROL_ENGINE_INTERNAL_H
#define CONTROL_ENGINE_INTERNAL_H

#include <pthread.h>

#include "control/commit/commit.h"
#include "control/engine.h"
#include "control/job.h"
#include "control/shown.h"
#include "control/uploads.h"
#include "control/watch.h"

struct engine {
	struct committer committer;  /* the commit thread's, but for store and source */
	const struct config *config; /* held; see engine_config() */
	char *config_error;          /* why the last reload was refused, or NULL */
	struct engine_configured configured;   /* the loop thread's */
	struct engine_secondaries secondaries; /* likewise */
	struct engine_catalogs catalogs;       /* likewise */
	struct engine_keeper keeper;           /* likewise */
	struct engine_notifier notifier;
	struct engine_transfers transfers;
	struct zone_marks marks;
	struct publisher *publisher;
	struct shown shown;
	struct audit *audit;
	struct uploads uploads;
	pthread_t thread;
	pthread_mutex_t lock; /* queues, notes, readers, stopping and configuration */
	pthread_cond_t wake;
	struct job_queue waiting;
	struct job_queue finished;
	struct change_note *notes; /* that those who watch are still to be told */
	unsigned readers;          /* running on the pool */
	bool stopping;
	atomic_bool closing; /* the same, for who looks often and without the lock */
	atomic_ullong turns; /* of the commit thread; pulse.c */
	atomic_ullong requests[API_VERDICTS]; /* to the API; the loop thread writes */
	uint64_t trims_next; /* the commit thread's: when to look at the log again, ms */
	/* The loop thread's. */
	bool closed;       /* there is no commit thread any more */
	struct job *alone; /* the one that runs, of those that do so alone */
	struct job_queue to_be_alone;
	struct watch watches[WATCHES_MAX];
	unsigned watch_count;
	uv_async_t async;
	atomic_uint references; /* the handle above, and whatever is to come back */
	uint64_t started_ms;    /* by clock_now_ms() */
	struct backup_spool
		*spool; /* under lock: the backup that waits to be fetched, or NULL */
	atomic_flag backing_up;
};

void engine_release(struct engine *e);

/* Throws away the backup that nobody has fetched. */
void backup_forget(struct engine *e);

/* Sets "audit", and adds what is wrong with the audit log to the alarms. */
void audit_status(struct engine *e, json_t *result, json_t *alarms);

/* Sets "error" and gives outcome. */
enum engine_outcome engine_fail(json_t *result, enum engine_outcome outcome,
                                const char *format, ...) PRINTF_LIKE(3, 4);

/* Sets "error" and, where err says so, "reason", by which programs tell refusals apart: "not-found",
 * "denied", "exists", "in-use". Gives ENGINE_REFUSED. */
enum engine_outcome engine_refuse(json_t *result, int err, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* Refuses an actor that is confined by grants, to which keys are not shown and which keeps none. */
MUST_CHECK enum engine_outcome engine_refuse_grants(json_t *result);

/* The zone that args names: the folded name is written to name. */
MUST_CHECK enum engine_outcome engine_zone_arg(const json_t *args, json_t *result,
                                               uint8_t name[static NAME_MAX_LEN]);

/* What the store says of a zone, by its folded name. ERR_NOTFOUND: there is none, or the actor of the
 * running job does not see it, which nobody is to tell apart. */
MUST_CHECK int engine_find_zone(struct store_txn *t, const uint8_t *name,
                                struct store_zone *out);
/* The same in a transaction of its own. */
MUST_CHECK int engine_look_up_zone(struct engine *e, const uint8_t *name,
                                   struct store_zone *out);

/* The zone that args names, as the actor of the running job sees it; else the command is refused. */
MUST_CHECK enum engine_outcome engine_zone_wanted(struct engine *e, const json_t *args,
                                                  json_t *result, struct store_zone *out);

/* Pool: the same, and has the command go on on the loop's thread, with what the store says of the zone as
 * the job's state. */
MUST_CHECK enum engine_outcome engine_continue_with_zone(struct engine *e,
                                                         const json_t *args,
                                                         json_t *result,
                                                         engine_command *part);

/* The tenant that a key is to be of: "tenant" of args, else that of the actor of the running job, who may
 * keep keys of no other one if he has one. */
MUST_CHECK enum engine_outcome engine_tenant_of_key(const json_t *args, json_t *result,
                                                    char tenant[static TENANT_SIZE]);

/* The job whose command this thread runs. */
struct job *engine_job(void);

/* Has the running command go on with a further part; its outcome so far does not count. */
void engine_continue(enum command_thread where, engine_command *part);

/* Pool: the running command makes these changes, taken with the array, and is done when they are.
 * result says what came of each, and is what report makes; then took is called, and in the end
 * took_all gives the command's outcome. */
void engine_make_changes(struct change **changes, size_t count, job_report *report,
                         change_took *took, job_report *took_all);

/* Loop thread: from now on this configuration counts, which is held. */
void engine_set_config(struct engine *e, const struct config *next);

/* Any thread. Keeps why a reload was refused, for status; NULL: it was not. */
void engine_set_config_error(struct engine *e, const char *text);

/* Frees the running job's state: its next part has another. */
void engine_drop_state(void);

/* Commit thread: the running command's answer is to wait until every data plane shows the last
 * commit, unless args say otherwise; sets "visible_ms". */
void engine_wait_visible(struct engine *e, const json_t *args, json_t *result);

/* Commit thread: carries out a change (taken) by itself, and sets "change" to its number, null when there
 * was nothing to do. */
enum engine_outcome engine_commit(struct engine *e, struct change **c, json_t *result);

/* Whether args want an answer only when every data plane shows the change, and for how long at most. */
void engine_read_wait(const json_t *args, bool *waits, unsigned *timeout_ms);

/* A change in the name of whoever gave the running command, which waits, or only tries, as args say. */
struct change *engine_change_new(const json_t *args);

/* Loop thread: says what came of j->changed, zone by zone, or why it was refused. */
job_report engine_report_change;

/* Loop thread: sets "visible_ms" by j->changed. */
enum engine_outcome engine_report_visible(struct job *j);

#endif
