#include <string.h>

#include "control/cli/cli.h"

static void print_option(const struct cli_option *o)
{
	char left[64];

	(void)snprintf(left, sizeof left, "-%c, --%s%s%s", o->letter, o->name,
	               o->value ? " " : "", o->value ? o->value : "");
	(void)printf("  %-24s %s\n", left, o->help);
}

static void print_overview(void)
{
	(void)puts("usage: anserctl [OPTIONS] COMMAND [ARGUMENTS]\n\nCommands:");
	for (unsigned i = 0; i < cli_command_count; i++) {
		const struct command *command = &cli_commands[i];
		char left[64];

		(void)snprintf(left, sizeof left, "%s%s%s %s", command->noun,
		               command->verb ? " " : "",
		               command->verb ? command->verb : "", command->synopsis);
		(void)printf("  %-28s %s\n", left, command->help);
	}
	(void)puts("\nOptions:");
	for (unsigned i = 0; i < cli_option_count; i++)
		print_option(&cli_options[i]);
	(void)puts(
		"\nExit status: 0 done, 1 refused, 2 wrong usage, 3 no server, 4 timed out.");
}

static void print_command(const struct command *command)
{
	(void)printf("usage: anserctl %s%s%s %s\n\n%s\n", command->noun,
	             command->verb ? " " : "", command->verb ? command->verb : "",
	             command->synopsis, command->help);
	for (unsigned i = 0; i < command->max_args && i < ARRAY_LEN(command->args); i++) {
		if (!strchr(command->synopsis, '-') || command->args[i] != ARG_ZONE)
			continue;
		(void)puts("With \"-\", they are read from standard input, one a line.");
		break;
	}
	(void)puts("\nOptions:");
	for (unsigned i = 0; i < cli_option_count; i++)
		if (!(cli_options[i].takes & ~command->takes))
			print_option(&cli_options[i]);
}

enum engine_outcome run_help(struct cli *c)
{
	unsigned found = 0;

	if (!c->arg_count) {
		print_overview();
		return ENGINE_OK;
	}
	for (unsigned i = 0; i < cli_command_count; i++) {
		const struct command *command = &cli_commands[i];

		if (strcmp(command->noun, c->args[0]) != 0)
			continue;
		if (c->arg_count > 1 && command->verb &&
		    strcmp(command->verb, c->args[1]) != 0)
			continue;
		(void)fputs(found++ ? "\n" : "", stdout);
		print_command(command);
	}
	return found ? ENGINE_OK : cli_usage("there is no command \"%s\"", c->args[0]);
}
