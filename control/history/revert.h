/*
 * Making undone: a change whose edits give RRsets the values that they had. It is a change like any
 * other, and takes the one road: it is checked, logged, and may be undone itself.
 *
 * Two things can be asked for. All of the zone goes back to a state; or what a single change did is
 * undone, and what others did since stays, which is refused where both have touched the same RRset.
 * The serial goes on: of an SOA everything comes back but that. The zone's attributes stay, and so do its keys
 * where it is signed here: only data goes back, and is signed as it is now (bare.h).
 */
#ifndef CONTROL_HISTORY_REVERT_H
#define CONTROL_HISTORY_REVERT_H

#include <jansson.h>

#include "control/change/change.h"
#include "control/history/history.h"
#include "shared/compiler.h"

/* Fills in the change of a zone, an edit of h->zone, by args: "to", a state; or "change", a number,
 * and "force". Whoever makes the change is who may. It is made for the zone as it is in the
 * history's transaction, and marked so: ERR_STALE when it has changed by the time of the commit.
 * What it does is told in result: "reverted", how many records come and go, and of a dry run the
 * lines of the difference.
 * ERR_SYNTAX, ERR_REFUSED: see h->text, and "problems" in result. */
MUST_CHECK int revert_make(struct history *h, const json_t *args, struct change *c,
                           json_t *result);

#endif
