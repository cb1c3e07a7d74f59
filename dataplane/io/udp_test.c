#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/io/io.h"
#include "shared/err.h"
#include "shared/testing.h"

enum { SOON_MS = 5000, NEVER_MS = 200, WORKERS = 2, HEADER = 12, DROP_ME = 0xdd };

/* Workers that send every message back with QR set, except those whose third byte says DROP_ME. */
struct echo {
	const struct fixture *f;
	struct io *io;
	pthread_t thread;
	uint64_t received;
	uint64_t events[IO_EVENTS];
	struct client last;
};

struct fixture {
	struct sockaddr_storage listen[3];
	struct io_config config;
	_Atomic bool stop;
	unsigned nworkers;
	struct echo workers[WORKERS];
};

static void take_events(struct echo *e)
{
	for (unsigned i = 0; i < IO_EVENTS; i++)
		e->events[i] += e->io->events[i];
	memset(e->io->events, 0, sizeof e->io->events);
}

static void *run_echo(void *arg)
{
	struct echo *e = arg;
	struct pkt pkts[BURST_MAX];

	while (!atomic_load_explicit(&e->f->stop, memory_order_relaxed)) {
		unsigned n = io_udp.rx(e->io, pkts);
		take_events(e);
		if (n == 0) {
			io_udp.idle(e->io);
			continue;
		}
		e->received += n;
		for (unsigned i = 0; i < n; i++) {
			if (pkts[i].len > 2 && pkts[i].dns[2] == DROP_ME)
				pkts[i].len = 0;
			else if (pkts[i].len > 2)
				pkts[i].dns[2] |= 0x80;
			assert(pkts[i].room >= IO_MESSAGE_MAX);
			e->last = pkts[i].client;
		}
		io_udp.tx(e->io, pkts, n);
	}
	return NULL;
}

static socklen_t address_len(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in)
	                                : sizeof(struct sockaddr_in6);
}

static void start(struct fixture *f, unsigned nworkers, size_t naddresses)
{
	char text[256] = "";

	f->config.listen = f->listen;
	f->config.listen_count = naddresses;
	f->config.wake_fd = eventfd(0, EFD_NONBLOCK);
	f->nworkers = nworkers;
	for (unsigned i = 0; i < nworkers; i++) {
		struct echo *e = &f->workers[i];
		e->f = f;
		if (io_udp.open(&f->config, NULL, i, &e->io, text, sizeof text) != 0)
			fail_msg("%s", text);
		assert_int_equal(pthread_create(&e->thread, NULL, run_echo, e), 0);
	}
}

static void stop(struct fixture *f)
{
	uint64_t one = 1;

	atomic_store_explicit(&f->stop, true, memory_order_relaxed);
	assert_int_equal(write(f->config.wake_fd, &one, sizeof one), sizeof one);
	for (unsigned i = 0; i < f->nworkers; i++) {
		struct echo *e = &f->workers[i];
		pthread_join(e->thread, NULL);
		take_events(e);
		io_udp.close(&e->io);
		assert_null(e->io);
	}
	close(f->config.wake_fd);
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* A socket that hears only what comes from the address and port that it is connected to. */
static int client_of(const char *text, uint16_t port)
{
	struct sockaddr_storage ss = test_address(text, port);
	int s = socket(ss.ss_family, SOCK_DGRAM, 0);

	assert_true(s >= 0);
	assert_int_equal(connect(s, (struct sockaddr *)&ss, address_len(&ss)), 0);
	return s;
}

static void ask(int s, uint16_t id, uint8_t third, size_t len)
{
	uint8_t query[IO_MESSAGE_MAX + 1] = {(uint8_t)(id >> 8), (uint8_t)id, third};

	assert_int_equal(send(s, query, len, 0), len);
}

/* Gives the id of the next answer, or -1 when none comes in time. */
static int answer(int s, int timeout_ms, size_t want_len)
{
	struct pollfd readable = {.fd = s, .events = POLLIN};
	uint8_t bytes[IO_MESSAGE_MAX + 1];

	if (poll(&readable, 1, timeout_ms) != 1)
		return -1;
	ssize_t len = recv(s, bytes, sizeof bytes, 0);
	assert_int_equal(len, want_len);
	assert_int_equal(bytes[2] & 0x80, 0x80);
	return bytes[0] << 8 | bytes[1];
}

static void assert_answers(const char *text, uint16_t port)
{
	int s = client_of(text, port);

	for (uint16_t id = 0; id < 200; id++) {
		ask(s, id, 0, HEADER);
		assert_int_equal(answer(s, SOON_MS, HEADER), id);
	}
	close(s);
}

static bool has_ipv6(void)
{
	struct sockaddr_storage ss = test_address("::1", 0);
	int s = socket(AF_INET6, SOCK_DGRAM, 0);
	bool there = s >= 0 && bind(s, (struct sockaddr *)&ss, address_len(&ss)) == 0;

	if (s >= 0)
		close(s);
	return there;
}

#define NEEDS(condition, why)                       \
	do {                                        \
		if (!(condition)) {                 \
			print_message("%s\n", why); \
			skip();                     \
		}                                   \
	} while (0)

/* ---- addresses ---- */

static void several_addresses_of_both_families_answer(void **state)
{
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);

	NEEDS(has_ipv6(), "no IPv6 loopback here");
	f->listen[0] = test_address("127.0.0.1", port);
	f->listen[1] = test_address("127.0.0.2", port);
	f->listen[2] = test_address("::1", port);
	start(f, WORKERS, 3);
	assert_answers("127.0.0.1", port);
	assert_answers("127.0.0.2", port);
	assert_answers("::1", port);
	stop(f);
}

