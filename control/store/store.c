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
	if (faccessat(s->dir, STORE_RESTORING, F_OK, 0) == 0 &&
	    faccessat(s->dir, "data.mdb", F_OK, 0) < 0)
		return fail(r, ERR_REFUSED,
		            "a restore into store %s was not finished: run it again",
		            dir);
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
		mdb = mdb_env_set_maxdbs(s->env, STORE_DATABASES_MAX);
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

/* Gives the format. Refuses what a later version, or another program, has written. */
static int check_format(struct store *s, MDB_txn *txn, const char *dir,
                        const struct reason *r, uint32_t *out)
{
	struct store_txn t = {.store = s, .txn = txn};
	MDB_val value;
	uint32_t format;

	int mdb = mdb_dbi_open(txn, "meta", 0, &s->meta);
	if (mdb != 0)
		return fail(r, ERR_VERSION, "%s is not a store of this program's", dir);
	int err = store_sealed_get(&t, s->meta,
	                           store_val(format_name, strlen(format_name)), &value);
	if (err < 0 || value.mv_size != sizeof format)
		return fail(r, ERR_CORRUPT,
		            "store %s: its format mark is missing or damaged", dir);
	memcpy(&format, value.mv_data, sizeof format);
	if (format < STORE_FORMAT_OLDEST || format > STORE_FORMAT)
		return fail(
			r, ERR_VERSION,
			"store %s has format %u, but this program reads formats %d to %d only",
			dir, format, STORE_FORMAT_OLDEST, STORE_FORMAT);
	*out = format;
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

/* What a store of an older format lacks is made. Format 1 had the first three databases only;
 * what it says of a zone is the beginning of what is said today. */
static int open_databases(struct store *s, MDB_txn *txn, uint32_t format)
{
	const struct {
		const char *name;
		MDB_dbi *dbi;
		uint32_t since;
	} databases[] = {
		{"meta", &s->meta, 1},       {"zone", &s->zone, 1},
		{"rrset", &s->rrset, 1},     {"extra", &s->extra, 2},
		{"item", &s->item, 2},       {"log", &s->log, 2},
		{"history", &s->history, 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
		unsigned flags = databases[i].since > format ? MDB_CREATE : 0;

		TRY(store_error(
			mdb_dbi_open(txn, databases[i].name, flags, databases[i].dbi)));
	}
	return 0;
}

static int write_format(struct store *s, MDB_txn *txn)
{
	struct store_txn t = {.store = s, .txn = txn};
	uint32_t format = STORE_FORMAT;

	return store_sealed_put(&t, s->meta, NULL,
	                        store_val(format_name, strlen(format_name)),
	                        store_val(&format, sizeof format), 0);
}

static int open_contents_with(struct store *s, MDB_txn *txn, const char *dir,
                              const struct reason *r)
{
	bool empty = false;
	uint32_t format = 0; /* an empty store has none of the databases */

	int err = is_empty(txn, &empty);
	if (err == 0 && !empty)
		TRY(check_format(s, txn, dir, r, &format));
	if (err == 0)
		err = open_databases(s, txn, format);
	if (err == 0 && format != STORE_FORMAT)
		err = write_format(s, txn);
	return err == 0 ? 0 : fail(r, err, "store %s: %s", dir, err_text(err));
}

static int open_contents(struct store *s, const char *dir, const struct reason *r)
{
	MDB_txn *txn;
	int mdb = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (mdb != 0)
		return fail_mdb(r, mdb, dir);
	int err = open_contents_with(s, txn, dir, r);
	if (err < 0) {
		mdb_txn_abort(txn);
		return err;
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

/* Adds what a database takes to the usage, and gives how many entries it has. */
static int add_usage(struct store_txn *t, MDB_dbi dbi, struct store_usage *u,
                     uint64_t *entries)
{
	MDB_stat stat;

	TRY(store_error(mdb_stat(t->txn, dbi, &stat)));
	u->bytes_used +=
		(stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
		stat.ms_psize;
	*entries = stat.ms_entries;
	return 0;
}

int store_usage(struct store *s, struct store_usage *out)
{
	const MDB_dbi others[] = {s->meta, s->extra, s->item, s->log, s->history};
	struct store_usage usage = {.bytes_reserved = file_size(s->env)};
	struct store_txn *t;
	uint64_t entries;

	TRY(store_begin_read(s, &t));
	int err = add_usage(t, s->rrset, &usage, &usage.rrsets);
	if (err == 0)
		err = add_usage(t, s->zone, &usage, &usage.zones);
	for (size_t i = 0; i < ARRAY_LEN(others) && err == 0; i++)
		err = add_usage(t, others[i], &usage, &entries);
	store_abort(&t);
	if (err == 0)
		*out = usage;
	return err;
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

static MDB_val meta_key(const char *name)
{
	return store_val(name, strlen(name));
}

int store_meta_get(struct store_txn *t, const char *name, const void **value,
                   size_t *size)
{
	MDB_val found;

	TRY(store_sealed_get(t, t->store->meta, meta_key(name), &found));
	*value = found.mv_data;
	*size = found.mv_size;
	return 0;
}

int store_meta_put(struct store_txn *t, const char *name, const void *value, size_t size)
{
	if (strcmp(name, format_name) == 0)
		return ERR_INVALID;
	return store_sealed_put(t, t->store->meta, NULL, meta_key(name),
	                        store_val(value, size), 0);
}
