/*
 * What a secondary asks its primaries: SOA, AXFR and IXFR, signed where there is a key. Loop thread.
 */
#ifndef CONTROL_TRANSFER_QUESTION_H
#define CONTROL_TRANSFER_QUESTION_H

#include <stdint.h>

#include "control/transfer/secondary.h"
#include "control/tsig/tsig.h"
#include "shared/compiler.h"

enum { QUESTION_MAX = 2048 };

struct question {
	uint8_t bytes[QUESTION_MAX];
	uint16_t len;
	uint16_t id;
	struct tsig_exchange tsig; /* tsig_end() it; all zero: without a key */
};

/* type: RRTYPE_SOA, RRTYPE_AXFR or RRTYPE_IXFR, which says what v has. ERR_NOTFOUND: the key that the source
 * names is not there. ERR_SYSTEM: no random numbers. */
MUST_CHECK int question_make(const struct secondary_view *v,
                             const struct transfer_source *s, struct keyring *keys,
                             uint16_t type, struct question *out);

#endif
