#include "control/store/internal.h"
#include "shared/err.h"

int store_extra_put(struct store_txn *t, uint32_t zone, const struct store_extra *x)
{
	struct set_key bytes;
	MDB_val k;

	TRY(set_key_make(&bytes, zone, x->key, x->key_len, x->type, &k));
	return store_sealed_put(t, t->store->extra, NULL, k, store_val(x->value, x->size),
	                        0);
}

int store_extra_get(struct store_txn *t, uint32_t zone, struct store_extra *x)
{
	struct set_key bytes;
	MDB_val k;
	MDB_val found;

	if (set_key_make(&bytes, zone, x->key, x->key_len, x->type, &k) < 0)
		return ERR_NOTFOUND;
	TRY(store_sealed_get(t, t->store->extra, k, &found));
	x->value = found.mv_data;
	x->size = found.mv_size;
	return 0;
}

int store_extra_delete(struct store_txn *t, uint32_t zone, const uint8_t *key,
                       size_t key_len, uint16_t type)
{
	struct set_key bytes;
	MDB_val k;

	if (set_key_make(&bytes, zone, key, key_len, type, &k) < 0)
		return ERR_NOTFOUND;
	return store_delete(t, t->store->extra, k);
}

static int each_with(struct store_txn *t, MDB_cursor *cursor, uint32_t zone, MDB_val key,
                     int (*fn)(const struct store_extra *, void *), void *arg)
{
	MDB_val value;
	int mdb = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

	while (mdb == MDB_SUCCESS && set_key_is_of(&key, zone)) {
		struct store_extra x = {.type = set_key_type(&key)};

		TRY(store_sealed_open(t->store, t->store->extra, &key, &value));
		x.key = set_key_owner(&key, &x.key_len);
		x.value = value.mv_data;
		x.size = value.mv_size;
		int err = fn(&x, arg);
		if (err != 0)
			return err;
		mdb = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	return mdb == MDB_NOTFOUND ? 0 : store_error(mdb);
}

int store_extra_each(struct store_txn *t, uint32_t zone, const uint8_t *from,
                     size_t from_len, int (*fn)(const struct store_extra *, void *),
                     void *arg)
{
	struct set_key bytes;
	MDB_cursor *cursor;
	MDB_val key;

	TRY(set_key_make(&bytes, zone, from, from_len, 0, &key));
	TRY(store_error(mdb_cursor_open(t->txn, t->store->extra, &cursor)));
	int err = each_with(t, cursor, zone, key, fn, arg);
	mdb_cursor_close(cursor);
	return err;
}
