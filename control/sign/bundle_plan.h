/*
 * When which ZSK is to be there, for as long as a request asks for: the pre-publication of RFC 7583 section 3.2.1,
 * decided in advance, since who serves the zone cannot change the DNSKEY RRset later:
 *
 *      from                 active            active of the next          until
 *        |-------lead---------|-------lifetime--------|--------out----------|
 *        in the DNSKEY RRset, and every cache has it   signs no more, and nothing has its signatures
 *
 * lead and out are what life_times.h says, and longer by a slack: what happens then has its delays, and a bundle does
 * not wait.
 *
 * A key comes into the life of keys (life.h) when the bundle in force has it, and not before. From then on its life
 * goes as any other's: it signs sooner than is planned here, by the slack, and twice that is left for all that is late
 * until the bundle comes without its predecessor.
 */
#ifndef CONTROL_SIGN_BUNDLE_PLAN_H
#define CONTROL_SIGN_BUNDLE_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "control/sign/policy.h"
#include "shared/compiler.h"

/* A ZSK's times, in seconds since 1970. */
struct bundle_turn {
	uint64_t from;   /* in the DNSKEY RRset */
	uint64_t active; /* signs, until the next one does */
	uint64_t until;  /* out of the DNSKEY RRset; BUNDLE_FOREVER: of the last one */
};

struct bundle_pace {
	const struct sign_policy *policy;
	uint32_t zone_ttl; /* the longest in the zone, as in struct life_now */
	uint32_t slack;    /* that signing the zone takes, and more */
	uint64_t from;     /* no response has been asked for beyond that */
	uint64_t until;
};

/* Appends the turns of those ZSKs that are to be there by the end; the caller makes these keys before the request. turns:
 * of the ZSKs that there are, in their order, which stay as they are but for the last one's until. A turn that would
 * have begun in the past begins at pace->from. Gives how many there are now. ERR_INVALID: the end is not behind the
 * beginning. ERR_TOOBIG: more than room; nothing is changed. */
MUST_CHECK int bundle_plan(const struct bundle_pace *pace, struct bundle_turn *turns,
                           size_t count, size_t room);

#endif
