/*
 * Says whether a signed zone is what a validator takes (RFC 4035 §5, RFC 5155 §8): keys, signatures and denial of
 * existence, by the zone as it stands. What made it is not asked, and little of its code used, so that the
 * two are not wrong together.
 *
 * What is found is said in words, "OWNER TYPE: what": errors are what makes the zone bogus, or parts of it; warnings
 * are what a validator takes all the same. The rules are on top of check_set.c, check_keys.c and check_contents.c.
 */
#ifndef CONTROL_SIGN_CHECK_H
#define CONTROL_SIGN_CHECK_H

#include <stdatomic.h>
#include <stdint.h>

#include "control/change/check.h"
#include "control/diag.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"

/* All of it is lent. */
struct sign_check {
	uint64_t now;           /* seconds since 1970 */
	const struct rrset *ds; /* what the parent says of the zone; NULL: not known */

	/* To verify a signature costs twice what making it costs. 1: all are verified; n: those of one owner in n, and
	 * of the apex, chosen by its name and seed; 0: none. Of the others all is checked but whether the
	 * signature is of these records. */
	unsigned one_in;
	uint32_t seed;

	unsigned threads;        /* for contents, the caller's included; 0 as 1 */
	const atomic_bool *stop; /* of contents: set by another thread; NULL: nobody */
};

/* Checks all of a zone. ERR_REFUSED when it added an error. ERR_STOPPED: somebody said so, and what was added is not
 * all. Any thread; not for the loop nor the commit thread. */
MUST_CHECK int sign_check_contents(const struct contents *c, const struct sign_check *how,
                                   struct diag *out);

/* Checks contents that have just been signed here, of which few signatures are verified: those of one owner in 64. how: its
 * one_in is of no matter. Errors likewise; with ERR_REFUSED why tells the first one. size 0: nobody wants to know. */
MUST_CHECK int sign_check_sample(const struct contents *c, const struct sign_check *how,
                                 char *why, size_t size);

/*
 * Checks a zone where a view, which has the chain of denial and the signatures as they are to be, makes another of
 * it: what the view has, names without data above, what is below delegations and DNAMEs that come or go, and the
 * links of the chain that all these are about. The zone in the store is taken to be right, and opt-out to be the
 * same everywhere in its chain. When the DNSKEYs become others, all RRsets at the apex are checked and
 * stand for the rest of the zone; whether that fits, sign_check_contents() knows. Of what the view has not, that it
 * has expired, or is not valid yet, is not said.
 *
 * Nothing has a file or a line. ERR_REFUSED when it added an error; errors of the store. The transaction's thread.
 */
MUST_CHECK int sign_check_view(const struct change_view *v, const struct sign_check *how,
                               struct diag *out);

#endif
