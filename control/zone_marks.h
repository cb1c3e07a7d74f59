/*
 * What is shown of zones beside what the store has of them: when their primaries have last answered, and
 * which serial others have been told of. Whoever brings that about notes it here, and in the store as far as it
 * is to outlive the process; only zones of which there is something take room.
 *
 * Any thread.
 */
#ifndef CONTROL_ZONE_MARKS_H
#define CONTROL_ZONE_MARKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone_mark {
	uint64_t last_check; /* seconds since 1970; 0: no primary has ever answered */
	uint32_t notified_serial;
	bool is_notified; /* the serial is one */
};

struct mark_slot;

struct zone_marks {
	pthread_mutex_t lock;
	struct mark_slot *slots; /* by id; a power of two of them */
	size_t room, used;
};

void zone_marks_init(struct zone_marks *m);
void zone_marks_fini(struct zone_marks *m);

/* Gives what is known of a zone; all zero when that is nothing. */
struct zone_mark zone_marks_look(struct zone_marks *m, uint32_t id);

/* 0: there is nothing to be known any more. */
void zone_marks_set_check(struct zone_marks *m, uint32_t id, uint64_t when);

/* Gives false when it is told of this serial, or a newer one, already. */
bool zone_marks_set_notified(struct zone_marks *m, uint32_t id, uint32_t serial);

/* Nobody has been told of it. Gives false when nobody was. */
bool zone_marks_forget_notified(struct zone_marks *m, uint32_t id);

#endif
