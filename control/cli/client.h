/*
 * One connection to the control socket, from the side of the client: a line out, a line in.
 */
#ifndef CONTROL_CLI_CLIENT_H
#define CONTROL_CLI_CLIENT_H

#include <stdint.h>

#include "control/engine.h"
#include "shared/compiler.h"

struct client;

/* Milliseconds of a clock that only rises. */
uint64_t client_now(void);

/* ENGINE_OK, ENGINE_NOT_RUNNING when nobody listens on path, or ENGINE_REFUSED when we may not
 * connect; text says why. */
enum engine_outcome client_open(const char *path, struct client **out, char *text,
                                size_t text_size);
void client_close(struct client **c);

/* Sends line (which ends with a newline) and gives in *answer the line that comes back, lent until
 * the next call. ENGINE_TIMED_OUT after the deadline, ENGINE_NOT_RUNNING when the server hangs
 * up; the connection is of no use then. */
enum engine_outcome client_exchange(struct client *c, const char *line, uint64_t deadline,
                                    const char **answer);

#endif
