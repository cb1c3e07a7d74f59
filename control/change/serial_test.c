#include "control/change/serial.h"

#include <stdlib.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"
#include "shared/rrtype.h"

/* 2024-02-29 00:00:00 and 2024-03-01 00:00:00 UTC. */
enum { LEAP_DAY = 1709164800, NEXT_DAY = LEAP_DAY + 86400 };

static void serials_follow_their_policy(void **state)
{
	static const struct {
		enum serial_policy policy;
		uint32_t old;
		uint64_t now;
		uint32_t wanted;
	} cases[] = {
		{SERIAL_KEEP, 5, LEAP_DAY, 5},
		{SERIAL_INCREMENT, 5, LEAP_DAY, 6},
		{SERIAL_INCREMENT, UINT32_MAX, LEAP_DAY, 0},
		{SERIAL_DATE, 5, LEAP_DAY, 2024022901},
		{SERIAL_DATE, 2024022801, LEAP_DAY, 2024022901},
		{SERIAL_DATE, 2024022900, LEAP_DAY, 2024022901},
		{SERIAL_DATE, 2024022901, NEXT_DAY - 1, 2024022902},
		{SERIAL_DATE, 2024022901, NEXT_DAY, 2024030101},
		{SERIAL_DATE, 2024022999, LEAP_DAY, 2024023000},
		{SERIAL_DATE, 2024023000, NEXT_DAY, 2024030101},
		{SERIAL_DATE, 2030010100, LEAP_DAY, 2030010101},  /* from the future */
		{SERIAL_DATE, 4294967295U, LEAP_DAY, 2024022901}, /* newer by wrapping */
		{SERIAL_DATE, 0, LEAP_DAY, 2024022901},
		{SERIAL_DATE, 5, (uint64_t)INT64_MAX, 6}, /* a day that has no name */
		{SERIAL_UNIXTIME, 5, LEAP_DAY, LEAP_DAY},
		{SERIAL_UNIXTIME, LEAP_DAY, LEAP_DAY, LEAP_DAY + 1},
		{SERIAL_UNIXTIME, LEAP_DAY + 9, LEAP_DAY, LEAP_DAY + 10},
		{SERIAL_UNIXTIME, UINT32_MAX, (UINT64_C(1) << 32) + 7, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (serial_next(cases[i].policy, cases[i].old, cases[i].now) !=
		    cases[i].wanted)
			fail_msg(
				"case %zu gives %u", i,
				serial_next(cases[i].policy, cases[i].old, cases[i].now));
}

static void serials_always_rise(void **state)
{
	static const enum serial_policy policies[] = {SERIAL_INCREMENT, SERIAL_DATE,
	                                              SERIAL_UNIXTIME};

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t old = (uint32_t)rand() << 16 ^ (uint32_t)rand();
		uint64_t now = (uint32_t)rand();

		for (size_t p = 0; p < ARRAY_LEN(policies); p++)
			assert_true(
				serial_newer(serial_next(policies[p], old, now), old));
	}
}

static void fifteen_hundred_changes_in_a_day_count_on(void **state)
{
	uint32_t serial = serial_next(SERIAL_DATE, 1, LEAP_DAY);

	(void)state;
	for (unsigned i = 1; i < 1500; i++) {
		uint32_t next = serial_next(SERIAL_DATE, serial, LEAP_DAY + i);
		assert_int_equal(next, serial + 1);
		serial = next;
	}
	assert_int_equal(serial, 2024022901 + 1499);
	assert_true(serial_newer(serial_next(SERIAL_DATE, serial, NEXT_DAY), serial));
}

static void newer_is_half_a_circle_ahead(void **state)
{
	(void)state;
	assert_true(serial_newer(1, 0));
	assert_true(serial_newer(0, UINT32_MAX));
	assert_false(serial_newer(7, 7));
	assert_false(serial_newer(0, 1));
	assert_true(serial_newer(0x7fffffff, 0));
	assert_false(serial_newer(0x80000000, 0));
}

static size_t make_soa(uint8_t *blob, uint16_t count, const char *rdata, uint16_t len)
{
	struct rrset head = {.ttl = 60, .count = count};
	uint8_t *at = blob + RRSET_HEADER;

	rrset_write_header(blob, &head);
	for (unsigned i = 0; i < count; i++)
		at = rrset_write_rdata(at, (const uint8_t *)rdata, len);
	return (size_t)(at - blob);
}

static void serial_in_an_soa_is_read_and_written(void **state)
{
	static const char rdata[] = "\1a\0\1b\0\1\2\3\4\0\0\0\5\0\0\0\6\0\0\0\7\0\0\0\x8";
	uint8_t blob[128];
	struct rrset soa;
	uint32_t serial;

	(void)state;
	size_t size = make_soa(blob, 1, rdata, sizeof rdata - 1);
	assert_int_equal(rrset_open(RRTYPE_SOA, blob, size, &soa), 0);
	assert_int_equal(serial_read(&soa, &serial), 0);
	assert_int_equal(serial, 0x01020304);
	assert_int_equal(serial_write(blob, size, 0xfffefdfc), 0);
	assert_int_equal(serial_read(&soa, &serial), 0);
	assert_int_equal(serial, 0xfffefdfc);
	assert_memory_equal(blob + size - 16, "\0\0\0\5\0\0\0\6", 8);
}

static void what_is_no_soa_has_no_serial(void **state)
{
	static const char rdata[] = "\0\0\1\2\3\4\0\0\0\5\0\0\0\6\0\0\0\7\0\0\0\x8";
	uint8_t blob[128];
	struct rrset soa;
	uint32_t serial;

	(void)state;
	size_t size = make_soa(blob, 2, rdata, sizeof rdata - 1);
	assert_int_equal(rrset_open(RRTYPE_SOA, blob, size, &soa), 0);
	assert_int_equal(serial_read(&soa, &serial), ERR_CORRUPT);
	assert_int_equal(serial_write(blob, size, 1), ERR_CORRUPT);
	size = make_soa(blob, 1, rdata, sizeof rdata - 2);
	assert_int_equal(serial_write(blob, size, 1), ERR_CORRUPT);
	assert_int_equal(serial_write(blob, size - 1, 1), ERR_CORRUPT);
	size = make_soa(blob, 1, rdata, sizeof rdata - 1);
	assert_int_equal(rrset_open(RRTYPE_NS, blob, size, &soa), 0);
	assert_int_equal(serial_read(&soa, &serial), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serials_follow_their_policy),
		cmocka_unit_test(serials_always_rise),
		cmocka_unit_test(fifteen_hundred_changes_in_a_day_count_on),
		cmocka_unit_test(newer_is_half_a_circle_ahead),
		cmocka_unit_test(serial_in_an_soa_is_read_and_written),
		cmocka_unit_test(what_is_no_soa_has_no_serial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
