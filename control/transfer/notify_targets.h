/*
 * Who is told of a zone's new contents: those whom its policy lists, and the servers that its NS
 * records name (RFC 1996 §3.3). Their addresses are looked for in zones of this server; names in none of
 * these are left to be looked up elsewhere. Not those that the SOA names as the primary, and not
 * ourselves.
 */
#ifndef CONTROL_TRANSFER_NOTIFY_TARGETS_H
#define CONTROL_TRANSFER_NOTIFY_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "control/engine.h"
#include "control/zone/rdata.h"
#include "shared/compiler.h"
#include "shared/name.h"

enum { NOTIFY_ADDRESSES_MAX = 8, NOTIFY_TARGETS_MAX = 256, NOTIFY_NAMES_MAX = 32 };

enum { NOTIFY_TLS_SIZE = 256 };

struct notify_target {
	struct sockaddr_storage
		to[NOTIFY_ADDRESSES_MAX]; /* of one server, to be tried in turn */
	unsigned count;
	struct sockaddr_storage from[2]; /* IPv4, IPv6; ss_family 0: any */
	uint8_t key[NAME_MAX_LEN];       /* to sign with */
	bool has_key;
	char tls[NOTIFY_TLS_SIZE]; /* profile by which it is told, and in no other way; empty: none */
};

/* As the store had it at one moment. */
struct notify_list {
	uint32_t id; /* in: of the zone */
	uint8_t name[NAME_MAX_LEN];
	struct notify_target *targets;
	size_t count;
	uint8_t (*names)
		[NAME_MAX_LEN]; /* of servers with addresses that are not known here */
	size_t name_count;
	uint32_t serial;
	uint32_t soa_ttl;
	uint8_t *soa; /* RDATA */
	uint16_t soa_len;
};

/* Pool. count and name_count are 0 when there is no such zone any more, it has no contents, or nobody is to be told. */
MUST_CHECK int notify_list_read(struct notify_list *l, struct engine *e,
                                struct store_txn *t);

/* Makes a target of a server's addresses, but for those that are told anyway, and our own. Gives false when none is
 * left. */
bool notify_target_make(const struct notify_list *l, const struct config *config,
                        const struct sockaddr_storage *addresses, unsigned count,
                        struct notify_target *out);

void notify_list_fini(struct notify_list *l);

#endif
