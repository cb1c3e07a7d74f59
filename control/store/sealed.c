#include <errno.h>
#include <string.h>

#include "control/store/crc32c.h"
#include "control/store/internal.h"
#include "shared/err.h"

int store_error(int mdb)
{
	switch (mdb) {
	case MDB_SUCCESS: return 0;
	case MDB_NOTFOUND: return ERR_NOTFOUND;
	case MDB_KEYEXIST: return ERR_EXISTS;
	case MDB_BAD_VALSIZE: return ERR_TOOBIG;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT: return ERR_FULL;
	case MDB_READERS_FULL: return ERR_BUSY;
	case MDB_VERSION_MISMATCH: return ERR_VERSION;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID: return ERR_CORRUPT;
	case ENOMEM: return ERR_NOMEM;
	case EIO: return ERR_IO;
	default: return mdb > 0 ? ERR_SYSTEM : ERR_STORE;
	}
}

int store_write_error(struct store *s, int mdb)
{
	if (mdb == MDB_MAP_FULL) {
		(void)pthread_mutex_lock(&s->lock);
		s->full = true;
		(void)pthread_mutex_unlock(&s->lock);
	}
	return store_error(mdb);
}

static uint32_t seal_of(const MDB_val *key, const MDB_val *value)
{
	return crc32c(crc32c(0, key->mv_data, key->mv_size), value->mv_data,
	              value->mv_size);
}

int store_sealed_put(struct store_txn *t, MDB_dbi dbi, MDB_cursor *cursor, MDB_val key,
                     MDB_val value, unsigned flags)
{
	MDB_val room = {.mv_size = value.mv_size + STORE_SEAL};
	uint32_t seal = seal_of(&key, &value);

	if (value.mv_size > STORE_VALUE_MAX)
		return ERR_TOOBIG;
	flags |= MDB_RESERVE;
	TRY(store_write_error(t->store,
	                      cursor ? mdb_cursor_put(cursor, &key, &room, flags)
	                             : mdb_put(t->txn, dbi, &key, &room, flags)));
	if (value.mv_size)
		memcpy(room.mv_data, value.mv_data, value.mv_size);
	memcpy((uint8_t *)room.mv_data + value.mv_size, &seal, sizeof seal);
	return 0;
}

int store_sealed_open(const MDB_val *key, MDB_val *value)
{
	MDB_val inner = *value;
	uint32_t seal;

	if (inner.mv_size < STORE_SEAL)
		return ERR_CORRUPT;
	inner.mv_size -= STORE_SEAL;
	memcpy(&seal, (const uint8_t *)inner.mv_data + inner.mv_size, sizeof seal);
	if (seal != seal_of(key, &inner))
		return ERR_CORRUPT;
	*value = inner;
	return 0;
}

int store_sealed_get(MDB_txn *txn, MDB_dbi dbi, MDB_val key, MDB_val *value)
{
	MDB_val found;

	TRY(store_error(mdb_get(txn, dbi, &key, &found)));
	TRY(store_sealed_open(&key, &found));
	*value = found;
	return 0;
}

int store_delete(struct store_txn *t, MDB_dbi dbi, MDB_val key)
{
	return store_write_error(t->store, mdb_del(t->txn, dbi, &key, NULL));
}
