/*
 * How a metric is written in the text format of Prometheus (version 0.0.4): a family, then all of its samples.
 * Names are without "anser_", which is put before each. Errors are left to the stream.
 */
#ifndef CONTROL_METRICS_FORMAT_H
#define CONTROL_METRICS_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/histogram.h"

/* Begins a family; type: "counter", "gauge", "histogram". */
void metric_family(FILE *to, const char *name, const char *type, const char *help);

/* A family of one metric without labels. */
void metric_single(FILE *to, const char *name, const char *type, uint64_t value,
                   const char *help);

/* A sample with one label; text is one of our own words. */
void metric_labelled(FILE *to, const char *name, const char *label, const char *text,
                     uint64_t value);

/* The text of a label that somebody else has chosen: what has a meaning in the format, or is not ASCII, is
 * not passed on. */
void metric_put_foreign(FILE *to, const char *text);

/* The name of a zone as text, which has no octet but printable ones. */
void metric_put_zone(FILE *to, const char *text);

/* Powers of two from 2^low on, each in parts of the metric's unit; open_ended: the last bucket is for
 * all that is larger. */
struct distribution {
	const uint64_t *counts;
	unsigned buckets;
	unsigned low;
	bool open_ended;
	double unit;
	uint64_t sum;
};

/* A family of one histogram. */
void metric_histogram(FILE *to, const char *name, const struct distribution *d,
                      const char *help);

/* The same, in seconds. */
void metric_durations(FILE *to, const char *name, const struct durations *d,
                      const char *help);

#endif
