/*
 * What a commit has changed, for those in this process who have something to do about it: to tell
 * secondaries, to look at a catalog, to read keys anew.
 */
#ifndef CONTROL_COMMIT_NOTE_H
#define CONTROL_COMMIT_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/change/change.h"
#include "shared/name.h"

struct noted_zone {
	uint32_t id;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	uint32_t old_serial, new_serial;
	enum zone_change_kind kind;
	bool attrs;      /* the change names attributes of it */
	bool undigested; /* see struct zone_result */
	bool chain_lags; /* likewise */
};

/* Zones stand in the order in which they were changed; one that several changes of the commit
 * concern is there for each of them. */
struct change_note {
	struct change_note *next; /* the commit after this one */
	uint64_t seq; /* of the last change in the log; 0: none is in the log */
	struct noted_zone *zones;
	size_t count, room;
	uint32_t
		lists; /* bits 1 << enum store_list of the items that came, changed or went */
	uint32_t *signing; /* zones among whose items are keys, or how they are signed */
	size_t signing_count, signing_room;
};

/* Adds what came of a change that was written; *note is made when it is NULL. */
void change_note_add(struct change_note **note, const struct change *change,
                     const struct change_result *result);

/* With all that follow it; NULL is fine. */
void change_note_free(struct change_note *note);

#endif
