/*
 * Reads DNS messages (RFC 1035 §4) from anybody: transfers, updates, notifications and the answers to
 * questions of ours. Names come out whole whatever was done to shorten them, and RDATA likewise where
 * its type allows shortening (RFC 3597 §4). That is all: RDATA is otherwise as it came, and unchecked.
 *
 * Nothing is allocated, and each octet of a message is looked at a bounded number of times. Any thread.
 */
#ifndef CONTROL_WIRE_READER_H
#define CONTROL_WIRE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "control/zone/rdata.h"
#include "shared/compiler.h"
#include "shared/dns.h"
#include "shared/name.h"

enum { MESSAGE_HEADER = 12, MESSAGE_MAX = 65535 };

/* What the 16 bits behind the ID hold; opcode and rcode are beside them. */
enum {
	MESSAGE_QR = 0x8000,
	MESSAGE_AA = 0x0400,
	MESSAGE_TC = 0x0200,
	MESSAGE_RD = 0x0100,
	MESSAGE_RA = 0x0080,
	MESSAGE_OPCODE_SHIFT = 11,
};

/* Of a record; an update (RFC 2136) calls them prerequisites, updates and additional. */
enum message_section {
	SECTION_QUESTION,
	SECTION_ANSWER,
	SECTION_AUTHORITY,
	SECTION_ADDITIONAL,
	MESSAGE_SECTIONS
};

struct message {
	const uint8_t *bytes; /* lent by whoever called message_open() */
	uint16_t len;
	uint16_t id;
	uint16_t flags;
	uint16_t counts[MESSAGE_SECTIONS]; /* as the header has them */
	uint8_t opcode;
	uint8_t rcode; /* the four bits in the header */
	bool asked;    /* there is a question, in what follows */
	uint8_t qname_len;
	uint8_t qname[NAME_MAX_LEN]; /* in the case it came in */
	uint16_t qtype;
	uint16_t qclass;
	uint16_t records_at; /* where the first record is */
};

/* Reads the header and the question, of which there is one at most. ERR_CORRUPT. */
MUST_CHECK int message_open(const void *bytes, size_t len, struct message *out);

/* One name, which starts at *at, whole and in the case it came in. Moves *at behind it. Each pointer must
 * point to before what it was found in, so that there is no way round in circles.
 * Gives its length or ERR_CORRUPT. */
MUST_CHECK int message_name(const struct message *m, uint16_t *at,
                            uint8_t out[static NAME_MAX_LEN]);

struct message_record {
	uint8_t section; /* enum message_section */
	uint8_t owner_len;
	uint8_t owner[NAME_MAX_LEN]; /* in the case it came in */
	uint16_t type;
	uint16_t rrclass;
	uint16_t rdata_len;
	uint16_t at; /* of its first octet in the message */
	uint32_t ttl;
	const uint8_t *rdata; /* lent, by a walk until its next step */
};

/* All records of a message, one after the other, with their RDATA as it stands there, names in it shortened
 * or not: lent from the message. */
struct message_scan {
	const struct message *m; /* lent */
	uint16_t at;
	uint16_t left[MESSAGE_SECTIONS];
};

void message_scan_begin(struct message_scan *s, const struct message *m);

/* ERR_NOTFOUND: that was all of it, and not an octet is left over. ERR_CORRUPT. After any error the scan
 * is over. */
MUST_CHECK int message_scan_next(struct message_scan *s, struct message_record *out);

/* The same with names in RDATA made whole. It is large: one per thread or per connection, not on the
 * stack. */
struct message_walk {
	struct message_scan scan;
	uint8_t scratch[RDATA_MAX];
};

void message_walk_begin(struct message_walk *w, const struct message *m);
MUST_CHECK int message_next(struct message_walk *w, struct message_record *out);

#endif
