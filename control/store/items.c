/*
 * The item database: lists of named values. A key is the list's number and the item's own key.
 */
#include <string.h>

#include "control/store/internal.h"
#include "shared/err.h"

struct item_key {
	uint8_t bytes[STORE_KEY_MAX];
};
STATIC_ASSERT(STORE_ITEM_KEY_MAX + 1 == STORE_KEY_MAX, "a list and a key fill a key");

static int make_prefix(struct item_key *k, enum store_list l, const void *key, size_t len,
                       MDB_val *out)
{
	if (len > STORE_ITEM_KEY_MAX)
		return ERR_TOOBIG;
	k->bytes[0] = (uint8_t)l;
	if (len)
		memcpy(k->bytes + 1, key, len);
	*out = (MDB_val){.mv_size = len + 1, .mv_data = k->bytes};
	return 0;
}

static int make_key(struct item_key *k, enum store_list l, const void *key, size_t len,
                    MDB_val *out)
{
	return len == 0 ? ERR_TOOBIG : make_prefix(k, l, key, len, out);
}

int store_item_put(struct store_txn *t, enum store_list l, const void *key,
                   size_t key_len, const void *value, size_t size)
{
	struct item_key bytes;
	MDB_val k;

	TRY(make_key(&bytes, l, key, key_len, &k));
	return store_sealed_put(t, t->store->item, NULL, k, store_val(value, size), 0);
}

int store_item_get(struct store_txn *t, enum store_list l, const void *key,
                   size_t key_len, const void **value, size_t *size)
{
	struct item_key bytes;
	MDB_val k;
	MDB_val found;

	if (make_key(&bytes, l, key, key_len, &k) < 0)
		return ERR_NOTFOUND;
	TRY(store_sealed_get(t, t->store->item, k, &found));
	*value = found.mv_data;
	*size = found.mv_size;
	return 0;
}

int store_item_delete(struct store_txn *t, enum store_list l, const void *key,
                      size_t key_len)
{
	struct item_key bytes;
	MDB_val k;

	if (make_key(&bytes, l, key, key_len, &k) < 0)
		return ERR_NOTFOUND;
	return store_delete(t, t->store->item, k);
}

static bool begins_with(const MDB_val *key, const MDB_val *prefix)
{
	return key->mv_size >= prefix->mv_size &&
	       memcmp(key->mv_data, prefix->mv_data, prefix->mv_size) == 0;
}

static int each_with(struct store_txn *t, MDB_cursor *cursor, const MDB_val *prefix,
                     int (*fn)(const struct store_item *, void *), void *arg)
{
	MDB_val key = *prefix;
	MDB_val value;
	int mdb = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

	while (mdb == MDB_SUCCESS && begins_with(&key, prefix)) {
		TRY(store_sealed_open(t->store, t->store->item, &key, &value));
		struct store_item item = {
			.key = (const uint8_t *)key.mv_data + 1,
			.key_len = key.mv_size - 1,
			.value = value.mv_data,
			.size = value.mv_size,
		};
		int err = fn(&item, arg);
		if (err != 0)
			return err;
		mdb = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	return mdb == MDB_NOTFOUND ? 0 : store_error(mdb);
}

int store_item_each(struct store_txn *t, enum store_list l, const void *prefix,
                    size_t len, int (*fn)(const struct store_item *, void *), void *arg)
{
	struct item_key bytes;
	MDB_cursor *cursor;
	MDB_val p;

	if (make_prefix(&bytes, l, prefix, len, &p) < 0)
		return 0; /* no item has a key that long */
	TRY(store_error(mdb_cursor_open(t->txn, t->store->item, &cursor)));
	int err = each_with(t, cursor, &p, fn, arg);
	mdb_cursor_close(cursor);
	return err;
}
