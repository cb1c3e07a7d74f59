/*
 * The server on a thread of its own, with an empty table: every query is refused, which is enough
 * of an answer to see what becomes of connections. The clients are blocking sockets.
 */
#include "control/net/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/net/testing.h"
#include "control/table/writer.h"
#include "shared/cacheline.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/rcu.h"
#include "shared/testing.h"
#include "shared/wire.h"

enum {
	IDLE_MS = 600,
	READ_MS = 300,
	WRITE_MS = 1500,
	PATIENCE_MS = 5000, /* after which a test has failed */
	CONNECTIONS = 12,
	PER_CLIENT = 8,
	PENDING = 128 * 1024,
	FRAME_LEN = 2 + TEST_QUERY_LEN,
};

struct fixture {
	struct config *config;
	struct counters *counters;
	struct table_writer *writer;
	struct table_source source;
	uv_loop_t loop;
	uv_async_t stop;
	struct tcp_server *server;
	pthread_t thread;
	pthread_barrier_t ready;
	uint16_t port;
	struct rlimit descriptors;
};

/* ---- the server ---- */

static struct sockaddr_storage loopback(uint16_t port, uint8_t last)
{
	struct sockaddr_storage out = {0};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last);
	memcpy(&out, &v4, sizeof v4);
	return out;
}

static void on_stop(uv_async_t *async)
{
	struct fixture *f = async->data;

	tcp_server_close(&f->server);
	uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *arg)
{
	struct fixture *f = arg;

	rcu_reader_begin();
	rcu_reader_offline();
	(void)pthread_barrier_wait(&f->ready);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	rcu_reader_end();
	return NULL;
}

static void set_limits(struct config *c)
{
	c->tcp_max_connections = CONNECTIONS;
	c->tcp_max_per_client = PER_CLIENT;
	c->tcp_idle_timeout_ms = IDLE_MS;
	c->tcp_write_timeout_ms = WRITE_MS;
	c->tcp_max_pending = PENDING;
}

static int setup_with(void **state, bool with_table, unsigned read_ms)
{
	struct fixture *f = calloc(1, sizeof *f);
	char text[256] = "";

	assert_non_null(f);
	f->config = calloc(1, sizeof *f->config);
	f->counters = cacheline_new(sizeof *f->counters);
	assert_non_null(f->config);
	assert_non_null(f->counters);
	f->source.counters = f->counters;
	set_limits(f->config);
	f->config->tcp_read_timeout_ms = read_ms;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &f->descriptors), 0);
	f->port = test_free_port(SOCK_STREAM);
	f->config->listen_count = 1;
	f->config->listen[0] = loopback(f->port, 1);
	f->source.current =
		with_table ? test_empty_table(IDLE_MS / 100, &f->writer) : NULL;
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_async_init(&f->loop, &f->stop, on_stop), 0);
	f->stop.data = f;
	if (tcp_server_open(&f->loop, f->config, &f->source, &f->server, text,
	                    sizeof text) < 0)
		fail_msg("%s", text);
	assert_int_equal(pthread_barrier_init(&f->ready, NULL, 2), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	(void)pthread_barrier_wait(&f->ready);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, true, READ_MS);
}

/* For clients that may not be given a processor in the midst of a message. */
static int setup_patient(void **state)
{
	return setup_with(state, true, PATIENCE_MS);
}

static int setup_without_table(void **state)
{
	return setup_with(state, false, READ_MS);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &f->descriptors), 0);
	assert_int_equal(uv_async_send(&f->stop), 0);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(pthread_barrier_destroy(&f->ready), 0);
	writer_close(&f->writer);
	free(f->counters);
	free(f->config);
	free(f);
	return 0;
}

/* ---- clients ---- */

static void sleep_ms(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	assert_int_equal(nanosleep(&t, NULL), 0);
}

/* from: last octet of the loopback address that the client has. */
static int connect_from(const struct fixture *f, uint8_t from)
{
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	struct sockaddr_storage mine = loopback(0, from);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&mine, sizeof(struct sockaddr_in)),
	                 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&f->config->listen[0],
	                         sizeof(struct sockaddr_in)),
	                 0);
	return fd;
}

static size_t put_query(uint8_t *out, uint16_t id)
{
	wire_store16(out, TEST_QUERY_LEN);
	test_put_query(out + 2, id);
	return FRAME_LEN;
}

