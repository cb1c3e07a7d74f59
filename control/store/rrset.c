/*
 * The rrset database: keys, single puts and reads, the loader and the cursor.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/store/internal.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	KEY_BEFORE = 4, /* bytes before and after the owner's sort key */
	KEY_AFTER = 3,
};

int set_key_make(struct set_key *k, uint32_t zone, const uint8_t *key, size_t key_len,
                 uint16_t type, MDB_val *out)
{
	struct wire_writer w = wire_writer_on(k->bytes, sizeof k->bytes);

	wire_write32(&w, zone);
	wire_write_bytes(&w, key, key_len);
	wire_write8(&w, 0);
	wire_write16(&w, type);
	if (!w.ok)
		return ERR_TOOBIG;
	*out = (MDB_val){.mv_size = wire_written(&w), .mv_data = k->bytes};
	return 0;
}

bool set_key_is_of(const MDB_val *key, uint32_t zone)
{
	return key->mv_size >= KEY_BEFORE + KEY_AFTER &&
	       wire_load32(key->mv_data) == zone;
}

const uint8_t *set_key_owner(const MDB_val *key, size_t *len)
{
	*len = key->mv_size - KEY_BEFORE - KEY_AFTER;
	return (const uint8_t *)key->mv_data + KEY_BEFORE;
}

uint16_t set_key_type(const MDB_val *key)
{
	return wire_load16((const uint8_t *)key->mv_data + key->mv_size -
	                   sizeof(uint16_t));
}

int store_rrset_put(struct store_txn *t, uint32_t zone, const uint8_t *key,
                    size_t key_len, const struct rrset *set)
{
	struct set_key bytes;
	MDB_val k;

	TRY(set_key_make(&bytes, zone, key, key_len, set->type, &k));
	return store_sealed_put(t, t->store->rrset, NULL, k,
	                        store_val(set->bytes, set->size), 0);
}

int store_rrset_delete(struct store_txn *t, uint32_t zone, const uint8_t *key,
                       size_t key_len, uint16_t type)
{
	struct set_key bytes;
	MDB_val k;

	if (set_key_make(&bytes, zone, key, key_len, type, &k) < 0)
		return ERR_NOTFOUND;
	return store_delete(t, t->store->rrset, k);
}

int store_rrset_get(struct store_txn *t, uint32_t zone, const uint8_t *key,
                    size_t key_len, uint16_t type, struct rrset *out)
{
	struct set_key bytes;
	MDB_val k;
	MDB_val value;

	if (set_key_make(&bytes, zone, key, key_len, type, &k) < 0)
		return ERR_NOTFOUND;
	TRY(store_sealed_get(t, t->store->rrset, k, &value));
	return rrset_open(type, value.mv_data, value.mv_size, out);
}

int store_soa_get(struct store_txn *t, uint32_t zone, struct rrset *out)
{
	struct rrset soa;

	TRY(store_rrset_get(t, zone, (const uint8_t *)"", 0, RRTYPE_SOA, &soa));
	if (soa.count == 0) /* signatures alone */
		return ERR_NOTFOUND;
	*out = soa;
	return 0;
}

/* Positions a cursor at the zone's first RRset, or gives ERR_NOTFOUND. */
static int seek_zone(MDB_cursor *cursor, uint32_t zone)
{
	uint8_t first[KEY_BEFORE];
	MDB_val key = {.mv_size = sizeof first, .mv_data = first};
	MDB_val value;

	wire_store32(first, zone);
	TRY(store_error(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)));
	return set_key_is_of(&key, zone) ? 0 : ERR_NOTFOUND;
}

static int delete_with(struct store *s, MDB_cursor *cursor, uint32_t zone, uint64_t most)
{
	MDB_val key;
	MDB_val value;

	TRY(seek_zone(cursor, zone));
	for (uint64_t i = 0; i < most; i++) {
		TRY(store_write_error(s, mdb_cursor_del(cursor, 0)));
		TRY(store_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT)));
		if (!set_key_is_of(&key, zone))
			return ERR_NOTFOUND;
	}
	return 0;
}

int store_sets_delete(struct store_txn *t, MDB_dbi dbi, uint32_t zone, uint64_t most)
{
	MDB_cursor *cursor;

	TRY(store_error(mdb_cursor_open(t->txn, dbi, &cursor)));
	int err = delete_with(t->store, cursor, zone, most);
	mdb_cursor_close(cursor);
	return err;
}

/* ---- loader ---- */

struct store_loader {
	struct store_txn *txn;
	MDB_cursor *cursor;
	uint32_t zone;
	unsigned flags;
	uint8_t last[STORE_KEY_MAX];
	size_t last_len;
};

