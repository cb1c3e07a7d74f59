/*
 * One catalog zone, as far as whoever keeps them has to know: whether it is to be looked at, how that went
 * last, and how both are told to an operator and to the metrics.
 */
#ifndef CONTROL_CATALOG_ONE_H
#define CONTROL_CATALOG_ONE_H

#include <jansson.h>

#include "control/catalog/catalog.h"
#include "control/catalog_figures.h"

struct catalog_one {
	uint32_t id;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	enum zone_kind kind;        /* producer or consumer */
	bool due;
	bool accepted; /* whatever goes, as long as the serial is this one */
	uint32_t accepted_serial;
	struct catalog_report report; /* CATALOG_UNREAD: there is none yet */
	uint64_t refused;             /* versions */
	uint32_t refused_serial;      /* of the last one */
	uint64_t followed_at;         /* s since 1970; 0: never */
};

/* Takes down how a look went that ended now (s since 1970), and logs it if that is new. */
void catalog_one_report(struct catalog_one *one, const struct catalog_report *r,
                        uint64_t now);

/* Gives an object, as "catalog list" tells it. */
json_t *catalog_one_json(const struct catalog_one *one);

/* Counts it in, and adds it to those that are told by themselves if there is room. */
void catalog_one_count(const struct catalog_one *one, struct catalog_figures *f);

#endif
