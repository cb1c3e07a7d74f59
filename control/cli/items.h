/*
 * Where commands take things from: those they are to be done to from the command line, or with "-"
 * from standard input, one a line, blank lines and lines that begin with "#" left out; and files.
 */
#ifndef CONTROL_CLI_ITEMS_H
#define CONTROL_CLI_ITEMS_H

#include <limits.h>

#include "control/cli/cli.h"

/* Does one command to one of them, lent for the call. */
typedef enum engine_outcome items_run(struct cli *c, char *item);

/* Does it to each, until there is no server or no time. Gives the worst outcome. */
enum engine_outcome items_each(struct cli *c, items_run *run);

/* Reads from where a stream is to its end. Gives the text, with a NUL behind it, the caller's to free, or NULL
 * with errno set. */
char *read_to_end(FILE *from, size_t *len);

/* Reads all of a file, or with "-" of standard input, in the same way. */
char *read_path(const char *path, size_t *len);

/* The server's working directory is another: every path is made absolute. Gives false after a
 * message. */
bool absolute_path(const char *path, char out[static PATH_MAX]);

#endif
