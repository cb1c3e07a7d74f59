// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "perf/loadgen/flight.h"

#include <string.h>

enum { PORTS = 4, SAMPLE = 16, SLOTS = PORTS << FLIGHT_ID_BITS };

static int make(void **state)
{
	static struct flight f;

	flight_init(&f, PORTS, SAMPLE);
	*state = &f;
	return 0;
}

static int drop(void **state)
{
	flight_fini(*state);
	return 0;
}

static void send_many(struct flight *f, uint64_t n, uint64_t now)
{
	while (n-- > 0) {
		flight_make_room(f, 1);
		flight_send(f, now, f);
	}
}

static void every_slot_has_its_own_id_and_port(void **state)
{
	static uint8_t seen[SLOTS];
	const struct flight *f = *state;

	memset(seen, 0, sizeof seen);
	for (uint64_t sequence = 7; sequence < 7 + SLOTS; sequence++) {
		uint32_t slot = flight_slot(f, sequence);
		uint16_t id = flight_id(f, slot);
		uint16_t port = flight_port_index(f, slot);
		assert_true(port < PORTS);
		assert_int_equal(flight_slot_of(f, id, port), slot);
		assert_false(seen[id * PORTS + port]);
		seen[id * PORTS + port] = 1;
	}
	assert_int_not_equal(flight_port_index(f, flight_slot(f, 8)),
	                     flight_port_index(f, flight_slot(f, 9)));
}

static void replies_find_their_queries_in_any_order(void **state)
{
	struct flight *f = *state;

	send_many(f, SLOTS - 10, 1);
	for (uint64_t i = 0; i < SLOTS - 10; i++)
		assert_true(flight_settle(f, flight_slot(f, i)));
	send_many(f, 20, 2); /* over the end of the slots */
	for (uint64_t i = SLOTS + 9; i >= SLOTS - 10; i--) {
		assert_int_equal(flight_sequence(f, flight_slot(f, i)), i);
		assert_true(flight_settle(f, flight_slot(f, i)));
	}
	assert_int_equal(flight_count(f), 0);
}

static void second_and_foreign_replies_are_refused(void **state)
{
	struct flight *f = *state;

	send_many(f, 3, 1);
	assert_true(flight_settle(f, 1));
	assert_false(flight_settle(f, 1)); /* twice */
	assert_false(flight_settle(f, 3)); /* not sent yet */
	assert_false(flight_settle(f, SLOTS - 1));
	assert_int_equal(flight_count(f), 2);
}

static void one_in_so_many_is_a_sample(void **state)
{
	struct flight *f = *state;
	unsigned samples = 0;

	for (unsigned i = 0; i < 10 * SAMPLE; i++) {
		samples += flight_is_sample(f, f->next);
		flight_send(f, 100 + i, (const char *)f + i);
	}
	assert_int_equal(samples, 10);
	assert_int_equal(flight_sample(f, 3 * SAMPLE)->sent_at, 100 + 3 * SAMPLE);
	assert_ptr_equal(flight_sample(f, 3 * SAMPLE)->what,
	                 (const char *)f + 3 * SAMPLE);
}

static void old_queries_are_given_up_and_no_others(void **state)
{
	struct flight *f = *state;

	send_many(f, FLIGHT_BLOCK, 10);
	send_many(f, FLIGHT_BLOCK, 20);
	send_many(f, 1, 30);
	assert_true(flight_settle(f, 5));
	flight_expire(
		f,
		15); /* the second block may have been begun later than the first's last */
	assert_int_equal(flight_count(f), 2 * FLIGHT_BLOCK);
	flight_expire(f, 25);
	assert_int_equal(flight_count(f), FLIGHT_BLOCK + 1);
	assert_false(flight_settle(f, 6)); /* too late */
	assert_true(flight_settle(f, FLIGHT_BLOCK + 1));
	send_many(f, 1, 40);
	flight_expire(f, 35);
	assert_int_equal(flight_count(f), 2);
	assert_true(flight_settle(f, 2 * FLIGHT_BLOCK));
}

static void a_block_that_does_not_grow_is_given_up_too(void **state)
{
	struct flight *f = *state;

	send_many(f, 2, 10);
	send_many(f, 1, 20);
	flight_expire(f, 20);
	assert_int_equal(flight_count(f), 3);
	flight_expire(f, 21);
	assert_int_equal(flight_count(f), 0);
	assert_false(flight_settle(f, 2));
	send_many(f, 1, 30); /* and goes on where it was */
	assert_int_equal(flight_sequence(f, 3), 3);
	assert_true(flight_settle(f, 3));
}

static void after_giving_up_all_a_block_begins_anew(void **state)
{
	struct flight *f = *state;

	send_many(f, FLIGHT_BLOCK + 3, 10);
	flight_expire_all(f);
	assert_int_equal(flight_count(f), 0);
	assert_int_equal(f->next % FLIGHT_BLOCK, 0);
	assert_false(flight_settle(f, 0));
	send_many(f, 2, 20);
	assert_int_equal(flight_count(f), 2);
	assert_true(flight_is_sample(f, f->next - 2));
	assert_true(flight_settle(f, flight_slot(f, f->next - 2)));
}

static void slots_that_are_needed_again_are_given_up(void **state)
{
	struct flight *f = *state;

	send_many(f, SLOTS, 1);
	assert_int_equal(flight_count(f), SLOTS);
	send_many(f, 1, 2);
	assert_int_equal(flight_count(f), SLOTS - FLIGHT_BLOCK + 1);
	assert_int_equal(flight_sequence(f, 0), SLOTS);
	assert_true(flight_settle(f, 0));
	assert_false(flight_settle(f, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_slot_has_its_own_id_and_port),
		TEST(replies_find_their_queries_in_any_order),
		TEST(second_and_foreign_replies_are_refused),
		TEST(one_in_so_many_is_a_sample),
		TEST(old_queries_are_given_up_and_no_others),
		TEST(a_block_that_does_not_grow_is_given_up_too),
		TEST(after_giving_up_all_a_block_begins_anew),
		TEST(slots_that_are_needed_again_are_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
