/*
 * Writes DNS messages, with names shortened by pointers to names before them: owners, and names in the
 * RDATA of RFC 1035's types (RFC 3597 §4). A name is only ever replaced by the same octets, so that the
 * case of letters survives.
 *
 * The names that were written are found by a table of their hashes, with one place for each: who comes
 * later takes it.
 */
#ifndef CONTROL_WIRE_WRITER_H
#define CONTROL_WIRE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "control/wire/opt.h"
#include "control/wire/reader.h"

enum { MESSAGE_NAMES = 1024 };

/* Large: one per thread or job. All zero before the first message_begin() of its life; from then on it
 * may begin messages one after the other. */
struct message_writer {
	uint8_t *start; /* lent */
	uint8_t *at;
	uint8_t *end;
	uint16_t counts[MESSAGE_SECTIONS];
	uint32_t turn; /* names of earlier messages do not count */
	struct {
		uint32_t turn;
		uint16_t at;
	} names[MESSAGE_NAMES];
	uint16_t last_at;    /* of the last owner; 0: none */
	uint16_t above_at;   /* of the name above that; 0: not known, or the root */
	uint32_t above_hash; /* of that */
	uint8_t last_len;
	uint8_t last[NAME_MAX_LEN];
};

/* room is lent until message_end(): size octets, MESSAGE_HEADER at least, of which 65 535 are used. flags:
 * the 16 bits behind the ID. */
void message_begin(struct message_writer *w, uint8_t *room, size_t size, uint16_t id,
                   uint16_t flags);

/* These give false when there is no room; nothing was written then. Records come in the order of their
 * sections. Of a record, at is not looked at. RDATA is uncompressed. */
bool message_put_question(struct message_writer *w, const uint8_t *name, uint16_t type,
                          uint16_t rrclass);
bool message_put(struct message_writer *w, const struct message_record *r);
bool message_put_opt(struct message_writer *w, const struct message_opt *o);

/* Writes the counts. Gives the length of the message. It may go on after that, and end again. */
uint16_t message_end(struct message_writer *w);

#endif
