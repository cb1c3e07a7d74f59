/*
 * The server on a thread of its own, with an empty table: every query is refused, which is enough
 * of an answer to see whether one comes, and where from.
 */
#include "control/net/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/net/dispatch.h"
#include "control/net/testing.h"
#include "control/table/writer.h"
#include "dataplane/respond/respond.h"
#include "shared/address.h"
#include "shared/cacheline.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/rcu.h"
#include "shared/testing.h"
#include "shared/udp_socket.h"
#include "shared/wire.h"

enum {
	SOON_MS = 5000, /* after which a test has failed */
	NEVER_MS = 200,
};

struct fixture {
	struct config *config;
	struct counters *counters;
	struct table_writer *writer;
	struct table_source source;
	uv_loop_t loop;
	uv_async_t stop;
	uv_async_t follow;
	atomic_bool past_kernel;
	atomic_bool by_kernel;
	unsigned hold_us; /* for which the loop stands still before it follows */
	struct udp_server *server;
	bool hands; /* what is no question to the dispatcher */
	struct dispatch *dispatch;
	pthread_t thread;
	bool running;
	uint16_t port;
};

/* ---- the server ---- */

static void on_stop(uv_async_t *async)
{
	struct fixture *f = async->data;

	udp_server_close(&f->server);
	dispatch_close(&f->dispatch);
	uv_close((uv_handle_t *)&f->follow, NULL);
	uv_close((uv_handle_t *)async, NULL);
}

static void on_follow(uv_async_t *async)
{
	struct fixture *f = async->data;

	usleep(f->hold_us);
	udp_server_follow(f->server,
	                  atomic_load_explicit(&f->past_kernel, memory_order_relaxed),
	                  atomic_load_explicit(&f->by_kernel, memory_order_relaxed));
}

static void *serve(void *arg)
{
	struct fixture *f = arg;

	rcu_reader_begin();
	rcu_reader_offline();
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	rcu_reader_end();
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->config = calloc(1, sizeof *f->config);
	f->counters = cacheline_new(sizeof *f->counters);
	assert_non_null(f->config);
	assert_non_null(f->counters);
	f->source.counters = f->counters;
	f->source.current = test_empty_table(0, &f->writer);
	f->config->io = IO_XDP;
	f->port = test_free_port(SOCK_DGRAM);
	*state = f;
	return 0;
}

static void listen_on(struct fixture *f, const char *text)
{
	f->config->listen[f->config->listen_count++] = test_address(text, f->port);
}

static void start(struct fixture *f)
{
	char text[256] = "";

	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_async_init(&f->loop, &f->stop, on_stop), 0);
	assert_int_equal(uv_async_init(&f->loop, &f->follow, on_follow), 0);
	f->stop.data = f->follow.data = f;
	rcu_reader_begin();
	rcu_reader_offline();
	if (udp_server_open(&f->loop, f->config, &f->source, &f->server, text,
	                    sizeof text) < 0)
		fail_msg("%s", text);
	if (f->hands) {
		assert_int_equal(dispatch_open(&f->loop, f->config, &f->source, NULL,
		                               &f->dispatch),
		                 0);
		udp_server_hand_to(f->server, f->dispatch);
	}
	rcu_reader_end();
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	f->running = true;
}

static unsigned sockets(const struct fixture *f)
{
	return atomic_load_explicit(&f->source.udp_sockets, memory_order_relaxed);
}

static void stop(struct fixture *f)
{
	f->running = false;
	assert_int_equal(uv_async_send(&f->stop), 0);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(sockets(f), 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->running)
		stop(f);
	writer_close(&f->writer);
	free(f->counters);
	free(f->config);
	free(f);
	return 0;
}

static void wait_for_sockets(struct fixture *f, unsigned n)
{
	uint64_t end = clock_now_ms() + SOON_MS;

	while (sockets(f) != n && clock_now_ms() < end)
		usleep(2000);
	assert_int_equal(sockets(f), n);
}

static void wait_for_count(struct fixture *f, enum counter_index which, uint64_t n)
{
	uint64_t end = clock_now_ms() + SOON_MS;

	while (counter_read(f->counters, which) != n && clock_now_ms() < end)
		usleep(2000);
	assert_int_equal(counter_read(f->counters, which), n);
}

