/*
 * Other servers, as the configuration's section "remotes" names them, or by their address alone.
 */
#ifndef CONTROL_POLICY_REMOTE_H
#define CONTROL_POLICY_REMOTE_H

#include <stdint.h>
#include <sys/socket.h>

#include "control/config/config.h"
#include "control/zone/arena.h"
#include "shared/compiler.h"

enum { REMOTE_ADDRESSES_MAX = CONFIG_API_LISTEN_MAX };

/* All that it points to is lent by the configuration and an arena. */
struct remote {
	const char *name; /* in the configuration; else the address as text */
	struct sockaddr_storage at[REMOTE_ADDRESSES_MAX]; /* to be tried in this order */
	unsigned count;
	struct sockaddr_storage
		from[2];    /* to send from, IPv4 and IPv6; ss_family 0: any */
	const uint8_t *key; /* name of the key to sign with, folded; NULL: none */
	const struct config_tls *tls; /* NULL: without TLS */
};

/* Finds what a word names: a remote, or an address with a port or not. ERR_NOTFOUND: neither. */
MUST_CHECK int remote_find(const struct config *c, const char *word,
                           struct contents_arena *arena, struct remote *out);

/* Sets where to send from: words are addresses without a port, one of a family at most. */
void remote_set_source(struct remote *r, const char *words);

#endif
