/*
 * The keys of zones as they are kept: items of STORE_CRYPTOKEY under the zone's id and a number of the key's own. The
 * public half is in clear, so that keys can be shown, and a zone compared with them, without the master secret;
 * the private one is sealed (vault.h), or lies in a PKCS#11 token (tokens.h), of which the URI is kept.
 */
#ifndef CONTROL_SIGN_STORED_H
#define CONTROL_SIGN_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "control/sign/dnskey.h"
#include "control/sign/key.h"
#include "control/sign/token_key.h"
#include "control/sign/vault.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum {
	SIGN_LIFE_MAX = 512,
	SIGN_SEALED_MAX = 2560, /* of RSA with 4096 bits it is 2.4 KB */
	SIGN_STORED_MAX =
		1 + 8 + 2 + DNSKEY_MAX + 2 + SIGN_LIFE_MAX + 1 + 2 + SIGN_SEALED_MAX,
	SIGN_STORED_KEY_SIZE = 8,
};

struct sign_stored {
	uint64_t created_at; /* seconds since 1970 */
	uint16_t dnskey_len;
	uint16_t life_len;
	uint16_t sealed_len;        /* 0: it was left out of a backup, or is in a token */
	uint8_t dnskey[DNSKEY_MAX]; /* RDATA */
	uint8_t life
		[SIGN_LIFE_MAX]; /* its state, and since when, in the form of whoever decides on that */
	uint8_t sealed[SIGN_SEALED_MAX];
	char uri[TOKEN_KEY_URI_SIZE]; /* of what is in a token; else "" */
};

/* What a key is called. The zone's name, and not its id, goes into the seal: a zone that is made in the same change
 * has no id yet. */
struct sign_stored_name {
	const uint8_t *zone; /* lent; folded */
	uint32_t number;     /* from 1 on, of this zone */
};

uint8_t sign_stored_algorithm(const struct sign_stored *s);
uint16_t sign_stored_flags(const struct sign_stored *s);
uint16_t sign_stored_tag(const struct sign_stored *s);
struct rdata sign_stored_dnskey(const struct sign_stored *s); /* lent */

/* ---- sealing ---- */

/* Makes what is stored of a key, with no life yet. Of one in a token nothing is sealed. ERR_SYSTEM. */
MUST_CHECK int sign_stored_seal(const struct vault *v, const struct sign_stored_name *n,
                                const struct sign_key *k, uint64_t now,
                                struct sign_stored *out);

/* Gives the key. why: which key, and what is wrong, and nothing of the secret. ERR_NOTFOUND: its private half is not
 * here, or sealed under a master secret that is not. ERR_CORRUPT: it was changed, is that of another record, or not the
 * private half of the public one. ERR_VERSION, ERR_SYSTEM. Of a key in a token those of sign_key_from_token(), and it may
 * take a while. */
MUST_CHECK int sign_stored_open(const struct vault *v, const struct sign_stored_name *n,
                                const struct sign_stored *s, struct sign_key **out,
                                char why[static VAULT_WHY_SIZE]);

/* Seals it under the master secret that seals now. Gives 1 when it did, 0 when it is so already, or without a private
 * half, or in a token; else errors as above. */
MUST_CHECK int sign_stored_reseal(const struct vault *v, const struct sign_stored_name *n,
                                  struct sign_stored *s, char why[static VAULT_WHY_SIZE]);

/* ---- values ---- */

/* Gives the size. */
size_t sign_stored_encode(const struct sign_stored *s,
                          uint8_t out[static SIGN_STORED_MAX]);
/* ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK int sign_stored_decode(const void *bytes, size_t size,
                                  struct sign_stored *out);

/* The same value without the private half, for copies that leave the machine. Gives the size. What is no such value
 * is left out as a whole: 0. */
size_t sign_stored_without_secret(const void *bytes, size_t size,
                                  uint8_t out[static SIGN_STORED_MAX]);

/* ---- in the store ---- */

/* ERR_NOTFOUND. */
MUST_CHECK int sign_stored_get(struct store_txn *t, uint32_t zone, uint32_t number,
                               struct sign_stored *out);

struct sign_stored_item {
	uint32_t zone;
	uint32_t number;
	struct sign_stored stored;
};

/* Calls back for a zone's keys by rising number, or for those of all zones (zone 0) by rising id, until it gives
 * non-zero, which is handed through. What it is given is lent. fn must not write. */
MUST_CHECK int sign_stored_each(struct store_txn *t, uint32_t zone,
                                int (*fn)(const struct sign_stored_item *, void *),
                                void *arg);

/* Says whether the store has any sealed key. */
MUST_CHECK int sign_stored_any(struct store_txn *t, bool *out);

/* Lets a change write a key, or remove it (s NULL). zone 0: it belongs to the zone last appended to the change. */
void sign_stored_change(struct change *c, uint32_t zone, uint32_t number,
                        const struct sign_stored *s);
/* Says whether a change's item is a key of a zone (not 0), and gives its number. */
bool sign_stored_is_item(const struct item_change *i, uint32_t zone, uint32_t *number);
/* Lets a change remove all keys of a zone. */
MUST_CHECK int sign_stored_forget(struct change *c, struct store_txn *t, uint32_t zone);

#endif
