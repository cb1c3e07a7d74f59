#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/io/xdp/ring.h"

enum { SIZE = 8 };

/* A ring in this process, whose other side the test plays. Indices begin shortly before they wrap
 * at 2^32. */
struct shared {
	_Atomic uint32_t producer;
	_Atomic uint32_t consumer;
	_Atomic uint32_t flags;
	uint64_t addrs[SIZE];
	struct ring ring;
};

static const uint32_t beginnings[] = {0, 1, UINT32_MAX - 3, UINT32_MAX};

static void begin(struct shared *s, uint32_t at)
{
	memset(s, 0, sizeof *s);
	atomic_store_explicit(&s->producer, at, memory_order_relaxed);
	atomic_store_explicit(&s->consumer, at, memory_order_relaxed);
	s->ring = (struct ring){.producer = &s->producer,
	                        .consumer = &s->consumer,
	                        .flags = &s->flags,
	                        .addrs = s->addrs,
	                        .size = SIZE,
	                        .ours = at,
	                        .theirs = at};
}

static uint32_t load(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static void add(_Atomic uint32_t *p, uint32_t n)
{
	atomic_store_explicit(p, load(p) + n, memory_order_relaxed);
}

static void empty_ring_has_all_room_and_nothing_ready(void **state)
{
	struct shared s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		begin(&s, beginnings[i]);
		assert_int_equal(ring_room(&s.ring, 1), SIZE);
		assert_int_equal(ring_ready(&s.ring, SIZE), 0);
		assert_int_equal(ring_untaken(&s.ring), 0);
	}
}

static void full_ring_has_no_room_until_the_kernel_takes(void **state)
{
	struct shared s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		begin(&s, beginnings[i]);
		s.ring.ours += SIZE;
		ring_produced(&s.ring);
		assert_int_equal(load(&s.producer), beginnings[i] + SIZE);
		assert_int_equal(ring_room(&s.ring, 1), 0);
		assert_int_equal(ring_untaken(&s.ring), SIZE);
		add(&s.consumer, 3);
		assert_int_equal(ring_untaken(&s.ring), SIZE - 3);
		assert_int_equal(ring_room(&s.ring, 1), 3);
		/* Looked at again only when too little is known of. */
		add(&s.consumer, 1);
		assert_int_equal(ring_room(&s.ring, 3), 3);
		assert_int_equal(ring_room(&s.ring, 4), 4);
	}
}

static void nothing_is_published_before_it_is_said(void **state)
{
	struct shared s;

	(void)state;
	begin(&s, 5);
	s.ring.ours += 2;
	assert_int_equal(load(&s.producer), 5);
	assert_int_equal(load(&s.consumer), 5);
	ring_produced(&s.ring);
	assert_int_equal(load(&s.producer), 7);
	assert_int_equal(load(&s.consumer), 5);
}

static void ready_gives_no_more_than_is_there_or_wanted(void **state)
{
	struct shared s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		begin(&s, beginnings[i]);
		add(&s.producer, 5);
		assert_int_equal(ring_ready(&s.ring, 2), 2);
		assert_int_equal(ring_ready(&s.ring, SIZE), 5);
		s.ring.ours += 5;
		assert_int_equal(load(&s.consumer), beginnings[i]);
		ring_consumed(&s.ring);
		assert_int_equal(load(&s.consumer), beginnings[i] + 5);
		assert_int_equal(ring_ready(&s.ring, 1), 0);
	}
}

static void entries_survive_wrapping(void **state)
{
	struct shared s;
	struct ring reader;
	uint64_t next = 0;

	(void)state;
	begin(&s, UINT32_MAX - 20);
	reader = s.ring;
	for (uint64_t written = 0; written < 1000;) {
		uint32_t room = ring_room(&s.ring, SIZE);
		for (uint32_t i = 0; i < room; i++)
			s.addrs[ring_at(&s.ring, s.ring.ours++)] = written++;
		ring_produced(&s.ring);
		uint32_t n = ring_ready(&reader, 1 + (uint32_t)(written % SIZE));
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(s.addrs[ring_at(&reader, reader.ours++)],
			                 next++);
		ring_consumed(&reader);
	}
	assert_true(next > 900);
}

static void kernel_is_called_only_when_it_asks(void **state)
{
	struct shared s;

	(void)state;
	begin(&s, 0);
	assert_false(ring_needs_wakeup(&s.ring));
	add(&s.flags, XDP_RING_NEED_WAKEUP);
	assert_true(ring_needs_wakeup(&s.ring));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_ring_has_all_room_and_nothing_ready),
		cmocka_unit_test(full_ring_has_no_room_until_the_kernel_takes),
		cmocka_unit_test(nothing_is_published_before_it_is_said),
		cmocka_unit_test(ready_gives_no_more_than_is_there_or_wanted),
		cmocka_unit_test(entries_survive_wrapping),
		cmocka_unit_test(kernel_is_called_only_when_it_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
