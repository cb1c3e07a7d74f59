/*
 * The audit log: who did what. It follows the store's log of changes on a thread of its own, so
 * that no change waits for it: a change and its entry in the store's log are one transaction, and
 * the event about it is written behind. After a crash the thread goes on where the last event
 * stopped. What is no change, such as a refused login, is noted by whoever sees it.
 *
 * Should events have been cut off together with all that says so, those about changes are written
 * anew, from the store's log.
 */
#ifndef CONTROL_AUDIT_AUDIT_H
#define CONTROL_AUDIT_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/access/actor.h"
#include "control/audit/book.h"
#include "control/store/store.h"
#include "shared/compiler.h"

struct audit;

/* dir: of the store, in which the log has the directory audit. store is lent for its life. */
MUST_CHECK int audit_open(const char *dir, struct store *store, struct audit **out,
                          char *text, size_t text_size);
/* Writes what there is still to write. NULL is fine. */
void audit_close(struct audit **a);

/* Any thread: there is something new in the store's log. */
void audit_wake(struct audit *a);

/* Any thread. Notes what is no change; detail is taken, and may be NULL. Notes that come faster than
 * they can be written are counted, and that is written. */
void audit_note(struct audit *a, struct actor *who, const char *what, json_t *detail);

struct audit_state {
	struct book_state book;
	uint64_t lost;     /* notes, since the start */
	char problem[128]; /* why it does not get on, or empty */
};
/* Any thread. */
void audit_look(struct audit *a, struct audit_state *out);

/* To read and to check it; any thread. */
struct book *audit_book(struct audit *a);

/* Which events are meant; what is NULL or 0 is not looked at. */
struct audit_filter {
	const char *tenant; /* of the actor */
	const char *actor;  /* its name, or the id of its key */
	const char *zone;   /* absolute, folded, as text */
	const char *what;
	const char *since; /* times as events have them, in whole or their beginning */
	const char *until;
};
bool audit_fits(const struct audit_filter *f, const json_t *event);

#endif
