/*
 * RDATA between text and wire form.
 *
 * The grammar of the types is ldns's affair. Since it reads about a quarter of a million records
 * a second, types with simple fields have a short cut that reads the notations that zone files
 * really hold and hands everything else to ldns; both give the same octets, which the tests prove.
 */
#ifndef CONTROL_ZONE_RDATA_TEXT_H
#define CONTROL_ZONE_RDATA_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "control/zone/entry.h"
#include "control/zone/rdata.h"
#include "shared/compiler.h"

enum { REASON_MAX = 256 };

/* Work space for converting; kept from record to record. Zeroed before its first use but for
 * bytes. */
struct rdata_text {
	size_t len;       /* the result */
	const char *rule; /* when refused: which rule, why, and where if known */
	const struct entry_token *at;
	char *line; /* owned: text for and from ldns */
	size_t line_len;
	size_t line_room;
	struct rdata_text *again; /* owned: for reading back what was written */
	char reason[REASON_MAX];
	uint8_t bytes[RDATA_MAX + 1];
};

struct rdata_text *rdata_text_new(void);
void rdata_text_free(struct rdata_text *x);

/* Reads the RDATA of a type, any notation; names without a final dot are completed with origin.
 * The result is in x->bytes. On ERR_SYNTAX or ERR_TOOBIG, x->rule and x->reason say why. */
MUST_CHECK int rdata_from_text(struct rdata_text *x, uint16_t type,
                               const struct entry_token *tokens, size_t count,
                               const uint8_t *origin);

/* Writes RDATA as text that reads back to the same octets; in the form of RFC 3597 when there is
 * no other. */
MUST_CHECK int rdata_to_text(struct rdata_text *x, uint16_t type, const uint8_t *rdata,
                             size_t len, FILE *to);

/* ---- the roads by themselves ---- */

/* ERR_NOTFOUND: the short cut is not sure, ask ldns. */
MUST_CHECK int rdata_read_fields(struct rdata_text *x, uint16_t type,
                                 const struct entry_token *tokens, size_t count,
                                 const uint8_t *origin);

/* "\#", length and hexadecimal digits (RFC 3597 §5). */
MUST_CHECK int rdata_read_generic(struct rdata_text *x, uint16_t type,
                                  const struct entry_token *tokens, size_t count);

/* ERR_NOTFOUND: ldns has no text form for the type. */
MUST_CHECK int rdata_read_ldns(struct rdata_text *x, uint16_t type,
                               const struct entry_token *tokens, size_t count,
                               const uint8_t *origin);

/* Leaves ldns's text for the RDATA in x->line. ERR_NOTFOUND when it has none. */
MUST_CHECK int rdata_print_ldns(struct rdata_text *x, uint16_t type, const uint8_t *rdata,
                                size_t len);

/* Reads a name in a token: "@", or completed with origin. out: NAME_MAX_LEN octets. Gives its
 * length, ERR_SYNTAX or ERR_TOOBIG. */
MUST_CHECK int rdata_read_name(const struct entry_token *t, const uint8_t *origin,
                               uint8_t *out);

/* Fills in why a name was refused. Gives err. */
int rdata_refuse_name(struct rdata_text *x, const struct entry_token *t, int err);

/* Fills in rule, reason and place. Gives ERR_SYNTAX. */
int rdata_refuse(struct rdata_text *x, const char *rule, const struct entry_token *at,
                 const char *format, ...) PRINTF_LIKE(4, 5);

#endif
