#include "control/audit/book.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lmdb.h>

#include "shared/err.h"
#include "shared/wire.h"

enum { SEQ_SIZE = 8, HEAD_SIZE = 8 + CHAIN_HASH_SIZE + 8, DATABASES = 4, READERS = 126 };

static const uint64_t map_size = UINT64_C(1) << 40; /* of address space, which is free */
static const char head_name[] = "head";
static const char followed_name[] = "followed";

struct book {
	MDB_env *env;
	MDB_dbi event;
	MDB_dbi meta;
};

struct book_writer {
	struct book *book;
	MDB_txn *txn;
	struct chain head;
};

static int mdb_error(int mdb)
{
	switch (mdb) {
	case 0: return 0;
	case MDB_NOTFOUND: return ERR_NOTFOUND;
	case MDB_MAP_FULL:
	case ENOSPC: return ERR_FULL;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID: return ERR_CORRUPT;
	case MDB_VERSION_MISMATCH: return ERR_VERSION;
	default: return mdb == EIO ? ERR_IO : ERR_STORE;
	}
}

/* LMDB's keys and values are not const, but it only reads them. */
static MDB_val val(const void *bytes, size_t size)
{
	return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)bytes};
}

static MDB_val seq_key(uint64_t seq, uint8_t bytes[static SEQ_SIZE])
{
	struct wire_writer w = wire_writer_on(bytes, SEQ_SIZE);

	wire_write64(&w, seq);
	return val(bytes, SEQ_SIZE);
}

/* ---- meta ---- */

static int read_meta(const struct book *b, MDB_txn *txn, struct book_state *out)
{
	struct book_state s = {0};
	MDB_val key = val(head_name, strlen(head_name));
	MDB_val value;

	int mdb = mdb_get(txn, b->meta, &key, &value);
	if (mdb == 0) {
		struct wire_reader r = wire_reader_on(value.mv_data, value.mv_size);
		s.head.seq = wire_read64(&r);
		const uint8_t *hash = wire_read_bytes(&r, CHAIN_HASH_SIZE);
		s.head.change = wire_read64(&r);
		if (!r.ok)
			return ERR_CORRUPT;
		memcpy(s.head.hash, hash, CHAIN_HASH_SIZE);
	} else if (mdb != MDB_NOTFOUND) {
		return mdb_error(mdb);
	}
	key = val(followed_name, strlen(followed_name));
	mdb = mdb_get(txn, b->meta, &key, &value);
	if (mdb == 0) {
		struct wire_reader r = wire_reader_on(value.mv_data, value.mv_size);
		s.followed = wire_read64(&r);
		if (!r.ok)
			return ERR_CORRUPT;
	} else if (mdb != MDB_NOTFOUND) {
		return mdb_error(mdb);
	}
	*out = s;
	return 0;
}

static int put_head(struct book_writer *w)
{
	uint8_t bytes[HEAD_SIZE];
	struct wire_writer to = wire_writer_on(bytes, sizeof bytes);
	MDB_val key = val(head_name, strlen(head_name));
	MDB_val value = val(bytes, sizeof bytes);

	wire_write64(&to, w->head.seq);
	wire_write_bytes(&to, w->head.hash, sizeof w->head.hash);
	wire_write64(&to, w->head.change);
	return mdb_error(mdb_put(w->txn, w->book->meta, &key, &value, 0));
}

/* ---- opening ---- */

static int open_databases(struct book *b)
{
	MDB_txn *txn = NULL;
	struct book_state state;

	int mdb = mdb_txn_begin(b->env, NULL, 0, &txn);
	if (mdb != 0)
		return mdb_error(mdb);
	mdb = mdb_dbi_open(txn, "event", MDB_CREATE, &b->event);
	if (mdb == 0)
		mdb = mdb_dbi_open(txn, "meta", MDB_CREATE, &b->meta);
	int err = mdb == 0 ? read_meta(b, txn, &state) : mdb_error(mdb);
	if (err < 0) {
		mdb_txn_abort(txn);
		return err;
	}
	return mdb_error(mdb_txn_commit(txn));
}

static int open_environment(struct book *b, const char *dir)
{
	int mdb = mdb_env_create(&b->env);

	if (mdb == 0)
		mdb = mdb_env_set_maxdbs(b->env, DATABASES);
	if (mdb == 0)
		mdb = mdb_env_set_maxreaders(b->env, READERS);
	if (mdb == 0)
		mdb = mdb_env_set_mapsize(b->env, map_size);
	if (mdb == 0)
		mdb = mdb_env_open(b->env, dir, MDB_NOTLS, 0600);
	return mdb == 0 ? open_databases(b) : mdb_error(mdb);
}

