/*
 * A zone's history as JSON: the list of its changes, and what differs between two states. Commands
 * and HTTP show the same; docs/CONTROL.md lists arguments and members.
 *
 * Who is confined, by a tenant or by grants, is told what happened to the zones that it sees, but
 * not who else did it, nor where the server keeps the zone's file.
 */
#ifndef CONTROL_HISTORY_TOLD_H
#define CONTROL_HISTORY_TOLD_H

#include <jansson.h>

#include "control/access/actor.h"
#include "control/history/difference.h"
#include "control/history/history.h"
#include "shared/compiler.h"

/* Fills result, an object. args: from, limit, full, actor, since, until. ERR_SYNTAX: an argument is
 * wrong; ERR_REFUSED. */
MUST_CHECK int history_tell_list(struct history *h, const json_t *args,
                                 const struct actor *who, json_t *result);

/* The same; args: from, to, after, limit. */
MUST_CHECK int history_tell_difference(struct history *h, const json_t *args,
                                       json_t *result);

/* Sets "removed" and "added", and in "lines" those from a number on, up to a limit; "next" is the
 * number of the first that was left out, or null. backwards: as if what went came. */
struct line_page {
	uint64_t after, limit;
	bool backwards;
};
void history_tell_lines(const struct history *h, const struct difference *d,
                        const struct line_page *page, json_t *result);

/* A state: its change (null: one that is not in the log any more), serial and time. */
json_t *history_tell_state(const struct history_state *s);

/* Reads a state from an argument, text or number; otherwise: the text that is read when it is not
 * there. ERR_SYNTAX, ERR_REFUSED. */
MUST_CHECK int history_read_state(struct history *h, const json_t *args, const char *key,
                                  const char *otherwise, struct history_state *out);

/* Reads a number, unless it is not there. ERR_SYNTAX. */
MUST_CHECK int history_read_number(struct history *h, const json_t *args, const char *key,
                                   uint64_t most, uint64_t *out);

/* Says why something gave err. */
const char *history_why(const struct history *h, int err);

#endif
