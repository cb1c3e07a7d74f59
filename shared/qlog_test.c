#include "shared/qlog.h"

#include <stdlib.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

static int setup(void **state)
{
	*state = aligned_alloc(CACHE_LINE, sizeof(struct qlog_ring));
	memset(*state, 0, sizeof(struct qlog_ring));
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static bool write_one(struct qlog_ring *ring, uint64_t time)
{
	struct qlog_record *r = qlog_reserve(ring);

	if (!r)
		return false;
	r->time = time;
	qlog_commit(ring);
	return true;
}

static void records_come_out_as_they_went_in(void **state)
{
	struct qlog_ring *ring = *state;
	struct qlog_record r;

	assert_false(qlog_take(ring, &r));
	for (uint64_t i = 0; i < 3 * QLOG_RECORDS; i += 2) {
		assert_true(write_one(ring, i));
		assert_true(write_one(ring, i + 1));
		assert_true(qlog_take(ring, &r));
		assert_int_equal(r.time, i);
		assert_true(qlog_take(ring, &r));
		assert_int_equal(r.time, i + 1);
		assert_false(qlog_take(ring, &r));
	}
}

static void full_ring_takes_nothing_until_one_is_read(void **state)
{
	struct qlog_ring *ring = *state;
	struct qlog_record r;

	for (uint64_t i = 0; i < QLOG_RECORDS; i++)
		assert_true(write_one(ring, i));
	assert_false(write_one(ring, 9999));
	assert_true(qlog_take(ring, &r));
	assert_int_equal(r.time, 0);
	assert_true(write_one(ring, QLOG_RECORDS));
	assert_false(write_one(ring, 9999));
	for (uint64_t i = 1; i <= QLOG_RECORDS; i++) {
		assert_true(qlog_take(ring, &r));
		assert_int_equal(r.time, i);
	}
	assert_false(qlog_take(ring, &r));
}

static void numbers_that_make_no_sense_are_an_empty_ring(void **state)
{
	const uint64_t heads[] = {QLOG_RECORDS + 1, UINT64_MAX, UINT64_MAX / 2};
	struct qlog_ring *ring = *state;
	struct qlog_record r;

	for (unsigned i = 0; i < ARRAY_LEN(heads); i++) {
		atomic_store(&ring->tail, 0);
		atomic_store(&ring->head, heads[i]);
		assert_false(qlog_take(ring, &r));
		assert_false(qlog_take(ring, &r));
		assert_true(write_one(ring, 7));
		assert_true(qlog_take(ring, &r));
		assert_int_equal(r.time, 7);
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(records_come_out_as_they_went_in),
		T(full_ring_takes_nothing_until_one_is_read),
		T(numbers_that_make_no_sense_are_an_empty_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
