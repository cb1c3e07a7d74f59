/*
 * Reads the answer to an AXFR or IXFR (RFC 5936, RFC 1995), message by message, from a primary that may
 * be broken or hostile: what it says is taken whole or not at all. A state machine without a
 * socket: who has the messages gives them, in order and with TSIG taken off.
 *
 * Refused, each with a rule and a text that names it:
 *
 *   transfer-format      no DNS message, or one that is not a whole answer
 *   transfer-answer      ID, opcode or question are not those of what was asked; truncated
 *   transfer-rcode       the primary refuses; transfer_problem() says with what
 *   transfer-class       a record not of class IN
 *   transfer-soa         no SOA first, one elsewhere, or one that does not fit the others
 *   transfer-sequence    differences that do not lead from one serial to the next one, newer
 *   transfer-behind-end  records behind the last SOA
 *   transfer-limit       more records or octets than the zone may have
 *
 * and the rules of zone files: out-of-zone, meta-type, rdata-format, and at the end all those of
 * control/zone/contents_check.c, and zonemd-mismatch where that is wanted. Sections other than the answer do not matter.
 */
#ifndef CONTROL_TRANSFER_XFR_READER_H
#define CONTROL_TRANSFER_XFR_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/delta.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"

enum transfer_kind {
	TRANSFER_NONE_YET,
	TRANSFER_CURRENT, /* an IXFR: there is nothing newer than what was asked from */
	TRANSFER_WHOLE,   /* of an IXFR as well, where the primary wants it so */
	TRANSFER_DELTA,
};

/* 0: any number. */
struct transfer_limits {
	uint64_t max_records; /* all that are sent, those that go again included */
	uint64_t max_octets;  /* of messages */
};

struct transfer_asked {
	const uint8_t *zone; /* copied */
	uint16_t id;
	uint16_t type;        /* RRTYPE_AXFR or RRTYPE_IXFR */
	uint32_t have_serial; /* IXFR */
	struct transfer_limits limits;
	bool zonemd_check; /* whole contents are refused that do not have the digest they say */
	bool unchecked; /* contents are taken as they are, without contents_check() */
};

struct transfer_reader;

/* Belongs to one thread at a time, whichever. */
struct transfer_reader *transfer_reader_new(const struct transfer_asked *asked);
void transfer_reader_free(struct transfer_reader *r);

/* Takes the next message, lent for the call. *ended: it was the last one. After any error the transfer is
 * over. ERR_REFUSED, ERR_TOOBIG (the limits): see transfer_problem(). */
MUST_CHECK int transfer_take(struct transfer_reader *r, const uint8_t *message,
                             size_t len, bool *ended);

/* Makes of what was read, to its end, what a change takes, and checks contents. Long for large zones.
 * ERR_REFUSED. */
MUST_CHECK int transfer_end(struct transfer_reader *r);

/* Gives what it was, and the serial that the primary has. With TRANSFER_WHOLE *whole, with TRANSFER_DELTA
 * *delta is the caller's; once, after transfer_end(). Else they are NULL. */
enum transfer_kind transfer_result(struct transfer_reader *r, struct contents **whole,
                                   struct delta **delta, uint32_t *serial);

struct transfer_problem {
	const char *rule; /* static */
	const char *text; /* lent until the reader goes */
};

/* What was wrong. Rule NULL: nothing. */
struct transfer_problem transfer_problem(const struct transfer_reader *r);

/* Gives in how many seconds the zone expires for the primary itself (RFC 7314). False: it did not say. */
bool transfer_expire(const struct transfer_reader *r, uint32_t *seconds);

/* Octets and records read so far. */
uint64_t transfer_octets(const struct transfer_reader *r);
uint64_t transfer_records(const struct transfer_reader *r);

#endif
