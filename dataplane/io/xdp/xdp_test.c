/*
 * The back end on two veth pairs in a network namespace of the test's own. The test is the worker,
 * and also the client: it sends and takes frames at the other ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/if_packet.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/io/frame.h"
#include "dataplane/io/io.h"
#include "dataplane/io/xdp/device.h"
#include "dataplane/io/xdp/queue.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	PAIRS = 2,
	PORT = 53,
	PAYLOAD = 20,
	FRAME = FRAME_ETHERNET + FRAME_IPV4 + FRAME_UDP + PAYLOAD,
	SOON_MS = 2000,
	NOT_COMING_MS = 50,
	DROP_ME = 0xdd,
	ETHERTYPE_ALL = 3,
};

static const char *const commands[] = {
	"ip link add srv0 address 02:00:00:00:00:10 type veth peer name cli0",
	"ip link add srv1 address 02:00:00:00:00:11 type veth peer name cli1",
	"ip addr add 192.0.2.1/24 dev srv0",
	"ip link set srv0 up && ip link set cli0 up",
	"ip link set srv1 up && ip link set cli1 up",
};

struct fixture {
	struct sockaddr_storage listen;
	struct io_settings settings;
	struct io_config config;
	struct io_device *device;
	struct io *io;
	int clients[PAIRS];
};

/* ---- the other end ---- */

static int open_client(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE_ALL));
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
	                         .sll_protocol = htons(ETHERTYPE_ALL),
	                         .sll_ifindex = (int)if_nametoindex(name)};
	int size = 4 << 20;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size),
	                 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size),
	                 0);
	return fd;
}

/* A query with that ID, without a UDP checksum. Its third byte says whether it is dropped. */
static void make(uint8_t f[static FRAME], uint16_t id, uint8_t third, uint16_t port)
{
	static const uint8_t start[] = {2, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 0, 0x20, 8, 0};
	uint8_t *ip = f + FRAME_ETHERNET;
	uint8_t *udp = ip + FRAME_IPV4;
	uint32_t sum = 0;

	memset(f, 0, FRAME);
	memcpy(f, start, sizeof start);
	ip[0] = 0x45;
	wire_store16(ip + 2, FRAME - FRAME_ETHERNET);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	assert_int_equal(inet_pton(AF_INET, "192.0.2.2", ip + 12), 1);
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", ip + 16), 1);
	for (unsigned i = 0; i < FRAME_IPV4; i += 2)
		sum += wire_load16(ip + i);
	wire_store16(ip + 10, (uint16_t) ~(sum % UINT16_MAX));
	wire_store16(udp, port);
	wire_store16(udp + 2, PORT);
	wire_store16(udp + 4, FRAME_UDP + PAYLOAD);
	wire_store16(udp + FRAME_UDP, id);
	udp[FRAME_UDP + 2] = third;
}

static void ask(const struct fixture *f, unsigned pair, uint16_t id, uint8_t third,
                uint16_t port)
{
	uint8_t frame[FRAME];

	make(frame, id, third, port);
	assert_int_equal(send(f->clients[pair], frame, FRAME, 0), FRAME);
}

/* The next frame with a reply in it that comes to that end; false: none. */
static bool next_reply(const struct fixture *f, unsigned pair, uint16_t *id)
{
	struct pollfd fd = {.fd = f->clients[pair], .events = POLLIN};
	uint8_t frame[2048];

	while (poll(&fd, 1, NOT_COMING_MS) == 1) {
		struct sockaddr_ll from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd.fd, frame, sizeof frame, 0,
		                     (struct sockaddr *)&from, &len);
		const uint8_t *udp = frame + FRAME_ETHERNET + FRAME_IPV4;
		if (n < FRAME || from.sll_pkttype == PACKET_OUTGOING ||
		    wire_load16(udp) != PORT)
			continue;
		*id = wire_load16(udp + FRAME_UDP);
		return udp[FRAME_UDP + 2] & 0x80;
	}
	return false;
}

/* ---- the worker ---- */

