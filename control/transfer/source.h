/*
 * Whom to ask: one address of a server, and how to ask there.
 */
#ifndef CONTROL_TRANSFER_SOURCE_H
#define CONTROL_TRANSFER_SOURCE_H

#include <stdint.h>
#include <sys/socket.h>

#include "control/policy/address.h"
#include "control/policy/remote.h"
#include "control/zone/arena.h"

struct transfer_source {
	struct sockaddr_storage to;
	struct sockaddr_storage from; /* ss_family 0: any */
	const uint8_t *key;           /* name of the key to sign with; NULL: none */
	const struct config_tls *tls; /* lent by the configuration; NULL: without TLS */
	char text[POLICY_ADDRESS_MAX];
};

/* Gives a remote's address of that number, which it has. The key's name is copied to the arena. */
struct transfer_source transfer_source_of(const struct remote *r, unsigned nth,
                                          struct contents_arena *arena);

#endif
