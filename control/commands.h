/*
 * The table of commands (commands.def): what each is called, where it begins, and who may give it.
 */
#ifndef CONTROL_COMMANDS_H
#define CONTROL_COMMANDS_H

#include "control/access/actor.h"
#include "control/engine.h"

/* A command fills result, an empty object, and says how it went. */
typedef enum engine_outcome engine_command(struct engine *e, const json_t *args,
                                           json_t *result);

/* Where a command, or a part of it, runs. */
enum command_thread {
	ON_COMMIT,
	ON_POOL,
	ON_POOL_ALONE, /* begins on the pool; no two of these at a time */
	ON_LOOP,       /* what is short */
};

/* Whom a command is for: commands.def. */
enum command_audience { FOR_ALL, FOR_UNCONFINED };

struct command {
	const char *name;
	engine_command *run;
	enum permission permission;
	enum command_thread thread;
	enum command_audience audience;
};

#define COMMAND(name, function, permission, thread, audience) engine_command function;
#include "control/commands.def"
#undef COMMAND

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);

/* Says whether the actor may give it: by its role, and by its tenant and grants. */
bool command_is_for(const struct command *c, const struct actor *a);

#endif
