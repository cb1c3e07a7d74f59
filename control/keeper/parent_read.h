/*
 * What a server's answer to a question for DS says, if it is one from the parent's side of the cut. Any
 * thread.
 */
#ifndef CONTROL_KEEPER_PARENT_READ_H
#define CONTROL_KEEPER_PARENT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/wire/reader.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"

/* More than any zone has; each costs a digest for each DNSKEY. */
enum { PARENT_DS_MAX = 64 };

struct parent_reading {
	/* In. */
	const uint8_t *zone; /* any case */
	const struct rdata *dnskeys;
	size_t dnskey_count;
	/* Out. */
	bool *has;         /* the caller's, of each DNSKEY: there is a DS of it */
	bool foreign;      /* there is one of none of them */
	unsigned ds_count; /* 0: it says that there is none */
	uint32_t
		ttl; /* the largest of them, as it came, s; 0: there is none, or a cache says it */
	const char *why; /* of an error, for ever */
};

/* m: the answer to a question for the zone's DS. ERR_REFUSED: an error, or not from the parent's side.
 * ERR_CORRUPT: malformed, or cut short. ERR_TOOBIG: more than PARENT_DS_MAX. What is out is all zero then, but for
 * why. */
MUST_CHECK int parent_read(const struct message *m, struct parent_reading *r);

#endif
