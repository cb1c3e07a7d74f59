#include <inttypes.h>
#include <string.h>

#include "control/store/internal.h"
#include "control/store/testing.h"
#include "shared/err.h"

struct seen {
	char text[1024];
	size_t len;
	unsigned stop_after; /* 0: never */
};

static int stop(struct seen *s)
{
	return s->stop_after && --s->stop_after == 0 ? 42 : 0;
}

static int see_header(uint64_t seq, const void *header, size_t size, void *arg)
{
	struct seen *s = arg;

	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len,
	                           "%" PRIu64 "=%.*s ", seq, (int)size,
	                           (const char *)header);
	return stop(s);
}

static int see_rows(const struct store_rows *r, void *arg)
{
	struct seen *s = arg;

	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len,
	                           "%" PRIu64 ":%u.%u=%.*s ", r->seq, r->zone, r->part,
	                           (int)r->size, (const char *)r->rows);
	return stop(s);
}

/* Logs a change of parts of rows in each of some zones. */
static uint64_t log_change(struct store_txn *t, const char *zones, unsigned parts)
{
	uint64_t seq;
	char text[32];

	assert_int_equal(store_log_next(t, &seq), 0);
	size_t size = (size_t)snprintf(text, sizeof text, "h%" PRIu64, seq);
	assert_int_equal(store_log_put(t, seq, text, size), 0);
	for (; *zones; zones++)
		for (unsigned part = 0; part < parts; part++)
			assert_int_equal(store_log_put_rows(t, (uint32_t)(*zones - '0'),
			                                    seq, part, "r", 1),
			                 0);
	return seq;
}

/* 1: zone 1; 2: zones 1 and 2, in two parts; 3: no zone; 4: zone 2; 5: zone 1, two parts. */
static void log_five(struct store_txn *t)
{
	assert_int_equal(log_change(t, "1", 1), 1);
	assert_int_equal(log_change(t, "12", 2), 2);
	assert_int_equal(log_change(t, "", 0), 3);
	assert_int_equal(log_change(t, "2", 1), 4);
	assert_int_equal(log_change(t, "1", 2), 5);
}

static void expect_headers(struct store_txn *t, uint64_t from, uint64_t to,
                           const char *wanted)
{
	struct seen s = {0};

	assert_int_equal(store_log_each(t, from, to, see_header, &s), 0);
	assert_string_equal(s.text, wanted);
}

static void expect_history(struct store_txn *t, uint32_t zone, uint64_t from,
                           bool backwards, const char *wanted)
{
	struct seen s = {0};

	assert_int_equal(store_history_each(t, zone, from, backwards, see_rows, &s), 0);
	assert_string_equal(s.text, wanted);
}

static void numbers_rise_by_one_over_transactions(void **state)
{
	struct store_txn *t = begin_write();
	uint64_t seq;

	(void)state;
	log_five(t);
	commit(t);
	reopen();
	t = begin_write();
	assert_int_equal(log_change(t, "9", 1), 6);
	store_abort(&t);
	t = begin_read();
	assert_int_equal(store_log_next(t, &seq), 0);
	assert_int_equal(seq, 6);
	store_abort(&t);
}

static void headers_come_in_order_between_two_numbers(void **state)
{
	struct store_txn *t = begin_write();
	struct seen s = {.stop_after = 2};

	(void)state;
	expect_headers(t, 0, UINT64_MAX, "");
	log_five(t);
	expect_headers(t, 0, UINT64_MAX, "1=h1 2=h2 3=h3 4=h4 5=h5 ");
	expect_headers(t, 2, 4, "2=h2 3=h3 4=h4 ");
	expect_headers(t, 2, 2, "2=h2 ");
	expect_headers(t, 4, 2, "");
	expect_headers(t, 6, UINT64_MAX, "");
	assert_int_equal(store_log_each(t, 1, UINT64_MAX, see_header, &s), 42);
	assert_string_equal(s.text, "1=h1 2=h2 ");
	store_abort(&t);
}

static void rows_of_a_change_come_by_zone_and_part(void **state)
{
	struct store_txn *t = begin_write();
	struct seen s = {0};

	(void)state;
	log_five(t);
	assert_int_equal(store_log_each_rows(t, 2, see_rows, &s), 0);
	assert_string_equal(s.text, "2:1.0=r 2:1.1=r 2:2.0=r 2:2.1=r ");
	s = (struct seen){0};
	assert_int_equal(store_log_each_rows(t, 3, see_rows, &s), 0);
	assert_int_equal(store_log_each_rows(t, 6, see_rows, &s), 0);
	assert_string_equal(s.text, "");
	store_abort(&t);
}

/* A header written last needs to know how many parts there are. */
static void header_may_follow_its_rows(void **state)
{
	struct store_txn *t = begin_write();
	struct seen s = {0};

	(void)state;
	log_five(t);
	assert_int_equal(store_log_put_rows(t, 3, 6, 0, "r", 1), 0);
	assert_int_equal(store_log_put(t, 6, "h6", 2), 0);
	expect_headers(t, 5, 9, "5=h5 6=h6 ");
	assert_int_equal(store_log_each_rows(t, 6, see_rows, &s), 0);
	assert_string_equal(s.text, "6:3.0=r ");
	assert_int_equal(log_change(t, "1", 1), 7);
	store_abort(&t);
}

