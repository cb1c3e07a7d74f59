/*
 * The zone database: the sort key of the zone's name under the root and a zero byte, to what is
 * known of the zone. The zero byte gives the root zone a key (LMDB takes none that is empty) and
 * keeps the order canonical.
 *
 * Values are written field by field behind a version octet, in network order:
 *
 *      u8 version, u8 flags, u32 id, u32 serial, u64 rrsets, u64 records, u64 changed_at,
 *      32 octets source_mark, u16 length of source, source,
 *      u64 version, attributes up to the end (attrs.c)
 *
 * The last line is missing in what a store of format 1 has: the version is 0 then, and all
 * attributes are.
 *
 * A later version may append attributes: those that this code does not know are not looked at as
 * long as the version octet is one of those that it knows.
 */
#include <assert.h>
#include <string.h>

#include "control/store/internal.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	ZONE_VALUE_VERSION = 1,
	ZONE_FLAG_LOADED = 1 << 0,
	ZONE_FLAG_ADDED = 1 << 1,
	ZONE_FLAG_EDITED = 1 << 2,
	ZONE_FLAG_EXPIRED = 1 << 3,
};

static const uint8_t root_name[1] = {0};
static const char next_id_name[] = "next-zone-id";

struct zone_key {
	uint8_t bytes[NAME_KEY_MAX + 1];
};

static int make_key(struct zone_key *key, const uint8_t *name, MDB_val *out)
{
	size_t len = name_to_key(name, sizeof root_name, key->bytes);

	if (len + 1 > STORE_KEY_MAX)
		return ERR_TOOBIG;
	key->bytes[len] = 0;
	*out = (MDB_val){.mv_size = len + 1, .mv_data = key->bytes};
	return 0;
}

size_t store_zone_encode(const struct store_zone *z,
                         uint8_t bytes[static STORE_ZONE_SIZE])
{
	struct wire_writer w = wire_writer_on(bytes, STORE_ZONE_SIZE);
	size_t source_len = strnlen(z->source, sizeof z->source);

	wire_write8(&w, ZONE_VALUE_VERSION);
	wire_write8(&w, (uint8_t)((z->loaded ? ZONE_FLAG_LOADED : 0) |
	                          (z->added ? ZONE_FLAG_ADDED : 0) |
	                          (z->edited ? ZONE_FLAG_EDITED : 0) |
	                          (z->expired ? ZONE_FLAG_EXPIRED : 0)));
	wire_write32(&w, z->id);
	wire_write32(&w, z->serial);
	wire_write64(&w, z->rrsets);
	wire_write64(&w, z->records);
	wire_write64(&w, z->changed_at);
	wire_write_bytes(&w, z->source_mark, sizeof z->source_mark);
	wire_write16(&w, (uint16_t)source_len);
	wire_write_bytes(&w, z->source, source_len);
	wire_write64(&w, z->version);
	uint8_t *attrs = wire_write_room(&w, STORE_ATTRS_SIZE);
	assert(attrs);
	return (size_t)(attrs - bytes) + store_attrs_encode(&z->attrs, attrs);
}

int store_zone_decode(const uint8_t *name, const void *bytes, size_t size,
                      struct store_zone *out)
{
	struct wire_reader r = wire_reader_on(bytes, size);
	struct store_zone z = {0};
	uint8_t version = wire_read8(&r);

	if (r.ok && version != ZONE_VALUE_VERSION)
		return ERR_VERSION;
	uint8_t flags = wire_read8(&r);
	z.loaded = flags & ZONE_FLAG_LOADED;
	z.added = flags & ZONE_FLAG_ADDED;
	z.edited = flags & ZONE_FLAG_EDITED;
	z.expired = flags & ZONE_FLAG_EXPIRED;
	z.id = wire_read32(&r);
	z.serial = wire_read32(&r);
	z.rrsets = wire_read64(&r);
	z.records = wire_read64(&r);
	z.changed_at = wire_read64(&r);
	const uint8_t *mark = wire_read_bytes(&r, sizeof z.source_mark);
	uint16_t source_len = wire_read16(&r);
	const uint8_t *source = wire_read_bytes(&r, source_len);
	if (r.ok && wire_left(&r) > 0)
		z.version = wire_read64(&r);
	if (!r.ok || source_len >= sizeof z.source || memchr(source, 0, source_len))
		return ERR_CORRUPT;
	TRY(store_attrs_decode(r.at, wire_left(&r), &z.attrs));
	memcpy(z.source_mark, mark, sizeof z.source_mark);
	memcpy(z.source, source, source_len);
	memcpy(z.name, name, name_len(name, sizeof z.name));
	*out = z;
	return 0;
}