static void wildcard_answers_from_the_address_that_was_asked(void **state)
{
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);

	f->listen[0] = test_address("0.0.0.0", port);
	start(f, WORKERS, 1);
	assert_answers("127.0.0.1", port);
	assert_answers("127.0.0.2", port);
	assert_answers("127.1.2.3", port);
	stop(f);
}

static void wildcards_of_both_families_share_a_port(void **state)
{
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);

	NEEDS(has_ipv6(), "no IPv6 loopback here");
	f->listen[0] = test_address("0.0.0.0", port);
	f->listen[1] = test_address("::", port);
	start(f, 1, 2);
	assert_answers("::1", port);
	assert_answers("127.0.0.2", port);
	stop(f);
}

static void client_address_is_given_in_one_form(void **state)
{
	static const uint8_t want_ipv4[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
	static const uint8_t want_ipv6[16] = {[15] = 1};
	struct fixture *f = *state;
	struct sockaddr_in in;
	socklen_t len = sizeof in;
	uint16_t port = test_free_port(SOCK_DGRAM);

	NEEDS(has_ipv6(), "no IPv6 loopback here");
	f->listen[0] = test_address("127.0.0.1", port);
	f->listen[1] = test_address("::1", port);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		start(f, 1, 2);
		int s = client_of(v6 ? "::1" : "127.0.0.1", port);
		ask(s, 1, 0, HEADER);
		assert_int_equal(answer(s, SOON_MS, HEADER), 1);
		assert_int_equal(getsockname(s, (struct sockaddr *)&in, &len), 0);
		stop(f);
		atomic_store_explicit(&f->stop, false, memory_order_relaxed);
		const struct client *c = &f->workers[0].last;
		assert_memory_equal(c->addr, v6 ? want_ipv6 : want_ipv4, sizeof c->addr);
		assert_int_equal(c->is_ipv4, !v6);
		assert_int_equal(c->transport, TRANSPORT_UDP);
		assert_int_equal(c->port, ntohs(in.sin_port));
		close(s);
	}
}

static void address_that_is_not_here_is_named_with_the_reason(void **state)
{
	static const struct {
		const char *address;
		const char *want;
	} cases[] = {
		{"192.0.2.1", "UDP 192.0.2.1@5399: Cannot assign requested address"},
		{"2001:db8::1", "UDP 2001:db8::1@5399: "},
	};
	struct fixture *f = *state;
	struct io *io = NULL;

	f->config.listen = f->listen;
	f->config.listen_count = 1;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256] = "";
		f->listen[0] = test_address(cases[i].address, 5399);
		assert_int_equal(io_udp.open(&f->config, NULL, 0, &io, text, sizeof text),
		                 ERR_SYSTEM);
		assert_memory_equal(text, cases[i].want, strlen(cases[i].want));
		assert_null(io);
	}
	f->config.listen_count = 0;
	char text[256] = "";
	assert_int_equal(io_udp.open(&f->config, NULL, 0, &io, text, sizeof text),
	                 ERR_RANGE);
}

