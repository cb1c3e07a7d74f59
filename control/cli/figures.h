/*
 * What a server did between two looks at it, as figures per second: made from the results of "status"
 * and "stats" alone, for people ("top") and for programs.
 */
#ifndef CONTROL_CLI_FIGURES_H
#define CONTROL_CLI_FIGURES_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* A look: both results, held. */
struct look {
	json_t *status;
	json_t *stats;
	uint64_t at; /* ms */
};

void look_fini(struct look *l);

/* Gives an object that the caller releases (anserctl(1), TOP), or NULL when there is nothing to compare:
 * it is another process now, or no time has passed. */
json_t *figures_between(const struct look *before, const struct look *after);

enum figures_order {
	BY_WORKER,
	BY_QUERIES,
	BY_DROPS,
	BY_LATENCY,
	ORDER_COUNT,
};

extern const char *const figures_orders[ORDER_COUNT];

/* Writes them as lines for people. Control characters are left out. */
void figures_write(const json_t *figures, enum figures_order order, FILE *to);

#endif
