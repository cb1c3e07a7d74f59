/*
 * A run of loads: zone files become what is served.
 *
 * It has two parts that take turns: files are read and checked on the pool, a chunk of them at a
 * time, and what came out is committed by the commit thread, a commit for each chunk. While files
 * are read the commit thread is free for other changes. What the configuration and the store say of
 * the zones is looked at before the first file is read; the commit goes by what is so by then.
 */
#ifndef CONTROL_LOADING_H
#define CONTROL_LOADING_H

#include "control/diag.h"
#include "control/engine_internal.h"
#include "control/load_list.h"
#include "control/zone/contents.h"

struct read_file;

/* Of a command, over as many commits as it takes. */
struct loading {
	/* Filled in by the command. */
	struct load_list list;
	bool sync;               /* it brings all zones in line with the configuration: */
	struct load_list wanted; /* what that one names */
	bool complete;           /* every directory could be read */
	uint64_t overtaken;      /* zones left alone since they were edited */

	/* What follows is the run's own. */
	struct engine *e;
	size_t at;              /* of the list: the next to be read */
	struct read_file *read; /* and not committed yet */
	size_t read_count;
	size_t read_room;
	json_t *zones; /* a report for each zone that was looked at, or NULL: failures only */
	json_t *failures;
	bool removed; /* a sync: what is not wanted any more */
	bool open;
	int err; /* of a commit that could not be finished */
};

/* Pool. Gives the running job's, to be filled in. report_all: not only of what is refused. */
struct loading *loading_new(struct engine *e, bool report_all);

/* Pool: reads the first files, and has the job go on by itself from there. */
engine_command loading_read;

/* Gives the zone that args name, which has a zone file: z->source. Else the command is refused. */
MUST_CHECK enum engine_outcome loading_source(struct engine *e, const uint8_t *name,
                                              const json_t *args, struct store_zone *z,
                                              json_t *result);

/* Reads and checks a zone file. */
MUST_CHECK int loading_contents(const struct load *load, struct contents **out,
                                struct diag *diag);

#endif