/* Echoes bursts until n messages have been seen, or soon. Gives how many. */
static unsigned echo(struct fixture *f, unsigned n)
{
	struct pkt pkts[BURST_MAX];
	uint64_t end = clock_now_ms() + SOON_MS;
	unsigned seen = 0;

	while (seen < n && clock_now_ms() < end) {
		unsigned burst = io_xdp.rx(f->io, pkts);
		for (unsigned i = 0; i < burst; i++) {
			assert_int_equal(pkts[i].len, PAYLOAD);
			if (pkts[i].dns[2] == DROP_ME)
				pkts[i].len = 0;
			else
				pkts[i].dns[2] |= 0x80;
		}
		if (burst > 0)
			io_xdp.tx(f->io, pkts, burst);
		seen += burst;
	}
	return seen;
}

static void check_books(const struct fixture *f)
{
	for (unsigned i = 0; i < f->device->nports; i++)
		assert_int_equal(queue_held(&f->device->ports[i]->queues[0]), 0);
}

/* ---- the cases ---- */

static void replies_leave_by_the_interface_they_came_on(void **state)
{
	struct fixture *f = *state;
	uint16_t id = 0;

	for (uint16_t round = 0; round < 100; round++) {
		ask(f, round % PAIRS, round, 0, 4000);
		assert_int_equal(echo(f, 1), 1);
		assert_true(next_reply(f, round % PAIRS, &id));
		assert_int_equal(id, round);
		assert_false(f->io->noted);
	}
	check_books(f);
}

static void dropped_messages_are_not_answered(void **state)
{
	struct fixture *f = *state;
	uint16_t id = 0;

	ask(f, 0, 1, DROP_ME, 4000);
	ask(f, 0, 2, 0, 4000);
	assert_int_equal(echo(f, 2), 2);
	assert_true(next_reply(f, 0, &id));
	assert_int_equal(id, 2);
	assert_false(next_reply(f, 0, &id));
	check_books(f);
}

static void bad_frames_are_noted_and_given_back(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[FRAME];

	ask(f, 0, 1, 0, 0);
	make(frame, 2, 0, 4000);
	frame[FRAME_ETHERNET + 10] ^= 1;
	assert_int_equal(send(f->clients[0], frame, FRAME, 0), FRAME);
	make(frame, 3, 0, 4000);
	frame[FRAME_ETHERNET + FRAME_IPV4 + 4] = 0xff;
	assert_int_equal(send(f->clients[0], frame, FRAME, 0), FRAME);
	ask(f, 0, 4, 0, 4000);
	assert_int_equal(echo(f, 1), 1);
	assert_int_equal(f->io->events[IO_SOURCE], 1);
	assert_int_equal(f->io->events[IO_CHECKSUM], 1);
	assert_int_equal(f->io->events[IO_MALFORMED], 1);
	check_books(f);
}

/* Each chunk is used many times. */
static void chunks_go_round(void **state)
{
	struct fixture *f = *state;
	unsigned total = 0;

	for (unsigned round = 0; round < 500; round++) {
		for (unsigned i = 0; i < BURST_MAX; i++)
			ask(f, round % PAIRS, (uint16_t)i, i % 4 ? 0 : DROP_ME, 4000);
		total += echo(f, BURST_MAX);
	}
	assert_int_equal(total, 500 * BURST_MAX);
	assert_int_equal(f->io->events[IO_UNSENT], 0);
	for (unsigned i = 0; i < PAIRS; i++) {
		struct queue *q = &f->device->ports[i]->queues[0];
		queue_reclaim(q);
		assert_int_equal(queue_sending(q), 0);
		assert_int_equal(queue_receiving(q), QUEUE_CHUNKS - QUEUE_SPARES);
	}
}

/* The way back holds long after its query, on whatever interface others came by meanwhile. */
static void reply_that_comes_later_goes_back_too(void **state)
{
	struct fixture *f = *state;
	uint8_t way[PAIRS][IO_WAY_MAX];
	uint8_t message[PAYLOAD] = {0, 0, 0x80};
	struct pkt pkts[BURST_MAX];
	unsigned len = 0;
	uint16_t id = 0;

	for (unsigned pair = 0; pair < PAIRS; pair++) {
		uint64_t end = clock_now_ms() + SOON_MS;
		unsigned n = 0;
		ask(f, pair, 1, 0, 4000);
		while (n == 0 && clock_now_ms() < end)
			n = io_xdp.rx(f->io, pkts);
		assert_int_equal(n, 1);
		len = io_xdp.way(f->io, pkts, way[pair]);
		assert_true(len <= IO_WAY_MAX);
		pkts[0].len = 0;
		io_xdp.tx(f->io, pkts, 1);
	}
	for (uint16_t i = 0; i < 8 * QUEUE_SPARES; i++) {
		wire_store16(message, i);
		assert_true(io_xdp.send(f->io, way[i % PAIRS], len, message, PAYLOAD));
		assert_true(next_reply(f, i % PAIRS, &id));
		assert_int_equal(id, i);
	}
	assert_false(io_xdp.send(f->io, way[0], len - 1, message, PAYLOAD));
	assert_false(io_xdp.send(f->io, way[0], 0, message, PAYLOAD));
	assert_false(io_xdp.send(f->io, way[0], len, message, 4000));
	way[0][0] = PAIRS;
	assert_false(io_xdp.send(f->io, way[0], len, message, PAYLOAD));
	check_books(f);
}

