/*
 * The housekeeper: the data plane's main thread. It attaches to the control plane, does what it is
 * asked (switch the table, run a grace period), starts the workers when there is something to
 * serve, and ends them on SIGTERM or SIGINT. While there is no control plane the workers go on
 * from the table they have.
 */
#ifndef DATAPLANE_HOUSEKEEPING_H
#define DATAPLANE_HOUSEKEEPING_H

#include <stdbool.h>

#include "shared/compiler.h"

struct housekeeping_options {
	const char *control_socket;
	bool supervised; /* said to the control plane: whoever runs it started this process */
};

/* Runs until a signal ends it (0) or it cannot serve what it was told to (a negative error; the
 * reason is on standard error). */
MUST_CHECK int housekeeping_run(const struct housekeeping_options *options);

#endif
