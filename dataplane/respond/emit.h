/*
 * Writing a response: precompiled fragments are copied behind the question and their few pointers
 * moved to where the names they mean stand in this message, as a linker relocates code.
 *
 * A response is written section by section. Nothing is ever written past limit, which already
 * leaves room for OPT; a piece that does not fit leaves the response as it was.
 */
#ifndef DATAPLANE_RESPOND_EMIT_H
#define DATAPLANE_RESPOND_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/respond/query.h"
#include "shared/compiler.h"
#include "shared/table.h"

enum section {
	SECTION_ANSWER,
	SECTION_AUTHORITY,
	SECTION_ADDITIONAL,
	SECTION_COUNT,
};

/*
 * The name that is being answered: at first the question's, later a CNAME's or DNAME's target.
 * at: where it stands in the message. The question is written out in full; a target may be
 * labels followed by a pointer.
 */
struct subject {
	const uint8_t *name; /* folded, NAME_PAD readable bytes behind */
	uint64_t hash;
	uint16_t at;
	uint8_t name_len;
	bool chased;
};

struct emit {
	uint8_t *dns;
	uint16_t at;
	uint16_t limit;
	uint32_t room; /* bytes that may be written, which is more than may be sent */
	uint16_t counts[SECTION_COUNT];
	bool dnssec;
};

enum { POINTER_BITS = 0xc000, POINTER_MAX = 0x3fff };

/* Copies from the table. Most bodies are short, and moves of a fixed size beat a call: both sides
 * may be overrun, the table's because it ends in slack, the message's up to end. One A record is
 * exactly the shortest: a longer move would reach into the next cache line, which nobody has
 * asked for. */
static ALWAYS_INLINE void emit_copy(uint8_t *to, const uint8_t *from, size_t len,
                                    const uint8_t *end)
{
	enum { ONE_A = 16, STEP = 64 };

	if (UNDER_TSAN)
		memcpy(to, from,
		       len); /* what is overrun may be being written, and is not sent */
	else if (likely(len <= ONE_A && to + ONE_A <= end))
		memcpy(to, from, ONE_A);
	else if (likely(to + len + STEP <= end))
		for (size_t at = 0; at < len; at += STEP)
			memcpy(to + at, from + at, STEP);
	else
		memcpy(to, from, len);
}

/* Gives the offset in the message of the suffix that starts skip bytes into the name which
 * stands, perhaps compressed, at offset at. Bounded: pointers only ever lead backwards. */
unsigned emit_name_at(const uint8_t *dns, unsigned at, unsigned skip);

/* Appends a fragment as records of section for subject. false: it does not fit. */
HOT bool emit_fragment(struct emit *e, const struct table_fragment *f,
                       const struct subject *s, enum section section);

/* Appends an inline entry's records; their owner becomes owner_at. */
HOT bool emit_inline(struct emit *e, const struct table_entry *entry, unsigned owner_at,
                     enum section section);

/* Only the RRSIGs among the DO-only records of an entry's body whose owner is the entry's own
 * name (a query for type RRSIG). */
bool emit_signatures(struct emit *e, const uint8_t *sigs, size_t len, unsigned owner_at);

/* Appends a denial record as a proof: under its own name, with its signatures. apex_at: where the
 * zone's apex stands in the message (0: the apex is the root). */
bool emit_denial(struct emit *e, const struct table_denial *d, unsigned apex_at);

/* Appends a denial record as what was asked for: its owner is the name at owner_at. */
bool emit_denial_as_data(struct emit *e, const struct table_denial *d, unsigned owner_at,
                         enum section section);

/* One RR with given RDATA, whose owner stands at owner_at. */
struct emit_rr {
	unsigned owner_at;
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	const uint8_t *rdata;
	size_t rdlen;
};

/* Appends it. false: it does not fit. */
bool emit_rr(struct emit *e, const struct emit_rr *rr, enum section section);

#endif
