/*
 * What one step of a run has found, and how it is told.
 */
#ifndef PERF_LOADGEN_RESULT_H
#define PERF_LOADGEN_RESULT_H

#include <stdbool.h>
#include <stdio.h>

#include "perf/loadgen/frame.h"
#include "perf/loadgen/histogram.h"

enum { RESULT_RCODES = 16, RESULT_SIZE_STEP = 32, RESULT_SIZES = 64 };

/* The queries that were sent while it was measured, and their replies, also those that came within
 * the time limit afterwards; "unexpected" and "foreign" are of the whole step. Times in ticks. */
struct result {
	double asked;       /* packets a second, HUGE_VAL: as many as the link takes */
	unsigned in_flight; /* most under way; 0: no limit */
	double seconds;     /* measured */
	double ticks_a_second;
	uint64_t offered; /* what the link took */
	uint64_t refused; /* was due, but the link was full */
	uint64_t skipped; /* was due, but the generator came too late */
	uint64_t
		in_time; /* all replies that came while it was measured, whenever asked for */
	uint64_t answered;   /* of those offered */
	uint64_t unexpected; /* replies that nobody waits for: twice, too late */
	uint64_t foreign;    /* frames that are no reply to us at all */
	uint64_t starved;    /* times without a free packet buffer */
	uint64_t bytes;      /* DNS octets of the replies */
	uint64_t authoritative, truncated;
	uint64_t rcodes[RESULT_RCODES];
	uint64_t sizes
		[RESULT_SIZES]; /* by DNS octets; the last also has all that are larger */
	uint64_t checked;       /* in full */
	uint64_t flaws[FRAME_FLAWS];
	uint64_t idle; /* ticks of turns in which nothing went out or came in */
	struct histogram latency;
};

/* Answers a second. */
static inline double result_rate(const struct result *r)
{
	return r->seconds > 0 ? (double)r->in_time / r->seconds : 0;
}

static inline uint64_t result_lost(const struct result *r)
{
	return r->offered - r->answered;
}

/* Checked replies that were not as they must be. */
uint64_t result_flawed(const struct result *r);

/* The table's head, and a step's line. */
void result_print_head(FILE *to);
void result_print(FILE *to, const struct result *r);

/* An array of objects, one for each step. */
void result_print_json(FILE *to, const struct result results[], size_t n);

#endif
