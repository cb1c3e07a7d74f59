/*
 * The databases as they are, for whoever copies all of a store. The format's mark and the history
 * are left out: an empty store has the one, and the other follows from the log.
 */
#include <string.h>

#include "control/store/internal.h"
#include "shared/err.h"
#include "shared/wire.h"

static const char format_name[] = "format";

static MDB_dbi database(const struct store *s, enum store_database db)
{
	switch (db) {
	case STORE_META: return s->meta;
	case STORE_ZONE: return s->zone;
	case STORE_RRSET: return s->rrset;
	case STORE_EXTRA: return s->extra;
	case STORE_ITEM: return s->item;
	case STORE_LOG: return s->log;
	case STORE_DATABASES: break;
	}
	return s->meta;
}

uint32_t store_format(void)
{
	return STORE_FORMAT;
}

static bool is_format(enum store_database db, const void *key, size_t len)
{
	return db == STORE_META && len == strlen(format_name) &&
	       memcmp(key, format_name, len) == 0;
}

int store_raw_count(struct store_txn *t, enum store_database db, uint64_t *out)
{
	MDB_stat stat;

	TRY(store_error(mdb_stat(t->txn, database(t->store, db), &stat)));
	*out = stat.ms_entries - (db == STORE_META); /* the format's mark */
	return 0;
}

static int each_with(struct store_txn *t, MDB_cursor *cursor, enum store_database db,
                     int (*fn)(const struct store_raw *, void *), void *arg)
{
	MDB_val key;
	MDB_val value;
	int mdb = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);

	for (; mdb == MDB_SUCCESS; mdb = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		if (is_format(db, key.mv_data, key.mv_size))
			continue;
		TRY(store_sealed_open(t->store, database(t->store, db), &key, &value));
		const struct store_raw raw = {
			.key = key.mv_data,
			.key_len = key.mv_size,
			.value = value.mv_data,
			.size = value.mv_size,
		};
		int err = fn(&raw, arg);
		if (err != 0)
			return err;
	}
	return mdb == MDB_NOTFOUND ? 0 : store_error(mdb);
}

int store_raw_each(struct store_txn *t, enum store_database db,
                   int (*fn)(const struct store_raw *, void *), void *arg)
{
	MDB_cursor *cursor;

	TRY(store_error(mdb_cursor_open(t->txn, database(t->store, db), &cursor)));
	int err = each_with(t, cursor, db, fn, arg);
	mdb_cursor_close(cursor);
	return err;
}

static int put_log(struct store_txn *t, const struct store_raw *raw)
{
	struct wire_reader r = wire_reader_on(raw->key, raw->key_len);
	uint64_t seq = wire_read64(&r);

	if (r.ok && wire_left(&r) == 0)
		return store_log_put(t, seq, raw->value, raw->size);
	uint32_t zone = wire_read32(&r);
	uint32_t part = wire_read32(&r);
	if (!r.ok || wire_left(&r) > 0)
		return ERR_CORRUPT;
	return store_log_put_rows(t, zone, seq, part, raw->value, raw->size);
}

int store_raw_put(struct store_txn *t, enum store_database db,
                  const struct store_raw *raw)
{
	MDB_val key = store_val(raw->key, raw->key_len);

	if (raw->key_len == 0 || raw->key_len > STORE_KEY_MAX ||
	    is_format(db, raw->key, raw->key_len))
		return ERR_CORRUPT;
	if (db == STORE_LOG)
		return put_log(t, raw);
	return store_sealed_put(t, database(t->store, db), NULL, key,
	                        store_val(raw->value, raw->size),
	                        db == STORE_META ? 0 : MDB_APPEND);
}
