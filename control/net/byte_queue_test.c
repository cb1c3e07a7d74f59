#include "control/net/byte_queue.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

/* Byte i of an endless sequence in which a slip of any length shows. */
static uint8_t expected(size_t i)
{
	return (uint8_t)(i * 2654435761U >> 13);
}

static void append(struct byte_queue *q, size_t *written, size_t n)
{
	uint8_t bytes[8192];

	assert_true(n <= sizeof bytes);
	for (size_t i = 0; i < n; i++)
		bytes[i] = expected((*written)++);
	assert_int_equal(byte_queue_append(q, bytes, n), 0);
}

static void consume(struct byte_queue *q, size_t *read, size_t n)
{
	const uint8_t *front = byte_queue_front(q);

	assert_true(n == 0 || front);
	for (size_t i = 0; front && i < n; i++)
		assert_int_equal(front[i], expected((*read)++));
	byte_queue_consume(q, n);
}

static void bytes_come_out_in_order_whatever_the_steps(void **state)
{
	struct byte_queue q = {0};
	size_t written = 0;
	size_t read = 0;
	size_t most = 0;
	unsigned random = 1;

	(void)state;
	for (unsigned step = 0; step < 20000; step++) {
		random = random * 1103515245 + 12345;
		append(&q, &written, (random >> 8) % 700);
		if (byte_queue_len(&q) > most)
			most = byte_queue_len(&q);
		assert_true(q.room <= most + most / 2 + BYTE_QUEUE_LEAST);
		random = random * 1103515245 + 12345;
		size_t n = (random >> 8) % 900;
		consume(&q, &read, n < byte_queue_len(&q) ? n : byte_queue_len(&q));
		assert_int_equal(byte_queue_len(&q), written - read);
	}
	assert_true(most > 1000);
	byte_queue_fini(&q);
}

static void empty_queue_holds_no_memory(void **state)
{
	struct byte_queue q = {0};
	size_t written = 0;
	size_t read = 0;

	(void)state;
	append(&q, &written, 5000);
	assert_non_null(q.bytes);
	consume(&q, &read, 4999);
	assert_non_null(q.bytes);
	consume(&q, &read, 1);
	assert_null(q.bytes);
	assert_int_equal(q.room, 0);
}

static void appending_nothing_allocates_nothing(void **state)
{
	struct byte_queue q = {0};

	(void)state;
	assert_int_equal(byte_queue_append(&q, NULL, 0), 0);
	assert_null(q.bytes);
	assert_int_equal(byte_queue_len(&q), 0);
}

/* A full queue that is topped up byte by byte as it drains must not be moved each time. */
static void topping_up_does_not_move_the_queue_each_time(void **state)
{
	struct byte_queue q = {0};
	size_t written = 0;
	size_t read = 0;
	unsigned moves = 0;

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		append(&q, &written, 4096);
	for (unsigned i = 0; i < 65536; i++) {
		size_t at = q.at;
		consume(&q, &read, 1);
		append(&q, &written, 1);
		moves += q.at < at;
	}
	assert_true(moves <= 8);
	byte_queue_fini(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order_whatever_the_steps),
		cmocka_unit_test(empty_queue_holds_no_memory),
		cmocka_unit_test(appending_nothing_allocates_nothing),
		cmocka_unit_test(topping_up_does_not_move_the_queue_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
