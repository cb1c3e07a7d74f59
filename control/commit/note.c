#include "control/commit/note.h"

#include <stdlib.h>
#include <string.h>

#include "control/zone/arena.h"
#include "shared/wire.h"

static void add_zone(struct change_note *n, const struct zone_change *zc,
                     const struct zone_result *r)
{
	n->zones = array_room(n->zones, n->count, &n->room, sizeof *n->zones);
	struct noted_zone *z = &n->zones[n->count++];
	*z = (struct noted_zone){
		.id = r->id,
		.old_serial = r->old_serial,
		.new_serial = r->new_serial,
		.kind = zc->kind,
		.attrs = zc->attrs_set != 0,
		.undigested = r->undigested,
		.chain_lags = r->chain_lags,
	};
	memcpy(z->name, r->name, sizeof z->name);
}

/* A new zone, which has no id yet, is among the zones. */
static void add_item(struct change_note *n, const struct item_change *i)
{
	n->lists |= UINT32_C(1) << i->list;
	if (i->of_zone || (i->list != STORE_CRYPTOKEY && i->list != STORE_SIGNING))
		return;
	n->signing = array_room(n->signing, n->signing_count, &n->signing_room,
	                        sizeof *n->signing);
	n->signing[n->signing_count++] = wire_load32(i->key);
}

void change_note_add(struct change_note **note, const struct change *change,
                     const struct change_result *result)
{
	if (!*note) {
		*note = memory_get(sizeof **note);
		**note = (struct change_note){0};
	}
	struct change_note *n = *note;
	n->seq = result->seq ? result->seq : n->seq;
	for (size_t i = 0; i < change->zone_count; i++)
		if (result->zones[i].changed)
			add_zone(n, &change->zones[i], &result->zones[i]);
	for (size_t i = 0; i < change->item_count; i++)
		add_item(n, &change->items[i]);
}

void change_note_free(struct change_note *note)
{
	while (note) {
		struct change_note *next = note->next;
		free(note->zones);
		free(note->signing);
		free(note);
		note = next;
	}
}