static void follow(struct fixture *f, bool past_kernel, bool by_kernel, unsigned sockets)
{
	atomic_store_explicit(&f->past_kernel, past_kernel, memory_order_relaxed);
	atomic_store_explicit(&f->by_kernel, by_kernel, memory_order_relaxed);
	assert_int_equal(uv_async_send(&f->follow), 0);
	wait_for_sockets(f, sockets);
}

/* ---- clients ---- */

static int client_for(const struct fixture *f, const char *server)
{
	const struct timeval patience = {.tv_sec = SOON_MS / 1000};
	struct sockaddr_storage to = test_address(server, f->port);
	int fd = socket(to.ss_family, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	/* A connected socket takes nothing but what comes from the address that it asked. */
	assert_int_equal(connect(fd, (const struct sockaddr *)&to,
	                         address_size(to.ss_family == AF_INET)),
	                 0);
	return fd;
}

static void send_query(int fd, uint16_t id)
{
	uint8_t query[TEST_QUERY_LEN];

	test_put_query(query, id);
	assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
}

static void assert_answered(int fd, uint16_t id)
{
	uint8_t dns[512];

	assert_int_equal(recv(fd, dns, sizeof dns, 0), TEST_QUERY_LEN);
	assert_int_equal(wire_load16(dns), id);
	assert_true(dns[2] & 0x80);
	assert_int_equal(dns[3] & 0xf, RCODE_REFUSED);
}

static void assert_works(const struct fixture *f, const char *server)
{
	int fd = client_for(f, server);

	send_query(fd, 4711);
	assert_answered(fd, 4711);
	close(fd);
}

/* By the dispatcher, in a later turn of the loop: to whom asked, from the address that was asked. */
static void what_is_no_question_is_answered_too(void **state)
{
	static const char *const asked[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3"};
	struct fixture *f = *state;
	uint8_t message[512];
	int fds[3];

	listen_on(f, "0.0.0.0");
	f->config->udp_max_ipv4 = f->config->udp_max_ipv6 = 1232;
	f->hands = true;
	start(f);
	for (unsigned i = 0; i < 3; i++) {
		test_put_query(message, (uint16_t)i);
		message[2] = OPCODE_NOTIFY << 3;
		fds[i] = client_for(f, asked[i]);
		assert_int_equal(send(fds[i], message, TEST_QUERY_LEN, 0),
		                 TEST_QUERY_LEN);
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(recv(fds[i], message, sizeof message, 0),
		                 TEST_QUERY_LEN);
		assert_int_equal(wire_load16(message), i);
		assert_int_equal(message[2], 0x80 | OPCODE_NOTIFY << 3);
		assert_int_equal(message[3] & 0xf, RCODE_NOTIMP);
		close(fds[i]);
	}
	wait_for_count(f, COUNTER_relayed, 3);
	assert_int_equal(counter_read(f->counters, COUNTER_handed_over), 3);
	assert_works(f, "127.0.0.1");
}

/* Nobody has the port: the kernel says so. */
static void assert_closed(const struct fixture *f, const char *server)
{
	int fd = client_for(f, server);
	uint8_t byte;

	send_query(fd, 4711);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

static void assert_silent(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, NEVER_MS), 0);
}

/* ---- answers ---- */

static void every_address_is_answered_and_counted(void **state)
{
	struct fixture *f = *state;

	listen_on(f, "127.0.0.1");
	listen_on(f, "::1");
	start(f);
	wait_for_sockets(f, 2);
	assert_works(f, "127.0.0.1");
	assert_works(f, "::1");
	assert_works(f, "::1");
	assert_closed(f, "127.0.0.2");
	wait_for_count(f, COUNTER_rcode_refused, 3);
	assert_int_equal(counter_read(f->counters, COUNTER_ipv4), 1);
	assert_int_equal(counter_read(f->counters, COUNTER_ipv6), 2);
	assert_int_equal(counter_read(f->counters, COUNTER_tcp), 0);
}

static void many_at_once_are_answered(void **state)
{
	enum { WINDOW = 3 * BURST_MAX + 1, ROUNDS = 10 };
	struct fixture *f = *state;

	listen_on(f, "127.0.0.1");
	start(f);
	int fd = client_for(f, "127.0.0.1");
	for (uint16_t round = 0; round < ROUNDS; round++) {
		for (uint16_t i = 0; i < WINDOW; i++)
			send_query(fd, (uint16_t)(round * WINDOW + i));
		for (uint16_t i = 0; i < WINDOW; i++)
			assert_answered(fd, (uint16_t)(round * WINDOW + i));
	}
	close(fd);
	wait_for_count(f, COUNTER_queries, WINDOW * ROUNDS);
}

static void reply_leaves_from_the_address_that_was_asked(void **state)
{
	struct fixture *f = *state;

	listen_on(f, "0.0.0.0");
	listen_on(f, "::");
	start(f);
	wait_for_sockets(f, 2); /* the IPv6 one does not take IPv4 */
	assert_works(f, "127.0.0.1");
	assert_works(f, "127.0.0.77");
	assert_works(f, "::1");
	wait_for_count(f, COUNTER_ipv4, 2);
	wait_for_count(f, COUNTER_ipv6, 1);
}

/* ---- refusals ---- */

static void message_larger_than_any_query_is_dropped(void **state)
{
	static const uint8_t large[UDP_MESSAGE_MAX + 1];
	struct fixture *f = *state;

	listen_on(f, "127.0.0.1");
	start(f);
	int fd = client_for(f, "127.0.0.1");
	assert_int_equal(send(fd, large, sizeof large, 0), sizeof large);
	wait_for_count(f, COUNTER_dropped_malformed, 1);
	assert_silent(fd);
	send_query(fd, 1);
	assert_answered(fd, 1);
	close(fd);
}

static void response_and_runt_get_no_answer(void **state)
{
	struct fixture *f = *state;
	uint8_t query[TEST_QUERY_LEN];

	listen_on(f, "127.0.0.1");
	start(f);
	int fd = client_for(f, "127.0.0.1");
	test_put_query(query, 1);
	query[2] |= 0x80;
	assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
	assert_int_equal(send(fd, query, 11, 0), 11);
	assert_int_equal(send(fd, query, 0, 0), 0);
	send_query(fd, 2);
	assert_answered(fd, 2);
	assert_silent(fd);
	close(fd);
	assert_int_equal(counter_read(f->counters, COUNTER_dropped_response), 1);
	assert_int_equal(counter_read(f->counters, COUNTER_dropped_runt), 2);
}

static void query_from_port_0_is_dropped(void **state)
{
	struct fixture *f = *state;
	uint8_t packet[sizeof(struct udphdr) + TEST_QUERY_LEN] = {0};
	struct udphdr header = {.dest = htons(f->port), .len = htons(sizeof packet)};
	struct sockaddr_storage to = test_address("127.0.0.1", 0);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);

	if (fd < 0) {
		print_message("raw sockets take a privilege\n");
		skip();
	}
	listen_on(f, "127.0.0.1");
	start(f);
	memcpy(packet, &header, sizeof header); /* without a checksum, as IPv4 allows */
	test_put_query(packet + sizeof header, 1);
	assert_int_equal(sendto(fd, packet, sizeof packet, 0, (struct sockaddr *)&to,
	                        sizeof(struct sockaddr_in)),
	                 sizeof packet);
	wait_for_count(f, COUNTER_dropped_source, 1);
	assert_works(f, "127.0.0.1");
	assert_int_equal(counter_read(f->counters, COUNTER_queries), 1);
	close(fd);
}

