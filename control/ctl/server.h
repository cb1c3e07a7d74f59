/*
 * The control socket: one JSON object per line in, one per line out, on a Unix stream socket that
 * only its owner and group may use.
 *
 *      {"command": "zone reload", "args": {"zone": "example.com"}}
 *      {"outcome": 0, "result": {...}}
 *
 * A client's commands run one after the other, in its order; while one runs, or while its
 * response waits for the client, nothing more is read from that client.
 */
#ifndef CONTROL_CTL_SERVER_H
#define CONTROL_CTL_SERVER_H

#include <stddef.h>
#include <uv.h>

#include "control/engine.h"
#include "shared/compiler.h"

struct ctl_server;

/* A socket file that nobody listens on is replaced; ERR_EXISTS when somebody does, or when the
 * path is something else. engine is lent for the server's life. The process ignores SIGPIPE from
 * here on. */
MUST_CHECK int ctl_server_open(uv_loop_t *loop, const char *path, struct engine *engine,
                               struct ctl_server **out, char *text, size_t text_size);

/* Hangs up on everybody. What is left ends with the loop's next turns; a command still under way
 * may call back until then. */
void ctl_server_close(struct ctl_server **s);

struct ctl_limits {
	unsigned clients;
	size_t line;               /* bytes of one command */
	unsigned write_timeout_ms; /* for a client to take a whole response */
};

/* For clients from now on, instead of 64 clients, 16 MiB and 30 s. */
void ctl_server_limit(struct ctl_server *s, const struct ctl_limits *limits);

#endif
