/*
 * Which zone a logged query was for, and how many there were for each of a few zones that the
 * configuration names (query-log.count-zones).
 *
 * The numbers are estimates: each record stands for as many queries as one in so many is logged. Nothing
 * of it happens where queries are answered, which know of no such zones. The standard error of an estimate
 * of n queries, one in N logged, is about the square root of n N; records lost for want of room are
 * missing.
 */
#ifndef CONTROL_QLOG_ZONES_H
#define CONTROL_QLOG_ZONES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "shared/name.h"
#include "shared/qlog.h"
#include "shared/table.h"

/* Queries of one zone since it is counted. */
struct zone_count {
	uint8_t name[NAME_MAX_LEN]; /* folded */
	uint64_t noerror;
	uint64_t nxdomain;
	uint64_t other;
};

struct zone_counts {
	pthread_mutex_t lock;
	unsigned n;
	struct zone_count of[CONFIG_COUNTED_ZONES_MAX];
};

/* Writes the folded name of the zone that answers a sound record's question; false: none does. For a
 * reader of the table that is online. */
bool qlog_zone_of(const struct table *t, const struct qlog_record *r,
                  uint8_t zone[static NAME_MAX_LEN]);

void zone_counts_init(struct zone_counts *c);
void zone_counts_fini(struct zone_counts *c);

/* Any thread, as all that follow. Counts the zones of a list in a configuration's form, and no others;
 * what was counted of those that stay is kept. */
void zone_counts_set(struct zone_counts *c, const char *names);

/* A record of that zone stands for so many queries. */
void zone_counts_add(struct zone_counts *c, const uint8_t *zone, uint16_t rcode,
                     uint32_t queries);

/* Gives how many were written, in the order of the configuration. */
unsigned zone_counts_look(struct zone_counts *c,
                          struct zone_count out[static CONFIG_COUNTED_ZONES_MAX]);

#endif
