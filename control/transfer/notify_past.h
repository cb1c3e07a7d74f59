/*
 * What others are still to be told of since the last run: the store remembers up to which change in the log all
 * that was to be told has been, and what the log has beyond that has not. It is written down now and then, so
 * that after a crash some is told twice, and none is left out.
 */
#ifndef CONTROL_TRANSFER_NOTIFY_PAST_H
#define CONTROL_TRANSFER_NOTIFY_PAST_H

#include <stddef.h>
#include <stdint.h>

#include "control/engine.h"
#include "shared/compiler.h"

struct contents_arena;

struct past_zone {
	uint32_t id;
	const uint8_t *name; /* lent by the arena */
};

struct notify_past {
	uint64_t told;   /* all is told up to this change */
	uint64_t newest; /* that the log has */
	struct past_zone *
		zones; /* whose serials have changed in between; some may be there twice */
	size_t count, room;
	struct contents_arena *arena;
};

/* Pool. *p is to be all zero. Where nothing is written down, as in a new store, all counts as told. ERR_CORRUPT, and
 * errors of the store. notify_past_fini() in any case. */
MUST_CHECK int notify_past_read(struct notify_past *p, struct store_txn *t);
void notify_past_fini(struct notify_past *p);

/* Writes down that all is told up to a change. */
void notify_past_note(struct engine *e, uint64_t told);

#endif
