/*
 * What transfers, notifications and updates are made of, handed to each of them when it opens. The loop,
 * and all else here, is theirs as long as they are open; config is the one that counts, and another one after each
 * change: it is not kept across turns of the loop.
 */
#ifndef CONTROL_NET_PARTS_H
#define CONTROL_NET_PARTS_H

#include <uv.h>

struct config;
struct dispatch;
struct engine;
struct keyring;
struct streams;
struct tls_profiles;

struct transfer_parts {
	uv_loop_t *loop;
	struct engine *engine;
	struct dispatch *dispatch;
	struct streams *streams;  /* for those that we make */
	struct tls_profiles *tls; /* control/tls/profiles.h */
	struct keyring *keyring;
	const struct config *config;
};

#endif
