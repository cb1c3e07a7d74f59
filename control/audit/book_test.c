#include "control/audit/book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmdb.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"
#include "shared/wire.h"

enum { PATH_SIZE = 64, EVENTS = 10, TEXT_SIZE = 256 };

static char dir[PATH_SIZE];
static struct book *book;

/* ---- fixture ---- */

static void open_again(void)
{
	char text[TEXT_SIZE] = "";

	book_close(&book);
	if (book_open(dir, &book, text, sizeof text) < 0)
		fail_msg("%s", text);
}

static void append(uint64_t change)
{
	struct book_writer *w;
	char body[TEXT_SIZE];

	(void)snprintf(body, sizeof body, "\"what\":\"number %" PRIu64 "\"}", change);
	assert_int_equal(book_begin(book, &w), 0);
	assert_int_equal(book_append(w, change, body, strlen(body)), 0);
	assert_int_equal(book_set_followed(w, change), 0);
	assert_int_equal(book_commit(&w), 0);
	assert_null(w);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/book_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	open_again();
	for (uint64_t i = 1; i <= EVENTS; i++)
		append(i);
	return 0;
}

static int teardown(void **state)
{
	char file[PATH_SIZE + 16];
	static const char *const files[] = {"data.mdb", "lock.mdb"};

	(void)state;
	book_close(&book);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(file, sizeof file, "%s/%s", dir, files[i]);
		(void)unlink(file);
	}
	return rmdir(dir);
}

/* ---- somebody else at the file ---- */

struct forger {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi event;
	MDB_dbi meta;
};

static struct forger forge(void)
{
	struct forger f;

