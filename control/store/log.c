/*
 * The log of changes, and the history of each zone in it.
 *
 *      log       u64 seq                         header
 *                u64 seq, u32 zone, u32 part     rows
 *      history   u32 zone, u64 seq, u32 part     nothing
 *
 * All big endian. The rows lie beside their header, so that the log grows at its end only, whatever
 * zones a change is of: pages are filled to the brim, and what is read in the order of changes is
 * read in the order of pages. The history says where in the log the rows of a zone are. Trimming
 * takes both away from the old end; it leaves the newest change, by whose number the next one goes.
 */
#include <string.h>

#include "control/store/internal.h"
#include "shared/err.h"
#include "shared/wire.h"

enum { HEADER_KEY = 8, ROWS_KEY = 16 };

struct log_key {
	uint8_t bytes[ROWS_KEY];
};

struct rows_place {
	uint64_t seq;
	uint32_t zone;
	uint32_t part;
};

/* ---- keys ---- */

static MDB_val header_key(struct log_key *k, uint64_t seq)
{
	struct wire_writer w = wire_writer_on(k->bytes, HEADER_KEY);

	wire_write64(&w, seq);
	return store_val(k->bytes, HEADER_KEY);
}

static MDB_val rows_key(struct log_key *k, const struct rows_place *p)
{
	struct wire_writer w = wire_writer_on(k->bytes, ROWS_KEY);

	wire_write64(&w, p->seq);
	wire_write32(&w, p->zone);
	wire_write32(&w, p->part);
	return store_val(k->bytes, ROWS_KEY);
}

static MDB_val history_key(struct log_key *k, const struct rows_place *p)
{
	struct wire_writer w = wire_writer_on(k->bytes, ROWS_KEY);

	wire_write32(&w, p->zone);
	wire_write64(&w, p->seq);
	wire_write32(&w, p->part);
	return store_val(k->bytes, ROWS_KEY);
}

/* Reads a key of either form in the log: that of a header has neither zone nor part. */
static int read_log_key(const MDB_val *key, bool *header, struct rows_place *out)
{
	struct wire_reader r = wire_reader_on(key->mv_data, key->mv_size);

	*out = (struct rows_place){.seq = wire_read64(&r)};
	*header = key->mv_size == HEADER_KEY;
	if (*header)
		return 0;
	out->zone = wire_read32(&r);
	out->part = wire_read32(&r);
	return key->mv_size == ROWS_KEY ? 0 : ERR_CORRUPT;
}

static int read_history_key(const MDB_val *key, struct rows_place *out)
{
	struct wire_reader r = wire_reader_on(key->mv_data, key->mv_size);

	out->zone = wire_read32(&r);
	out->seq = wire_read64(&r);
	out->part = wire_read32(&r);
	return key->mv_size == ROWS_KEY ? 0 : ERR_CORRUPT;
}

/* ---- writing ---- */

int store_log_next(struct store_txn *t, uint64_t *seq)
{
	struct rows_place last = {0};
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	bool header;

	TRY(store_error(mdb_cursor_open(t->txn, t->store->log, &cursor)));
	int err = store_error(mdb_cursor_get(cursor, &key, &value, MDB_LAST));
	mdb_cursor_close(cursor);
	if (err == 0)
		err = read_log_key(&key, &header, &last);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	if (last.seq == UINT64_MAX)
		return ERR_FULL;
	*seq = last.seq + 1;
	return 0;
}

/* Appending finds its page at once and fills it; what does not belong behind all else is refused
 * before anything is written, and goes where it belongs. */
static int put(struct store_txn *t, MDB_val key, MDB_val value)
{
	int err = store_sealed_put(t, t->store->log, NULL, key, value, MDB_APPEND);

	if (err == ERR_EXISTS)
		err = store_sealed_put(t, t->store->log, NULL, key, value, 0);
	return err;
}

int store_log_put(struct store_txn *t, uint64_t seq, const void *header, size_t size)
{
	struct log_key k;

	return put(t, header_key(&k, seq), store_val(header, size));
}

int store_log_put_rows(struct store_txn *t, uint32_t zone, uint64_t seq, uint32_t part,
                       const void *rows, size_t size)
{
	struct rows_place place = {.seq = seq, .zone = zone, .part = part};
	struct log_key k;

	TRY(put(t, rows_key(&k, &place), store_val(rows, size)));
	return store_sealed_put(t, t->store->history, NULL, history_key(&k, &place),
	                        store_val("", 0), 0);
}

/* ---- by number ---- */

/* Moves a cursor to the first entry of a change or of one behind it. */
static int seek_change(MDB_cursor *cursor, uint64_t seq, MDB_val *key, MDB_val *value)
{
	struct log_key k;

	*key = header_key(&k, seq);
	return store_error(mdb_cursor_get(cursor, key, value, MDB_SET_RANGE));
}

