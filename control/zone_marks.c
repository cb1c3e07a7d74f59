#include "control/zone_marks.h"

#include <stdlib.h>

#include "control/change/serial.h"
#include "control/must.h"

enum { ROOM_FIRST = 64 };

/* A slot whose mark is empty stays where it is, for others were put behind it. */
struct mark_slot {
	uint32_t id; /* 0: free, as no zone has that number */
	struct zone_mark mark;
};

void zone_marks_init(struct zone_marks *m)
{
	*m = (struct zone_marks){.room = ROOM_FIRST};
	m->slots = must(calloc(m->room, sizeof m->slots[0]));
	(void)pthread_mutex_init(&m->lock, NULL);
}

void zone_marks_fini(struct zone_marks *m)
{
	free(m->slots);
	(void)pthread_mutex_destroy(&m->lock);
}

/* Gives its slot, or the free one where it would be. */
static struct mark_slot *find(const struct zone_marks *m, uint32_t id)
{
	size_t at = id & (m->room - 1);

	while (m->slots[at].id && m->slots[at].id != id)
		at = (at + 1) & (m->room - 1);
	return &m->slots[at];
}

static bool is_empty(const struct zone_mark *k)
{
	return !k->last_check && !k->is_notified;
}

/* Empty marks are left out: there is more room only for those that have come to be. */
static void grow(struct zone_marks *m)
{
	struct mark_slot *old = m->slots;
	size_t old_room = m->room;
	size_t used = 0;

	for (size_t i = 0; i < old_room; i++)
		used += old[i].id && !is_empty(&old[i].mark);
	m->room = used >= old_room / 2 ? old_room * 2 : old_room;
	m->used = used;
	m->slots = must(calloc(m->room, sizeof m->slots[0]));
	for (size_t i = 0; i < old_room; i++)
		if (old[i].id && !is_empty(&old[i].mark))
			*find(m, old[i].id) = old[i];
	free(old);
}

static struct zone_mark *mark_of(struct zone_marks *m, uint32_t id)
{
	struct mark_slot *slot = find(m, id);

	if (slot->id)
		return &slot->mark;
	if (m->used >= m->room / 4 * 3) {
		grow(m);
		slot = find(m, id);
	}
	m->used++;
	slot->id = id;
	return &slot->mark;
}

struct zone_mark zone_marks_look(struct zone_marks *m, uint32_t id)
{
	(void)pthread_mutex_lock(&m->lock);
	struct zone_mark mark = find(m, id)->mark;
	(void)pthread_mutex_unlock(&m->lock);
	return mark;
}

void zone_marks_set_check(struct zone_marks *m, uint32_t id, uint64_t when)
{
	(void)pthread_mutex_lock(&m->lock);
	if (when || find(m, id)->id)
		mark_of(m, id)->last_check = when;
	(void)pthread_mutex_unlock(&m->lock);
}

bool zone_marks_set_notified(struct zone_marks *m, uint32_t id, uint32_t serial)
{
	(void)pthread_mutex_lock(&m->lock);
	struct zone_mark *mark = mark_of(m, id);
	bool is_newer = !mark->is_notified || serial_newer(serial, mark->notified_serial);
	if (is_newer) {
		mark->notified_serial = serial;
		mark->is_notified = true;
	}
	(void)pthread_mutex_unlock(&m->lock);
	return is_newer;
}

bool zone_marks_forget_notified(struct zone_marks *m, uint32_t id)
{
	(void)pthread_mutex_lock(&m->lock);
	struct mark_slot *slot = find(m, id);
	bool was = slot->mark.is_notified;
	slot->mark.is_notified = false;
	slot->mark.notified_serial = 0;
	(void)pthread_mutex_unlock(&m->lock);
	return was;
}
