/*
 * The TSIG keys that count now: those of the configuration and those of the store, of which those of the
 * configuration go first where two have one name.
 *
 * A set is built beside and put in the place of the one before. Loop thread, but for building.
 */
#ifndef CONTROL_TSIG_KEYRING_H
#define CONTROL_TSIG_KEYRING_H

#include <stdbool.h>
#include <stddef.h>

#include "control/tsig/key.h"

/* Keys by name. Any one thread. */
struct tsig_keys;

struct tsig_keys *tsig_keys_new(void);
/* Takes the key. False: it is not in the set, where there is one of that name, which stays. */
bool tsig_keys_add(struct tsig_keys *s, struct tsig_key **k);
/* Keys for hmac-md5 that are added from now on are not in it. */
void tsig_keys_without_md5(struct tsig_keys *s);
size_t tsig_keys_count(const struct tsig_keys *s);
/* Lent. name: any case. NULL: none. */
struct tsig_key *tsig_keys_get(const struct tsig_keys *s, const uint8_t *name);
/* Takes; NULL is fine. */
void tsig_keys_free(struct tsig_keys **s);

struct keyring;

struct keyring *keyring_new(void);
void keyring_free(struct keyring **k);

/* Lent until the next swap. */
const struct tsig_keys *keyring_keys(const struct keyring *k);

/* Takes. */
void keyring_swap(struct keyring *k, struct tsig_keys **s);

/* Gives the key, held, or NULL. name: any case. */
struct tsig_key *keyring_find(struct keyring *k, const uint8_t *name);

#endif
