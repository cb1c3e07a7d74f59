#include "control/commands.h"

#include <string.h>

#include "shared/compiler.h"

static const struct command commands[] = {
#define COMMAND(name, function, permission, thread, audience) \
	{name, function, permission, thread, audience},
#include "control/commands.def"
#undef COMMAND
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

bool command_is_for(const struct command *c, const struct actor *a)
{
	return actor_may(a, c->permission) &&
	       (c->audience == FOR_ALL || !actor_is_confined(a));
}
