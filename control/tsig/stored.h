/*
 * TSIG keys as they are kept: items of STORE_TSIG under the key's name as text, folded, with its final dot.
 */
#ifndef CONTROL_TSIG_STORED_H
#define CONTROL_TSIG_STORED_H

#include <stddef.h>
#include <stdint.h>

#include "control/store/store.h"
#include "control/tsig/keyring.h"
#include "shared/compiler.h"

struct tsig_stored {
	uint8_t name[NAME_MAX_LEN]; /* folded */
	enum tsig_algorithm algorithm;
	char tenant[TENANT_SIZE]; /* empty: none */
	uint64_t created_at;      /* seconds since 1970 */
	uint16_t
		secret_len; /* 0: it was left out of a backup, and has to be given again */
	uint8_t secret[TSIG_SECRET_MAX];
};

/* Overwrites the secret too. */
void tsig_stored_fini(struct tsig_stored *k);

enum { TSIG_STORED_MAX = 1 + 1 + 8 + 1 + TENANT_SIZE + 1 + 2 + TSIG_SECRET_MAX };

/* Gives the size. */
size_t tsig_stored_encode(const struct tsig_stored *k,
                          uint8_t out[static TSIG_STORED_MAX]);
/* ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK int tsig_stored_decode(const void *key, size_t key_len, const void *bytes,
                                  size_t size, struct tsig_stored *out);

/* The item's key. Gives its length, or ERR_TOOBIG: more escapes than a key has room for. name: any case. */
MUST_CHECK int tsig_stored_key(const uint8_t *name, char out[static NAME_TEXT_MAX]);

/* ERR_NOTFOUND. */
MUST_CHECK int tsig_stored_get(struct store_txn *t, const uint8_t *name,
                               struct tsig_stored *out);

/* The same value without the secret, for copies that leave the machine. Gives the size. What is no such
 * value is left out as a whole: 0. */
size_t tsig_stored_without_secret(const void *bytes, size_t size,
                                  uint8_t out[static TSIG_STORED_MAX]);

/* Adds the keys of a store to a set. What could be read before an error is in it. Keys that old has with the
 * same in them are shared, which spares their setting up; NULL: none. */
MUST_CHECK int tsig_stored_add_all(struct store_txn *t, const struct tsig_keys *old,
                                   struct tsig_keys *to);

#endif
