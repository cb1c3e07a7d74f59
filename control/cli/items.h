/*
 * The things a command is to be done to: from the command line, or with "-" from standard input,
 * one a line, blank lines and lines that begin with "#" left out.
 */
#ifndef CONTROL_CLI_ITEMS_H
#define CONTROL_CLI_ITEMS_H

#include <limits.h>

#include "control/cli/cli.h"

struct items {
	char **args;
	unsigned left;
	bool from_stdin;
	char *line;
	size_t room;
};

void items_init(struct items *i, const struct cli *c);
void items_fini(struct items *i);

/* Gives the next one, lent until the next call, or NULL. */
char *items_next(struct items *i);

/* The server's working directory is another: every path is made absolute. Gives false after a
 * message. */
bool absolute_path(const char *path, char out[static PATH_MAX]);

#endif
