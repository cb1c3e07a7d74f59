/*
 * An engine on a loop, without sockets, for tests of what asks it and watches it. The store is in a directory
 * that live_close() removes.
 */
#ifndef TESTS_LIVE_H
#define TESTS_LIVE_H

#include <uv.h>

#include "control/config/config.h"
#include "control/engine.h"

struct live {
	uv_loop_t loop;
	uv_async_t keep; /* the loop alive */
	const struct config *config;
	struct publisher *publisher;
	struct engine *engine;
	char dir[32];
};

/* Any failure ends the test. */
void live_open(struct live *l);
/* Runs the loop until all that is being closed is. */
void live_close(struct live *l);

#endif
