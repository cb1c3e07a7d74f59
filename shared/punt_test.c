#include "shared/punt.h"

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
	struct punt *p = aligned_alloc(CACHE_LINE, sizeof *p);

	memset(p, 0xff, sizeof *p);
	punt_reset(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Gives whether there was room; woken: whether the reader is to be woken. */
static bool put(struct punt_ring *ring, uint16_t port, bool *woken)
{
	struct punt_record *r = punt_reserve(ring);

	*woken = false;
	if (!r)
		return false;
	memset(r, 0, sizeof *r);
	r->port = port;
	r->len = PUNT_MESSAGE_MAX;
	r->way_len = PUNT_WAY_MAX;
	r->way[PUNT_WAY_MAX - 1] = (uint8_t)port;
	r->message[PUNT_MESSAGE_MAX - 1] = (uint8_t)port;
	*woken = punt_commit(ring);
	return true;
}

static void expect(struct punt_ring *ring, uint16_t port)
{
	struct punt_record r;

	assert_true(punt_take(ring, &r));
	assert_int_equal(r.port, port);
	assert_int_equal(r.way[PUNT_WAY_MAX - 1], (uint8_t)port);
	assert_int_equal(r.message[PUNT_MESSAGE_MAX - 1], (uint8_t)port);
}

static void records_come_out_as_they_went_in(void **state)
{
	struct punt *p = *state;
	struct punt_record r;
	bool woken;

	assert_false(punt_take(&p->up, &r));
	for (uint16_t i = 0; i < 3 * PUNT_SLOTS; i += 2) {
		assert_true(put(&p->up, i, &woken));
		assert_true(put(&p->up, (uint16_t)(i + 1), &woken));
		assert_true(punt_waits(&p->up));
		expect(&p->up, i);
		expect(&p->up, (uint16_t)(i + 1));
		assert_false(punt_waits(&p->up));
		assert_false(punt_take(&p->up, &r));
	}
}

static void full_ring_takes_nothing_until_one_is_read(void **state)
{
	struct punt *p = *state;
	bool woken;

	for (uint16_t i = 0; i < PUNT_SLOTS; i++)
		assert_true(put(&p->down, i, &woken));
	assert_false(put(&p->down, 99, &woken));
	expect(&p->down, 0);
	assert_true(put(&p->down, PUNT_SLOTS, &woken));
	assert_false(put(&p->down, 99, &woken));
	for (uint16_t i = 1; i <= PUNT_SLOTS; i++)
		expect(&p->down, i);
}

static void one_record_wakes_a_reader_that_sleeps(void **state)
{
	struct punt *p = *state;
	bool woken;

	/* The control plane sleeps from the beginning, a worker runs. */
	assert_true(put(&p->up, 1, &woken) && woken);
	assert_true(put(&p->up, 2, &woken) && !woken);
	assert_true(put(&p->down, 1, &woken) && !woken);
	expect(&p->down, 1);
	assert_true(punt_sleep(&p->down));
	assert_true(put(&p->down, 2, &woken) && woken);
	assert_true(put(&p->down, 3, &woken) && !woken);
}

static void reader_does_not_sleep_over_what_has_come(void **state)
{
	struct punt *p = *state;
	bool woken;

	assert_true(put(&p->down, 1, &woken));
	assert_false(punt_sleep(&p->down));
	assert_true(put(&p->down, 2, &woken) && !woken);
	expect(&p->down, 1);
	expect(&p->down, 2);
	assert_true(punt_sleep(&p->down));
	punt_awake(&p->down);
	assert_true(put(&p->down, 3, &woken) && !woken);
}

/* Whatever somebody scribbles over the numbers, the reader comes to an end and the ring works again. */
static void scribbled_numbers_make_the_ring_empty(void **state)
{
	static const uint64_t heads[] = {UINT64_MAX, 1u << 20, 40, PUNT_SLOTS + 1};
	struct punt *p = *state;
	struct punt_record r;
	bool woken;

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		punt_reset(p);
		atomic_store(&p->up.head, heads[i]);
		assert_false(punt_take(&p->up, &r));
		assert_false(punt_take(&p->up, &r));
		assert_true(put(&p->up, 7, &woken));
		expect(&p->up, 7);
	}
	punt_reset(p);
	atomic_store(&p->up.tail, 5); /* ahead of head: full for the writer */
	assert_false(put(&p->up, 7, &woken));
	assert_false(punt_take(&p->up, &r));
	assert_true(put(&p->up, 7, &woken));
	expect(&p->up, 7);
}

static void scribbled_records_are_left_out(void **state)
{
	struct punt *p = *state;
	struct punt_record r;
	bool woken;

	for (uint16_t i = 0; i < 6; i++)
		assert_true(put(&p->up, i, &woken));
	p->up.records[0].len = PUNT_MESSAGE_MAX + 1;
	p->up.records[1].way_len = PUNT_WAY_MAX + 1;
	p->up.records[2].room = PUNT_MESSAGE_MAX + 1;
	p->up.records[3].is_ipv4 = 2;
	expect(&p->up, 4);
	p->up.records[5].len = UINT16_MAX;
	assert_false(punt_take(&p->up, &r));
	assert_true(put(&p->up, 6, &woken));
	expect(&p->up, 6);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(records_come_out_as_they_went_in),
		T(full_ring_takes_nothing_until_one_is_read),
		T(one_record_wakes_a_reader_that_sleeps),
		T(reader_does_not_sleep_over_what_has_come),
		T(scribbled_numbers_make_the_ring_empty),
		T(scribbled_records_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
