/* How the zones that are signed here are, for the metrics. Whoever keeps them fills it in. */
#ifndef CONTROL_KEEPER_FIGURES_H
#define CONTROL_KEEPER_FIGURES_H

#include <stdint.h>

struct keeper_figures {
	uint64_t zones; /* signed, or to be */
	uint64_t signed_zones;
	uint64_t troubled;
	uint64_t rrsets;       /* with signatures, as last looked at */
	uint64_t due;          /* to be signed anew */
	uint64_t signatures;   /* made by the keeper, since the start */
	uint64_t first_expiry; /* s since 1970; UINT64_MAX: there is no signature */
};

#endif