static void ports_tell_what_a_sleeping_worker_missed(void **state)
{
	struct fixture *f = *state;
	enum { MORE = 500 };
	struct ipc_ports before = {0};
	struct ipc_ports ports = {0};

	io_xdp.ports(f->device, &before);
	assert_int_equal(before.count, PAIRS);
	assert_string_equal(before.port[0].name, "srv0");
	assert_string_equal(before.port[1].name, "srv1");
	for (unsigned i = 0; i < PAIRS; i++) {
		assert_true(before.port[i].up);
		assert_int_equal(before.port[i].speed, 10000); /* what veth says */
	}
	for (unsigned i = 0; i < QUEUE_RX + MORE; i++)
		ask(f, 1, (uint16_t)i, DROP_ME, 4000);
	for (uint64_t end = clock_now_ms() + SOON_MS; clock_now_ms() < end;) {
		io_xdp.ports(f->device, &ports);
		if (ports.port[1].rx_missed >= MORE)
			break;
	}
	assert_int_equal(ports.port[1].rx_missed - before.port[1].rx_missed, MORE);
	assert_int_equal(ports.port[1].rx_nobuf, 0);
	assert_int_equal(ports.port[0].rx_missed, before.port[0].rx_missed);
	assert_true(ports.port[1].rx_packets - before.port[1].rx_packets >= QUEUE_RX);
	assert_true(ports.port[1].rx_bytes > before.port[1].rx_bytes);
	assert_int_equal(echo(f, QUEUE_RX), QUEUE_RX);
	check_books(f);
}

static void worker_wakes_for_a_frame_and_for_good(void **state)
{
	struct fixture *f = *state;
	uint64_t one = 1;

	ask(f, 1, 1, DROP_ME, 4000);
	io_xdp.idle(f->io);
	assert_int_equal(echo(f, 1), 1);
	assert_int_equal(write(f->config.wake_fd, &one, sizeof one), sizeof one);
	uint64_t begun = clock_now_ms();
	io_xdp.idle(f->io);
	io_xdp.idle(f->io);
	assert_true(clock_now_ms() - begun < SOON_MS);
	assert_int_equal(read(f->config.wake_fd, &one, sizeof one), sizeof one);
}

static void no_queries_come_after_leaving(void **state)
{
	struct fixture *f = *state;
	struct pkt pkts[BURST_MAX];

	io_xdp.leave(f->io);
	ask(f, 0, 1, 0, 4000);
	(void)poll(NULL, 0, NOT_COMING_MS);
	assert_int_equal(io_xdp.rx(f->io, pkts), 0);
	io_xdp.enter(f->io);
	ask(f, 0, 2, DROP_ME, 4000);
	assert_int_equal(echo(f, 1), 1);
}

static void second_device_is_refused(void **state)
{
	struct fixture *f = *state;
	struct io_device *second = NULL;
	char text[256] = "";

	assert_int_equal(io_xdp.start(&f->config, &second, text, sizeof text),
	                 ERR_REFUSED);
	assert_non_null(strstr(text, "srv0: another XDP program is attached"));
	assert_null(second);
}

static void more_workers_than_queues_are_refused(void **state)
{
	struct fixture *f = *state;
	struct io_config config = f->config;
	struct io_device *second = NULL;
	char text[256] = "";

	config.workers = 3;
	assert_int_equal(io_xdp.start(&config, &second, text, sizeof text), ERR_REFUSED);
	assert_non_null(strstr(text, "srv0 has 1 queue for 3 workers"));
}

