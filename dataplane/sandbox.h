/*
 * What the data plane may still do once everything is open: answer packets, hear from the control
 * plane, start and end threads. Whoever takes it over through a packet gets no more than that.
 */
#ifndef DATAPLANE_SANDBOX_H
#define DATAPLANE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/compiler.h"

struct sandbox_options {
	const char *io; /* name of the back end: "udp", "xdp" or "dpdk" */
};

/* For all threads of the process, for good: no capabilities, no gaining of any, and only the
 * system calls of sandbox.def; others give EPERM. In release builds also no core dumps and no
 * debugger. Under a sanitizer or with coverage, whose libraries trace and write files at exit,
 * the system calls stay.
 * ERR_INVALID: no such back end; ERR_SYSTEM, ERR_TIMEOUT, ERR_NOMEM: the process may be half-way
 * in. text says what failed. */
MUST_CHECK int sandbox_enter(const struct sandbox_options *options, char *text,
                             size_t text_size);

/* False where the build leaves out the filter of system calls. */
extern const bool sandbox_filters;

#endif