int book_open(const char *dir, struct book **out, char *text, size_t text_size)
{
	struct book *b = calloc(1, sizeof *b);

	if (!b)
		abort();
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		(void)snprintf(text, text_size, "cannot make %s: %s", dir,
		               strerror(errno));
		free(b);
		return ERR_SYSTEM;
	}
	int err = open_environment(b, dir);
	if (err < 0) {
		(void)snprintf(text, text_size, "audit log %s: %s", dir, err_text(err));
		book_close(&b);
		return err;
	}
	*out = b;
	return 0;
}

void book_close(struct book **book)
{
	struct book *b = *book;

	*book = NULL;
	if (!b)
		return;
	if (b->env)
		mdb_env_close(b->env);
	free(b);
}

/* ---- writing ---- */

int book_begin(struct book *b, struct book_writer **out)
{
	struct book_writer *w = calloc(1, sizeof *w);
	struct book_state state;

	if (!w)
		abort();
	w->book = b;
	int err = mdb_error(mdb_txn_begin(b->env, NULL, 0, &w->txn));
	if (err == 0)
		err = read_meta(b, w->txn, &state);
	if (err < 0) {
		book_abort(&w);
		return err;
	}
	w->head = state.head;
	*out = w;
	return 0;
}

int book_append(struct book_writer *w, uint64_t change, const char *body, size_t len)
{
	uint8_t bytes[SEQ_SIZE];
	char head[CHAIN_HEAD_SIZE];
	size_t head_len = chain_head(&w->head, change, head);
	MDB_val key = seq_key(w->head.seq + 1, bytes);
	MDB_val value = {.mv_size = CHAIN_HASH_SIZE + head_len + len};

	int mdb = mdb_put(w->txn, w->book->event, &key, &value, MDB_APPEND | MDB_RESERVE);
	if (mdb != 0)
		return mdb == MDB_KEYEXIST ? ERR_CORRUPT : mdb_error(mdb);
	uint8_t *hash = value.mv_data;
	char *text = (char *)hash + CHAIN_HASH_SIZE;
	memcpy(text, head, head_len);
	memcpy(text + head_len, body, len);
	chain_hash(text, head_len + len, hash);
	/* What cannot be read back must not be written. */
	return chain_follow(&w->head, text, head_len + len, hash) ? ERR_INVALID : 0;
}

int book_set_followed(struct book_writer *w, uint64_t followed)
{
	uint8_t bytes[SEQ_SIZE];
	MDB_val key = val(followed_name, strlen(followed_name));
	MDB_val value = seq_key(followed, bytes);

	return mdb_error(mdb_put(w->txn, w->book->meta, &key, &value, 0));
}

int book_put(struct book_writer *w, const struct book_event *e)
{
	uint8_t bytes[SEQ_SIZE];
	MDB_val key = seq_key(e->seq, bytes);
	MDB_val value = {.mv_size = CHAIN_HASH_SIZE + e->len};

	int mdb = mdb_put(w->txn, w->book->event, &key, &value, MDB_APPEND | MDB_RESERVE);
	if (mdb != 0)
		return mdb == MDB_KEYEXIST ? ERR_CORRUPT : mdb_error(mdb);
	memcpy(value.mv_data, e->hash, CHAIN_HASH_SIZE);
	memcpy((uint8_t *)value.mv_data + CHAIN_HASH_SIZE, e->text, e->len);
	return 0;
}

int book_set_state(struct book_writer *w, const struct book_state *state)
{
	w->head = state->head;
	return book_set_followed(w, state->followed);
}

int book_commit(struct book_writer **writer)
{
	struct book_writer *w = *writer;
	int err = put_head(w);

	if (err < 0) {
		book_abort(writer);
		return err;
	}
	*writer = NULL;
	err = mdb_error(mdb_txn_commit(w->txn));
	free(w);
	return err;
}

void book_abort(struct book_writer **writer)
{
	struct book_writer *w = *writer;

	*writer = NULL;
	if (!w)
		return;
	if (w->txn)
		mdb_txn_abort(w->txn);
	free(w);
}

/* ---- reading ---- */

int book_look(struct book *b, struct book_state *out)
{
	MDB_txn *txn;
	int mdb = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	if (mdb != 0)
		return mdb_error(mdb);
	int err = read_meta(b, txn, out);
	mdb_txn_abort(txn);
	return err;
}

static int open_event(const MDB_val *key, const MDB_val *value, struct book_event *out)
{
	struct wire_reader r = wire_reader_on(key->mv_data, key->mv_size);
	uint64_t seq = wire_read64(&r);

	if (!r.ok || wire_left(&r) || value->mv_size <= CHAIN_HASH_SIZE)
		return ERR_CORRUPT;
	*out = (struct book_event){
		.seq = seq,
		.hash = value->mv_data,
		.text = (const char *)value->mv_data + CHAIN_HASH_SIZE,
		.len = value->mv_size - CHAIN_HASH_SIZE,
	};
	return 0;
}