static void ring_alarm(int number)
{
	(void)number;
}

/* Milliseconds that idle() waits when nothing comes, cut off by a signal. */
static uint64_t idle_for(struct fixture *f)
{
	const struct sigaction action = {.sa_handler = ring_alarm};
	const struct itimerval soon = {.it_value = {.tv_usec = NOT_COMING_MS * 1000}};

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	uint64_t begun = clock_now_ms();
	io_xdp.idle(f->io);
	return clock_now_ms() - begun;
}

/* Destroys the second pair: the last of the cases. */
static void interface_that_goes_does_not_take_the_other_along(void **state)
{
	struct fixture *f = *state;
	struct ipc_ports ports = {0};
	uint16_t id = 0;

	assert_true(idle_for(f) >= NOT_COMING_MS - 1);
	assert_int_equal(system("ip link del srv1"), 0);
	(void)idle_for(f); /* it may be told once that the socket has nothing behind it */
	assert_true(idle_for(f) >= NOT_COMING_MS - 1);
	ask(f, 0, 7, 0, 4000);
	io_xdp.idle(f->io);
	assert_int_equal(echo(f, 1), 1);
	assert_true(next_reply(f, 0, &id));
	assert_int_equal(id, 7);
	io_xdp.ports(f->device, &ports);
	assert_true(ports.port[0].up);
	assert_false(ports.port[1].up);
	assert_string_equal(ports.port[1].name, "srv1");
}

/* ---- setting up ---- */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	char text[256] = "";

	if (f == NULL)
		return -1;
	*state = f;
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &in.sin_addr), 1);
	memcpy(&f->listen, &in, sizeof in);
	snprintf(f->settings.interfaces, sizeof f->settings.interfaces, "srv0 srv1");
	f->config = (struct io_config){.listen = &f->listen,
	                               .listen_count = 1,
	                               .workers = 1,
	                               .settings = &f->settings,
	                               .wake_fd = eventfd(0, EFD_NONBLOCK)};
	if (io_xdp.start(&f->config, &f->device, text, sizeof text) != 0 ||
	    io_xdp.open(&f->config, f->device, 0, &f->io, text, sizeof text) != 0) {
		print_error("%s\n", text);
		return -1;
	}
	print_message("%s\n", text);
	io_xdp.enter(f->io);
	f->clients[0] = open_client("cli0");
	f->clients[1] = open_client("cli1");
	return 0;
}

static int forget_events(void **state)
{
	struct fixture *f = *state;
	uint16_t id;

	memset(f->io->events, 0, sizeof f->io->events);
	f->io->noted = false;
	for (unsigned i = 0; i < PAIRS; i++) {
		while (next_reply(f, i, &id))
			continue;
	}
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	io_xdp.leave(f->io);
	io_xdp.close(&f->io);
	io_xdp.stop(&f->device);
	close(f->clients[0]);
	close(f->clients[1]);
	close(f->config.wake_fd);
	free(f);
	return 0;
}

static bool make_pairs(void)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (system(commands[i]) != 0) {
			printf("skipped: %s\n", commands[i]);
			return false;
		}
	}
	return true;
}

static bool has_af_xdp(void)
{
	int fd = socket(AF_XDP, SOCK_RAW, 0);

	if (fd < 0)
		printf("skipped: AF_XDP socket: %s\n", strerror(errno));
	else
		close(fd);
	return fd >= 0;
}

#define CASE(name) cmocka_unit_test_setup(name, forget_events)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(replies_leave_by_the_interface_they_came_on),
		CASE(dropped_messages_are_not_answered),
		CASE(bad_frames_are_noted_and_given_back),
		CASE(chunks_go_round),
		CASE(reply_that_comes_later_goes_back_too),
		CASE(ports_tell_what_a_sleeping_worker_missed),
		CASE(worker_wakes_for_a_frame_and_for_good),
		CASE(no_queries_come_after_leaving),
		CASE(second_device_is_refused),
		CASE(more_workers_than_queues_are_refused),
		CASE(interface_that_goes_does_not_take_the_other_along),
	};

	if (unshare(CLONE_NEWNET) != 0) {
		printf("skipped: network namespace: %s\n", strerror(errno));
		return 77;
	}
	if (!has_af_xdp() || !make_pairs())
		return 77;
	return cmocka_run_group_tests(tests, setup, teardown);
}
