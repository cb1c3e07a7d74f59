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
		char name[COMMAND_NAME_MAX];
		char left[128];

		(void)snprintf(left, sizeof left, "%s %s",
		               cli_command_name(command, name), command->synopsis);
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
	char name[COMMAND_NAME_MAX];

	(void)printf("usage: anserctl %s %s\n\n%s\n", cli_command_name(command, name),
	             command->synopsis, command->help);
	if (command->args[1] == ARG_ZONE && strstr(command->synopsis, "| -"))
		(void)puts("With \"-\", they are read from standard input, one a line.");
	(void)puts("\nOptions:");
	for (unsigned i = 0; i < cli_option_count; i++)
		if (!(cli_options[i].takes & ~command->takes))
			print_option(&cli_options[i]);
}

/* All commands that begin with a word. */
static unsigned print_commands_of(const char *noun)
{
	unsigned found = 0;

	for (unsigned i = 0; i < cli_command_count; i++) {
		if (strcmp(cli_commands[i].noun, noun) != 0)
			continue;
		(void)fputs(found++ ? "\n" : "", stdout);
		print_command(&cli_commands[i]);
	}
	return found;
}

enum engine_outcome run_help(struct cli *c)
{
	unsigned used;

	if (!c->arg_count) {
		print_overview();
		return ENGINE_OK;
	}
	if (c->arg_count == 1 && print_commands_of(c->args[0]))
		return ENGINE_OK;
	const struct command *command = cli_find_command(c->args, c->arg_count, &used);
	if (!command)
		return cli_no_command(c->args, c->arg_count);
	print_command(command);
	return ENGINE_OK;
}
