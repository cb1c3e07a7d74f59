/*
 * Where what a signing has made so far is kept (control/sign/journal.h): in the store's directory, a file for each large zone
 * that is being signed as a whole, until that is committed.
 *
 * Any thread; for one zone one at a time.
 */
#ifndef CONTROL_KEEPER_JOURNALS_H
#define CONTROL_KEEPER_JOURNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/sign/journal.h"
#include "control/sign/zone_keys.h"

/* Gives NULL when it cannot be had, which is said. */
struct sign_journal *journals_open(const struct config *c, const struct zone_keys *k);

/* Of a zone that needs none any more; there may be none. */
void journals_remove(const struct config *c, uint32_t zone);

/* Removes those of zones that are not wanted. */
void journals_sweep(const struct config *c, bool (*is_wanted)(uint32_t zone, void *),
                    void *arg);

#endif
