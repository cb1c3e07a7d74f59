/* What the engine's files share: commands run on the commit thread. */
#ifndef CONTROL_ENGINE_INTERNAL_H
#define CONTROL_ENGINE_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include "control/commit/commit.h"
#include "control/engine.h"

struct job {
	struct job *next;
	char *command;
	json_t *args;
	json_t *result;
	enum engine_outcome outcome;
	engine_done *done;
	void *arg;
};

struct job_queue {
	struct job *first;
	struct job **last;
};

struct engine {
	struct committer committer;
	const struct config *config;
	struct publisher *publisher;
	pthread_t thread;
	pthread_mutex_t lock; /* queues and stopping */
	pthread_cond_t wake;
	struct job_queue waiting;
	struct job_queue finished;
	bool stopping;
	uv_async_t async;
	struct timespec started;
	bool synced;          /* the configuration's zones have been loaded once */
	char sync_error[256]; /* of the last such load, or empty */
};

/* A command fills result, an empty object, and says how it went. */
typedef enum engine_outcome engine_command(struct engine *e, const json_t *args,
                                           json_t *result);

engine_command command_status;
engine_command command_stats;
engine_command command_version;
engine_command command_conf_show;
engine_command command_conf_check;
engine_command command_zone_list;
engine_command command_zone_show;
engine_command command_zone_add;
engine_command command_zone_remove;
engine_command command_zone_reload;
engine_command command_zone_sync;
engine_command command_zone_export;
engine_command command_zone_check;
engine_command command_explain;

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

#endif
