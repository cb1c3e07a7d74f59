/* Options set at run time (control/config/override.h) as the store keeps them. */
#ifndef CONTROL_STORED_OVERRIDES_H
#define CONTROL_STORED_OVERRIDES_H

#include "control/change/change.h"
#include "control/config/override.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* Adds what is stored to an empty list. */
MUST_CHECK int stored_overrides_get(struct store *s, struct overrides *out);

/* The same of a store that is not open, and is not open afterwards. text: what is wrong. */
MUST_CHECK int stored_overrides_read(const char *dir, struct overrides *out, char *text,
                                     size_t text_size);

/* Adds to a change what makes the stored ones, before, these. */
void stored_overrides_change(const struct overrides *before,
                             const struct overrides *after, struct change *change);

#endif
