/*
 * Headers and rows as bytes. All integers are big endian; a short text is an octet of length and
 * that many, why is a u16 of length, that many, and a NUL which the length counts.
 *
 *   header    u8 version, u64 seq, u64 time_us,
 *             u8 actor kind, u8 role, short name, short key id, short tenant, 16 octets address,
 *             u16 port, u32 uid, u32 pid, short request id,
 *             why, u32 zone_count, u32 item_parts, and for each zone
 *             u8 kind, u32 id, u32 old serial, u32 new serial, u32 parts, name
 *   part      u8 version, and for each row
 *             u8 kind, u8 flags, u16 type, u16 length of key, key,
 *             with ROW_BEFORE u32 length, value; with ROW_AFTER the same
 */
#include "control/change/record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/zone/arena.h"
#include "shared/err.h"

enum {
	RECORD_VERSION = 1,
	ROW_BEFORE = 1 << 0,
	ROW_AFTER = 1 << 1,
	ROW_SECRET = 1 << 2,
	ROW_FLAGS = ROW_BEFORE | ROW_AFTER | ROW_SECRET,
	ROW_KINDS = ROW_ITEM + 1,
	ROW_FIXED = 1 + 1 + 2 + 2,
	WHY_MAX = UINT16_MAX - 1,
	ZONE_FIXED = 1 + 4 + 4 + 4 + 4,
	ACTOR_FIXED = 1 + 1 + 16 + 2 + 4 + 4,
	ACTOR_MAX = ACTOR_FIXED + 4 + ACTOR_NAME_SIZE + KEY_ID_SIZE + TENANT_SIZE +
	            REQUEST_ID_SIZE,
	HEADER_FIXED = 1 + 8 + 8 + 2 + 4 + 4,
};

/* ---- headers ---- */

static void write_actor(struct wire_writer *w, const struct actor *a)
{
	wire_write8(w, (uint8_t)a->kind);
	wire_write8(w, (uint8_t)a->role);
	wire_write_text(w, a->name, sizeof a->name);
	wire_write_text(w, a->key_id, sizeof a->key_id);
	wire_write_text(w, a->tenant, sizeof a->tenant);
	wire_write_bytes(w, a->address, sizeof a->address);
	wire_write16(w, a->port);
	wire_write32(w, a->uid);
	wire_write32(w, a->pid);
	wire_write_text(w, a->request_id, sizeof a->request_id);
}

static void write_zone(struct wire_writer *w, enum zone_change_kind kind,
                       const struct zone_result *z)
{
	wire_write8(w, (uint8_t)(zone_change_is_partial(kind) ? ZONE_EDIT : kind));
	wire_write32(w, z->id);
	wire_write32(w, z->old_serial);
	wire_write32(w, z->new_serial);
	wire_write32(w, z->parts);
	wire_write_bytes(w, z->name, name_len(z->name, sizeof z->name));
}

static uint32_t count_changed(const struct change_result *r)
{
	uint32_t count = 0;

	for (size_t i = 0; i < r->zone_count; i++)
		count += r->zones[i].changed;
	return count;
}

size_t record_encode_header(const struct change *c, const struct change_result *r,
                            uint64_t time_us, uint8_t **out)
{
	uint32_t zones = count_changed(r);
	size_t why_len = strnlen(c->why, WHY_MAX);
	size_t room = HEADER_FIXED + ACTOR_MAX + why_len + 1 +
	              (size_t)zones * (ZONE_FIXED + NAME_MAX_LEN);
	uint8_t *bytes = memory_get(room);
	struct wire_writer w = wire_writer_on(bytes, room);

	assert(r->zone_count <= c->zone_count);
	wire_write8(&w, RECORD_VERSION);
	wire_write64(&w, r->seq);
	wire_write64(&w, time_us);
	write_actor(&w, c->actor);
	wire_write16(&w, (uint16_t)(why_len + 1));
	wire_write_bytes(&w, c->why, why_len);
	wire_write8(&w, 0);
	wire_write32(&w, zones);
	wire_write32(&w, r->item_parts);
	for (size_t i = 0; i < r->zone_count; i++)
		if (r->zones[i].changed)
			write_zone(&w, c->zones[i].kind, &r->zones[i]);
	assert(w.ok);
	*out = bytes;
	return wire_written(&w);
}

static void read_actor(struct wire_reader *r, struct actor *a)
{
	uint8_t kind = wire_read8(r);
	uint8_t role = wire_read8(r);

	r->ok &= kind <= ACTOR_DNS && role <= ROLE_ADMIN;
	a->kind = (enum actor_kind)kind;
	a->role = (enum role)role;
	wire_read_text(r, a->name, sizeof a->name);
	wire_read_text(r, a->key_id, sizeof a->key_id);
	wire_read_text(r, a->tenant, sizeof a->tenant);
	const uint8_t *address = wire_read_bytes(r, sizeof a->address);
	if (address)
		memcpy(a->address, address, sizeof a->address);
	a->port = wire_read16(r);
	a->uid = wire_read32(r);
	a->pid = wire_read32(r);
	wire_read_text(r, a->request_id, sizeof a->request_id);
}

