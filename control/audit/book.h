/*
 * The audit log on disk: an LMDB environment of its own in the directory audit of the store, so that
 * whoever loses or restores the one still has the other. Events are appended, and nothing here
 * takes one away or changes it.
 *
 *      event   u64 seq (big endian)   SHA-256 of the text, the text (chain.h)
 *      meta    "head"                 u64 seq, hash and u64 change of the last event
 *              "followed"             u64, number of the last change of the store's log
 *                                     that events were written for
 *
 * One thread writes at a time; any may read.
 */
#ifndef CONTROL_AUDIT_BOOK_H
#define CONTROL_AUDIT_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/audit/chain.h"
#include "shared/compiler.h"

struct book;
struct book_writer;

/* dir is made when it is missing (mode 0700). */
MUST_CHECK int book_open(const char *dir, struct book **out, char *text,
                         size_t text_size);
void book_close(struct book **b);

/* One transaction: any number of events. commit and abort take it. */
MUST_CHECK int book_begin(struct book *b, struct book_writer **out);
/* body: the members of an event behind those of its beginning, "\"time\":...}" and so on up to the
 * closing brace. */
MUST_CHECK int book_append(struct book_writer *w, uint64_t change, const char *body,
                           size_t len);
MUST_CHECK int book_set_followed(struct book_writer *w, uint64_t followed);
/* Puts an event, and then where the log stands, as they were in another book. ERR_CORRUPT: the book has
 * later ones. */
struct book_event;
struct book_state;
MUST_CHECK int book_put(struct book_writer *w, const struct book_event *e);
MUST_CHECK int book_set_state(struct book_writer *w, const struct book_state *state);
MUST_CHECK int book_commit(struct book_writer **w);
void book_abort(struct book_writer **w);

/* Where it stands. */
struct book_state {
	struct chain head;
	uint64_t followed;
};
MUST_CHECK int book_look(struct book *b, struct book_state *out);

struct book_event {
	uint64_t seq;
	const uint8_t *hash; /* lent, as the text; of CHAIN_HASH_SIZE */
	const char *text;
	size_t len;
};

/* Calls back from an event on, the nearest one when it is not there, upwards or
 * backwards, until fn gives non-zero, which is handed through. ERR_CORRUPT: a value has not the
 * form of an event. */
MUST_CHECK int book_each(struct book *b, uint64_t from, bool backwards,
                         int (*fn)(const struct book_event *, void *), void *arg);

/* Checks all of it: every event, that each follows the one before, that the last is the one that
 * was written last. *damaged, when ERR_CORRUPT, is the event that is wrong, text says how. */
MUST_CHECK int book_verify(struct book *b, struct book_state *out, uint64_t *damaged,
                           char *text, size_t text_size);

#endif
