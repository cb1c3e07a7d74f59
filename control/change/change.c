#include "control/change/change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/delta.h"

struct change *change_new(struct actor *actor)
{
	struct change *c = memory_get(sizeof *c);

	*c = (struct change){.arena = arena_new(), .actor = actor_hold(actor), .why = ""};
	return c;
}

void change_free(struct change **change)
{
	struct change *c = *change;

	if (!c)
		return;
	*change = NULL;
	for (size_t i = 0; i < c->zone_count; i++) {
		contents_free(c->zones[i].contents);
		delta_free(c->zones[i].delta);
		free(c->zones[i].edits);
	}
	free(c->zones);
	free(c->items);
	actor_release(&c->actor);
	arena_free(c->arena);
	free(c);
}

/* array_room() that begins with one item: most changes are of one edit of one zone. */
static void *room_for_one_more(void *array, size_t count, size_t *room, size_t item_size)
{
	if (*room == 0) {
		*room = 1;
		return memory_get(item_size);
	}
	return array_room(array, count, room, item_size);
}

static void copy_name(uint8_t to[static NAME_MAX_LEN], const uint8_t *name)
{
	size_t len = name_len(name, NAME_MAX_LEN);

	assert(len > 0);
	memcpy(to, name, len);
	name_fold(to, len);
}

struct zone_change *change_zone(struct change *c, enum zone_change_kind kind,
                                const uint8_t *name)
{
	c->zones = room_for_one_more(c->zones, c->zone_count, &c->zone_room,
	                             sizeof c->zones[0]);
	struct zone_change *z = &c->zones[c->zone_count++];
	*z = (struct zone_change){.kind = kind};
	copy_name(z->name, name);
	return z;
}

struct edit *change_edit(struct change *c, struct zone_change *z, enum edit_kind kind,
                         const uint8_t *owner, uint16_t type)
{
	assert(z >= c->zones && z < c->zones + c->zone_count);
	z->edits = room_for_one_more(z->edits, z->edit_count, &z->edit_room,
	                             sizeof z->edits[0]);
	struct edit *e = &z->edits[z->edit_count++];
	*e = (struct edit){.kind = kind, .type = type};
	copy_name(e->owner, owner);
	return e;
}

char *change_text(struct change *c, const char *text)
{
	return arena_copy(c->arena, text, strlen(text) + 1);
}

struct item_change *change_item(struct change *c, enum store_list list, const void *key,
                                size_t key_len, const void *value, size_t size)
{
	c->items = room_for_one_more(c->items, c->item_count, &c->item_room,
	                             sizeof c->items[0]);
	struct item_change *i = &c->items[c->item_count++];
	*i = (struct item_change){
		.list = list,
		.key = arena_copy(c->arena, key, key_len),
		.key_len = key_len,
		.value = value ? arena_copy(c->arena, value, size) : NULL,
		.size = size,
	};
	return i;
}