static void without_a_table_queries_are_dropped_and_counted(void **state)
{
	struct fixture *f = *state;

	f->source.current = NULL;
	listen_on(f, "127.0.0.1");
	start(f);
	int fd = client_for(f, "127.0.0.1");
	send_query(fd, 1);
	wait_for_count(f, COUNTER_dropped_io, 1);
	assert_silent(fd);
	close(fd);
}

/* ---- when ---- */

static void with_udp_there_is_no_socket_whatever_data_planes_say(void **state)
{
	struct fixture *f = *state;

	f->config->io = IO_UDP;
	listen_on(f, "127.0.0.1");
	start(f);
	assert_closed(f, "127.0.0.1");
	follow(f, true, false, 0);
	assert_closed(f, "127.0.0.1");
}

static void with_auto_the_first_data_plane_past_the_kernel_opens_for_good(void **state)
{
	struct fixture *f = *state;

	f->config->io = IO_AUTO;
	listen_on(f, "127.0.0.1");
	start(f);
	assert_closed(f, "127.0.0.1");
	follow(f, false, true, 0);
	follow(f, false, false, 0);
	assert_closed(f, "127.0.0.1");
	follow(f, true, false, 1);
	assert_works(f, "127.0.0.1");
	follow(f, false, false, 1);
	assert_works(f, "127.0.0.1");
}

