/*
 * Signs RRsets with whichever of a zone's keys are to sign them: what signing all of a zone, and what a change has
 * touched of it, have in common.
 */
#ifndef CONTROL_SIGN_SET_SIGNER_H
#define CONTROL_SIGN_SET_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/sign/key.h"
#include "control/sign/times.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"
#include "shared/rrtype.h"

enum sign_part {
	SIGN_KEYS = 1, /* DNSKEY, CDS and CDNSKEY at the apex */
	SIGN_ZONE = 2, /* everything else */
};

enum { SIGN_KEYS_MAX = 16 };

struct sign_with {
	const struct sign_key *key;
	unsigned parts; /* that it signs */
};

/* By what a zone is signed. All of it is lent for as long as it is used. */
struct sign_terms {
	const uint8_t *zone; /* name, any case */
	const struct sign_with *keys;
	size_t key_count;
	const struct sign_periods *periods;
	const struct sign_periods *key_periods; /* of SIGN_KEYS; NULL: the same */
	/* RRsets of SIGN_KEYS with the signatures that others have made: these are not made here, and no others are
	 * there. NULL: there are none. */
	const struct rrset *given;
	size_t given_count;
	uint32_t serial; /* of the zone, with which this is signed */
	uint64_t now;    /* seconds since 1970 */
	uint64_t renew;  /* signatures that were made before then are due; likewise */
};

/* ERR_INVALID: no key for a part, or more than SIGN_KEYS_MAX keys. */
MUST_CHECK int sign_terms_check(const struct sign_terms *t);

/* Says whether an RRset is the zone's own, and so signed (RFC 4035 §2.2). hidden: it is below a delegation or a
 * DNAME; cut: its owner is a delegation. An NSEC3 stands at a hash, wherever that is. */
static inline bool sign_is_own(uint16_t type, bool hidden, bool cut)
{
	if (type == RRTYPE_NSEC3)
		return true;
	return !hidden && (!cut || type == RRTYPE_DS || type == RRTYPE_NSEC);
}

/* Gives the octets of the blob of an RRset with its signatures, which are as long as their keys say; apex: whether it
 * is there. */
uint32_t sign_blob_size(const struct sign_terms *t, const struct rrset *set, bool apex);

/* Says whether an RRset has the signatures of these keys and no others, whenever they are due. */
bool sign_is_by_keys(const struct sign_terms *t, const struct rrset *set, bool apex);

/* Says whether an RRset has these signatures and no others, none of which is due. apex: whether it is there. */
bool sign_is_current(const struct sign_terms *t, const struct rrset *set, bool apex);

/* Gives when the first of its signatures is due, in seconds since 1970; UINT64_MAX: it has none. */
uint64_t sign_due(const struct sign_terms *t, const struct rrset *set, bool apex);

/* Gives when the first of its signatures ends, whoever made it; likewise. */
uint64_t sign_ends(const struct sign_terms *t, const struct rrset *set);

/* Says whether all of its signatures hold at a time, whoever made them. now: seconds since 1970. */
bool sign_holds(const struct rrset *set, uint64_t now);

/* One thread at a time. */
struct set_signer;

/* The terms are looked at with each signature: serial and now may become others between. Errors of signer_new(). */
MUST_CHECK int set_signer_new(const struct sign_terms *t, struct set_signer **out);
/* Takes; NULL is fine. */
void set_signer_free(struct set_signer **s);

/* sign_blob_size() by its terms. */
uint32_t set_signer_size(const struct set_signer *s, const struct rrset *set, bool apex);

/* Writes the blob of an RRset of the zone's own, whatever it was signed with before: sign_blob_size() octets. owner:
 * any case. Errors of rrsig_make(). */
MUST_CHECK int set_signer_sign(struct set_signer *s, const uint8_t *owner,
                               const struct rrset *set, uint8_t *blob);

#endif
