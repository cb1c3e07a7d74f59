/*
 * What the generator asks about: names and types from a file, or made from a pattern.
 *
 * File:     lines "name type", as dnsperf and kxdpgun read them; a third word of the letters E
 *           (EDNS) and D (DO) is kxdpgun's and overrides the shares. Lines that are empty or begin
 *           with '#' or ';' do not count.
 * Pattern:  "name type" with at most one %u or %07u (any width) in the name, for which a
 *           number below the range is drawn: all alike, or the k-th with a weight of 1 / k^zipf.
 */
#ifndef PERF_LOADGEN_QUESTION_H
#define PERF_LOADGEN_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/name.h"

enum { WHY_MAX = 256, ZIPF_RANGE_MAX = 1 << 24 };

struct question {
	uint8_t name[NAME_MAX_LEN];
	uint16_t name_len;
	uint16_t type;
	bool has_flags; /* the next two were said for this very line */
	bool edns;
	bool dnssec_ok;
};

struct question_options {
	const char *file;      /* or: */
	const char *pattern;   /* lent */
	uint32_t range;        /* numbers 0 to range - 1 */
	double zipf;           /* 0: all alike */
	bool random_subdomain; /* a random label of 12 in front of every name */
};

struct question_source;

/* Reads the file or the pattern. Gives NULL and says why when it cannot be used. */
struct question_source *question_open(const struct question_options *options,
                                      char why[static WHY_MAX]);
void question_close(struct question_source **s);

/* Lines of the file; 0 for a pattern, which never ends. */
size_t question_count(const struct question_source *s);

/* Gives the next, starting over at the file's end. False when the random label does not fit. */
MUST_CHECK bool question_next(struct question_source *s, uint64_t *random,
                              struct question *out);

/* xorshift64*; the state must not be 0. */
uint64_t question_random(uint64_t *state);

/* 0 to 1, without 1. */
double question_random_share(uint64_t *state);

#endif
