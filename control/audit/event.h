/*
 * What an event of the audit log says, as JSON: when, who, what, and of a change all that came and
 * went. docs/CONTROL.md lists the members.
 *
 * A change of many rows is told up to some size; how many are left out is told, too, and with the
 * SHA-256 of all of the log's rows the chain seals those as well.
 */
#ifndef CONTROL_AUDIT_EVENT_H
#define CONTROL_AUDIT_EVENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "control/access/actor.h"
#include "control/change/change.h"
#include "control/store/store.h"

/* Of a change in the store's log. A part of it that cannot be read is told as such: a gap would be
 * worse. */
json_t *event_of_change(struct store_txn *t, uint64_t seq, const void *header,
                        size_t size);

/* Of anything else. detail: an object that is taken, whose members are added; or NULL. */
json_t *event_of_note(const struct actor *who, const char *what, json_t *detail,
                      uint64_t time_us);

/* How events say when: microseconds since 1970. Gives text. */
enum { EVENT_TIME_SIZE = 40 };
const char *event_time_text(uint64_t time_us, char text[static EVENT_TIME_SIZE]);

/* Parts of an event: when (likewise), who, and what was done to a zone. */
json_t *event_time(uint64_t time_us);
json_t *event_actor(const struct actor *a);
const char *event_change_name(enum zone_change_kind k);

/* The event as book_append() takes it; the caller's to free(). */
char *event_body(const json_t *event, size_t *len);

#endif
