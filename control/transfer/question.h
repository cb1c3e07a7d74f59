/*
 * What other servers are asked, signed where there is a key. Loop thread.
 */
#ifndef CONTROL_TRANSFER_QUESTION_H
#define CONTROL_TRANSFER_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "control/transfer/source.h"
#include "control/tsig/tsig.h"
#include "shared/compiler.h"

enum { QUESTION_MAX = 2048 };

struct question {
	uint8_t bytes[QUESTION_MAX];
	uint16_t len;
	uint16_t id;
	struct tsig_exchange tsig; /* tsig_end() it; all zero: without a key */
};

struct question_wanted {
	const uint8_t *name; /* folded */
	uint16_t type;
	bool recurse; /* for whoever asks further: RD */
	bool expire; /* also the EXPIRE option (RFC 7314), which goes with what answers tell */
	uint16_t soa_len;
	const uint8_t *soa; /* RDATA of what is there already, for IXFR; NULL: none */
};

/* ERR_NOTFOUND: the key that the source names is not there. ERR_SYSTEM: no random numbers. */
MUST_CHECK int question_make(const struct question_wanted *q,
                             const struct transfer_source *s, struct keyring *keys,
                             struct question *out);

#endif
