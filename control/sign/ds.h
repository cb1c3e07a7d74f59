/*
 * DS (RFC 4034 §5): what a zone's parent says of its keys. CDS is written the same way (RFC 7344 §3.1).
 */
#ifndef CONTROL_SIGN_DS_H
#define CONTROL_SIGN_DS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/zone/rrset.h"
#include "shared/compiler.h"

enum ds_digest {
	DS_SHA1 = 1, /* recognised, never made (RFC 8624 §3.3) */
	DS_SHA256 = 2,
	DS_SHA384 = 4,
};

enum { DS_HEADER = 4, DS_DIGEST_MAX = 48, DS_MAX = DS_HEADER + DS_DIGEST_MAX };

/* RDATA of a DS for a DNSKEY; owner: the zone, any case. Gives its length. ERR_INVALID: another digest, or no
 * DNSKEY. */
MUST_CHECK int ds_make(const uint8_t *owner, struct rdata dnskey, uint8_t digest,
                       uint8_t out[static DS_MAX]);

/* Says whether RDATA of a DS, from whatever source, points to a DNSKEY. False too when its digest is not known
 * here. */
bool ds_is_of(struct rdata ds, const uint8_t *owner, struct rdata dnskey);

#endif
