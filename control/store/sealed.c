#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/store/crc32c.h"
#include "control/store/internal.h"
#include "shared/err.h"
#include "shared/log.h"

enum { SHOWN_KEY_MAX = 64 };

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

static const char *database_name(const struct store *s, MDB_dbi dbi)
{
	const struct {
		MDB_dbi dbi;
		const char *name;
	} names[] = {{s->zone, "zone"}, {s->rrset, "rrset"}, {s->extra, "extra"},
	             {s->item, "item"}, {s->log, "log"},     {s->history, "history"}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].dbi == dbi)
			return names[i].name;
	return "meta";
}

/* A key as text: two digits for each octet, and those that are text beside them. */
static void show_key(const MDB_val *key, char *to, size_t room)
{
	const uint8_t *bytes = key->mv_data;
	size_t shown = key->mv_size < SHOWN_KEY_MAX ? key->mv_size : SHOWN_KEY_MAX;
	FILE *out = fmemopen(to, room, "w");

	if (!out)
		return;
	for (size_t i = 0; i < shown; i++)
		(void)fprintf(out, "%02x", bytes[i]);
	(void)fputs(shown < key->mv_size ? "... (\"" : " (\"", out);
	for (size_t i = 0; i < shown; i++)
		(void)fputc(bytes[i] > ' ' && bytes[i] < 0x7f ? bytes[i] : '.', out);
	(void)fputs("\")", out);
	(void)fclose(out);
}

/* Says it once, however often the value is read. */
static void note_damage(struct store *s, MDB_dbi dbi, const MDB_val *key)
{
	char shown[SHOWN_KEY_MAX * 3 + 16] = "";
	char text[STORE_DAMAGE_SIZE];
	const char *dir = "";

	(void)mdb_env_get_path(s->env, &dir);
	show_key(key, shown, sizeof shown);
	(void)snprintf(text, sizeof text, "database %s, key %s, in %.200s/data.mdb",
	               database_name(s, dbi), shown, dir);
	(void)pthread_mutex_lock(&s->lock);
	bool news = strcmp(text, s->damage) != 0;
	memcpy(s->damage, text, sizeof text);
	(void)pthread_mutex_unlock(&s->lock);
	if (news)
		log_error("the store is damaged: %s", text);
}

void store_damage(struct store *s, char text[static STORE_DAMAGE_SIZE])
{
	(void)pthread_mutex_lock(&s->lock);
	memcpy(text, s->damage, sizeof s->damage);
	(void)pthread_mutex_unlock(&s->lock);
}

static int check_seal(const MDB_val *key, MDB_val *value)
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

int store_sealed_open(struct store *s, MDB_dbi dbi, const MDB_val *key, MDB_val *value)
{
	int err = check_seal(key, value);

	if (err == ERR_CORRUPT)
		note_damage(s, dbi, key);
	return err;
}

int store_sealed_get(struct store_txn *t, MDB_dbi dbi, MDB_val key, MDB_val *value)
{
	MDB_val found;

	TRY(store_error(mdb_get(t->txn, dbi, &key, &found)));
	TRY(store_sealed_open(t->store, dbi, &key, &found));
	*value = found;
	return 0;
}

int store_delete(struct store_txn *t, MDB_dbi dbi, MDB_val key)
{
	return store_write_error(t->store, mdb_del(t->txn, dbi, &key, NULL));
}