static void port_of_somebody_else_is_refused(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in in = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof in;
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	char text[256] = "";
	struct io *io = NULL;

	assert_int_equal(bind(s, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&in, &len), 0);
	memcpy(&f->listen[0], &in, sizeof in);
	f->config.listen = f->listen;
	f->config.listen_count = 1;
	assert_int_equal(io_udp.open(&f->config, NULL, 0, &io, text, sizeof text),
	                 ERR_SYSTEM);
	assert_non_null(strstr(text, "Address already in use"));
	close(s);
}

/* ---- messages ---- */

static void message_of_4096_bytes_fits_and_a_larger_one_is_dropped(void **state)
{
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);

	f->listen[0] = test_address("127.0.0.1", port);
	start(f, 1, 1);
	int s = client_of("127.0.0.1", port);
	ask(s, 7, 0, IO_MESSAGE_MAX);
	assert_int_equal(answer(s, SOON_MS, IO_MESSAGE_MAX), 7);
	ask(s, 8, 0, IO_MESSAGE_MAX + 1);
	assert_int_equal(answer(s, NEVER_MS, 0), -1);
	ask(s, 9, 0, HEADER);
	assert_int_equal(answer(s, SOON_MS, HEADER), 9);
	close(s);
	stop(f);
	assert_int_equal(f->workers[0].events[IO_MALFORMED], 1);
	assert_int_equal(f->workers[0].received, 2);
}

static void only_what_is_to_be_answered_is_sent(void **state)
{
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);

	f->listen[0] = test_address("0.0.0.0", port);
	start(f, 1, 1);
	int s = client_of("127.0.0.2", port);
	for (uint16_t id = 0; id < 60; id++)
		ask(s, id, id % 3 ? DROP_ME : 0, (size_t)HEADER + id);
	for (uint16_t id = 0; id < 60; id += 3)
		assert_int_equal(answer(s, SOON_MS, (size_t)HEADER + id), id);
	assert_int_equal(answer(s, NEVER_MS, 0), -1);
	close(s);
	stop(f);
	assert_int_equal(f->workers[0].received, 60);
	assert_int_equal(f->workers[0].events[IO_UNSENT], 0);
}

/* Through the socket and from the address that was asked, when others have been asked since. */
static void reply_that_comes_later_goes_back_too(void **state)
{
	static const char *const asked[] = {"127.0.0.1", "127.0.0.2"};
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);
	uint8_t way[2][IO_WAY_MAX];
	struct pkt pkts[BURST_MAX];
	unsigned len = 0;
	int clients[2];
	char text[256];
	struct io *io;

	f->listen[0] = test_address("0.0.0.0", port);
	f->config.listen = f->listen;
	f->config.listen_count = 1;
	f->config.wake_fd = -1;
	assert_int_equal(io_udp.open(&f->config, NULL, 0, &io, text, sizeof text), 0);
	for (unsigned i = 0; i < 2; i++) {
		unsigned n = 0;
		clients[i] = client_of(asked[i], port);
		ask(clients[i], (uint16_t)i, 0, HEADER);
		while ((n = io_udp.rx(io, pkts)) == 0)
			io_udp.idle(io);
		assert_int_equal(n, 1);
		len = io_udp.way(io, pkts, way[i]);
		assert_true(len <= IO_WAY_MAX);
		pkts[0].len = 0;
		io_udp.tx(io, pkts, 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		uint8_t message[100] = {0, (uint8_t)(i + 7), 0x80};
		assert_true(io_udp.send(io, way[i], len, message, sizeof message));
		assert_int_equal(answer(clients[i], SOON_MS, sizeof message), i + 7);
		assert_false(io_udp.send(io, way[i], len - 1, message, sizeof message));
		memset(way[i], 0xee, sizeof way[i]);
		assert_false(io_udp.send(io, way[i], len, message, sizeof message));
		close(clients[i]);
	}
	io_udp.close(&io);
}

