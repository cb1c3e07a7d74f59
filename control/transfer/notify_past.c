#include "control/transfer/notify_past.h"

#include <stdlib.h>
#include <string.h>

#include "control/change/record.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/wire.h"

/* The item: u8 version, u64 number of a change. Secondaries' keys in that list have four octets, and those
 * of serials begin otherwise. */
static const char key[] = "notified";

enum {
	KEY_LEN = sizeof key - 1,
	NOTE_VERSION = 1,
	NOTE_SIZE = 9,
	LOOK_BACK_MAX = 200000, /* changes: it is done with a snapshot held */
};

static int read_told(struct notify_past *p, struct store_txn *t)
{
	const void *value;
	size_t size;
	int err = store_item_get(t, STORE_REFRESH, key, KEY_LEN, &value, &size);

	p->told = p->newest;
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	struct wire_reader r = wire_reader_on(value, size);
	if (size != NOTE_SIZE || wire_read8(&r) != NOTE_VERSION)
		return 0; /* as if there were none */
	uint64_t told = wire_read64(&r);
	if (told < p->newest)
		p->told = told;
	return 0;
}

static void add_zone(struct notify_past *p, const struct record_zone *z)
{
	size_t len = name_len(z->name, NAME_MAX_LEN);

	p->zones = array_room(p->zones, p->count, &p->room, sizeof p->zones[0]);
	p->zones[p->count++] = (struct past_zone){
		.id = z->id,
		.name = memcpy(arena_alloc(p->arena, len), z->name, len),
	};
}

static int take_change(uint64_t seq, const void *header, size_t size, void *arg)
{
	struct record_header h;

	(void)seq;
	TRY(record_decode_header(header, size, &h));
	struct wire_reader r = record_zones(&h);
	for (uint32_t i = 0; i < h.zone_count; i++) {
		struct record_zone z = record_next_zone(&r);
		if (z.kind != ZONE_REMOVE && z.new_serial != z.old_serial)
			add_zone(arg, &z);
	}
	return 0;
}

int notify_past_read(struct notify_past *p, struct store_txn *t)
{
	uint64_t next;

	p->arena = arena_new();
	TRY(store_log_next(t, &next));
	p->newest = next - 1;
	TRY(read_told(p, t));
	if (p->newest - p->told > LOOK_BACK_MAX)
		p->told = p->newest - LOOK_BACK_MAX;
	return store_log_each(t, p->told + 1, p->newest, take_change, p);
}

void notify_past_fini(struct notify_past *p)
{
	free(p->zones);
	arena_free(p->arena);
	*p = (struct notify_past){0};
}

void notify_past_note(struct engine *e, uint64_t told)
{
	struct change *c = change_new(actor_self());
	uint8_t value[NOTE_SIZE];
	struct wire_writer w = wire_writer_on(value, sizeof value);

	wire_write8(&w, NOTE_VERSION);
	wire_write64(&w, told);
	(void)change_item(c, STORE_REFRESH, key, KEY_LEN, value, sizeof value);
	engine_note_items(e, &c, NULL, NULL);
}
