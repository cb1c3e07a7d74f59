/* What the responder counts: by type and rcode, and how large bursts were and how long they took. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>

#include "shared/qlog.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

static const char zone_text[] =
	"$TTL 1h\n@ SOA ns h 1 2h 30m 2w 1h\n@ NS ns\nns A 192.0.2.1\n";

static int setup(void **state)
{
	struct harness *h = harness_open();

	assert_int_equal(harness_load(h, "example.", zone_text, NULL, NULL), 0);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_close(*state);
	return 0;
}

static void ask(struct harness *h, const char *name, uint16_t type, unsigned times)
{
	const struct question q = {.name = name, .type = type};
	uint8_t message[512];

	for (unsigned i = 0; i < times; i++)
		assert_true(harness_ask(h, message, harness_query(&q, message), false) >
		            0);
}

static uint64_t type_count(const struct harness *h, enum counted_type t)
{
	return counter_read(&h->counters, COUNTER_TYPE + t);
}

static uint64_t sum(const struct harness *h, unsigned from, unsigned count)
{
	uint64_t all = 0;

	for (unsigned i = from; i < from + count; i++)
		all += counter_read(&h->counters, i);
	return all;
}

static void queries_are_counted_by_type(void **state)
{
	enum { CAA = 257, ABOVE_ALL_LISTED = 65280 };
	struct harness *h = *state;
	const uint8_t runt[] = {1, 2, 3};
	const uint8_t no_question[12] = {1, 2};

	ask(h, "ns.example.", RRTYPE_A, 5);
	ask(h, "ns.example.", RRTYPE_AAAA, 3);
	ask(h, "example.", CAA, 2);
	ask(h, "example.", RRTYPE_ANY, 1);
	ask(h, "example.", RRTYPE_AXFR, 1);
	ask(h, "example.", ABOVE_ALL_LISTED, 4);
	ask(h, "example.", 3, 1); /* MD: below 256 and not listed */
	assert_true(harness_ask(h, no_question, sizeof no_question, false) > 0);
	assert_int_equal(harness_ask(h, runt, sizeof runt, false), 0);
	assert_int_equal(type_count(h, COUNTED_A), 5);
	assert_int_equal(type_count(h, COUNTED_AAAA), 3);
	assert_int_equal(type_count(h, COUNTED_CAA), 2);
	assert_int_equal(type_count(h, COUNTED_ANY), 1);
	assert_int_equal(type_count(h, COUNTED_AXFR), 1);
	assert_int_equal(type_count(h, COUNTED_OTHER), 5);
	assert_int_equal(type_count(h, COUNTED_NONE), 2);
	assert_int_equal(sum(h, COUNTER_TYPE, COUNTED_TYPES),
	                 counter_read(&h->counters, COUNTER_queries));
}

static void responses_are_counted_by_rcode(void **state)
{
	struct harness *h = *state;
	const uint8_t no_question[12] = {1, 2};

	ask(h, "ns.example.", RRTYPE_A, 4);
	ask(h, "ns.example.", RRTYPE_MX, 1);
	ask(h, "missing.example.", RRTYPE_A, 3);
	ask(h, "other.", RRTYPE_A, 2);
	assert_true(harness_ask(h, no_question, sizeof no_question, false) > 0);
	assert_int_equal(counter_read(&h->counters, COUNTER_rcode_noerror), 5);
	assert_int_equal(counter_read(&h->counters, COUNTER_rcode_nxdomain), 3);
	assert_int_equal(counter_read(&h->counters, COUNTER_rcode_refused), 2);
	assert_int_equal(counter_read(&h->counters, COUNTER_rcode_formerr), 1);
	assert_int_equal(counter_read(&h->counters, COUNTER_rcode_other), 0);
}