	book_close(&book);
	assert_int_equal(mdb_env_create(&f.env), 0);
	assert_int_equal(mdb_env_set_maxdbs(f.env, 4), 0);
	assert_int_equal(mdb_env_open(f.env, dir, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(f.env, NULL, 0, &f.txn), 0);
	assert_int_equal(mdb_dbi_open(f.txn, "event", 0, &f.event), 0);
	assert_int_equal(mdb_dbi_open(f.txn, "meta", 0, &f.meta), 0);
	return f;
}

static void forged(struct forger *f)
{
	assert_int_equal(mdb_txn_commit(f->txn), 0);
	mdb_env_close(f->env);
	open_again();
}

static MDB_val key_of(uint64_t seq, uint8_t bytes[static 8])
{
	struct wire_writer w = wire_writer_on(bytes, 8);

	wire_write64(&w, seq);
	return (MDB_val){.mv_size = 8, .mv_data = bytes};
}

/* A copy that the caller has to free(). */
static MDB_val take(const struct forger *f, uint64_t seq)
{
	uint8_t bytes[8];
	MDB_val key = key_of(seq, bytes);
	MDB_val value;

	assert_int_equal(mdb_get(f->txn, f->event, &key, &value), 0);
	void *copy = malloc(value.mv_size);
	assert_non_null(copy);
	memcpy(copy, value.mv_data, value.mv_size);
	value.mv_data = copy;
	return value;
}

static void put(const struct forger *f, uint64_t seq, MDB_val value)
{
	uint8_t bytes[8];
	MDB_val key = key_of(seq, bytes);

	assert_int_equal(mdb_put(f->txn, f->event, &key, &value, 0), 0);
	free(value.mv_data);
}

static void drop(const struct forger *f, uint64_t seq)
{
	uint8_t bytes[8];
	MDB_val key = key_of(seq, bytes);

	assert_int_equal(mdb_del(f->txn, f->event, &key, NULL), 0);
}

static void assert_damaged_at(uint64_t seq)
{
	struct book_state state;
	uint64_t damaged = 0;
	char text[TEXT_SIZE] = "";

	assert_int_equal(book_verify(book, &state, &damaged, text, sizeof text),
	                 ERR_CORRUPT);
	assert_int_equal(damaged, seq);
	assert_true(strlen(text) > 0);
}

/* ---- tests ---- */

static void what_was_written_is_there_and_verifies(void **state)
{
	struct book_state s;
	uint64_t damaged;
	char text[TEXT_SIZE];

	(void)state;
	open_again();
	assert_int_equal(book_verify(book, &s, &damaged, text, sizeof text), 0);
	assert_int_equal(s.head.seq, EVENTS);
	assert_int_equal(s.head.change, EVENTS);
	assert_int_equal(s.followed, EVENTS);
}

static void an_empty_log_verifies(void **state)
{
	struct book_state s;
	uint64_t damaged;
	char text[TEXT_SIZE];

	(void)state;
	book_close(&book);
	assert_int_equal(teardown(state), 0);
	assert_int_equal(mkdtemp(strcpy(dir, "/tmp/book_test.XXXXXX")) != NULL, 1);
	open_again();
	assert_int_equal(book_verify(book, &s, &damaged, text, sizeof text), 0);
	assert_int_equal(s.head.seq, 0);
}

static void every_flipped_bit_is_found(void **state)
{
	(void)state;
	struct forger f = forge();
	MDB_val whole = take(&f, 4);
	size_t bits = whole.mv_size * 8;
	free(whole.mv_data);
	mdb_txn_abort(f.txn);
	mdb_env_close(f.env);
	for (size_t bit = 0; bit < bits; bit += 7) {
		for (unsigned twice = 0; twice < 2; twice++) {
			f = forge();
			MDB_val v = take(&f, 4);
			((uint8_t *)v.mv_data)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			put(&f, 4, v);
			forged(&f);
			if (twice == 0)
				assert_damaged_at(4);
		}
	}
	what_was_written_is_there_and_verifies(state);
}

/* Who also computes the hash anew is found out by the next event. */
static void a_forged_event_does_not_fit_the_next(void **state)
{
	(void)state;
	struct forger f = forge();
	MDB_val v = take(&f, 4);
	char *text = (char *)v.mv_data + CHAIN_HASH_SIZE;
	size_t len = v.mv_size - CHAIN_HASH_SIZE;
	text[len - 3]++;
	chain_hash(text, len, v.mv_data);
	put(&f, 4, v);
	forged(&f);
	assert_damaged_at(5);
}

/* The last one has no next: its hash is kept beside. */
static void a_forged_last_event_is_found(void **state)
{
	(void)state;
	struct forger f = forge();
	MDB_val v = take(&f, EVENTS);
	char *text = (char *)v.mv_data + CHAIN_HASH_SIZE;
	size_t len = v.mv_size - CHAIN_HASH_SIZE;
	text[len - 3]++;
	chain_hash(text, len, v.mv_data);
	put(&f, EVENTS, v);
	forged(&f);
	assert_damaged_at(EVENTS);
}

static void a_dropped_event_is_found(void **state)
{
	static const uint64_t places[] = {1, 5, EVENTS};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct forger f = forge();
		drop(&f, places[i]);
		forged(&f);
		assert_damaged_at(places[i]);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* The rest moves up, so that no number is missing. */
static void a_dropped_event_is_found_when_the_rest_moves_up(void **state)
{
	(void)state;
	struct forger f = forge();
	for (uint64_t seq = 5; seq < EVENTS; seq++)
		put(&f, seq, take(&f, seq + 1));
	drop(&f, EVENTS);
	forged(&f);
	assert_damaged_at(5);
}

static void exchanged_events_are_found(void **state)
{
	(void)state;
	struct forger f = forge();
	MDB_val third = take(&f, 3);
	put(&f, 3, take(&f, 4));
	put(&f, 4, third);
	forged(&f);
	assert_damaged_at(3);
}

static void a_repeated_event_is_found(void **state)
{
	(void)state;
	struct forger f = forge();
	put(&f, EVENTS + 1, take(&f, EVENTS));
	forged(&f);
	assert_damaged_at(EVENTS + 1);
}

static void a_log_that_was_cut_is_found(void **state)
{
	(void)state;
	struct forger f = forge();
	for (uint64_t seq = 7; seq <= EVENTS; seq++)
		drop(&f, seq);
	forged(&f);
	assert_damaged_at(7);
	/* What would be written next would hide it. */
	struct book_writer *w;
	assert_int_equal(book_begin(book, &w), 0);
	assert_int_equal(book_append(w, 0, "\"a\":1}", 6), 0);
	assert_int_equal(book_commit(&w), 0);
	assert_damaged_at(7);
}

static void what_is_aborted_never_was(void **state)
{
	struct book_writer *w;

	assert_int_equal(book_begin(book, &w), 0);
	assert_int_equal(book_append(w, 99, "\"a\":1}", 6), 0);
	assert_int_equal(book_set_followed(w, 99), 0);
	book_abort(&w);
	assert_null(w);
	what_was_written_is_there_and_verifies(state);
}

static void a_body_that_is_no_object_is_not_written(void **state)
{
	struct book_writer *w;

	assert_int_equal(book_begin(book, &w), 0);
	assert_int_equal(book_append(w, 0, "\"a\":1", 5), ERR_INVALID);
	book_abort(&w);
	what_was_written_is_there_and_verifies(state);
}

struct seen {
	uint64_t seqs[EVENTS + 1];
	size_t count;
	size_t most;
};

static int see(const struct book_event *e, void *arg)
{
	struct seen *s = arg;

	s->seqs[s->count++] = e->seq;
	return s->count == s->most;
}

static void events_are_walked_both_ways_from_anywhere(void **state)
{
	struct seen s = {.most = 3};

	(void)state;
	assert_int_equal(book_each(book, 4, false, see, &s), 1);
	assert_true(s.seqs[0] == 4 && s.seqs[2] == 6);
	s = (struct seen){.most = 3};
	assert_int_equal(book_each(book, 4, true, see, &s), 1);
	assert_true(s.seqs[0] == 4 && s.seqs[2] == 2);
	s = (struct seen){.most = EVENTS + 1};
	assert_int_equal(book_each(book, UINT64_MAX, true, see, &s), 0);
	assert_true(s.count == EVENTS && s.seqs[0] == EVENTS && s.seqs[EVENTS - 1] == 1);
	s = (struct seen){.most = EVENTS + 1};
	assert_int_equal(book_each(book, EVENTS + 1, false, see, &s), 0);
	assert_int_equal(s.count, 0);
	assert_int_equal(book_each(book, 0, true, see, &s), 0);
	assert_int_equal(s.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_there_and_verifies),
		TEST(an_empty_log_verifies),
		TEST(every_flipped_bit_is_found),
		TEST(a_forged_event_does_not_fit_the_next),
		TEST(a_forged_last_event_is_found),
		TEST(a_dropped_event_is_found),
		TEST(a_dropped_event_is_found_when_the_rest_moves_up),
		TEST(exchanged_events_are_found),
		TEST(a_repeated_event_is_found),
		TEST(a_log_that_was_cut_is_found),
		TEST(what_is_aborted_never_was),
		TEST(a_body_that_is_no_object_is_not_written),
		TEST(events_are_walked_both_ways_from_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
