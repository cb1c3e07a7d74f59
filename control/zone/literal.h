/*
 * The small notations of zone text: numbers, times to live, character-strings, hexadecimal,
 * base64 and base32hex. Each is strict: what it takes has one meaning only.
 */
#ifndef CONTROL_ZONE_LITERAL_H
#define CONTROL_ZONE_LITERAL_H

#include <stddef.h>
#include <stdint.h>

#include "control/zone/entry.h"
#include "shared/compiler.h"
#include "shared/wire.h"

/* Decimal digits only. ERR_SYNTAX, ERR_RANGE when above max. */
MUST_CHECK int literal_number(const struct entry_token *t, uint32_t max, uint32_t *out);

/* Seconds, or numbers with units w d h m s ("1h30m"). ERR_SYNTAX, ERR_RANGE above 2^32 - 1. */
MUST_CHECK int literal_period(const struct entry_token *t, uint32_t *out);

/* YYYYMMDDHHmmSS in UTC, as seconds since 1970 modulo 2^32 (RFC 4034 §3.2). ERR_SYNTAX. */
MUST_CHECK int literal_time(const struct entry_token *t, uint32_t *out);

/* Undoes "\c" and "\DDD" (RFC 1035 §5.1). out: at least t->len octets. Gives the length, or
 * ERR_SYNTAX. */
MUST_CHECK int literal_string(const struct entry_token *t, uint8_t *out);

/* Decoders that run over count tokens as if they were one word and write behind to's position;
 * an output that does not fit shows in to->ok. ERR_SYNTAX. */
MUST_CHECK int literal_hex(const struct entry_token *t, size_t count,
                           struct wire_writer *to);
MUST_CHECK int literal_base64(const struct entry_token *t, size_t count,
                              struct wire_writer *to);

/* Without padding, as in NSEC3 (RFC 5155 §3.3). */
MUST_CHECK int literal_base32hex(const struct entry_token *t, struct wire_writer *to);

#endif
