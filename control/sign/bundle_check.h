/*
 * Whether a response may be taken: is it what was asked for, and will every validator take what it says, at every
 * moment of its time, when the zone is signed with the ZSKs that are there?
 *
 *      keys         each ZSK is one of ours, and there when it is to be there; one KSK of each bundle was in the
 *                   one before, so that the chain does not hang on when a parent changes its DS
 *      signatures   all of them hold, by KSKs of every algorithm, until all servers have the next bundle
 *      CDS          names KSKs that are there, and says the same as CDNSKEY
 *      TTL          is not above what the policy counts with
 *      DS           at first points to one of the KSKs
 *
 * Any thread, but not one that others wait for: there are thousands of signatures to verify in the longest.
 */
#ifndef CONTROL_SIGN_BUNDLE_CHECK_H
#define CONTROL_SIGN_BUNDLE_CHECK_H

#include <stdbool.h>

#include "control/sign/bundle.h"
#include "shared/compiler.h"

/* What a response is measured by. All of it is lent. */
struct bundle_terms {
	const struct sign_policy *policy;
	const struct bundle_zsk *zsks; /* all that there are */
	size_t zsk_count;
	const struct rdata *ds; /* at the parent; none: they are not known */
	size_t ds_count;
	bool insecure; /* the zone is to become unsigned: CDS may ask for no DS (RFC 8078 section 4) */
	uint64_t now;
};

/* From when to when a zone can be served by a response. Seconds since 1970. ZSKs that come after its last bundle has
 * begun are not in it. */
struct bundle_span {
	uint64_t from, until;
};

/* Gives the span. ERR_REFUSED: why says which bundle is wrong, and how. ERR_INVALID: it is a request, or empty. */
MUST_CHECK int bundle_check(const struct bundles *response, const struct bundle_terms *t,
                            struct bundle_span *out, char why[static BUNDLE_WHY_SIZE]);

/* Gives until when the last bundle can be served: all of its signatures hold so long, and the seconds more that
 * other servers are behind. 0: it has no signatures. */
uint64_t bundle_last_until(const struct bundle *last, uint32_t propagation);

/* Says whether one of these DS is of a KSK in the bundle. zone: any case. */
bool bundle_is_chained(const struct bundle *b, const uint8_t *zone,
                       const struct rdata *ds, size_t ds_count);

#endif