/* Appending skips the search for each key and fills pages to the brim, but only works behind the
 * last key of all. Ids rise, so that is where a new zone's keys go. */
static int choose_flags(struct store_loader *l)
{
	MDB_val key;
	MDB_val value;

	int err = store_error(mdb_cursor_get(l->cursor, &key, &value, MDB_LAST));
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	bool last = err == ERR_NOTFOUND || wire_load32(key.mv_data) < l->zone;
	l->flags = last ? MDB_APPEND : MDB_NOOVERWRITE;
	return 0;
}

int store_load_begin(struct store_txn *t, uint32_t zone, struct store_loader **out)
{
	struct store_loader *l = calloc(1, sizeof *l);

	if (!l)
		return ERR_NOMEM;
	l->txn = t;
	l->zone = zone;
	int err = store_error(mdb_cursor_open(t->txn, t->store->rrset, &l->cursor));
	if (err < 0)
		goto out;
	err = seek_zone(l->cursor, zone);
	if (err == 0)
		err = ERR_EXISTS;
	else if (err == ERR_NOTFOUND)
		err = choose_flags(l);
	if (err < 0)
		goto out;
	*out = l;
	return 0;
out:
	store_load_end(&l);
	return err;
}

int store_load_put(struct store_loader *l, const uint8_t *key, size_t key_len,
                   uint16_t type, const void *blob, size_t size)
{
	struct set_key bytes;
	MDB_val k;

	TRY(set_key_make(&bytes, l->zone, key, key_len, type, &k));
	if (name_key_compare(k.mv_data, k.mv_size, l->last, l->last_len) <= 0)
		return ERR_INVALID;
	TRY(store_sealed_put(l->txn, l->txn->store->rrset, l->cursor, k,
	                     store_val(blob, size), l->flags));
	memcpy(l->last, bytes.bytes, k.mv_size);
	l->last_len = k.mv_size;
	return 0;
}

void store_load_end(struct store_loader **l)
{
	if (!*l)
		return;
	if ((*l)->cursor)
		mdb_cursor_close((*l)->cursor);
	free(*l);
	*l = NULL;
}

/* ---- cursor ---- */

struct store_cursor {
	MDB_cursor *cursor;
	uint32_t zone;
	bool positioned;
	struct store *store;
};

int store_cursor_open(struct store_txn *t, uint32_t zone, struct store_cursor **out)
{
	struct store_cursor *c = calloc(1, sizeof *c);

	if (!c)
		return ERR_NOMEM;
	c->zone = zone;
	c->store = t->store;
	int err = store_error(mdb_cursor_open(t->txn, t->store->rrset, &c->cursor));
	if (err < 0) {
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

void store_cursor_close(struct store_cursor **c)
{
	if (!*c)
		return;
	mdb_cursor_close((*c)->cursor);
	free(*c);
	*c = NULL;
}

static int entry_at(const struct store_cursor *c, const MDB_val *key, MDB_val value,
                    struct store_entry *out)
{
	if (!set_key_is_of(key, c->zone))
		return ERR_NOTFOUND;
	TRY(store_sealed_open(c->store, c->store->rrset, key, &value));
	TRY(rrset_open(set_key_type(key), value.mv_data, value.mv_size, &out->set));
	out->key = set_key_owner(key, &out->key_len);
	return 0;
}

int store_cursor_seek(struct store_cursor *c, const uint8_t *key, size_t key_len,
                      struct store_entry *out)
{
	struct set_key bytes;
	MDB_val k;
	MDB_val value;

	TRY(set_key_make(&bytes, c->zone, key, key_len, 0, &k));
	c->positioned = true;
	TRY(store_error(mdb_cursor_get(c->cursor, &k, &value, MDB_SET_RANGE)));
	return entry_at(c, &k, value, out);
}

int store_cursor_next(struct store_cursor *c, struct store_entry *out)
{
	MDB_val key;
	MDB_val value;

	if (!c->positioned)
		return store_cursor_seek(c, NULL, 0, out);
	TRY(store_error(mdb_cursor_get(c->cursor, &key, &value, MDB_NEXT)));
	return entry_at(c, &key, value, out);
}

int store_cursor_before(struct store_cursor *c, const uint8_t *key, size_t key_len,
                        struct store_entry *out)
{
	struct set_key bytes;
	MDB_val k;
	MDB_val value;

	TRY(set_key_make(&bytes, c->zone, key, key_len, 0, &k));
	c->positioned = true;
	int err = store_error(mdb_cursor_get(c->cursor, &k, &value, MDB_SET_RANGE));
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	TRY(store_error(
		mdb_cursor_get(c->cursor, &k, &value, err == 0 ? MDB_PREV : MDB_LAST)));
	return entry_at(c, &k, value, out);
}
