/*
 * A TSIG key (RFC 8945): a name, an algorithm and a secret that this server shares with others.
 *
 * A key never changes. It is shared by reference between threads; whoever holds one that has been
 * replaced meanwhile ends with it what was begun with it.
 */
#ifndef CONTROL_TSIG_KEY_H
#define CONTROL_TSIG_KEY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/access/actor.h"
#include "shared/compiler.h"
#include "shared/name.h"

enum tsig_algorithm {
#define TSIG_ALGORITHM(name, text, wire, digest, octets) TSIG_##name,
#include "control/tsig/algorithms.def"
#undef TSIG_ALGORITHM
	TSIG_ALGORITHMS
};

enum { TSIG_MAC_MAX = 64, TSIG_SECRET_MAX = 512 };

struct tsig_algorithm_facts {
	const char *text;    /* "hmac-sha256" */
	const uint8_t *name; /* the same as a domain name, folded */
	const char *digest;
	uint8_t octets; /* of a whole MAC */
};

extern const struct tsig_algorithm_facts tsig_algorithms[TSIG_ALGORITHMS];

/* Any case, with or without a final dot, and the whole name that MD5 has besides its short one. Gives the
 * algorithm, or ERR_NOTFOUND. */
MUST_CHECK int tsig_algorithm_from_text(const char *text);

struct evp_mac_ctx_st;

struct tsig_key {
	atomic_uint references;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	uint8_t name_len;
	enum tsig_algorithm algorithm;
	char tenant[TENANT_SIZE]; /* whose zones it is for; empty: all */
	bool configured;          /* stands in the configuration file */
	uint16_t secret_len;
	uint8_t secret[TSIG_SECRET_MAX];
	struct evp_mac_ctx_st
		*ready; /* with the secret in it, to be copied; never used itself */
};

/* What makes a key, lent. */
struct tsig_key_parts {
	const uint8_t *name; /* any case */
	enum tsig_algorithm algorithm;
	const uint8_t *secret;
	size_t secret_len; /* 1 to TSIG_SECRET_MAX */
	const char *tenant;
	bool configured;
};

/* Gives a key with one reference. ERR_INVALID: no secret, or one too long. ERR_SYSTEM: the algorithm is not
 * to be had from OpenSSL as it is set up. */
MUST_CHECK int tsig_key_new(const struct tsig_key_parts *p, struct tsig_key **out);

/* Gives k. */
struct tsig_key *tsig_key_hold(struct tsig_key *k);
/* Takes; NULL is fine. With the last reference the secret is overwritten. */
void tsig_key_release(struct tsig_key **k);

/* Base64, with a NUL. */
enum { TSIG_SECRET_TEXT_SIZE = (TSIG_SECRET_MAX + 2) / 3 * 4 + 1 };
void tsig_secret_to_text(const uint8_t *secret, size_t len,
                         char text[static TSIG_SECRET_TEXT_SIZE]);
/* Blanks in it are skipped. ERR_SYNTAX: not base64, nothing, or more than TSIG_SECRET_MAX. */
MUST_CHECK int tsig_secret_from_text(const char *text, size_t text_len,
                                     uint8_t secret[static TSIG_SECRET_MAX], size_t *len);
/* As long as the MAC, which is what RFC 2104 §3 advises. ERR_SYSTEM: no random numbers. Gives the length. */
MUST_CHECK int tsig_secret_new(enum tsig_algorithm a,
                               uint8_t secret[static TSIG_SECRET_MAX]);

#endif
