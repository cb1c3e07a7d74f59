#include "dataplane/io/mem.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/io/nudge.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

enum { TOTAL = 100, BURST = 7, MESSAGES = 3 };

struct seen {
	uint64_t count;
	uint64_t empty;
};

static void see(void *arg, uint64_t index, const struct pkt *response)
{
	struct seen *s = arg;

	assert_int_equal(index, s->count);
	s->count++;
	s->empty += response->len == 0;
	if (response->len)
		assert_int_equal(response->dns[0], 0xff);
}

static void messages_go_round_and_come_fresh_each_time(void **state)
{
	static const uint8_t bytes[MESSAGES][2] = {{1, 1}, {2, 2}, {3, 3}};
	struct io_mem_message messages[MESSAGES];
	struct seen seen = {0};
	struct io_mem mem = {.messages = messages,
	                     .count = MESSAGES,
	                     .total = TOTAL,
	                     .burst = BURST,
	                     .sink = see,
	                     .arg = &seen};
	struct io_config config = {.wake_fd = -1, .mem = &mem};
	struct pkt pkts[BURST_MAX];
	uint64_t received = 0;
	struct io *io;
	char text[64];
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < MESSAGES; i++)
		messages[i] = (struct io_mem_message){
			.bytes = bytes[i], .len = 2, .client.port = (uint16_t)(1000 + i)};
	assert_int_equal(io_mem_ops.open(&config, NULL, 0, &io, text, sizeof text), 0);
	while ((n = io_mem_ops.rx(io, pkts)) > 0) {
		assert_int_equal(n, received + BURST <= TOTAL ? BURST : TOTAL - received);
		for (unsigned i = 0; i < n; i++, received++) {
			assert_int_equal(pkts[i].dns[0], received % MESSAGES + 1);
			assert_int_equal(pkts[i].client.port, 1000 + received % MESSAGES);
			assert_int_equal(pkts[i].len, 2);
			assert_int_equal(pkts[i].room, IO_MESSAGE_MAX);
			pkts[i].dns[0] = 0xff;
			if (received % 10 == 0)
				pkts[i].len = 0;
		}
		io_mem_ops.tx(io, pkts, n);
	}
	assert_int_equal(received, TOTAL);
	assert_int_equal(seen.count, TOTAL);
	assert_int_equal(seen.empty, TOTAL / 10);
	io_mem_ops.close(&io);
	assert_null(io);
}

static void idle_waits_only_when_there_is_nothing_left(void **state)
{
	static const uint8_t bytes[2] = {0};
	static const struct io_mem_message message = {.bytes = bytes, .len = 2};
	struct io_mem mem = {.messages = &message, .count = 1, .total = 1, .burst = 1};
	struct io_config config = {.wake_fd = eventfd(0, 0), .mem = &mem};
	struct pkt pkts[BURST_MAX];
	uint64_t one = 1;
	struct io *io;
	char text[64];

	(void)state;
	assert_int_equal(io_mem_ops.open(&config, NULL, 0, &io, text, sizeof text), 0);
	io_mem_ops.idle(io);
	assert_int_equal(io_mem_ops.rx(io, pkts), 1);
	io_mem_ops.tx(io, pkts, 1);
	assert_int_equal(write(config.wake_fd, &one, sizeof one), sizeof one);
	io_mem_ops.idle(io);
	assert_int_equal(io_mem_ops.rx(io, pkts), 0);
	io_mem_ops.close(&io);
	close(config.wake_fd);
}

static void reply_that_comes_later_is_that_of_its_message(void **state)
{
	static const uint8_t bytes[2] = {0};
	static const uint8_t reply[3] = {0xff, 2, 3};
	static const struct io_mem_message message = {.bytes = bytes, .len = 2};
	struct seen seen = {0};
	struct io_mem mem = {.messages = &message,
	                     .count = 1,
	                     .total = 3,
	                     .burst = 1,
	                     .sink = see,
	                     .arg = &seen};
	struct io_config config = {.wake_fd = -1, .mem = &mem};
	uint8_t way[3][IO_WAY_MAX];
	struct pkt pkts[BURST_MAX];
	unsigned len = 0;
	struct io *io;
	char text[64];

	(void)state;
	assert_int_equal(io_mem_ops.open(&config, NULL, 0, &io, text, sizeof text), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(io_mem_ops.rx(io, pkts), 1);
		len = io_mem_ops.way(io, pkts, way[i]);
		assert_true(len <= IO_WAY_MAX);
		pkts[0].len = 0;
		io_mem_ops.tx(io, pkts, 1);
	}
	seen = (struct seen){.count = 1};
	assert_true(io_mem_ops.send(io, way[1], len, reply, sizeof reply));
	assert_true(io_mem_ops.send(io, way[2], len, reply, sizeof reply));
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.empty, 0);
	assert_false(io_mem_ops.send(io, way[2], len - 1, reply, sizeof reply));
	memset(way[0], 0xee, sizeof way[0]);
	assert_false(io_mem_ops.send(io, way[0], len, reply, sizeof reply));
	io_mem_ops.close(&io);
}

static void idle_ends_once_for_each_nudge(void **state)
{
	struct io_mem mem = {.total = 0};
	const int fds[2] = {-1, eventfd(0, EFD_NONBLOCK)};
	struct io_config config = {.wake_fd = -1, .nudge_fds = fds, .mem = &mem};
	struct pollfd nudged = {.fd = fds[1], .events = POLLIN};
	struct io *io;
	char text[64];

	(void)state;
	assert_int_equal(io_mem_ops.open(&config, NULL, 1, &io, text, sizeof text), 0);
	nudge(fds[1]);
	nudge(fds[1]);
	io_mem_ops.idle(io);
	assert_int_equal(poll(&nudged, 1, 0), 0);
	io_mem_ops.close(&io);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_go_round_and_come_fresh_each_time),
		cmocka_unit_test(reply_that_comes_later_is_that_of_its_message),
		cmocka_unit_test(idle_ends_once_for_each_nudge),
		cmocka_unit_test(idle_waits_only_when_there_is_nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
