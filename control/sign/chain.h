/*
 * Denial of existence: the NSEC (RFC 4034 §4) or NSEC3 (RFC 5155) RRsets that prove what a signed
 * zone has not, without their signatures, and NSEC3PARAM.
 *
 * Every name that the zone answers for has one, which names the next: in canonical order of the names
 * themselves, or of their hashes. It tells the types of the name as they are once the zone is
 * signed. What counts:
 *
 *   a delegation        NS and DS alone; with opt-out and without DS it has no NSEC3
 *   below a delegation,
 *   or a DNAME          nothing, be it glue or forgotten
 *   no data, but names
 *   below it            an NSEC3 without types, unless all of them are delegations that have none
 *                       (RFC 5155 §7.1); no NSEC
 *   signatures, NSEC
 *   and NSEC3           are no data, so that a name with nothing else is none
 *
 * Their TTL is that of the SOA or its MINIMUM, whichever is less (RFC 9077 §3). NSEC3PARAM, which nobody
 * caches, has the same.
 *
 * What else the signer puts into a zone (DNSKEY, CDS, ZONEMD) must be there before, since the apex's
 * record tells of it. Any thread; nothing is written.
 */
#ifndef CONTROL_SIGN_CHAIN_H
#define CONTROL_SIGN_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/check.h"
#include "control/zone/arena.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"

enum chain_kind { CHAIN_NONE, CHAIN_NSEC, CHAIN_NSEC3 };

struct chain_params {
	enum chain_kind kind;
	bool opt_out; /* this and what follows: of NSEC3 */
	uint16_t iterations;
	uint8_t salt_len;
	uint8_t salt[UINT8_MAX];
};

/* Reads them as NSEC3PARAM has them: "1 0 0 -", where the second number is 1 for opt-out. ERR_SYNTAX. ERR_RANGE: another
 * hash or flag, or more than SIGN_ITERATIONS_MAX (policy.h). */
MUST_CHECK int chain_params_read(const char *text, struct chain_params *out);

/* Says whether an RRset belongs to a chain of some kind, and so is no data: one of NSEC or NSEC3, or of NSEC3PARAM at the
 * apex. key_len: of its owner's sort key, 0 at the apex. */
bool chain_is_denial(size_t key_len, uint16_t type);

/* Puts the chain into contents, in place of all NSEC, NSEC3 and NSEC3PARAM that they have. ERR_INVALID: the
 * contents have no SOA. ERR_TOOBIG: a hash in front of the zone's name is no name any more. */
MUST_CHECK int chain_put(struct contents *c, const struct chain_params *p);

/* RRsets that come, become others or go, sorted as a view's. */
struct chain_sets {
	struct overlay_set *sets; /* edit: -1 */
	size_t count;
};

/*
 * Gives what becomes of the chain, which the store has for the zone as it is there, when the zone becomes what
 * the view makes of it; change_view_merge() takes it. The view has none of these types. An RRset whose
 * record and TTL stay is not among them, so that its signatures stay too. Sets lie in the arena.
 *
 * Costs what the view changes: the types at a name, and where delegations and DNAMEs come or go what is below
 * them. With opt-out, a name that loses its NSEC3 costs, for each name without data above it, the delegations
 * there up to the first that has one.
 *
 * ERR_INVALID: the store has another chain than this, or none, or one that is not right, or the TTL
 * becomes another: chain_rebuild(). Errors of the store, and those of chain_put().
 */
MUST_CHECK int chain_change(const struct change_view *v, const struct chain_params *p,
                            struct contents_arena *a, struct chain_sets *out);

/* The same, but with the TTL that the chain has, whatever it is to be by now. */
MUST_CHECK int chain_change_within(const struct change_view *v,
                                   const struct chain_params *p, struct contents_arena *a,
                                   struct chain_sets *out);

/* Gives the same whatever the store has: the whole chain where there is none, or the end of one. Costs what
 * the zone is large: not for the loop nor the commit thread. */
MUST_CHECK int chain_rebuild(const struct change_view *v, const struct chain_params *p,
                             struct contents_arena *a, struct chain_sets *out);

#endif
