/*
 * The command line of anser-load.
 */
#ifndef PERF_LOADGEN_OPTIONS_H
#define PERF_LOADGEN_OPTIONS_H

#include "perf/loadgen/queryset.h"

enum { OPTIONS_STEPS_MAX = 64, OPTIONS_BURST_MAX = 256 };

struct options {
	struct queryset_options queries;
	enum frame_peer peer;
	/* Packets a second, step by step; HUGE_VAL is "as many as the link takes". */
	double rates[OPTIONS_STEPS_MAX];
	size_t steps;
	bool curve; /* rates are multiples of what a first step finds to be the peak */
	double seconds, warm_up, timeout, link_wait;
	unsigned in_flight; /* 0: no limit */
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