/* Moves a cursor behind a change's header, or behind all of its rows. */
static int leave_header(MDB_cursor *cursor, uint64_t seq, bool header, MDB_val *key,
                        MDB_val *value)
{
	if (header)
		return store_error(mdb_cursor_get(cursor, key, value, MDB_NEXT));
	return seq == UINT64_MAX ? ERR_NOTFOUND
	                         : seek_change(cursor, seq + 1, key, value);
}

static int each_header(struct store_txn *t, MDB_cursor *cursor, uint64_t from,
                       uint64_t to, int (*fn)(uint64_t seq, const void *, size_t, void *),
                       void *arg)
{
	MDB_val key;
	MDB_val value;
	bool header;
	int err = 0;

	int found = seek_change(cursor, from, &key, &value);
	while (found == 0) {
		struct rows_place at;

		TRY(read_log_key(&key, &header, &at));
		if (at.seq > to)
			return 0;
		if (header)
			err = store_sealed_open(t->store, t->store->log, &key, &value);
		if (header && err == 0)
			err = fn(at.seq, value.mv_data, value.mv_size, arg);
		if (err != 0)
			return err;
		found = leave_header(cursor, at.seq, header, &key, &value);
	}
	return found == ERR_NOTFOUND ? 0 : found;
}

int store_log_each(struct store_txn *t, uint64_t from, uint64_t to,
                   int (*fn)(uint64_t seq, const void *header, size_t size, void *arg),
                   void *arg)
{
	MDB_cursor *cursor;

	TRY(store_error(mdb_cursor_open(t->txn, t->store->log, &cursor)));
	int err = each_header(t, cursor, from, to, fn, arg);
	mdb_cursor_close(cursor);
	return err;
}

static int call_with(const struct rows_place *at, const MDB_val *value,
                     int (*fn)(const struct store_rows *, void *), void *arg)
{
	struct store_rows rows = {
		.seq = at->seq,
		.zone = at->zone,
		.part = at->part,
		.rows = value->mv_data,
		.size = value->mv_size,
	};

	return fn(&rows, arg);
}

static int each_rows(struct store_txn *t, MDB_cursor *cursor, uint64_t seq,
                     int (*fn)(const struct store_rows *, void *), void *arg)
{
	MDB_val key;
	MDB_val value;
	bool header;

	int found = seek_change(cursor, seq, &key, &value);
	for (; found == 0;
	     found = store_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		struct rows_place at;

		TRY(read_log_key(&key, &header, &at));
		if (at.seq != seq)
			return 0;
		if (header)
			continue;
		TRY(store_sealed_open(t->store, t->store->log, &key, &value));
		int err = call_with(&at, &value, fn, arg);
		if (err != 0)
			return err;
	}
	return found == ERR_NOTFOUND ? 0 : found;
}

int store_log_each_rows(struct store_txn *t, uint64_t seq,
                        int (*fn)(const struct store_rows *, void *), void *arg)
{
	MDB_cursor *cursor;

	TRY(store_error(mdb_cursor_open(t->txn, t->store->log, &cursor)));
	int err = each_rows(t, cursor, seq, fn, arg);
	mdb_cursor_close(cursor);
	return err;
}

/* ---- by zone ---- */

/* A walk through the history of one zone. */
struct walk {
	struct store_txn *txn;
	MDB_cursor *cursor;
	uint32_t zone;
	int (*fn)(const struct store_rows *, void *);
	void *arg;
	struct rows_place at; /* where the cursor stands */
};

/* Takes over where the cursor has come to. ERR_NOTFOUND: out of the zone's history. */
static int arrive(struct walk *w, int mdb, const MDB_val *key)
{
	TRY(store_error(mdb));
	TRY(read_history_key(key, &w->at));
	return w->at.zone == w->zone ? 0 : ERR_NOTFOUND;
}

static int move(struct walk *w, MDB_cursor_op op)
{
	MDB_val key;
	MDB_val value;
	int mdb = mdb_cursor_get(w->cursor, &key, &value, op);

	return arrive(w, mdb, &key);
}

/* To the first part of a change or of one behind it. */
static int seek(struct walk *w, uint64_t seq)
{
	struct rows_place to = {.zone = w->zone, .seq = seq};
	struct log_key k;
	MDB_val key = history_key(&k, &to);
	MDB_val value;
	int mdb = mdb_cursor_get(w->cursor, &key, &value, MDB_SET_RANGE);

	return arrive(w, mdb, &key);
}

