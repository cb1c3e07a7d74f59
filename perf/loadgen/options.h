/*
 * The command line of anser-load.
 */
#ifndef PERF_LOADGEN_OPTIONS_H
#define PERF_LOADGEN_OPTIONS_H

#include "perf/loadgen/queryset.h"

enum { OPTIONS_STEPS_MAX = 64, OPTIONS_BURST_MAX = 256 };

struct options_step {
	double rate; /* packets a second; HUGE_VAL is "as many as the link takes" */
	unsigned in_flight; /* most queries without a reply; 0: no limit */
};

struct options {
	struct queryset_options queries;
	enum frame_peer peer;
	struct options_step steps[OPTIONS_STEPS_MAX];
	size_t step_count;
	/* Then steps at these multiples of the most answers a second of those before. */
	double curve[OPTIONS_STEPS_MAX];
	size_t curve_count;
	double seconds, warm_up, timeout, link_wait;
	unsigned in_flight; /* of steps without a limit of their own; 0: no limit */
	unsigned burst;
	unsigned sample_every;
	unsigned descriptors;
	unsigned mbufs;
	const char *json; /* NULL: none; lent, from the arguments */
	bool help;
	int eal_argc; /* what stands behind "--", with the program's name in front */
	char **eal_argv;
};

/* Gives false and says why. The first "--" is overwritten with the program's name. */
MUST_CHECK bool options_parse(struct options *o, int argc, char **argv,
                              char why[static WHY_MAX]);

extern const char options_usage[];

#endif
