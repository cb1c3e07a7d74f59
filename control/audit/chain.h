/*
 * The chain of the audit log. An event is a text, one JSON object that begins like this:
 *
 *      {"seq":2,"prev":"<SHA-256 of event 1, 64 digits>","change":17,...}
 *
 * Its hash is the SHA-256 of that text, and the next event names it. So nobody can change an event,
 * leave one out, put one in or exchange two without writing every later event anew; and whoever
 * has kept the hash of an event elsewhere can tell that nothing before it was. "change" is the
 * number in the store's log of the change that the event is about; 0: it is about none.
 *
 * Anybody can check an exported log with what computes SHA-256.
 */
#ifndef CONTROL_AUDIT_CHAIN_H
#define CONTROL_AUDIT_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

enum {
	CHAIN_HASH_SIZE = 32,
	CHAIN_HEX_SIZE = 2 * CHAIN_HASH_SIZE + 1,
	CHAIN_HEAD_SIZE = 192, /* the beginning of any event, with its NUL */
};

/* Where a chain stands: its last event. {0} is one without events. */
struct chain {
	uint64_t seq;
	uint8_t hash[CHAIN_HASH_SIZE];
	uint64_t change; /* the highest that an event is about */
};

void chain_hash(const char *text, size_t len, uint8_t hash[static CHAIN_HASH_SIZE]);
void chain_hex(const uint8_t hash[static CHAIN_HASH_SIZE],
               char hex[static CHAIN_HEX_SIZE]);

/* Writes the beginning of the event that comes next, up to and with the comma. Gives its length. */
size_t chain_head(const struct chain *c, uint64_t change,
                  char text[static CHAIN_HEAD_SIZE]);

/* Goes on by one event whose text and hash are these. Gives NULL, or what is wrong with it; the
 * chain stays where it is then. */
const char *chain_follow(struct chain *c, const char *text, size_t len,
                         const uint8_t hash[static CHAIN_HASH_SIZE]);

#endif