static void sockets_of_a_data_plane_close_ours_until_it_is_gone(void **state)
{
	struct fixture *f = *state;

	listen_on(f, "127.0.0.1");
	listen_on(f, "::1");
	start(f);
	for (unsigned i = 0; i < 20; i++) {
		assert_works(f, "127.0.0.1");
		follow(f, true, true, 0);
		assert_closed(f, "::1");
		follow(f, i & 1, false, 2);
	}
	assert_works(f, "::1");
}

/* The queries lie in the socket when its end comes: none of them is lost. */
static void what_came_before_the_end_is_answered(void **state)
{
	enum { QUERIES = 3 * BURST_MAX, HOLD_MS = 300 };
	struct fixture *f = *state;

	listen_on(f, "127.0.0.1");
	start(f);
	wait_for_sockets(f, 1);
	f->hold_us = HOLD_MS * 1000;
	int fd = client_for(f, "127.0.0.1");
	atomic_store_explicit(&f->by_kernel, true, memory_order_relaxed);
	assert_int_equal(uv_async_send(&f->follow), 0);
	usleep(HOLD_MS * 1000 / 3);
	for (uint16_t i = 0; i < QUERIES; i++)
		send_query(fd, i);
	assert_int_equal(counter_read(f->counters, COUNTER_queries), 0);
	for (uint16_t i = 0; i < QUERIES; i++)
		assert_answered(fd, i);
	wait_for_sockets(f, 0);
	close(fd);
}

/* ---- addresses that cannot be had ---- */

static void address_that_the_machine_does_not_have_is_bound_early(void **state)
{
	struct fixture *f = *state;

	listen_on(f, "192.0.2.99");
	listen_on(f, "2001:db8::99");
	listen_on(f, "127.0.0.1");
	start(f);
	wait_for_sockets(f, 3);
	assert_works(f, "127.0.0.1");
}

static void address_that_another_has_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_storage taken = test_address("127.0.0.1", f->port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&taken, sizeof(struct sockaddr_in)),
	                 0);
	listen_on(f, "127.0.0.1");
	listen_on(f, "::1");
	start(f);
	wait_for_sockets(f, 1);
	assert_works(f, "::1");
	close(fd);
	wait_for_sockets(f, 2);
	assert_works(f, "127.0.0.1");
}

/* A data plane binds before it says so: that must not fail because of us. */
static void address_can_be_bound_by_a_data_plane_as_well(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_storage addr = test_address("127.0.0.1", f->port);
	struct udp_socket theirs;

	listen_on(f, "127.0.0.1");
	start(f);
	wait_for_sockets(f, 1);
	assert_int_equal(udp_socket_open(&addr, false, &theirs), 0);
	follow(f, false, true, 0);
	int fd = client_for(f, "127.0.0.1");
	uint8_t query[TEST_QUERY_LEN];
	send_query(fd, 1);
	struct pollfd p = {.fd = theirs.fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, SOON_MS), 1);
	assert_int_equal(recv(theirs.fd, query, sizeof query, 0), TEST_QUERY_LEN);
	close(theirs.fd);
	follow(f, false, false, 1);
	send_query(fd, 2);
	assert_answered(fd, 2);
	close(fd);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_no_question_is_answered_too),
		T(every_address_is_answered_and_counted),
		T(many_at_once_are_answered),
		T(reply_leaves_from_the_address_that_was_asked),
		T(message_larger_than_any_query_is_dropped),
		T(response_and_runt_get_no_answer),
		T(query_from_port_0_is_dropped),
		T(without_a_table_queries_are_dropped_and_counted),
		T(with_udp_there_is_no_socket_whatever_data_planes_say),
		T(with_auto_the_first_data_plane_past_the_kernel_opens_for_good),
		T(sockets_of_a_data_plane_close_ours_until_it_is_gone),
		T(what_came_before_the_end_is_answered),
		T(address_that_the_machine_does_not_have_is_bound_early),
		T(address_that_another_has_is_tried_again),
		T(address_can_be_bound_by_a_data_plane_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
