/*
 * What the benchmarks share: a committer of their own over a store that goes when they end, so
 * that zones take the same road into the table as in the server, and the clock.
 */
#ifndef PERF_BENCH_H
#define PERF_BENCH_H

#include <stdint.h>

#include "control/commit/commit.h"
#include "shared/compiler.h"

struct bench {
	struct config *config;
	struct committer committer;
	char dir[256]; /* made by bench_open(), removed by bench_close() */
};

/* parent: the directory in which the store's is made. All functions end the process, with a
 * reason, when something fails. */
void bench_open(struct bench *b, const char *parent);
void bench_close(struct bench *b);

/* Closes the store and starts again from it. Gives the seconds that the start took. */
double bench_reopen(struct bench *b);

/* What loading took, in seconds. */
struct bench_load {
	double read;   /* text to contents, checked */
	double commit; /* store, compile, publish */
	uint64_t records;
	struct commit_report report;
};

/* Loads a zone file, as the first contents of a new zone or the next of one that is there. */
void bench_load_file(struct bench *b, const char *origin, const char *path,
                     struct bench_load *out);

/* Loads generated zones "z%07u.ORIGIN", each with names hosts, in commits of many zones each. */
void bench_load_zones(struct bench *b, const char *origin, uint32_t zones, uint32_t names,
                      struct bench_load *out);

/* The table as readers see it. */
const struct table *bench_table(struct bench *b);

/* Seconds from some moment on. */
double bench_now(void);

/* Ends the process with a message. */
COLD _Noreturn void bench_fail(const char *format, ...) PRINTF_LIKE(1, 2);

/* Parses a number, or ends the process. */
uint32_t bench_number(const char *text);

/* Wire form of a name, or ends the process. */
void bench_name(const char *text, uint8_t name[static NAME_MAX_LEN]);

#endif