static void ask_burst(struct harness *h, unsigned n)
{
	static uint8_t buffers[BURST_MAX][1232];
	const struct question q = {.name = "ns.example.", .type = RRTYPE_A};
	struct pkt pkts[BURST_MAX] = {0};

	for (unsigned i = 0; i < n; i++) {
		pkts[i].dns = buffers[i];
		pkts[i].len = (uint16_t)harness_query(&q, buffers[i]);
		pkts[i].room = sizeof buffers[i];
		pkts[i].client.is_ipv4 = 1;
	}
	respond_burst(h->responder, h->committer.source.current, 1, pkts, n);
}

static void bursts_are_counted_by_size(void **state)
{
	const unsigned sizes[] = {1, 2, 3, 4, 5, 33, 64, 64};
	const uint64_t expected[BURST_SIZES] = {1, 1, 2, 1, 0, 0, 3};
	struct harness *h = *state;

	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++)
		ask_burst(h, sizes[i]);
	for (unsigned i = 0; i < BURST_SIZES; i++)
		assert_int_equal(counter_read(&h->counters, COUNTER_BURST_SIZE + i),
		                 expected[i]);
	assert_int_equal(type_count(h, COUNTED_A), 176);
}

static void one_burst_in_sixteen_is_timed(void **state)
{
	struct harness *h = *state;

	for (unsigned i = 0; i < 4 * BURST_TIMED_IN; i++)
		ask_burst(h, 1 + i % 7);
	assert_int_equal(sum(h, COUNTER_BURST_TIME, BURST_TIMES), 4);
	assert_true(counter_read(&h->counters, COUNTER_timed_ns) > 0);
	assert_int_equal(sum(h, COUNTER_BURST_SIZE, BURST_SIZES),
	                 counter_read(&h->counters, COUNTER_bursts));
}

/* Gives how many records there are, each of which must be of the query of ask_burst(). */
static unsigned logged(struct qlog_ring *ring)
{
	struct qlog_record r;
	unsigned n = 0;

	for (; qlog_take(ring, &r); n++) {
		assert_int_equal(r.qtype, RRTYPE_A);
		assert_int_equal(r.qclass, 1);
		assert_int_equal(r.rcode, 0);
		assert_int_equal(r.flags, QLOG_AA);
		assert_int_equal(r.name_len, sizeof "\2ns\7example");
		assert_memory_equal(r.name, "\2ns\7example", r.name_len);
		assert_true(r.time > UINT64_C(1700000000000000000));
	}
	return n;
}

static void one_query_in_so_many_is_logged(void **state)
{
	struct qlog_ring *ring = aligned_alloc(CACHE_LINE, sizeof *ring);
	struct harness *h = *state;
	unsigned asked = 0;

	memset(ring, 0, sizeof *ring);
	responder_log_to(h->responder, ring);
	ask_burst(h, 64);
	assert_int_equal(logged(ring), 0);
	atomic_store(&ring->every, 10);
	for (unsigned i = 0; i < 40; i++) {
		unsigned n = 1 + i * 7 % 64;
		ask_burst(h, n);
		asked += n;
	}
	assert_int_equal(logged(ring), (asked + 9) / 10);
	/* A rate that rises is one at once, whatever was waited for. */
	atomic_store(&ring->every, 1000000);
	ask_burst(h, 64);
	(void)logged(ring);
	atomic_store(&ring->every, 1);
	ask_burst(h, 64);
	assert_int_equal(logged(ring), 64);
	for (unsigned i = 0; i < QLOG_RECORDS / 64 + 1; i++)
		ask_burst(h, 64);
	assert_int_equal(counter_read(&h->counters, COUNTER_log_lost), 64);
	assert_int_equal(logged(ring), QLOG_RECORDS);
	responder_log_to(h->responder, NULL);
	free(ring);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(queries_are_counted_by_type),    T(responses_are_counted_by_rcode),
		T(bursts_are_counted_by_size),     T(one_burst_in_sixteen_is_timed),
		T(one_query_in_so_many_is_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
