/*
 * Where two versions of a zone differ, RRset by RRset, and how that is shown or asked for.
 */
#ifndef CONTROL_CLI_DIFFERENCES_H
#define CONTROL_CLI_DIFFERENCES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "control/zone/contents.h"

/* One RRset; NULL where it is not there. */
struct difference {
	const struct contents_rrset *before;
	const struct contents_rrset *after;
};

/* In canonical order; lent from both contents. */
struct differences {
	const uint8_t *apex;
	struct difference *list;
	size_t count;
	size_t room;
};

/* What counts as one. */
enum differences_mode {
	DIFFERENCES_ALL,
	DIFFERENCES_OF_VALUE,   /* not the case of names where it means nothing */
	DIFFERENCES_BUT_SERIAL, /* nor the serial of the SOA */
};

/* before, after: of one zone; one of them may be NULL, for none at all. */
void differences_find(struct differences *d, const struct contents *before,
                      const struct contents *after, enum differences_mode mode);
void differences_free(struct differences *d);

/* Record by record, "-" what goes and "+" what comes. */
void differences_print(const struct differences *d, bool colour, FILE *to);

/* [{"name", "type", "before": {"ttl", "records"} or null, "after"}...] */
json_t *differences_json(const struct differences *d);

/* As the edits of the command "change". */
json_t *differences_edits(const struct differences *d);

#endif