static void query_from_port_0_is_dropped(void **state)
{
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	struct sockaddr_storage to = test_address("127.0.0.1", 0);
	uint8_t packet[sizeof(struct udphdr) + HEADER] = {0};
	struct udphdr udp = {.dest = htons(port), .len = htons(sizeof packet)};

	NEEDS(raw >= 0, "raw sockets are not for us here");
	f->listen[0] = test_address("127.0.0.1", port);
	start(f, 1, 1);
	memcpy(packet, &udp, sizeof udp);
	assert_int_equal(sendto(raw, packet, sizeof packet, 0, (struct sockaddr *)&to,
	                        address_len(&to)),
	                 sizeof packet);
	assert_answers("127.0.0.1", port);
	close(raw);
	stop(f);
	assert_int_equal(f->workers[0].events[IO_SOURCE], 1);
	assert_int_equal(f->workers[0].received, 200);
}

/* ---- many ---- */

enum { CLIENTS = 16, QUERIES = 100000, WINDOW = 32 };

/* Keeps WINDOW queries under way on each of many sockets until all were answered. */
static void hundred_thousand_queries_are_answered_by_both_workers(void **state)
{
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);
	int s[CLIENTS];
	unsigned sent = 0;
	unsigned answered = 0;

	f->listen[0] = test_address("127.0.0.1", port);
	f->listen[1] = test_address("127.0.0.2", port);
	start(f, WORKERS, 2);
	for (unsigned c = 0; c < CLIENTS; c++)
		s[c] = client_of(c & 1 ? "127.0.0.1" : "127.0.0.2", port);
	while (answered < QUERIES) {
		for (unsigned c = 0; c < CLIENTS; c++) {
			unsigned n = QUERIES - sent < WINDOW ? QUERIES - sent : WINDOW;
			for (unsigned i = 0; i < n; i++)
				ask(s[c], (uint16_t)(sent + i), 0, HEADER);
			for (unsigned i = 0; i < n; i++)
				assert_int_equal(answer(s[c], SOON_MS, HEADER),
				                 (uint16_t)(sent + i));
			sent += n;
			answered += n;
		}
	}
	for (unsigned c = 0; c < CLIENTS; c++)
		close(s[c]);
	stop(f);
	assert_int_equal(f->workers[0].received + f->workers[1].received, QUERIES);
	assert_int_equal(
		f->workers[0].events[IO_UNSENT] + f->workers[1].events[IO_UNSENT], 0);
	assert_true(f->workers[0].received > 0 && f->workers[1].received > 0);
}

static void idle_worker_uses_no_processor_time(void **state)
{
	struct fixture *f = *state;
	uint16_t port = test_free_port(SOCK_DGRAM);
	struct timespec before;
	struct timespec after;
	clockid_t clock;

	f->listen[0] = test_address("127.0.0.1", port);
	f->listen[1] = test_address("127.0.0.2", port);
	start(f, 1, 2);
	assert_answers("127.0.0.1", port);
	assert_int_equal(pthread_getcpuclockid(f->workers[0].thread, &clock), 0);
	assert_int_equal(clock_gettime(clock, &before), 0);
	usleep(300000);
	assert_int_equal(clock_gettime(clock, &after), 0);
	stop(f);
	long used_us = (after.tv_sec - before.tv_sec) * 1000000 +
	               (after.tv_nsec - before.tv_nsec) / 1000;
	assert_in_range(used_us, 0, 20000);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(several_addresses_of_both_families_answer),
		T(wildcard_answers_from_the_address_that_was_asked),
		T(wildcards_of_both_families_share_a_port),
		T(client_address_is_given_in_one_form),
		T(address_that_is_not_here_is_named_with_the_reason),
		T(port_of_somebody_else_is_refused),
		T(message_of_4096_bytes_fits_and_a_larger_one_is_dropped),
		T(only_what_is_to_be_answered_is_sent),
		T(reply_that_comes_later_goes_back_too),
		T(query_from_port_0_is_dropped),
		T(hundred_thousand_queries_are_answered_by_both_workers),
		T(idle_worker_uses_no_processor_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
