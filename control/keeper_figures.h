/* How the zones that are signed here are, for the metrics. Whoever keeps them fills it in. */
#ifndef CONTROL_KEEPER_FIGURES_H
#define CONTROL_KEEPER_FIGURES_H

#include <stdint.h>

/* As in control/sign/life.h, which says what they mean. */
enum { KEEPER_RECORDS = 3, KEEPER_STATES = 4 };

struct keeper_figures {
	uint64_t zones; /* signed, or to be */
	uint64_t signed_zones;
	uint64_t troubled;
	uint64_t asking;       /* whose parent is asked for DS records */
	uint64_t rrsets;       /* with signatures, as last looked at */
	uint64_t due;          /* to be signed anew */
	uint64_t whole;        /* RRsets signed with all of their zone, since the start */
	uint64_t first_expiry; /* s since 1970; UINT64_MAX: there is no signature */
	uint64_t keys[KEEPER_RECORDS][KEEPER_STATES]; /* whose record is in that state */
};

/* A word in lower case. */
static inline const char *keeper_record_text(unsigned record)
{
	static const char *const texts[KEEPER_RECORDS] = {"dnskey", "rrsig", "ds"};

	return texts[record];
}

static inline const char *keeper_state_text(unsigned state)
{
	static const char *const texts[KEEPER_STATES] = {"hidden", "rumoured",
	                                                 "omnipresent", "unretentive"};

	return texts[state];
}

#endif