static void send_all(int fd, const void *bytes, size_t n)
{
	assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

static void send_queries(int fd, uint16_t first_id, unsigned n)
{
	uint8_t *frames = malloc((size_t)n * FRAME_LEN);

	assert_non_null(frames);
	for (unsigned i = 0; i < n; i++)
		(void)put_query(frames + (size_t)i * FRAME_LEN, (uint16_t)(first_id + i));
	send_all(fd, frames, (size_t)n * FRAME_LEN);
	free(frames);
}

static void assert_answered(int fd, uint16_t id)
{
	uint8_t prefix[2];
	uint8_t dns[512];
	uint16_t len;

	assert_int_equal(recv(fd, prefix, 2, MSG_WAITALL), 2);
	len = wire_load16(prefix);
	assert_in_range(len, 12, sizeof dns);
	assert_int_equal(recv(fd, dns, len, MSG_WAITALL), len);
	assert_int_equal(wire_load16(dns), id);
	assert_true(dns[2] & 0x80);
	assert_int_equal(dns[3] & 0xf, RCODE_REFUSED);
}

/* Throws away what comes until the server closes, and gives how long that took. */
static uint64_t wait_for_end(int fd)
{
	uint64_t start = clock_now_ms();
	uint8_t bytes[4096];
	ssize_t n;

	do
		n = recv(fd, bytes, sizeof bytes, 0);
	while (n > 0);
	assert_true(n == 0 || errno == ECONNRESET);
	return clock_now_ms() - start;
}

/* The reset may come as early as the connection. */
static void assert_refused(const struct fixture *f, uint8_t from)
{
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	struct sockaddr_storage mine = loopback(0, from);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t start = clock_now_ms();

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&mine, sizeof(struct sockaddr_in)),
	                 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	if (connect(fd, (const struct sockaddr *)&f->config->listen[0],
	            sizeof(struct sockaddr_in)) == 0)
		(void)wait_for_end(fd);
	else
		assert_int_equal(errno, ECONNRESET);
	assert_in_range(clock_now_ms() - start, 0, READ_MS / 2);
	close(fd);
}

static bool is_open(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

static void assert_works(int fd)
{
	send_queries(fd, 4711, 1);
	assert_answered(fd, 4711);
}

/* ---- tests ---- */

static void pipelined_queries_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	int fd = connect_from(f, 1);

	send_queries(fd, 0, 1000);
	for (uint16_t id = 0; id < 1000; id++)
		assert_answered(fd, id);
	assert_works(fd);
	assert_int_equal(counter_read(f->counters, COUNTER_rcode_refused), 1001);
	assert_int_equal(counter_read(f->counters, COUNTER_tcp), 1001);
	close(fd);
}

static void query_may_come_byte_by_byte(void **state)
{
	int fd = connect_from(*state, 1);
	uint8_t frame[FRAME_LEN];

	(void)put_query(frame, 7);
	for (size_t i = 0; i < sizeof frame; i++) {
		send_all(fd, frame + i, 1);
		sleep_ms(1);
	}
	assert_answered(fd, 7);
	close(fd);
}

static void idle_connection_is_closed_in_time(void **state)
{
	int fd = connect_from(*state, 1);

	assert_in_range(wait_for_end(fd), IDLE_MS - 50, IDLE_MS + 1000);
	close(fd);
}

static void query_begins_the_idle_time_anew(void **state)
{
	int fd = connect_from(*state, 1);

	for (unsigned i = 0; i < 3; i++) {
		sleep_ms(IDLE_MS * 2 / 3);
		assert_works(fd);
	}
	assert_in_range(wait_for_end(fd), IDLE_MS - 50, IDLE_MS + 1000);
	close(fd);
}

static void slow_message_is_cut_however_steadily_it_comes(void **state)
{
	int fd = connect_from(*state, 1);
	uint64_t start = clock_now_ms();
	uint8_t frame[FRAME_LEN];
	size_t at = 0;

	(void)put_query(frame, 7);
	while (is_open(fd)) {
		assert_true(at < sizeof frame);
		send_all(fd, frame + at++, 1);
		sleep_ms(READ_MS / 10);
	}
	assert_in_range(clock_now_ms() - start, READ_MS - 50, READ_MS + 300);
	close(fd);
}

