/*
 * API keys as they are kept: items of STORE_APIKEY under the key's id, with all that is known of
 * it but the secret, of which only the hash is. A revoked key stays, so that the log's entries of
 * it keep a name.
 *
 * When a key was last used is an item of its own, under the id and a '+': it is written now and
 * then, by the program itself, and must not look like a change to the key.
 */
#ifndef CONTROL_ACCESS_KEYS_H
#define CONTROL_ACCESS_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/access/actor.h"
#include "control/access/secret.h"
#include "shared/compiler.h"

struct key {
	char id[KEY_ID_SIZE];
	uint8_t hash[SECRET_HASH_SIZE];
	enum role role;
	char label[ACTOR_NAME_SIZE];
	char tenant[TENANT_SIZE]; /* empty: none */
	uint64_t created_at;      /* these in seconds since 1970 */
	uint64_t expires_at;      /* 0: never */
	uint64_t revoked_at;      /* 0: is not */
	bool disabled;            /* opens nothing until it is enabled again */
	uint64_t used_at;         /* 0: never; not part of the key's own item */
	struct grant *grants;     /* owned; none: all zones of the tenant */
	size_t grant_count;
};

void key_fini(struct key *k);

/* Gives the size; *out is the caller's to free(). */
size_t key_encode(const struct key *k, uint8_t **out);
/* key_fini() it. ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK int key_decode(const void *id, size_t id_len, const void *bytes, size_t size,
                          struct key *out);

/* The item of its last use. */
enum { KEY_USE_ID_SIZE = KEY_ID_SIZE, KEY_USE_SIZE = 8 };
void key_use_id(const char *id, char out[static KEY_USE_ID_SIZE + 1]);
bool key_is_use(const void *item_key, size_t len);
void key_use_encode(uint64_t used_at, uint8_t out[static KEY_USE_SIZE]);
/* 0 for what is none. */
uint64_t key_use_decode(const void *bytes, size_t size);

bool key_works(const struct key *k, uint64_t now);
/* "active", "expired", "disabled" or "revoked". */
const char *key_state(const struct key *k, uint64_t now);

/* What may be shown of it. */
json_t *key_json(const struct key *k, uint64_t now);

/* A label and a tenant, as they may be: text for a line, a word of letters, digits, '.', '_', '-'. */
bool key_label_is_valid(const char *text);
bool tenant_is_valid(const char *text);

#endif
