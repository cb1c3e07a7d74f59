#include "control/net/client_counts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

static const uint8_t *address(const char *text)
{
	static uint8_t bytes[16];

	assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
	return bytes;
}

static struct client_counts *make(unsigned max, unsigned limit)
{
	struct client_counts *counts = NULL;

	assert_int_equal(client_counts_new(max, limit, &counts), 0);
	return counts;
}

static void clients_are_told_apart_by_prefix(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool same;
	} cases[] = {
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1", true},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"::ffff:192.0.2.1", "::c000:201", false},
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"2001:db8::1", "2001:db9::1", false},
		{"::1", "::2", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client_counts *counts = make(10, 1);

		assert_true(client_counts_add(counts, address(cases[i].a)));
		assert_int_equal(client_counts_add(counts, address(cases[i].b)),
		                 !cases[i].same);
		assert_int_equal(client_counts_clients(counts), cases[i].same ? 1 : 2);
		client_counts_free(counts);
	}
}

static void limit_holds_and_a_removed_connection_makes_room(void **state)
{
	struct client_counts *counts = make(100, 3);
	const uint8_t *a = address("::ffff:192.0.2.1");

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		assert_true(client_counts_add(counts, a));
		assert_true(client_counts_add(counts, a));
		assert_true(client_counts_add(counts, a));
		assert_false(client_counts_add(counts, a));
		client_counts_remove(counts, a);
		assert_true(client_counts_add(counts, a));
		assert_false(client_counts_add(counts, a));
		for (unsigned i = 0; i < 3; i++)
			client_counts_remove(counts, a);
		assert_int_equal(client_counts_clients(counts), 0);
	}
	client_counts_free(counts);
}

/* Many more clients than chains, come and gone in another order. */
static void table_is_full_at_max_clients_and_empty_after(void **state)
{
	enum { MAX = 1000 };
	struct client_counts *counts = make(MAX, 2);
	char text[64];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < MAX; i++) {
			snprintf(text, sizeof text, "2001:db8:%x:%x::1", round, i);
			assert_true(client_counts_add(counts, address(text)));
		}
		assert_int_equal(client_counts_clients(counts), MAX);
		assert_false(client_counts_add(counts, address("2001:db8:ffff::1")));
		for (unsigned i = 0; i < MAX; i++) {
			snprintf(text, sizeof text, "2001:db8:%x:%x::2", round,
			         (i * 7 + 3) % MAX);
			client_counts_remove(counts, address(text));
		}
		assert_int_equal(client_counts_clients(counts), 0);
	}
	client_counts_free(counts);
}

static void refused_client_leaves_no_entry(void **state)
{
	struct client_counts *counts = make(4, 0);

	(void)state;
	assert_false(client_counts_add(counts, address("2001:db8::1")));
	assert_int_equal(client_counts_clients(counts), 0);
	client_counts_free(counts);
}

static void limits_change_and_counts_stay(void **state)
{
	enum { CLIENTS = 20 };
	struct client_counts *counts = make(CLIENTS, 3);
	char text[64];

	(void)state;
	for (unsigned i = 0; i < CLIENTS; i++) {
		snprintf(text, sizeof text, "::ffff:192.0.2.%u", i);
		assert_true(client_counts_add(counts, address(text)));
		assert_true(client_counts_add(counts, address(text)));
	}
	client_counts_configure(&counts, 5, 1); /* fewer of both than there are */
	assert_int_equal(client_counts_clients(counts), CLIENTS);
	assert_false(client_counts_add(counts, address("::ffff:192.0.2.3")));
	assert_false(client_counts_add(counts, address("::ffff:192.0.2.200")));
	client_counts_configure(&counts, CLIENTS + 1, 3);
	assert_true(client_counts_add(counts, address("::ffff:192.0.2.3")));
	assert_false(client_counts_add(counts, address("::ffff:192.0.2.3")));
	assert_true(client_counts_add(counts, address("::ffff:192.0.2.200")));
	assert_false(client_counts_add(counts, address("::ffff:192.0.2.201")));
	for (unsigned i = 0; i < CLIENTS; i++) {
		snprintf(text, sizeof text, "::ffff:192.0.2.%u", i);
		client_counts_remove(counts, address(text));
		client_counts_remove(counts, address(text));
	}
	assert_int_equal(client_counts_clients(counts), 2);
	client_counts_free(counts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_told_apart_by_prefix),
		cmocka_unit_test(limit_holds_and_a_removed_connection_makes_room),
		cmocka_unit_test(table_is_full_at_max_clients_and_empty_after),
		cmocka_unit_test(limits_change_and_counts_stay),
		cmocka_unit_test(refused_client_leaves_no_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