static void client_that_takes_nothing_is_cut(void **state)
{
	struct fixture *f = *state;
	const int small = 4096;
	int fd = connect_from(f, 1);
	uint64_t start = clock_now_ms();
	enum { SIZE = 300 * FRAME_LEN };
	uint8_t frames[SIZE];
	size_t sent = 0;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	for (size_t at = 0; at < SIZE;)
		at += put_query(frames + at, 7);
	while (clock_now_ms() - start < PATIENCE_MS) {
		ssize_t n = send(fd, frames + sent % SIZE, SIZE - sent % SIZE,
		                 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			sleep_ms(1);
		else
			break;
	}
	assert_in_range(clock_now_ms() - start, WRITE_MS - 50, PATIENCE_MS - 1);
	/* Not read from for ever: a bound on what was queued for it. */
	assert_true(counter_read(f->counters, COUNTER_bytes_out) < 2 << 20);
	close(fd);
}

/* Pauses that are shorter than the time limit are nobody's fault. */
static void all_answers_arrive_when_the_client_reads_late(void **state)
{
	enum { QUERIES = 30000 };
	int fd = connect_from(*state, 1);
	uint8_t frame[FRAME_LEN];
	unsigned answered = 0;

	for (unsigned asked = 0; asked < QUERIES;) {
		(void)put_query(frame, (uint16_t)asked);
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		if (poll(&p, 1, 20) == 1) {
			send_all(fd, frame, sizeof frame);
			asked++;
			continue;
		}
		for (unsigned i = 0; i < 2000 && answered < asked; i++)
			assert_answered(fd, (uint16_t)answered++);
	}
	while (answered < QUERIES)
		assert_answered(fd, (uint16_t)answered++);
	close(fd);
}

/* The numbers are such that in some round the server stops reading in the midst of the last
 * queries, after which nothing comes that would remind it of them. */
static void client_may_send_all_before_it_reads(void **state)
{
	const int small = 16384;

	for (unsigned n = 6000; n <= 14000; n += 250) {
		int fd = connect_from(*state, 1);

		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
		send_queries(fd, 0, n);
		if (n % 500 == 0)
			assert_int_equal(shutdown(fd, SHUT_WR), 0);
		sleep_ms(20);
		for (unsigned id = 0; id < n; id++)
			assert_answered(fd, (uint16_t)id);
		close(fd);
	}
}

static void client_that_shut_down_gets_its_answers(void **state)
{
	int fd = connect_from(*state, 1);

	send_queries(fd, 100, 50);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	for (uint16_t id = 100; id < 150; id++)
		assert_answered(fd, id);
	assert_in_range(wait_for_end(fd), 0, IDLE_MS / 2);
	close(fd);
}

static void bad_length_ends_the_connection_after_the_answers(void **state)
{
	for (uint8_t len = 0; len < 12; len++) {
		static uint8_t bad[100000];
		uint8_t rest;

		bad[1] = len;
		int fd = connect_from(*state, 1);

		send_queries(fd, 5, 2);
		send_all(fd, bad, sizeof bad);
		assert_answered(fd, 5);
		assert_answered(fd, 6);
		/* An end, not a reset, which would take unread answers with it. */
		assert_int_equal(recv(fd, &rest, 1, 0), 0);
		close(fd);
	}
}

static void message_without_answer_leaves_the_connection_open(void **state)
{
	int fd = connect_from(*state, 1);
	uint8_t frame[FRAME_LEN];

	(void)put_query(frame, 9);
	frame[4] |= 0x80; /* QR: a response */
	send_all(fd, frame, sizeof frame);
	assert_works(fd);
	close(fd);
}

static void client_over_its_cap_is_refused(void **state)
{
	int fds[PER_CLIENT];

	for (unsigned i = 0; i < PER_CLIENT; i++) {
		fds[i] = connect_from(*state, 1);
		assert_works(fds[i]);
	}
	assert_refused(*state, 1);
	int other = connect_from(*state, 2);
	assert_works(other);
	for (unsigned i = 0; i < PER_CLIENT; i++)
		assert_works(fds[i]);
	close(fds[0]);
	sleep_ms(50);
	fds[0] = connect_from(*state, 1);
	assert_works(fds[0]);
	for (unsigned i = 0; i < PER_CLIENT; i++)
		close(fds[i]);
	close(other);
}

static void oldest_idle_connection_makes_room(void **state)
{
	int fds[CONNECTIONS];

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		fds[i] = connect_from(*state, (uint8_t)(1 + i));
		assert_works(fds[i]);
		sleep_ms(2);
	}
	assert_works(fds[0]); /* now the second one is the oldest */
	int newest = connect_from(*state, 100);
	assert_works(newest);
	assert_in_range(wait_for_end(fds[1]), 0, IDLE_MS / 2);
	assert_works(fds[0]);
	for (unsigned i = 2; i < CONNECTIONS; i++)
		assert_works(fds[i]);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	close(newest);
}

static void busy_connections_make_no_room(void **state)
{
	static const uint8_t begun[] = {0, 50, 1};
	int fds[CONNECTIONS];

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		fds[i] = connect_from(*state, (uint8_t)(1 + i));
		send_all(fds[i], begun, sizeof begun);
	}
	sleep_ms(50);
	assert_refused(*state, 100);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		assert_true(is_open(fds[i]));
		close(fds[i]);
	}
}

