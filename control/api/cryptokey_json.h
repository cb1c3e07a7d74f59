/* Keys that sign a zone as PowerDNS's JSON. Pool. */
#ifndef CONTROL_API_CRYPTOKEY_JSON_H
#define CONTROL_API_CRYPTOKEY_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "control/sign/orders.h"
#include "control/sign/secrets.h"

/* Gives the key with that place in o->keys as an object, without its private half. "active" is of one that
 * signs, or will as soon as its zone is signed. */
json_t *cryptokey_json(const struct orders *o, size_t key);

/* Gives the text of its private half, or NULL when it is not here, or sealed by a secret that is not. */
json_t *cryptokey_private_json(const struct orders *o, size_t key,
                               struct sign_secrets *secrets);

#endif
