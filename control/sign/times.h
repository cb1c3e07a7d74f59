/*
 * From when to when signatures hold, and when they are made again.
 *
 *        inception   now                        due            expiration
 *            |--skew--|                          |---refresh--------|--spread--|
 *                     |-----------------------validity-------------------------|
 *
 * A zone is signed at one time; were all its signatures to expire at one time, it would be signed at one time for
 * ever. So each expires earlier by a share of the jitter, which hangs on what is signed and on which signing
 * it is: to sign again gives the same, as long as nothing has changed, on every machine.
 */
#ifndef CONTROL_SIGN_TIMES_H
#define CONTROL_SIGN_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "control/sign/rrsig.h"
#include "shared/compiler.h"

/* All in seconds. */
struct sign_periods {
	uint32_t validity; /* after now a signature holds so long, */
	uint32_t jitter;   /* or up to so much shorter; */
	uint32_t refresh;  /* it is made again so long before it expires. */
	uint32_t skew; /* Before now it held so long, for those whose clocks are slow. */
};

/* Signatures compare times modulo 2^32 (RFC 4034 §3.1.5): none holds longer than half of that. */
enum { SIGN_SPAN_MAX = INT32_MAX };

/* ERR_RANGE: validity and skew together are more than SIGN_SPAN_MAX. ERR_INVALID: a new signature could be due at
 * once, since validity is not more than jitter and refresh together. */
MUST_CHECK int sign_periods_check(const struct sign_periods *p);

/* Which signature it is. */
struct sign_occasion {
	const uint8_t *owner; /* any case */
	uint16_t type;
	uint32_t serial; /* of the zone that is signed */
};

/* When a signature that is made now holds. now: seconds since 1970. */
struct rrsig_times sign_times(const struct sign_periods *p, const struct sign_occasion *o,
                              uint64_t now);

/* When a signature has to be made again, in seconds since 1970; what is past is due. One that is not valid yet,
 * since a clock went back, is due at once: 0. */
uint64_t sign_times_due(const struct sign_periods *p, struct rrsig_times made,
                        uint64_t now);

enum { SIGN_TIME_SIZE = 24 };

/* "2026-12-02T11:17:37Z", of seconds since 1970. */
const char *sign_time_text(uint64_t time, char text[static SIGN_TIME_SIZE]);

/* Seconds since 1970 of a time modulo 2^32: the one that is nearest to now. */
uint64_t sign_time_near(uint32_t time, uint64_t now);

#endif
