/*
 * Of each secondary it is written down when a primary has last answered, as its expiry counts from then, whichever run of
 * the process it was. That is new with each check, so it is written for many at once, a minute later at most; a crash
 * makes the next check earlier, no later.
 */
#include "control/change/change.h"
#include "control/transfer/refresh_internal.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	NOTED_AT_ONCE = 1000,
	NOTE_SIZE = 17, /* see put_note() */
	NOTE_VERSION = 1,
};

/* A note: u8 version, u64 when a primary has last answered, u32 its serial, u32 expire. */
static void put_note(const struct secondary *one, uint8_t out[static NOTE_SIZE])
{
	struct wire_writer w = wire_writer_on(out, NOTE_SIZE);

	wire_write8(&w, NOTE_VERSION);
	wire_write64(&w, one->good_at);
	wire_write32(&w, one->their_serial);
	wire_write32(&w, one->expire);
}

int refresh_note_read(struct store_txn *t, uint32_t zone, struct refresh_note *out)
{
	uint8_t key[sizeof zone];
	const void *value;
	size_t size;

	*out = (struct refresh_note){0};
	wire_store32(key, zone);
	int err = store_item_get(t, STORE_REFRESH, key, sizeof key, &value, &size);
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	struct wire_reader r = wire_reader_on(value, size);
	if (size != NOTE_SIZE || wire_read8(&r) != NOTE_VERSION)
		return 0; /* as if there were none */
	out->good_at = wire_read64(&r);
	out->their_serial = wire_read32(&r);
	out->expire = wire_read32(&r);
	out->there = true;
	return 0;
}

struct noting {
	struct refresh *refresh;
	struct change *change;
};

static void note_one(struct secondary *one, void *arg)
{
	struct noting *n = arg;
	uint8_t key[sizeof one->at.id];
	uint8_t value[NOTE_SIZE];

	if (!one->dirty)
		return;
	if (n->change->item_count == NOTED_AT_ONCE) {
		n->refresh->any_dirty = true;
		return;
	}
	one->dirty = false;
	wire_store32(key, one->at.id);
	put_note(one, value);
	(void)change_item(n->change, STORE_REFRESH, key, sizeof key, value, sizeof value);
}

void refresh_write_notes(struct refresh *r)
{
	struct noting n = {.refresh = r};

	if (!r->any_dirty)
		return;
	r->any_dirty = false;
	n.change = change_new(actor_self());
	schedule_each(r->schedule, note_one, &n);
	if (n.change->item_count)
		engine_note_items(r->parts.engine, &n.change, NULL, NULL);
	change_free(&n.change);
}

void refresh_note_erase(struct refresh *r, uint32_t zone)
{
	struct change *c = change_new(actor_self());
	uint8_t key[sizeof zone];

	wire_store32(key, zone);
	(void)change_item(c, STORE_REFRESH, key, sizeof key, NULL, 0);
	engine_note_items(r->parts.engine, &c, NULL, NULL);
}
