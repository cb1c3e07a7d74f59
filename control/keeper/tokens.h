/*
 * The PKCS#11 tokens of the configuration, and keys that are made in them.
 */
#ifndef CONTROL_KEEPER_TOKENS_H
#define CONTROL_KEEPER_TOKENS_H

#include <stdint.h>

#include "control/config/config.h"
#include "control/sign/key.h"
#include "control/sign/tokens.h"
#include "control/sign/zone_keys.h"
#include "shared/compiler.h"

/* Makes the tokens of a configuration those of the process (control/sign/tokens.h). None is reached by that. */
void keeper_set_tokens(const struct config *c);

/*
 * Keys that are made in a token stay there, also when the change they were made for comes to nothing; and that
 * change may be tried every minute. So each is noted until it is seen in the store, and is what the next try
 * gets. What is noted is lost with the process.
 */

/* Gives a key of a policy whose keys lie in a token, that is none of the zone's, labelled with its name. ERR_REFUSED:
 * the token does not make it, or is not there; why says so. Waits for the token. One thread for a zone. */
MUST_CHECK int keeper_key_in_token(const struct config_dnssec_policy *p,
                                   const struct zone_keys *zone, uint16_t flags,
                                   struct sign_key **out,
                                   char why[static TOKEN_WHY_SIZE]);

/* Notes that a zone has these keys in the store. */
void keeper_keys_stored(const struct zone_keys *zone);

/* Forgets what was noted. */
void keeper_forget_tokens(void);

#endif
