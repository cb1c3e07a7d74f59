/*
 * Asks the servers of a zone's parent which DS records they have of it, and says what that means for the
 * zone's keys. Every address is a server of its own: a DS is at the parent when all have it, and gone when none
 * has.
 *
 * Only what comes from the parent's side of the cut counts, with authority or from a resolver, of which the TTL is not
 * taken; the zone's own servers say that there is no DS (RFC 4035 §3.1.4.1), as do those that were never
 * told of the delegation. Answers are not validated: whoever is asked is to be trusted, or to sign with TSIG, or to
 * be asked over TLS.
 *
 * Loop thread.
 */
#ifndef CONTROL_KEEPER_PARENT_H
#define CONTROL_KEEPER_PARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/net/parts.h"
#include "control/policy/address.h"
#include "control/policy/remote.h"
#include "control/sign/life.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

/* What to ask for. All is lent for the call. */
struct parent_asked {
	const uint8_t *zone;         /* any case */
	const struct config *config; /* that the servers were found in */
	const struct remote *servers;
	unsigned server_count;
	const struct rdata *dnskeys; /* RDATA of the zone's own, also of those to come */
	size_t dnskey_count;
};

/* What one address has said. */
struct parent_server {
	char text[POLICY_ADDRESS_MAX];
	/* 0: it counts. ERR_REFUSED: an error, or no answer from the parent's side; ERR_TIMEOUT,
	 * ERR_DENIED (TSIG), ERR_NOTFOUND (no such key), ERR_CORRUPT, ... */
	int err;
	const char *why;   /* of err; NULL: none */
	unsigned ds_count; /* 0: it says that there is none */
	uint32_t ttl;      /* of its DS RRset, s */
};

struct parent_result {
	unsigned answered;          /* servers that count. 0: nothing is known */
	const enum life_seen *seen; /* of each DNSKEY, in their order */
	uint32_t ttl; /* the largest of a DS RRset, as it came, s; 0: no server has one */
	bool foreign; /* a server has a DS that is of none of the DNSKEYs */
	const struct parent_server *servers; /* by address, in the order of the remotes */
	unsigned server_count;
};

/* All of the result is lent for the call. */
typedef void parent_done(void *arg, const struct parent_result *result);

struct parent;

/* Never fails: done follows, from the loop, unless it is dropped, and within half a minute. p is lent until
 * then. */
struct parent *parent_ask(const struct transfer_parts *p,
                          const struct parent_asked *asked, parent_done *done, void *arg);
/* To be called in the end, in done as well. *q becomes NULL; NULL is fine. The loop must run on until it has
 * called back for the handles closed. */
void parent_drop(struct parent **q);

#endif
