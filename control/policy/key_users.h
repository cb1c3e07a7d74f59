/*
 * Who uses a TSIG key: remotes and rules of the configuration, and metadata of zones, by the key's name.
 */
#ifndef CONTROL_POLICY_KEY_USERS_H
#define CONTROL_POLICY_KEY_USERS_H

#include <stdint.h>

#include "control/access/actor.h"
#include "control/config/config.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum { KEY_USER_SIZE = NAME_TEXT_MAX + 128 };

/* Any thread. Looks for one who would be left without a key when it goes from the store, and writes it for
 * people: "the remote \"hidden\"". ERR_NOTFOUND: there is none. Zones that the actor does not see do not
 * count, and what the configuration has is not told who is confined. Costs a walk through
 * all zones. */
MUST_CHECK int key_user_find(struct store_txn *t, const struct config *c,
                             const struct actor *a, const uint8_t *key,
                             char user[static KEY_USER_SIZE]);

#endif
