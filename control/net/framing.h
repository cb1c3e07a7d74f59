/*
 * DNS messages in a stream of bytes: each is preceded by its length in two octets
 * (RFC 1035 §4.2.2, RFC 7766 §8).
 *
 * Whole messages are lent from the input where they lie. Only the begun rest is copied, into
 * memory that grows with the bytes that came, never with the length that was announced.
 */
#ifndef CONTROL_NET_FRAMING_H
#define CONTROL_NET_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "control/net/byte_queue.h"
#include "shared/compiler.h"
#include "shared/wire.h"

enum {
	FRAMING_PREFIX = 2,
	FRAMING_MESSAGE_MIN = 12, /* the header of RFC 1035 §4.1.1 */
	FRAMING_MESSAGE_MAX = UINT16_MAX,
};

enum framing_verdict {
	FRAMING_MESSAGE,
	FRAMING_MORE, /* all input is taken, no whole message is left */
	FRAMING_BAD, /* a length below FRAMING_MESSAGE_MIN: the stream is of no use any more */
	FRAMING_NO_MEMORY,
};

/* All zero is the start of a stream. */
struct framing {
	struct byte_queue kept;
	size_t taken; /* bytes of the kept message that is lent out */
};

struct framing_message {
	const uint8_t *bytes;
	uint16_t len;
};

/* Gives the next message of what was kept before and then of in, lent until the next call and for
 * no longer than the input itself. */
MUST_CHECK enum framing_verdict framing_next(struct framing *f, struct wire_reader *in,
                                             struct framing_message *out);

/* Keeps all the rest of in, whole messages included, for later calls; ends the loan of the
 * message given last. ERR_NOMEM. */
MUST_CHECK int framing_keep(struct framing *f, struct wire_reader *in);

/* Says whether anything is kept beyond the message that is lent out. */
static inline bool framing_begun(const struct framing *f)
{
	return byte_queue_len(&f->kept) > f->taken;
}

void framing_fini(struct framing *f);

#endif