/* Backwards, the range gives the event at or after it, which may be one too far. */
static int seek(MDB_cursor *cursor, uint64_t from, bool backwards, MDB_val *key,
                MDB_val *value)
{
	uint8_t bytes[SEQ_SIZE];

	*key = seq_key(from, bytes);
	int mdb = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
	if (!backwards)
		return mdb;
	if (mdb == MDB_NOTFOUND)
		return mdb_cursor_get(cursor, key, value, MDB_LAST);
	if (mdb == 0 &&
	    (key->mv_size != sizeof bytes ||
	     memcmp(key->mv_data, seq_key(from, bytes).mv_data, sizeof bytes) != 0))
		return mdb_cursor_get(cursor, key, value, MDB_PREV);
	return mdb;
}

static int each_with(MDB_cursor *cursor, uint64_t from, bool backwards,
                     int (*fn)(const struct book_event *, void *), void *arg)
{
	MDB_cursor_op step = backwards ? MDB_PREV : MDB_NEXT;
	MDB_val key;
	MDB_val value;
	int mdb = seek(cursor, from, backwards, &key, &value);

	for (; mdb == 0; mdb = mdb_cursor_get(cursor, &key, &value, step)) {
		struct book_event e;

		TRY(open_event(&key, &value, &e));
		int stop = fn(&e, arg);
		if (stop)
			return stop;
	}
	return mdb == MDB_NOTFOUND ? 0 : mdb_error(mdb);
}

static int each_in(const struct book *b, MDB_txn *txn, uint64_t from, bool backwards,
                   int (*fn)(const struct book_event *, void *), void *arg)
{
	MDB_cursor *cursor;
	int mdb = mdb_cursor_open(txn, b->event, &cursor);

	if (mdb != 0)
		return mdb_error(mdb);
	int err = each_with(cursor, from, backwards, fn, arg);
	mdb_cursor_close(cursor);
	return err;
}

int book_each(struct book *b, uint64_t from, bool backwards,
              int (*fn)(const struct book_event *, void *), void *arg)
{
	MDB_txn *txn;
	int mdb = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	if (mdb != 0)
		return mdb_error(mdb);
	int err = each_in(b, txn, from, backwards, fn, arg);
	mdb_txn_abort(txn);
	return err;
}

/* ---- checking ---- */

struct checking {
	struct chain chain;
	const char *wrong;
	uint64_t at;
};

static int check_event(const struct book_event *e, void *arg)
{
	struct checking *c = arg;

	c->at = c->chain.seq + 1;
	if (e->seq != c->at)
		c->wrong = "it is missing";
	else
		c->wrong = chain_follow(&c->chain, e->text, e->len, e->hash);
	return c->wrong ? ERR_CORRUPT : 0;
}

static void check_end(struct checking *c, const struct book_state *state)
{
	if (c->chain.seq < state->head.seq) {
		c->at = c->chain.seq + 1;
		c->wrong = "it and all after it are missing";
	} else if (c->chain.seq > state->head.seq ||
	           memcmp(c->chain.hash, state->head.hash, CHAIN_HASH_SIZE) != 0) {
		c->at = c->chain.seq;
		c->wrong = "it is not the one that was written last";
	} else if (c->chain.change != state->head.change) {
		c->at = c->chain.seq;
		c->wrong = "events about the last changes are missing";
	}
}

static int verify_in(const struct book *b, MDB_txn *txn, struct checking *c,
                     struct book_state *state)
{
	TRY(read_meta(b, txn, state));
	int err = each_in(b, txn, 0, false, check_event, c);
	if (err == ERR_CORRUPT && !c->wrong) {
		c->at = c->chain.seq + 1;
		c->wrong = "it cannot be read";
	}
	if (err == 0)
		check_end(c, state);
	return c->wrong ? ERR_CORRUPT : err;
}

int book_verify(struct book *b, struct book_state *out, uint64_t *damaged, char *text,
                size_t text_size)
{
	struct checking c = {.wrong = NULL};
	struct book_state state;
	MDB_txn *txn;
	int mdb = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	if (mdb != 0)
		return mdb_error(mdb);
	int err = verify_in(b, txn, &c, &state);
	mdb_txn_abort(txn);
	if (err == ERR_CORRUPT && c.wrong) {
		*damaged = c.at;
		(void)snprintf(text, text_size, "event %" PRIu64 ": %s", c.at, c.wrong);
	}
	if (err < 0)
		return err;
	*out = state;
	return 0;
}
