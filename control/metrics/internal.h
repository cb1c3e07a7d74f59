/* The parts of metrics_write() that have files of their own. Errors are left to the stream. */
#ifndef CONTROL_METRICS_INTERNAL_H
#define CONTROL_METRICS_INTERNAL_H

#include "control/metrics/metrics.h"

void metrics_write_catalogs(const struct metrics *m, FILE *to);
void metrics_write_planes(const struct metrics *m, FILE *to);
void metrics_write_signing(const struct metrics *m, FILE *to);
void metrics_write_transfers(const struct metrics *m, FILE *to);

#endif