static const char *read_why(struct wire_reader *r)
{
	size_t size = wire_read16(r);
	const uint8_t *bytes = wire_read_bytes(r, size);

	if (!bytes || size == 0 || memchr(bytes, 0, size) != bytes + size - 1) {
		r->ok = false;
		return "";
	}
	return (const char *)bytes;
}

struct wire_reader record_zones(const struct record_header *h)
{
	return wire_reader_on(h->zones, h->zones_size);
}

struct record_zone record_next_zone(struct wire_reader *r)
{
	struct record_zone z = {0};
	uint8_t kind = wire_read8(r);

	r->ok &= kind <= ZONE_CONTENTS;
	z.kind = (enum zone_change_kind)kind;
	z.id = wire_read32(r);
	z.old_serial = wire_read32(r);
	z.new_serial = wire_read32(r);
	z.parts = wire_read32(r);
	size_t len = r->ok ? name_len(r->at, wire_left(r)) : 0;
	r->ok &= len > 0;
	z.name = wire_read_bytes(r, len);
	return z;
}

int record_decode_header(const void *bytes, size_t size, struct record_header *out)
{
	struct wire_reader r = wire_reader_on(bytes, size);
	struct record_header h = {0};
	uint8_t version = wire_read8(&r);

	if (r.ok && version != RECORD_VERSION)
		return ERR_VERSION;
	h.seq = wire_read64(&r);
	h.time_us = wire_read64(&r);
	read_actor(&r, &h.actor);
	h.why = read_why(&r);
	h.zone_count = wire_read32(&r);
	h.item_parts = wire_read32(&r);
	h.zones = r.at;
	h.zones_size = wire_left(&r);
	for (uint32_t i = 0; i < h.zone_count && r.ok; i++)
		(void)record_next_zone(&r);
	if (!r.ok || wire_left(&r) > 0)
		return ERR_CORRUPT;
	*out = h;
	return 0;
}

/* ---- rows ---- */

static size_t value_size(const void *value, size_t size)
{
	return value ? sizeof(uint32_t) + size : 0;
}

static void write_value(struct wire_writer *w, const void *value, size_t size)
{
	if (!value)
		return;
	wire_write32(w, (uint32_t)size);
	wire_write_bytes(w, value, size);
}

static void make_room(struct record_part *p, size_t more)
{
	size_t room = p->room ? p->room : 256;

	while (room - p->size < more)
		room *= 2;
	if (room == p->room)
		return;
	p->bytes = memory_resize(p->bytes, room);
	p->room = room;
}

void record_part_add(struct record_part *p, const struct record_row *row)
{
	size_t size = ROW_FIXED + row->key_len +
	              value_size(row->before, row->before_size) +
	              value_size(row->after, row->after_size);

	assert(row->key_len <= UINT16_MAX && row->before_size <= UINT32_MAX &&
	       row->after_size <= UINT32_MAX);
	make_room(p, size + 1);
	if (p->size == 0)
		p->bytes[p->size++] = RECORD_VERSION;
	struct wire_writer w = wire_writer_on(p->bytes + p->size, size);
	wire_write8(&w, (uint8_t)row->kind);
	wire_write8(&w, (uint8_t)((row->before ? ROW_BEFORE : 0) |
	                          (row->after ? ROW_AFTER : 0) |
	                          (row->secret ? ROW_SECRET : 0)));
	wire_write16(&w, row->type);
	wire_write16(&w, (uint16_t)row->key_len);
	wire_write_bytes(&w, row->key, row->key_len);
	write_value(&w, row->before, row->before_size);
	write_value(&w, row->after, row->after_size);
	assert(w.ok && wire_written(&w) == size);
	p->size += size;
}

void record_part_empty(struct record_part *p)
{
	p->size = 0;
}

void record_part_fini(struct record_part *p)
{
	free(p->bytes);
	*p = (struct record_part){0};
}

static const void *read_value(struct wire_reader *r, bool there, size_t *size)
{
	if (!there)
		return NULL;
	*size = wire_read32(r);
	return wire_read_bytes(r, *size);
}

static int read_row(struct wire_reader *r, struct record_row *out)
{
	struct record_row row = {0};
	uint8_t kind = wire_read8(r);
	uint8_t flags = wire_read8(r);

	row.type = wire_read16(r);
	row.key_len = wire_read16(r);
	row.key = wire_read_bytes(r, row.key_len);
	row.before = read_value(r, flags & ROW_BEFORE, &row.before_size);
	row.after = read_value(r, flags & ROW_AFTER, &row.after_size);
	row.secret = flags & ROW_SECRET;
	if (!r->ok || kind >= ROW_KINDS || flags & ~ROW_FLAGS)
		return ERR_CORRUPT;
	row.kind = (enum record_kind)kind;
	*out = row;
	return 0;
}

int record_each_row(const void *part, size_t size,
                    int (*fn)(const struct record_row *, void *), void *arg)
{
	struct wire_reader r = wire_reader_on(part, size);
	uint8_t version = wire_read8(&r);

	if (!r.ok)
		return ERR_CORRUPT;
	if (version != RECORD_VERSION)
		return ERR_VERSION;
	while (wire_left(&r) > 0) {
		struct record_row row;

		TRY(read_row(&r, &row));
		int err = fn(&row, arg);
		if (err != 0)
			return err;
	}
	return 0;
}
