/*
 * What the store keeps of changes: headers and rows of the log, extras, and what is known of zones.
 * Whatever decodes must encode to something that decodes to the same, and nothing may read past
 * the end. The first octet says which of them it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_header(const uint8_t *data, size_t size)
{
	struct record_header h;

	if (record_decode_header(data, size, &h) < 0)
		return;
	struct wire_reader at = record_zones(&h);
	atomic_init(&h.actor.references, 1); /* ours, so that it is not freed */
	struct change *c = change_new(&h.actor);
	struct change_result r = {.seq = h.seq, .item_parts = h.item_parts};
	r.zones = calloc(h.zone_count + 1, sizeof *r.zones);
	for (uint32_t i = 0; i < h.zone_count; i++) {
		struct record_zone z = record_next_zone(&at);
		struct zone_result *to = &r.zones[r.zone_count++];

		change_zone(c, z.kind, z.name);
		*to = (struct zone_result){.id = z.id,
		                           .old_serial = z.old_serial,
		                           .new_serial = z.new_serial,
		                           .parts = z.parts,
		                           .changed = true};
		memcpy(to->name, z.name, name_len(z.name, NAME_MAX_LEN));
	}
	c->why = h.why;
	uint8_t *again;
	size_t again_size = record_encode_header(c, &r, h.time_us, &again);
	/* A reason as long as can be is cut by an octet. */
	must(strlen(h.why) >= UINT16_MAX - 1 ||
	     (again_size == size && memcmp(again, data, size) == 0));
	free(again);
	free(r.zones);
	change_free(&c);
}

static int copy_row(const struct record_row *row, void *arg)
{
	record_part_add(arg, row);
	return 0;
}

static void check_part(const uint8_t *data, size_t size)
{
	struct record_part p = {0};

	if (record_each_row(data, size, copy_row, &p) == 0 && p.size)
		must(p.size == size && memcmp(p.bytes, data, size) == 0);
	record_part_fini(&p);
}

static void check_extra(const uint8_t *data, size_t size)
{
	struct contents_arena *a = arena_new();
	struct extra x;
	const uint8_t *again;
	size_t again_size;

	/* Its parts may have come in another order. */
	if (extra_decode(data, size, a, &x) == 0)
		must(extra_encode(&x, a, &again, &again_size) == 0 &&
		     again_size == size && extra_decode(again, again_size, a, &x) == 0);
	arena_free(a);
}

static void check_zone(const uint8_t *data, size_t size)
{
	static const uint8_t name[] = "\7example";
	uint8_t bytes[STORE_ZONE_SIZE];
	struct store_zone z;
	struct store_zone again;

	if (store_zone_decode(name, data, size, &z) < 0)
		return;
	size_t len = store_zone_encode(&z, bytes);
	must(store_zone_decode(name, bytes, len, &again) == 0 &&
	     memcmp(&again, &z, sizeof z) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 0: check_header(data + 1, size - 1); break;
	case 1: check_part(data + 1, size - 1); break;
	case 2: check_extra(data + 1, size - 1); break;
	case 3: check_zone(data + 1, size - 1); break;
	default: break;
	}
	return 0;
}
