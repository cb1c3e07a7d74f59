/*
 * The run itself: one DPDK port with one queue each way, one processor that sends and receives.
 */
#ifndef PERF_LOADGEN_RUN_H
#define PERF_LOADGEN_RUN_H

#include <signal.h>

#include "perf/loadgen/options.h"
#include "perf/loadgen/result.h"

struct run;

/* Starts EAL and the port, and waits for the link. lends both for the run's life. Gives NULL and
 * says why. */
struct run *run_open(const struct options *options, const struct queryset *set,
                     char why[static WHY_MAX]);
void run_close(struct run **run);

/* Warms up, measures, and waits for what is still under way. Gives false when it was interrupted;
 * what was measured until then counts all the same. */
bool run_step(struct run *run, const struct options_step *step, struct result *out);

/* Set by a signal handler: the step that runs ends soon, and those after it at once. */
extern volatile sig_atomic_t run_interrupted;

#endif
