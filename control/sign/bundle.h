/*
 * A KSK that is not on any server. Whoever serves the zone has its ZSKs only, and asks the one who keeps the KSK in
 * a safe for signatures of the DNSKEY RRset, for months in advance:
 *
 *      server     request: which ZSKs there are to be, from when on          "KeySigningRequest", KSR
 *      safe       response: the DNSKEY, CDNSKEY and CDS RRsets with their    "SignedKeyResponse", SKR
 *                 signatures, from when on
 *      server     checks the response, keeps it, and serves at each time the RRsets that hold then
 *
 * Both are lists of bundles, each of which holds until the next one begins; the last of a response holds as long as
 * its signatures do. They travel as the text that Knot DNS has for them (bundle_text.h), on a stick or on paper.
 *
 * A response cannot be called back. What it says of the future is checked before it is taken (bundle_check.h): the zone
 * is bogus when it does not fit the ZSKs, and that shows when nobody is in the house.
 */
#ifndef CONTROL_SIGN_BUNDLE_H
#define CONTROL_SIGN_BUNDLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/zone/arena.h"
#include "control/zone/rrset.h"
#include "shared/compiler.h"
#include "shared/name.h"
#include "shared/rrtype.h"

struct keyfile;
struct sign_key;
struct sign_policy;

enum bundle_kind { BUNDLE_REQUEST, BUNDLE_RESPONSE };

/* RRsets at the apex, in the order in which they are written. */
enum bundle_part { BUNDLE_DNSKEY, BUNDLE_CDNSKEY, BUNDLE_CDS, BUNDLE_PARTS };

static inline uint16_t bundle_type(enum bundle_part part)
{
	static const uint16_t types[BUNDLE_PARTS] = {RRTYPE_DNSKEY, RRTYPE_CDNSKEY,
	                                             RRTYPE_CDS};

	return types[part];
}

#define BUNDLE_FOREVER UINT64_MAX

enum {
	BUNDLES_MAX = 4096,   /* ten years of a bundle a day */
	BUNDLE_KEYS_MAX = 32, /* DNSKEYs in one */
	BUNDLE_WHY_SIZE = 256,
};

/* Any later time is a mistake: the year 9999 is over. */
#define BUNDLE_TIME_MAX UINT64_C(253402300799)

struct bundle {
	uint64_t from; /* seconds since 1970 */
	struct rrset
		sets[BUNDLE_PARTS]; /* lent; with signatures; count 0: there is none */
};

struct bundles {
	uint8_t zone[NAME_MAX_LEN]; /* folded */
	enum bundle_kind kind;
	struct bundle *list; /* by rising time */
	size_t count, room;
	struct contents_arena *arena;
};

/* Never fails. zone: any case. */
struct bundles *bundles_new(const uint8_t *zone, enum bundle_kind kind);
/* Takes; NULL is fine. */
void bundles_free(struct bundles **b);

/* Appends one without RRsets, lent until the next is appended. ERR_INVALID: it is not later than the last.
 * ERR_RANGE: 0, or beyond BUNDLE_TIME_MAX. ERR_TOOBIG: more than BUNDLES_MAX. */
MUST_CHECK int bundles_add(struct bundles *b, uint64_t from, struct bundle **out);

/* Puts an RRset, without signatures, into a bundle in place of what it has: copies of the records, of which none is
 * there twice, in any order; the array is sorted. */
void bundle_put(struct bundles *b, struct bundle *to, enum bundle_part part, uint32_t ttl,
                struct rdata *records, size_t count);

/* Gives the one that holds at a time, or NULL: that is before the first. */
const struct bundle *bundles_at(const struct bundles *b, uint64_t now);

/* Says whether its DNSKEY RRset has a key. */
bool bundle_publishes(const struct bundle *b, struct rdata dnskey);

/* Says whether a DNSKEY, from whatever source, is one that a DS may be of. One that was revoked is not (RFC 5011). */
bool bundle_is_ksk(struct rdata dnskey);

/* ---- the request ---- */

/* When a ZSK is to be in the DNSKEY RRset. */
struct bundle_zsk {
	struct rdata dnskey; /* lent */
	uint64_t from;
	uint64_t until; /* BUNDLE_FOREVER: nobody knows yet */
};

struct bundle_wish {
	const uint8_t *zone;
	const struct bundle_zsk *zsks;
	size_t count;
	uint32_t ttl; /* of DNSKEY */
	uint64_t from, until;
};

/* Gives a request for all of a time: a bundle at its beginning, one at each change, and one at its end.
 * ERR_INVALID: the end is not behind the beginning, or there is a time without a ZSK. ERR_RANGE, ERR_TOOBIG: as
 * bundles_add(), or more than half of BUNDLE_KEYS_MAX ZSKs at once. */
MUST_CHECK int bundle_request(const struct bundle_wish *w, struct bundles **out);

/* ---- the response ---- */

/* A KSK in the safe. It is in the DNSKEY RRset and signs from a time on, and CDS and CDNSKEY name it from another.
 * Until: BUNDLE_FOREVER is for good. */
struct bundle_ksk {
	const struct sign_key *key; /* lent */
	uint64_t from, until;
	uint64_t ds_from, ds_until;
};

/* Takes the times from its file: Publish, Delete, SyncPublish, SyncDelete. One that is not said is for ever; without
 * SyncPublish, CDS name it as soon as it is published. */
struct bundle_ksk bundle_ksk_of(const struct keyfile *k);

struct bundle_safe {
	const struct bundle_ksk *ksks;
	size_t count;
	const struct sign_policy
		*policy; /* dnskey_validity, and refresh and skew of signatures */
};

/*
 * Gives the response to a request. It has more bundles than that: one for each change of the KSKs, and others so
 * that each is replaced by the next before its signatures are within the policy's refresh of their end.
 *
 * ERR_REFUSED: a bundle has anything but ZSKs, or an algorithm that no KSK has at that time; ERR_TOOBIG: it would
 * be more than BUNDLES_MAX; why says so. ERR_INVALID: it is no request, one of the keys is no KSK, there is none
 * or more than SIGN_KEYS_MAX, or the policy's refresh is as long as its dnskey_validity. ERR_SYSTEM: OpenSSL failed.
 */
MUST_CHECK int bundle_respond(const struct bundles *request, const struct bundle_safe *s,
                              struct bundles **out, char why[static BUNDLE_WHY_SIZE]);

/* Says what is wrong with the bundle that begins then. */
void bundle_say(char why[static BUNDLE_WHY_SIZE], uint64_t from, const char *format,
                va_list args) PRINTF_LIKE(3, 0);

#endif