static int decode(const MDB_val *key, const MDB_val *value, struct store_zone *out)
{
	uint8_t name[NAME_MAX_LEN];

	if (key->mv_size < 1)
		return ERR_CORRUPT;
	TRY(name_from_key(key->mv_data, key->mv_size - 1, root_name, name));
	return store_zone_decode(name, value->mv_data, value->mv_size, out);
}

int store_zone_get(struct store_txn *t, const uint8_t *name, struct store_zone *out)
{
	struct zone_key bytes;
	MDB_val key;
	MDB_val value;

	/* A name that is too long for a key cannot have been put. */
	if (make_key(&bytes, name, &key) < 0)
		return ERR_NOTFOUND;
	TRY(store_sealed_get(t, t->store->zone, key, &value));
	return decode(&key, &value, out);
}

static int take_id(struct store_txn *t, uint32_t *out)
{
	const void *value;
	size_t size;
	uint32_t id = 1;

	int err = store_meta_get(t, next_id_name, &value, &size);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (err == 0 && size != sizeof id)
		return ERR_CORRUPT;
	if (err == 0)
		memcpy(&id, value, sizeof id);
	if (id == UINT32_MAX)
		return ERR_FULL;
	uint32_t next = id + 1;
	TRY(store_meta_put(t, next_id_name, &next, sizeof next));
	*out = id;
	return 0;
}

int store_zone_restore(struct store_txn *t, const struct store_zone *zone)
{
	struct zone_key bytes;
	uint8_t value[STORE_ZONE_SIZE];
	MDB_val key;

	TRY(make_key(&bytes, zone->name, &key));
	MDB_val v = {.mv_size = store_zone_encode(zone, value), .mv_data = value};
	return store_sealed_put(t, t->store->zone, NULL, key, v, 0);
}

int store_zone_put(struct store_txn *t, struct store_zone *zone)
{
	struct zone_key bytes;
	struct store_zone old;
	uint32_t id = zone->id;
	MDB_val key;

	if (strnlen(zone->source, sizeof zone->source) == sizeof zone->source)
		return ERR_INVALID;
	TRY(make_key(&bytes, zone->name, &key));
	int err = store_zone_get(t, zone->name, &old);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (id == 0 && err == 0)
		return ERR_EXISTS;
	if (id != 0 && (err == ERR_NOTFOUND || old.id != id))
		return ERR_INVALID;
	if (id == 0)
		TRY(take_id(t, &id));

	struct store_zone with_id = *zone;
	with_id.id = id;
	TRY(store_zone_restore(t, &with_id));
	zone->id = id;
	return 0;
}

int store_zone_clear(struct store_txn *t, const struct store_zone *zone)
{
	return store_purge_zone(t, zone->id, zone->rrsets);
}

int store_zone_delete(struct store_txn *t, const uint8_t *name)
{
	struct zone_key bytes;
	struct store_zone zone;
	MDB_val key;

	TRY(store_zone_get(t, name, &zone));
	TRY(make_key(&bytes, name, &key));
	TRY(store_purge_zone(t, zone.id, zone.rrsets));
	return store_delete(t, t->store->zone, key);
}

/* Gives the first zone behind a name. A name that has no key is behind none that has one and is
 * longer: the key that it would have, cut, is as good. */
static int seek_behind(MDB_cursor *cursor, const uint8_t *after, MDB_val *key,
                       MDB_val *value)
{
	struct zone_key bytes;
	size_t len = name_to_key(after, sizeof root_name, bytes.bytes);

	bytes.bytes[len++] = 0;
	*key = store_val(bytes.bytes, len < STORE_KEY_MAX ? len : STORE_KEY_MAX);
	MDB_val wanted = *key;
	TRY(store_error(mdb_cursor_get(cursor, key, value, MDB_SET_RANGE)));
	if (key->mv_size != wanted.mv_size ||
	    memcmp(key->mv_data, bytes.bytes, wanted.mv_size) != 0)
		return 0;
	return store_error(mdb_cursor_get(cursor, key, value, MDB_NEXT));
}

static int each_with(struct store_txn *t, MDB_cursor *cursor, const uint8_t *after,
                     int (*fn)(const struct store_zone *, void *), void *arg)
{
	struct store_zone zone;
	MDB_val key;
	MDB_val value;
	int err = after ? seek_behind(cursor, after, &key, &value)
	                : store_error(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));

	while (err == 0) {
		TRY(store_sealed_open(t->store, t->store->zone, &key, &value));
		TRY(decode(&key, &value, &zone));
		err = fn(&zone, arg);
		if (err != 0)
			return err;
		err = store_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

int store_zone_each(struct store_txn *t, const uint8_t *after,
                    int (*fn)(const struct store_zone *, void *), void *arg)
{
	MDB_cursor *cursor;

	TRY(store_error(mdb_cursor_open(t->txn, t->store->zone, &cursor)));
	int err = each_with(t, cursor, after, fn, arg);
	mdb_cursor_close(cursor);
	return err;
}
