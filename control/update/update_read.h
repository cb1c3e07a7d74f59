/*
 * Update messages (RFC 2136 §2) become updates: their form is checked as far as that needs no zone, and what is
 * left is what control/change/update.h evaluates.
 */
#ifndef CONTROL_UPDATE_UPDATE_READ_H
#define CONTROL_UPDATE_UPDATE_READ_H

#include "control/change/update.h"
#include "control/wire/reader.h"
#include "shared/compiler.h"

/* Reads prerequisites and updates into u, which is the change's. w is room to work in.
 * ERR_CORRUPT: FORMERR. ERR_REFUSED: it would make records of which only the signer of a zone makes any.
 * Whatever it gives, u has to do with the message no more. */
MUST_CHECK int update_read(const struct message *m, struct message_walk *w,
                           struct change *c, struct update *u);

#endif
