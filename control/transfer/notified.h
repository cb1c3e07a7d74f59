/*
 * Of which serial of each zone others have been told, from one run to the next: it is among the zone's marks
 * (control/zone_marks.h) at once, and written down a minute later at most.
 *
 * Loop thread, where nothing else is said.
 */
#ifndef CONTROL_TRANSFER_NOTIFIED_H
#define CONTROL_TRANSFER_NOTIFIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/engine.h"
#include "shared/compiler.h"

/* Zones of which something is not written down. */
struct notified {
	uint32_t *zones;
	size_t count, room;
};

/* Pool. Reads what is written down into the engine's marks. Errors of the store. */
MUST_CHECK int notified_read(struct engine *e, struct store_txn *t);

void notified_set(struct notified *n, struct engine *e, uint32_t zone, uint32_t serial);
/* The zone is gone. */
void notified_forget(struct notified *n, struct engine *e, uint32_t zone);

/* Writes down what is not, of so many zones at most that others need not wait long for the store. Gives whether some is
 * left. */
bool notified_write(struct notified *n, struct engine *e);

void notified_fini(struct notified *n);

#endif
