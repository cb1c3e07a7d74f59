#include "control/transfer/notified.h"

#include <stdlib.h>
#include <string.h>

#include "control/change/change.h"
#include "control/zone/arena.h"
#include "control/zone_marks.h"
#include "shared/err.h"
#include "shared/wire.h"

/* An item's key is the prefix and the zone's number, u32; it has: u8 version, u32 serial. */
static const char prefix[] = "serial";

enum {
	PREFIX_LEN = sizeof prefix - 1,
	KEY_LEN = PREFIX_LEN + 4,
	NOTE_VERSION = 1,
	NOTE_SIZE = 5,
	WRITTEN_AT_ONCE = 1000,
};

static int read_one(const struct store_item *item, void *arg)
{
	struct engine *e = arg;

	struct wire_reader r = wire_reader_on(item->value, item->size);

	/* Others are as if they were not there. */
	if (item->key_len == KEY_LEN && item->size == NOTE_SIZE &&
	    wire_read8(&r) == NOTE_VERSION)
		(void)zone_marks_set_notified(
			engine_marks(e),
			wire_load32((const uint8_t *)item->key + PREFIX_LEN),
			wire_read32(&r));
	return 0;
}

int notified_read(struct engine *e, struct store_txn *t)
{
	return store_item_each(t, STORE_REFRESH, prefix, PREFIX_LEN, read_one, e);
}

static void add(struct notified *n, uint32_t zone)
{
	n->zones = array_room(n->zones, n->count, &n->room, sizeof n->zones[0]);
	n->zones[n->count++] = zone;
}

void notified_set(struct notified *n, struct engine *e, uint32_t zone, uint32_t serial)
{
	if (zone_marks_set_notified(engine_marks(e), zone, serial))
		add(n, zone);
}

void notified_forget(struct notified *n, struct engine *e, uint32_t zone)
{
	if (zone_marks_forget_notified(engine_marks(e), zone))
		add(n, zone);
}

static void put(struct change *c, uint32_t zone, const struct zone_mark *mark)
{
	uint8_t key[KEY_LEN];
	uint8_t value[NOTE_SIZE];
	struct wire_writer w = wire_writer_on(value, sizeof value);

	memcpy(key, prefix, PREFIX_LEN);
	wire_store32(key + PREFIX_LEN, zone);
	wire_write8(&w, NOTE_VERSION);
	wire_write32(&w, mark->notified_serial);
	(void)change_item(c, STORE_REFRESH, key, sizeof key,
	                  mark->is_notified ? value : NULL,
	                  mark->is_notified ? sizeof value : 0);
}

bool notified_write(struct notified *n, struct engine *e)
{
	if (n->count == 0)
		return false;
	struct change *c = change_new(actor_self());
	/* Those that were told of several serials are there as often. */
	while (n->count > 0 && c->item_count < WRITTEN_AT_ONCE) {
		uint32_t zone = n->zones[--n->count];
		struct zone_mark mark = zone_marks_look(engine_marks(e), zone);
		put(c, zone, &mark);
	}
	engine_note_items(e, &c, NULL, NULL);
	return n->count > 0;
}

void notified_fini(struct notified *n)
{
	free(n->zones);
	*n = (struct notified){0};
}