static void history_of_a_zone_goes_both_ways(void **state)
{
	struct store_txn *t = begin_write();

	(void)state;
	log_five(t);
	expect_history(t, 1, 0, false, "1:1.0=r 2:1.0=r 2:1.1=r 5:1.0=r 5:1.1=r ");
	expect_history(t, 1, 3, false, "5:1.0=r 5:1.1=r ");
	expect_history(t, 1, 6, false, "");
	expect_history(t, 1, UINT64_MAX, true,
	               "5:1.0=r 5:1.1=r 2:1.0=r 2:1.1=r 1:1.0=r ");
	expect_history(t, 1, 4, true, "2:1.0=r 2:1.1=r 1:1.0=r ");
	expect_history(t, 2, UINT64_MAX, true, "4:2.0=r 2:2.0=r 2:2.1=r ");
	expect_history(t, 1, 0, true, "");
	expect_history(t, 3, UINT64_MAX, true, "");
	expect_history(t, 0, UINT64_MAX, true, "");
	expect_history(t, UINT32_MAX, UINT64_MAX, true, "");
	store_abort(&t);
}

static void history_stops_when_told_to(void **state)
{
	struct store_txn *t = begin_write();
	struct seen s = {.stop_after = 3};

	(void)state;
	log_five(t);
	assert_int_equal(store_history_each(t, 1, UINT64_MAX, true, see_rows, &s), 42);
	assert_string_equal(s.text, "5:1.0=r 5:1.1=r 2:1.0=r ");
	store_abort(&t);
}

static void trimming_takes_the_oldest_and_leaves_the_newest(void **state)
{
	struct store_txn *t = begin_write();
	size_t done;

	(void)state;
	assert_int_equal(store_log_trim(t, UINT64_MAX, 100, &done), 0);
	assert_int_equal(done, 0);
	log_five(t);
	assert_int_equal(store_log_trim(t, 2, 100, &done), 0);
	assert_int_equal(done, 2);
	expect_headers(t, 0, UINT64_MAX, "2=h2 3=h3 4=h4 5=h5 ");
	expect_history(t, 1, 0, false, "2:1.0=r 2:1.1=r 5:1.0=r 5:1.1=r ");
	assert_int_equal(store_log_trim(t, UINT64_MAX, 100, &done), 0);
	assert_int_equal(done, 5 + 1 + 2);
	expect_headers(t, 0, UINT64_MAX, "5=h5 ");
	expect_history(t, 1, 0, false, "5:1.0=r 5:1.1=r ");
	expect_history(t, 2, UINT64_MAX, true, "");
	assert_int_equal(log_change(t, "1", 1), 6);
	store_abort(&t);
}

static void trimming_goes_on_where_it_stopped(void **state)
{
	struct store_txn *t = begin_write();
	size_t done;

	(void)state;
	log_five(t);
	assert_int_equal(store_log_trim(t, 4, 4, &done), 0);
	assert_int_equal(done, 4);
	expect_headers(t, 0, UINT64_MAX, "3=h3 4=h4 5=h5 ");
	expect_headers(t, 2, 2, "");
	expect_history(t, 1, 0, false, "2:1.1=r 5:1.0=r 5:1.1=r ");
	assert_int_equal(store_log_trim(t, 4, 100, &done), 0);
	assert_int_equal(done, 4);
	expect_headers(t, 0, UINT64_MAX, "4=h4 5=h5 ");
	expect_history(t, 2, 0, false, "4:2.0=r ");
	store_abort(&t);
}

static void rows_that_are_gone_are_missed(void **state)
{
	static const uint8_t key[] = {0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 0};
	struct store_txn *t = begin_write();
	struct seen s = {0};

	(void)state;
	log_five(t);
	assert_int_equal(store_delete(t, store->log, store_val(key, sizeof key)), 0);
	assert_int_equal(store_history_each(t, 2, 0, false, see_rows, &s), ERR_CORRUPT);
	assert_string_equal(s.text, "2:2.0=r 2:2.1=r ");
	store_abort(&t);
}

/* The log grows at its end: its pages are full. */
static void pages_of_the_log_are_filled(void **state)
{
	static const char rows[100];
	struct store_txn *t = begin_write();
	MDB_stat stat;

	(void)state;
	for (uint64_t seq = 1; seq <= 10000; seq++) {
		assert_int_equal(store_log_put(t, seq, rows, 20), 0);
		assert_int_equal(store_log_put_rows(t, (uint32_t)(seq * 7919 % 1000) + 1,
		                                    seq, 0, rows, sizeof rows),
		                 0);
	}
	assert_int_equal(mdb_stat(t->txn, store->log, &stat), 0);
	assert_int_equal(stat.ms_entries, 20000);
	assert_true(stat.ms_leaf_pages * stat.ms_psize < 10000 * 190);
	store_abort(&t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_rise_by_one_over_transactions),
		TEST(headers_come_in_order_between_two_numbers),
		TEST(rows_of_a_change_come_by_zone_and_part),
		TEST(header_may_follow_its_rows),
		TEST(history_of_a_zone_goes_both_ways),
		TEST(history_stops_when_told_to),
		TEST(trimming_takes_the_oldest_and_leaves_the_newest),
		TEST(trimming_goes_on_where_it_stopped),
		TEST(rows_that_are_gone_are_missed),
		TEST(pages_of_the_log_are_filled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
