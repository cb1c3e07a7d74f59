/*
 * The environment, its transactions and the small named values.
 *
 * The map. LMDB cannot go on with a transaction that found the map full, and the map can only
 * move while no transaction is open in the process. So it is made far too large from the start:
 * address space is free, the file grows only with what is written. At the start of a write
 * transaction, with no other open, a map whose file has come past half of it is made four times
 * the file. A single transaction would have to write half a map to run into ERR_FULL; it can only
 * be aborted then, and the next one finds a map four times as large. While a reader is open the
 * map stays as it is until a later write transaction.
 *
 * Only one process may have a store open: its directory is locked. Nothing here survives fork().
 */
#include "control/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/store/internal.h"
#include "shared/err.h"

static const uint64_t map_least = UINT64_C(64) << 30; /* bytes */
static const char format_name[] = "format";

/* Why an open failed, for people. */
struct reason {
	char *text;
	size_t size;
};

static int PRINTF_LIKE(3, 4)
	fail(const struct reason *r, int err, const char *format, ...)
{
	va_list args;

	if (!r->text)
		return err;
	va_start(args, format);
	(void)vsnprintf(r->text, r->size, format, args);
	va_end(args);
	return err;
}

static int fail_mdb(const struct reason *r, int mdb, const char *dir)
{
	return fail(r, store_error(mdb), "store %s: %s", dir, mdb_strerror(mdb));
}

static int open_directory(struct store *s, const char *dir, const struct reason *r)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return fail(r, ERR_SYSTEM, "cannot make store directory %s: %s", dir,
		            strerror(errno));
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return fail(r, ERR_SYSTEM, "cannot open store directory %s: %s", dir,
		            strerror(errno));
	if (flock(s->dir, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return fail(r, ERR_BUSY, "store %s is in use by another process", dir);
	return fail(r, ERR_SYSTEM, "cannot lock store directory %s: %s", dir,
	            strerror(errno));
}

static uint64_t file_size(MDB_env *env)
{
	MDB_envinfo info;
	MDB_stat stat;

	if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat) != 0)
		return 0;
	return (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
}

static uint64_t map_size(MDB_env *env)
{
	MDB_envinfo info;

	return mdb_env_info(env, &info) == 0 ? info.me_mapsize : 0;
}

static uint64_t map_for(const struct store *s, uint64_t file)
{
	return file > s->map_least / 4 ? file * 4 : s->map_least;
}

static int open_environment(struct store *s, const char *dir, const struct reason *r)
{
	int dead = 0;
	int mdb = mdb_env_create(&s->env);

	if (mdb == 0)
		mdb = mdb_env_set_maxdbs(s->env, 8);
	if (mdb == 0)
		mdb = mdb_env_set_maxreaders(s->env, STORE_READERS);
	if (mdb == 0)
		mdb = mdb_env_set_mapsize(s->env, s->map_least);
	if (mdb == 0)
		mdb = mdb_env_open(s->env, dir, MDB_NOTLS, 0600);
	if (mdb == 0)
		mdb = mdb_reader_check(s->env, &dead);
	if (mdb == 0 && map_for(s, file_size(s->env)) > map_size(s->env))
		mdb = mdb_env_set_mapsize(s->env, map_for(s, file_size(s->env)));
	return mdb == 0 ? 0 : fail_mdb(r, mdb, dir);
}

/* Refuses what another version, or another program, has written. */
static int check_format(MDB_txn *txn, const char *dir, const struct reason *r)
{
	MDB_val key = {.mv_size = strlen(format_name),
	               .mv_data = (void *)(uintptr_t)format_name};
	MDB_val value;
	MDB_dbi meta;
	uint32_t format;

	int mdb = mdb_dbi_open(txn, "meta", 0, &meta);
	if (mdb != 0)
		return fail(r, ERR_VERSION, "%s is not a store of this program's", dir);
	int err = store_sealed_get(txn, meta, key, &value);
	if (err < 0 || value.mv_size != sizeof format)
		return fail(r, ERR_CORRUPT,
		            "store %s: its format mark is missing or damaged", dir);
	memcpy(&format, value.mv_data, sizeof format);
	if (format != STORE_FORMAT)
		return fail(
			r, ERR_VERSION,
			"store %s has format %u, but this program reads format %d only",
			dir, format, STORE_FORMAT);
	return 0;
}

static int is_empty(MDB_txn *txn, bool *empty)
{
	MDB_dbi root;
	MDB_stat stat;

	TRY(store_error(mdb_dbi_open(txn, NULL, 0, &root)));
	TRY(store_error(mdb_stat(txn, root, &stat)));
	*empty = stat.ms_entries == 0;
	return 0;
}

static int open_databases(struct store *s, MDB_txn *txn, bool make)
{
	struct store_txn t = {.store = s, .txn = txn};
	unsigned flags = make ? MDB_CREATE : 0;
	uint32_t format = STORE_FORMAT;
	MDB_val key = {.mv_size = strlen(format_name),
	               .mv_data = (void *)(uintptr_t)format_name};
	MDB_val value = {.mv_size = sizeof format, .mv_data = &format};

	TRY(store_error(mdb_dbi_open(txn, "meta", flags, &s->meta)));
	TRY(store_error(mdb_dbi_open(txn, "zone", flags, &s->zone)));
	TRY(store_error(mdb_dbi_open(txn, "rrset", flags, &s->rrset)));
	return make ? store_sealed_put(&t, s->meta, NULL, key, value, 0) : 0;
}

