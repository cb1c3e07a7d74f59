/*
 * Making a change of the arguments of a command: JSON, and in it names and records as zone text,
 * become edits.
 */
#ifndef CONTROL_MAKING_H
#define CONTROL_MAKING_H

#include <jansson.h>
#include <stdbool.h>

#include "control/change/change.h"
#include "control/engine.h"
#include "control/zone/rdata_text.h"

enum { EDITS_MAX = 20000 };

struct making {
	struct store_txn *txn;
	struct change *change;
	struct rdata_text *text;
	json_t *result;
	size_t where; /* index of the edit */
	bool many;    /* it is told which one is wrong */
};

/* Pool, in a job. Opens a snapshot of the store, and makes no change yet. */
MUST_CHECK int making_open(struct making *m, struct engine *e);
void making_close(struct making *m);

/* Adds the edit to m->change. op: "set", "add", "del", or NULL. Refused, result says why. */
enum engine_outcome making_add_edit(struct making *m, const json_t *edit, const char *op);

/* The same with the array "edits", and with the versions that zones must still have. */
enum engine_outcome making_add_edits(struct making *m, const json_t *args);

#endif
