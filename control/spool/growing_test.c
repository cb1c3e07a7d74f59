#include "control/spool/growing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/spool/spool.h"
#include "shared/err.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

enum {
	PIECE = 1000,
	LONG = 3 * SPOOL_MEMORY / PIECE,
	MUCH = 300, /* pieces that are worth to be told of */
};

static char dir[] = "/tmp/growing_test.XXXXXX";
static atomic_uint told;

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void grew(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&told, 1, memory_order_relaxed);
}

static struct growing *start(void)
{
	atomic_store_explicit(&told, 0, memory_order_relaxed);
	return growing_new(dir, grew, NULL);
}

static void fill(uint8_t piece[static PIECE], size_t number)
{
	for (size_t i = 0; i < PIECE; i++)
		piece[i] = (uint8_t)(number * 31 + i);
}

static int add_piece(struct growing *g, size_t number)
{
	uint8_t piece[PIECE];

	fill(piece, number);
	return growing_add(g, piece, sizeof piece);
}

static void write_pieces(struct growing *g, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(add_piece(g, i), 0);
}

/* Reads until the end, in odd steps. Gives how many octets there were, or the error. */
static int64_t read_all(struct growing *g)
{
	uint8_t got[1234];
	uint8_t piece[PIECE];
	uint64_t at = 0;
	bool ended = false;
	size_t n;

	while (!ended) {
		int err = growing_read(g, at, got, sizeof got, &n, &ended);
		if (err < 0)
			return err;
		for (size_t i = 0; i < n; i++, at++) {
			if (i == 0 || at % PIECE == 0)
				fill(piece, at / PIECE);
			assert_int_equal(got[i], piece[at % PIECE]);
		}
	}
	return (int64_t)at;
}

static void all_of_it_can_be_read_again(void **state)
{
	static const size_t counts[] = {0, 1, SPOOL_MEMORY / PIECE, LONG};

	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct growing *w = start();
		struct growing *g = w;
		write_pieces(w, counts[i]);
		growing_end(&w, 0);
		assert_null(w);
		assert_int_equal(read_all(g), counts[i] * PIECE);
		assert_int_equal(read_all(g), counts[i] * PIECE);
		growing_release(&g);
	}
}

static void *write_on_a_thread(void *arg)
{
	struct growing *g = arg;

	for (size_t i = 0; i < LONG; i++)
		if (add_piece(g, i) < 0)
			abort();
	growing_end(&g, 0);
	return NULL;
}

static void it_is_read_while_it_is_written(void **state)
{
	struct growing *g = start();
	pthread_t writer;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_on_a_thread, g), 0);
	assert_int_equal(read_all(g), LONG * PIECE);
	assert_int_equal(pthread_join(writer, NULL), 0);
	growing_release(&g);
}

static unsigned times_told(void)
{
	return atomic_load_explicit(&told, memory_order_relaxed);
}

static void only_who_has_read_all_is_told_of_more(void **state)
{
	struct growing *g = start();
	struct growing *writer = g;
	uint8_t got[PIECE];
	bool ended;
	size_t n;

	(void)state;
	write_pieces(writer, 2);
	assert_int_equal(times_told(), 0);
	assert_int_equal(growing_read(g, 0, got, sizeof got, &n, &ended), 0);
	assert_int_equal(n, PIECE);
	write_pieces(writer, 1);
	assert_int_equal(times_told(), 0);
	assert_int_equal(growing_read(g, 3 * PIECE, got, sizeof got, &n, &ended), 0);
	assert_int_equal(n, 0);
	assert_false(ended);
	write_pieces(writer, 2);
	assert_int_equal(times_told(), 0);
	write_pieces(writer, MUCH);
	assert_int_equal(times_told(), 1);
	assert_int_equal(growing_read(g, (5 + MUCH) * PIECE, got, sizeof got, &n, &ended),
	                 0);
	growing_end(&writer, 0);
	assert_int_equal(times_told(), 2);
	assert_int_equal(growing_read(g, (5 + MUCH) * PIECE, got, sizeof got, &n, &ended),
	                 0);
	assert_true(ended);
	growing_release(&g);
}

static void who_has_nothing_yet_is_told_at_once(void **state)
{
	struct growing *g = start();
	struct growing *writer = g;
	uint8_t got[PIECE];
	bool ended;
	size_t n;

	(void)state;
	assert_int_equal(growing_read(g, 0, got, sizeof got, &n, &ended), 0);
	assert_int_equal(n, 0);
	write_pieces(writer, 1);
	assert_int_equal(times_told(), 1);
	growing_end(&writer, 0);
	growing_release(&g);
}

static void only_what_is_whole_has_a_size(void **state)
{
	static const struct {
		int err;
		uint64_t size;
	} cases[] = {{0, 3 * PIECE}, {ERR_CORRUPT, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct growing *g = start();
		struct growing *writer = g;
		write_pieces(writer, 3);
		assert_int_equal(growing_whole_size(g), 0);
		growing_end(&writer, cases[i].err);
		assert_int_equal(growing_whole_size(g), cases[i].size);
		growing_release(&g);
	}
}

static void an_error_comes_behind_what_was_written(void **state)
{
	struct growing *g = start();
	struct growing *writer = g;
	uint8_t got[PIECE];
	bool ended;
	size_t n;

	(void)state;
	write_pieces(writer, 1);
	growing_end(&writer, ERR_TOOBIG);
	assert_int_equal(growing_read(g, 0, got, sizeof got, &n, &ended), 0);
	assert_int_equal(n, PIECE);
	assert_false(ended);
	assert_int_equal(growing_read(g, PIECE, got, sizeof got, &n, &ended), ERR_TOOBIG);
	growing_release(&g);
}

static void without_readers_nothing_is_written(void **state)
{
	struct growing *g = start();
	struct growing *writer = g;

	(void)state;
	write_pieces(writer, LONG);
	growing_release(&g);
	assert_int_equal(add_piece(writer, LONG), ERR_GONE);
	growing_end(&writer, ERR_GONE);
}

static void what_cannot_be_kept_is_told(void **state)
{
	struct growing *g = growing_new("/tmp/growing_test.is.not.there", grew, NULL);
	struct growing *writer = g;
	int err = 0;

	(void)state;
	for (size_t i = 0; i < LONG && err == 0; i++)
		err = add_piece(writer, i);
	assert_int_equal(err, ERR_FULL);
	growing_end(&writer, err);
	growing_release(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_can_be_read_again),
		cmocka_unit_test(it_is_read_while_it_is_written),
		cmocka_unit_test(only_who_has_read_all_is_told_of_more),
		cmocka_unit_test(who_has_nothing_yet_is_told_at_once),
		cmocka_unit_test(only_what_is_whole_has_a_size),
		cmocka_unit_test(an_error_comes_behind_what_was_written),
		cmocka_unit_test(without_readers_nothing_is_written),
		cmocka_unit_test(what_cannot_be_kept_is_told),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