static int open_contents(struct store *s, const char *dir, const struct reason *r)
{
	MDB_txn *txn;
	bool empty = false;
	int mdb = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (mdb != 0)
		return fail_mdb(r, mdb, dir);
	int err = is_empty(txn, &empty);
	if (err == 0 && !empty)
		err = check_format(txn, dir, r);
	else if (err < 0)
		err = fail(r, err, "store %s: %s", dir, err_text(err));
	if (err < 0) {
		mdb_txn_abort(txn);
		return err;
	}
	err = open_databases(s, txn, empty);
	if (err < 0) {
		mdb_txn_abort(txn);
		return fail(r, err, "store %s: %s", dir, err_text(err));
	}
	mdb = mdb_txn_commit(txn);
	return mdb == 0 ? 0 : fail_mdb(r, mdb, dir);
}

int store_open_sized(const char *dir, uint64_t least, struct store **out, char *text,
                     size_t text_size)
{
	struct reason r = {.size = text_size};
	struct store *s = calloc(1, sizeof *s);

	r.text = text;
	if (!s)
		return fail(&r, ERR_NOMEM, "store %s: %s", dir, err_text(ERR_NOMEM));
	s->dir = -1;
	s->map_least = least;
	(void)pthread_mutex_init(&s->lock, NULL);
	int err = open_directory(s, dir, &r);
	if (err == 0)
		err = open_environment(s, dir, &r);
	if (err == 0)
		err = open_contents(s, dir, &r);
	if (err < 0) {
		store_close(s);
		return err;
	}
	*out = s;
	return 0;
}

int store_open(const char *dir, struct store **out, char *text, size_t text_size)
{
	return store_open_sized(dir, map_least, out, text, text_size);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	assert(s->open_txns == 0);
	if (s->env)
		mdb_env_close(s->env);
	if (s->dir >= 0)
		close(s->dir);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

static uint64_t stat_pages(const MDB_stat *stat)
{
	return stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
}

int store_usage(struct store *s, struct store_usage *out)
{
	struct store_txn *t;
	MDB_stat meta;
	MDB_stat zone;
	MDB_stat rrset;

	TRY(store_begin_read(s, &t));
	int mdb = mdb_stat(t->txn, s->meta, &meta);
	if (mdb == 0)
		mdb = mdb_stat(t->txn, s->zone, &zone);
	if (mdb == 0)
		mdb = mdb_stat(t->txn, s->rrset, &rrset);
	if (mdb == 0)
		*out = (struct store_usage){
			.bytes_used = (stat_pages(&meta) + stat_pages(&zone) +
		                       stat_pages(&rrset)) *
		                      rrset.ms_psize,
			.bytes_reserved = file_size(s->env),
			.rrsets = rrset.ms_entries,
			.zones = zone.ms_entries,
		};
	store_abort(&t);
	return store_error(mdb);
}

static int grow_map(struct store *s)
{
	uint64_t map = map_size(s->env);
	uint64_t file = file_size(s->env);
	uint64_t wanted = s->full ? map * 4 : map_for(s, file);

	if (s->open_txns > 0 || (!s->full && file <= map / 2))
		return 0;
	TRY(store_error(mdb_env_set_mapsize(s->env, wanted)));
	s->full = false;
	return 0;
}

static int enter(struct store *s, bool write)
{
	int err = 0;

	(void)pthread_mutex_lock(&s->lock);
	if (write)
		err = grow_map(s);
	if (err == 0)
		s->open_txns++;
	(void)pthread_mutex_unlock(&s->lock);
	return err;
}

static void leave(struct store *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->open_txns--;
	(void)pthread_mutex_unlock(&s->lock);
}

static int begin(struct store *s, unsigned flags, struct store_txn **out)
{
	struct store_txn *t = calloc(1, sizeof *t);

	if (!t)
		return ERR_NOMEM;
	t->store = s;
	int err = enter(s, !(flags & MDB_RDONLY));
	if (err < 0) {
		free(t);
		return err;
	}
	err = store_error(mdb_txn_begin(s->env, NULL, flags, &t->txn));
	if (err < 0) {
		leave(s);
		free(t);
		return err;
	}
	*out = t;
	return 0;
}

int store_begin_read(struct store *s, struct store_txn **out)
{
	return begin(s, MDB_RDONLY, out);
}

int store_begin_write(struct store *s, struct store_txn **out)
{
	return begin(s, 0, out);
}

int store_commit(struct store_txn **txn)
{
	struct store_txn *t = *txn;

	*txn = NULL;
	int err = store_write_error(t->store, mdb_txn_commit(t->txn));
	leave(t->store);
	free(t);
	return err;
}

void store_abort(struct store_txn **txn)
{
	struct store_txn *t = *txn;

	if (!t)
		return;
	*txn = NULL;
	mdb_txn_abort(t->txn);
	leave(t->store);
	free(t);
}

/* LMDB's keys are not const, but it only reads them. */
static MDB_val meta_key(const char *name)
{
	return (MDB_val){.mv_size = strlen(name), .mv_data = (void *)(uintptr_t)name};
}

int store_meta_get(struct store_txn *t, const char *name, const void **value,
                   size_t *size)
{
	MDB_val found;

	TRY(store_sealed_get(t->txn, t->store->meta, meta_key(name), &found));
	*value = found.mv_data;
	*size = found.mv_size;
	return 0;
}

int store_meta_put(struct store_txn *t, const char *name, const void *value, size_t size)
{
	MDB_val v = {.mv_size = size, .mv_data = (void *)(uintptr_t)value};

	if (strcmp(name, format_name) == 0)
		return ERR_INVALID;
	return store_sealed_put(t, t->store->meta, NULL, meta_key(name), v, 0);
}
