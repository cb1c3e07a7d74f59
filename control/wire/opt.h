/*
 * The OPT record (RFC 6891) as messages between servers have it: sizes, the EXPIRE option (RFC 7314) and
 * extended errors (RFC 8914). Other options are skipped when read, and not made.
 */
#ifndef CONTROL_WIRE_OPT_H
#define CONTROL_WIRE_OPT_H

#include <stdbool.h>
#include <stdint.h>

#include "control/wire/reader.h"
#include "shared/compiler.h"

struct message_opt {
	bool there;
	bool dnssec_ok;
	bool expire_asked; /* the option without a value */
	bool has_expire;
	bool has_ede;
	uint8_t version;
	uint8_t rcode_high; /* the upper eight bits of the whole rcode */
	uint16_t udp_size;
	uint16_t ede;
	uint32_t expire; /* seconds */
};

/* r: a record of type OPT. ERR_CORRUPT. That there is one only is the caller's to see. */
MUST_CHECK int opt_read(const struct message_record *r, struct message_opt *out);

/* Octets that the record takes in a message. */
enum {
	OPT_FIXED = 11, /* before its options */
	OPT_SIZE_MAX = OPT_FIXED + OPTION_HEADER + 4 + OPTION_HEADER + 2
};

/* Writes the whole record. Gives its octets. */
uint16_t opt_write(const struct message_opt *o, uint8_t out[static OPT_SIZE_MAX]);

#endif
