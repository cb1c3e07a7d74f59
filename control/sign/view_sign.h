/*
 * Signs what a change makes of a zone that is signed here: the RRsets that the change touches, and where a delegation or a
 * DNAME comes or goes those below it, which become the zone's own or are not any more. All others keep
 * the signatures that they have.
 *
 * Costs a signature for each of these, and a few look-ups; nothing of the zone's size, but for what is below a
 * delegation or a DNAME that comes or goes.
 */
#ifndef CONTROL_SIGN_VIEW_SIGN_H
#define CONTROL_SIGN_VIEW_SIGN_H

#include <stddef.h>

#include "control/change/check.h"
#include "control/sign/set_signer.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"

/* The view has the chain of denial already as it is to be, and goes on to be whose it was; its RRsets get their
 * signatures in the arena. *made: how many RRsets were signed. Errors of the store and of set_signer_sign(): then the
 * view is as it was. */
MUST_CHECK int view_sign(struct change_view *v, struct set_signer *s,
                         struct contents_arena *a, size_t *made);

#endif