/* To the last part of the last change that is not behind one. */
static int seek_before(struct walk *w, uint64_t seq)
{
	struct rows_place to = {.zone = w->zone, .seq = seq, .part = UINT32_MAX};
	struct log_key k;
	MDB_val key = history_key(&k, &to);
	MDB_val value;
	int mdb = mdb_cursor_get(w->cursor, &key, &value, MDB_SET_RANGE);

	return move(w, mdb == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

static int give_rows(struct walk *w)
{
	struct log_key k;
	MDB_val value;

	int err = store_sealed_get(w->txn, w->txn->store->log, rows_key(&k, &w->at),
	                           &value);
	if (err < 0)
		return err == ERR_NOTFOUND ? ERR_CORRUPT : err;
	return call_with(&w->at, &value, w->fn, w->arg);
}

static int walk_up(struct walk *w, uint64_t from)
{
	int err = seek(w, from);

	while (err == 0) {
		err = give_rows(w);
		if (err != 0)
			return err;
		err = move(w, MDB_NEXT);
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

/* Each change is found by its last part, and walked from its first. */
static int walk_down(struct walk *w, uint64_t from)
{
	int err = seek_before(w, from);

	while (err == 0) {
		uint64_t seq = w->at.seq;

		for (err = seek(w, seq); err == 0 && w->at.seq == seq;
		     err = move(w, MDB_NEXT)) {
			err = give_rows(w);
			if (err != 0)
				return err;
		}
		if (err < 0 && err != ERR_NOTFOUND)
			return err;
		if (seq == 0)
			return 0;
		err = seek_before(w, seq - 1);
	}
	return err == ERR_NOTFOUND ? 0 : err;
}

int store_history_each(struct store_txn *t, uint32_t zone, uint64_t from, bool backwards,
                       int (*fn)(const struct store_rows *, void *), void *arg)
{
	struct walk w = {.txn = t, .zone = zone, .fn = fn, .arg = arg};

	TRY(store_error(mdb_cursor_open(t->txn, t->store->history, &w.cursor)));
	int err = backwards ? walk_down(&w, from) : walk_up(&w, from);
	mdb_cursor_close(w.cursor);
	return err;
}

/* ---- trimming ---- */

static int trim_oldest(struct store_txn *t, MDB_cursor *cursor, uint64_t below)
{
	struct rows_place at;
	struct log_key k;
	MDB_val key;
	MDB_val value;
	bool header;

	TRY(store_error(mdb_cursor_get(cursor, &key, &value, MDB_FIRST)));
	TRY(read_log_key(&key, &header, &at));
	if (at.seq >= below)
		return ERR_NOTFOUND;
	if (!header)
		TRY(store_delete(t, t->store->history, history_key(&k, &at)));
	return store_write_error(t->store, mdb_cursor_del(cursor, 0));
}

/* Removes a change's entries one by one, from the first on. */
static int drop_one(struct store_txn *t, MDB_cursor *cursor, uint64_t seq)
{
	struct rows_place at;
	struct log_key k;
	MDB_val key;
	MDB_val value;
	bool header;

	TRY(seek_change(cursor, seq, &key, &value));
	TRY(read_log_key(&key, &header, &at));
	if (at.seq != seq)
		return ERR_NOTFOUND;
	if (!header)
		TRY(store_delete(t, t->store->history, history_key(&k, &at)));
	return store_write_error(t->store, mdb_cursor_del(cursor, 0));
}

int store_log_drop(struct store_txn *t, uint64_t seq)
{
	MDB_cursor *cursor;
	int err = 0;

	TRY(store_error(mdb_cursor_open(t->txn, t->store->log, &cursor)));
	while (err == 0)
		err = drop_one(t, cursor, seq);
	mdb_cursor_close(cursor);
	return err == ERR_NOTFOUND ? 0 : err;
}

int store_log_trim(struct store_txn *t, uint64_t below, size_t most, size_t *done)
{
	MDB_cursor *cursor;
	uint64_t next;
	size_t n = 0;

	TRY(store_log_next(t, &next));
	if (below > next - 1)
		below = next - 1;
	TRY(store_error(mdb_cursor_open(t->txn, t->store->log, &cursor)));
	int err = 0;
	while (n < most && err == 0) {
		err = trim_oldest(t, cursor, below);
		n += err == 0;
	}
	mdb_cursor_close(cursor);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	*done = n;
	return 0;
}

int store_log_size(struct store_txn *t, uint64_t *out)
{
	const MDB_dbi both[] = {t->store->log, t->store->history};
	uint64_t size = 0;
	MDB_stat stat;

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		TRY(store_error(mdb_stat(t->txn, both[i], &stat)));
		size += (stat.ms_branch_pages + stat.ms_leaf_pages +
		         stat.ms_overflow_pages) *
		        stat.ms_psize;
	}
	*out = size;
	return 0;
}