/* The system's limit leaves room for fewer connections than the configuration does. */
static void server_out_of_descriptors_serves_on(void **state)
{
	struct fixture *f = *state;
	const struct sockaddr *server = (const struct sockaddr *)&f->config->listen[0];
	struct rlimit tight = f->descriptors;
	int clients[4];
	int first = connect_from(f, 1);

	assert_works(first);
	for (unsigned i = 0; i < ARRAY_LEN(clients); i++)
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
	tight.rlim_cur = (rlim_t)clients[ARRAY_LEN(clients) - 1] + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	for (unsigned i = 0; i < ARRAY_LEN(clients); i++) {
		assert_int_equal(connect(clients[i], server, sizeof(struct sockaddr_in)),
		                 0);
		assert_works(clients[i]);
	}
	assert_in_range(wait_for_end(first), 0, IDLE_MS / 2);
	for (unsigned i = 0; i < ARRAY_LEN(clients); i++)
		close(clients[i]);
	close(first);
}

static long processor_ms(const struct rusage *use)
{
	return (use->ru_utime.tv_sec + use->ru_stime.tv_sec) * 1000 +
	       (use->ru_utime.tv_usec + use->ru_stime.tv_usec) / 1000;
}

/* A busy connection holds the last descriptor: the server waits until there is one again. */
static void server_without_a_descriptor_neither_spins_nor_gives_up(void **state)
{
	static const uint8_t begun[] = {0, 50, 1};
	struct fixture *f = *state;
	const struct sockaddr *server = (const struct sockaddr *)&f->config->listen[0];
	struct rlimit tight = f->descriptors;
	struct rusage before;
	struct rusage after;
	int busy = connect_from(f, 1);

	send_all(busy, begun, sizeof begun);
	sleep_ms(50);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	tight.rlim_cur = (rlim_t)client + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	assert_int_equal(connect(client, server, sizeof(struct sockaddr_in)), 0);
	assert_works(client); /* after the busy one has run into the read timeout */
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 100);
	assert_true(processor_ms(&after) - processor_ms(&before) < READ_MS / 4);
	close(client);
	close(busy);
}

static void reset_connections_leave_nothing_behind(void **state)
{
	const struct linger now = {.l_onoff = 1};

	for (unsigned i = 0; i < 200; i++) {
		int fd = connect_from(*state, 1);

		send_queries(fd, 1, i % 30);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now),
		                 0);
		close(fd);
		if (i % PER_CLIENT == PER_CLIENT - 1)
			sleep_ms(10);
	}
	sleep_ms(50);
	int fds[PER_CLIENT];
	for (unsigned i = 0; i < PER_CLIENT; i++) {
		fds[i] = connect_from(*state, 1);
		assert_works(fds[i]);
	}
	for (unsigned i = 0; i < PER_CLIENT; i++)
		close(fds[i]);
}

static void without_a_table_a_query_ends_the_connection(void **state)
{
	int fd = connect_from(*state, 1);

	send_queries(fd, 1, 1);
	assert_in_range(wait_for_end(fd), 0, IDLE_MS / 2);
	close(fd);
}

static void address_in_use_is_named(void **state)
{
	struct fixture *f = *state;
	struct tcp_server *second = NULL;
	uv_loop_t loop;
	char text[256] = "";

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(
		tcp_server_open(&loop, f->config, &f->source, &second, text, sizeof text),
		ERR_SYSTEM);
	assert_null(second);
	assert_non_null(strstr(text, "127.0.0.1@"));
	assert_non_null(strstr(text, strerror(EADDRINUSE)));
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, setup, teardown)
#define PATIENT(name) cmocka_unit_test_setup_teardown(name, setup_patient, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pipelined_queries_are_answered_in_order),
		TEST(query_may_come_byte_by_byte),
		TEST(idle_connection_is_closed_in_time),
		TEST(query_begins_the_idle_time_anew),
		TEST(slow_message_is_cut_however_steadily_it_comes),
		TEST(client_that_takes_nothing_is_cut),
		PATIENT(all_answers_arrive_when_the_client_reads_late),
		PATIENT(client_may_send_all_before_it_reads),
		TEST(client_that_shut_down_gets_its_answers),
		TEST(bad_length_ends_the_connection_after_the_answers),
		TEST(message_without_answer_leaves_the_connection_open),
		TEST(client_over_its_cap_is_refused),
		TEST(oldest_idle_connection_makes_room),
		TEST(busy_connections_make_no_room),
		TEST(server_out_of_descriptors_serves_on),
		TEST(server_without_a_descriptor_neither_spins_nor_gives_up),
		TEST(reset_connections_leave_nothing_behind),
		cmocka_unit_test_setup_teardown(
			without_a_table_a_query_ends_the_connection, setup_without_table,
			teardown),
		TEST(address_in_use_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
