#include "control/access/limits.h"

#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/compiler.h"
#include "shared/wire.h"

static const uint8_t alice[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, [15] = 1};
static const uint8_t alices_other[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, [15] = 99};
static const uint8_t bob[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1};
static const uint8_t bobs_neighbour[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 2};

static struct limits *limits;

static int setup(void **state)
{
	(void)state;
	return limits_new(&limits);
}

static int teardown(void **state)
{
	(void)state;
	limits_free(limits);
	return 0;
}

static unsigned wrong_until_locked(const uint8_t address[16], uint64_t now)
{
	unsigned times = 1;

	while (!limits_wrong(limits, address, now))
		assert_true(++times < 1000);
	return times;
}

static void a_few_wrong_keys_lock_nobody_out(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LIMITS_BURST; i++) {
		assert_false(limits_wrong(limits, bob, 1000));
		assert_int_equal(limits_locked(limits, bob, 1000), 0);
	}
	assert_true(limits_wrong(limits, bob, 1000));
	assert_int_equal(limits_locked(limits, bob, 1000), LIMITS_LOCK_MS);
	assert_int_equal(limits_locked_count(limits, 1000), 1);
	assert_int_equal(limits_locked(limits, bobs_neighbour, 1000), 0);
}

static void a_lock_ends_and_the_next_is_longer(void **state)
{
	uint64_t now = 1000;
	uint64_t length = LIMITS_LOCK_MS;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(wrong_until_locked(bob, now), LIMITS_BURST + 1);
		assert_int_equal(limits_locked(limits, bob, now), length);
		assert_int_equal(limits_locked(limits, bob, now + length - 1), 1);
		now += length;
		assert_int_equal(limits_locked(limits, bob, now), 0);
		length = length * 2 < LIMITS_LONGEST_MS ? length * 2 : LIMITS_LONGEST_MS;
	}
	/* An hour of quiet, and it is as if nothing had been. */
	now += LIMITS_LONGEST_MS;
	assert_int_equal(wrong_until_locked(bob, now), LIMITS_BURST + 1);
	assert_int_equal(limits_locked(limits, bob, now), LIMITS_LOCK_MS);
}

static void what_is_rarely_wrong_is_never_locked_out(void **state)
{
	(void)state;
	for (uint64_t i = 1; i < 1000; i++)
		assert_false(limits_wrong(limits, bob, i * LIMITS_REFILL_MS));
	/* Half a refill apart, each pair of them costs one. */
	uint64_t now = (uint64_t)2000 * LIMITS_REFILL_MS;
	uint64_t times = 0;
	while (!limits_wrong(limits, alice, now + times * (LIMITS_REFILL_MS / 2)))
		assert_true(++times < 100);
	assert_in_range(times, 2 * LIMITS_BURST - 2, 2 * LIMITS_BURST + 1);
}

static void an_ipv6_network_is_one_address(void **state)
{
	(void)state;
	(void)wrong_until_locked(alice, 1000);
	assert_int_not_equal(limits_locked(limits, alices_other, 1000), 0);
}

static void a_flood_of_addresses_frees_nobody_who_is_locked_out(void **state)
{
	uint8_t address[16] = {0x20, 1};

	(void)state;
	(void)wrong_until_locked(bob, 1000);
	for (uint32_t i = 0; i < 200000; i++) {
		wire_store32(address + 4, i);
		(void)limits_wrong(limits, address, 1001);
	}
	assert_int_not_equal(limits_locked(limits, bob, 1002), 0);
	assert_int_equal(limits_locked_count(limits, 1002), 1);
}

static void wrong_keys_while_locked_out_make_it_no_longer(void **state)
{
	(void)state;
	(void)wrong_until_locked(bob, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_false(limits_wrong(limits, bob, 1001));
	assert_int_equal(limits_locked(limits, bob, 1000 + LIMITS_LOCK_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_few_wrong_keys_lock_nobody_out, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_lock_ends_and_the_next_is_longer, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(what_is_rarely_wrong_is_never_locked_out,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(an_ipv6_network_is_one_address, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(
			a_flood_of_addresses_frees_nobody_who_is_locked_out, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			wrong_keys_while_locked_out_make_it_no_longer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
