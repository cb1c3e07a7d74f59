/*
 * Streams that we make, over the loopback interface to a blocking socket of the test. How those that are
 * taken live is what tcp_test.c sees of the server.
 */
#include "control/net/stream.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include "shared/err.h"
#include "shared/wire.h"

enum {
	PATIENCE_MS = 5000, /* after which a test has failed */
	CONNECT_MS = 300,
	READ_MS = 300,
	PENDING = 2 * (STREAM_PREFIX + STREAM_MESSAGE_MAX),
	MESSAGE_LEN = 500,
	BACKLOG = 1,
	CROWD = 8,
};

struct fixture {
	uv_loop_t loop;
	uv_timer_t tick; /* keeps the loop turning */
	struct streams *all;
	int listener;
	struct stream_target target;
	struct stream *stream;
	int far; /* the other end */
	/* what was told */
	unsigned up;
	unsigned took;
	unsigned rooms;
	unsigned ends;
	int err;
	bool drop_at_first;
	uint8_t message[STREAM_MESSAGE_MAX];
	uint16_t len;
	char why[TLS_TEXT_SIZE];
	/* of the tests of TLS */
	char directory[64];
	struct tls_figures figures; /* of both ends */
	struct tls_server *server;
	struct stream *taken; /* the other end, as a stream */
	unsigned taken_took;
	unsigned taken_rooms;
	unsigned taken_ends;
	int taken_err;
};

/* ---- the owner ---- */

static void on_took(void *arg, struct stream *s, const uint8_t *message, uint16_t len)
{
	struct fixture *f = arg;

	assert_ptr_equal(s, f->stream);
	f->took++;
	memcpy(f->message, message, len);
	f->len = len;
	if (f->drop_at_first)
		stream_drop(&f->stream);
}

static void on_up(void *arg, struct stream *s)
{
	struct fixture *f = arg;

	(void)s;
	f->up++;
}

static void on_room(void *arg, struct stream *s)
{
	struct fixture *f = arg;

	(void)s;
	f->rooms++;
}

static void on_ended(void *arg, struct stream *s, int err, const char *why)
{
	struct fixture *f = arg;

	(void)s;
	assert_non_null(why);
	snprintf(f->why, sizeof f->why, "%s", why);
	f->stream = NULL;
	f->ends++;
	f->err = err;
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static struct stream_owner owner_of(struct fixture *f)
{
	return (struct stream_owner){.took = on_took,
	                             .up = on_up,
	                             .room = on_room,
	                             .ended = on_ended,
	                             .arg = f};
}

/* ---- the loop and the other end ---- */

static int setup(void **state)
{
	const struct stream_limits limits = {.connect_ms = CONNECT_MS,
	                                     .read_ms = READ_MS,
	                                     .write_ms = PATIENCE_MS,
	                                     .pending_max = PENDING};
	struct fixture *f = calloc(1, sizeof *f);
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t size = sizeof f->target.to;

	assert_non_null(f);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_timer_init(&f->loop, &f->tick), 0);
	assert_int_equal(uv_timer_start(&f->tick, on_tick, 5, 5), 0);
	f->all = streams_new(&f->loop, &limits);
	f->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(f->listener, BACKLOG), 0);
	assert_int_equal(
		getsockname(f->listener, (struct sockaddr *)&f->target.to, &size), 0);
	f->far = -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	streams_close(&f->all);
	uv_close((uv_handle_t *)&f->tick, NULL);
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	close(f->listener);
	if (f->far >= 0)
		close(f->far);
	free(f);
	return 0;
}

/* Turns the loop until a count has come up to something. */
static void run_until(struct fixture *f, const unsigned *count, unsigned want)
{
	uint64_t end = uv_hrtime() + UINT64_C(1000000) * PATIENCE_MS;

	while (*count < want) {
		assert_true(uv_hrtime() < end);
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	}
}

static void ends_with(struct fixture *f, int err)
{
	run_until(f, &f->ends, 1);
	assert_int_equal(f->err, err);
}

static void run_for(struct fixture *f, unsigned ms)
{
	uint64_t end = uv_hrtime() + UINT64_C(1000000) * ms;

	while (uv_hrtime() < end)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
}

static void make(struct fixture *f)
{
	const struct stream_owner owner = owner_of(f);

	assert_int_equal(stream_make(f->all, &f->target, &owner, &f->stream), 0);
}

static void connect_both(struct fixture *f)
{
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};

	make(f);
	f->far = accept(f->listener, NULL, NULL);
	assert_true(f->far >= 0);
	assert_int_equal(
		setsockopt(f->far, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience),
		0);
	run_until(f, &f->up, 1);
}

static void fill(uint8_t *frame, uint8_t with)
{
	wire_store16(frame, MESSAGE_LEN);
	memset(frame + STREAM_PREFIX, with, MESSAGE_LEN);
}

static void far_send(struct fixture *f, const void *bytes, size_t n)
{
	assert_int_equal(send(f->far, bytes, n, MSG_NOSIGNAL), n);
}

static void far_receive(struct fixture *f, void *to, size_t n)
{
	assert_int_equal(recv(f->far, to, n, MSG_WAITALL), n);
}

/* ---- tests ---- */

static void messages_go_both_ways(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[STREAM_PREFIX + MESSAGE_LEN];
	uint8_t got[sizeof frame];

	connect_both(f);
	fill(frame, 'q');
	assert_int_equal(stream_send(f->stream, frame + STREAM_PREFIX, MESSAGE_LEN), 0);
	far_receive(f, got, sizeof got);
	assert_memory_equal(got, frame, sizeof frame);
	fill(frame, 'a');
	far_send(f, frame, sizeof frame);
	run_until(f, &f->took, 1);
	assert_int_equal(f->len, MESSAGE_LEN);
	assert_memory_equal(f->message, frame + STREAM_PREFIX, MESSAGE_LEN);
}

static void message_may_be_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[STREAM_PREFIX + MESSAGE_LEN];

	connect_both(f);
	for (unsigned cut = 1; cut < sizeof frame; cut++) {
		fill(frame, (uint8_t)cut);
		far_send(f, frame, cut);
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
		far_send(f, frame + cut, sizeof frame - cut);
		run_until(f, &f->took, cut);
		assert_int_equal(f->message[0], (uint8_t)cut);
	}
	assert_int_equal(f->ends, 0);
}

static void refused_connection_is_told(void **state)
{
	struct fixture *f = *state;

	close(f->listener);
	make(f);
	ends_with(f, ERR_GONE);
	assert_string_equal(f->why, "Connection refused");
	assert_int_equal(f->up, 0);
}

/* The kernel drops what wants to connect to a listener whose queue is full. */
static void connection_that_does_not_come_is_given_up(void **state)
{
	struct fixture *f = *state;
	int crowd[CROWD];

	for (unsigned i = 0; i < CROWD; i++) {
		crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(crowd[i], (struct sockaddr *)&f->target.to,
		              sizeof(struct sockaddr_in));
	}
	make(f);
	assert_int_equal(stream_send(f->stream, f->message, MESSAGE_LEN), ERR_FULL);
	ends_with(f, ERR_TIMEOUT);
	for (unsigned i = 0; i < CROWD; i++)
		close(crowd[i]);
}

static void end_in_mid_message_is_told(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[STREAM_PREFIX + MESSAGE_LEN];

	connect_both(f);
	fill(frame, 'a');
	far_send(f, frame, sizeof frame - 1);
	close(f->far);
	f->far = -1;
	ends_with(f, ERR_GONE);
	assert_int_equal(f->took, 0);
}

static void begun_message_has_its_time(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	far_send(f, "", 1);
	ends_with(f, ERR_TIMEOUT);
}

static void length_that_no_message_has_ends_it(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	far_send(f, "\0\1x", 3);
	ends_with(f, ERR_CORRUPT);
}

static void idle_one_stays(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	run_for(f, 2 * READ_MS);
	assert_int_equal(f->ends, 0);
}

static void what_is_sent_has_a_limit(void **state)
{
	struct fixture *f = *state;
	uint8_t *room = malloc(PENDING);
	size_t sent = 0;
	int err;

	assert_non_null(room);
	connect_both(f);
	while ((err = stream_send(f->stream, f->message, STREAM_MESSAGE_MAX)) == 0)
		sent++;
	assert_int_equal(err, ERR_FULL);
	assert_in_range(stream_pending(f->stream), PENDING,
	                PENDING + STREAM_PREFIX + STREAM_MESSAGE_MAX);
	assert_int_equal(f->rooms, 0);
	for (size_t left = sent * (STREAM_PREFIX + STREAM_MESSAGE_MAX); left;) {
		size_t n = left < PENDING ? left : PENDING;
		ssize_t got = recv(f->far, room, n, 0);
		assert_true(got > 0);
		left -= (size_t)got;
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	run_until(f, &f->rooms, 1);
	assert_int_equal(stream_send(f->stream, f->message, MESSAGE_LEN), 0);
	free(room);
}

static void finished_one_sends_all_first(void **state)
{
	struct fixture *f = *state;
	size_t sent = 0;
	uint8_t byte;

	connect_both(f);
	while (stream_send(f->stream, f->message, STREAM_MESSAGE_MAX) == 0)
		sent += STREAM_PREFIX + STREAM_MESSAGE_MAX;
	stream_finish(f->stream);
	for (size_t i = 0; i < sent; i++) {
		if (i % 65536 == 0)
			run_for(f, 1);
		far_receive(f, &byte, 1);
	}
	run_for(f, 10);
	assert_int_equal(recv(f->far, &byte, 1, 0), 0);
	close(f->far);
	f->far = -1;
	ends_with(f, 0);
}

static void dropped_one_is_told_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t frames[3 * (STREAM_PREFIX + MESSAGE_LEN)];

	connect_both(f);
	f->drop_at_first = true;
	for (size_t i = 0; i < 3; i++)
		fill(frames + i * (STREAM_PREFIX + MESSAGE_LEN), 'x');
	far_send(f, frames, sizeof frames);
	run_until(f, &f->took, 1);
	run_for(f, 20);
	assert_int_equal(f->took, 1);
	assert_int_equal(f->ends, 0);
}

static void messages_wait_until_they_are_wanted(void **state)
{
	struct fixture *f = *state;
	uint8_t frames[20 * (STREAM_PREFIX + MESSAGE_LEN)];

	connect_both(f);
	stream_read(f->stream, false);
	for (size_t i = 0; i < 20; i++)
		fill(frames + i * (STREAM_PREFIX + MESSAGE_LEN), (uint8_t)i);
	far_send(f, frames, sizeof frames);
	run_for(f, 2 * READ_MS);
	assert_int_equal(f->took, 0);
	assert_int_equal(f->ends, 0);
	stream_read(f->stream, true);
	run_until(f, &f->took, 20);
	assert_int_equal(f->message[0], 19);
}

/* ---- TLS ---- */

static int setup_tls(void **state)
{
	struct tls_identity identity = {0};
	struct tls_trust *trust = tls_trust_new();
	char text[256] = "";

	assert_int_equal(setup(state), 0);
	struct fixture *f = *state;
	streams_count_tls(f->all, &f->figures);
	snprintf(f->directory, sizeof f->directory, "/tmp/stream_test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	if (tls_identity_own(f->directory, NULL, 0, &identity, text, sizeof text) < 0 ||
	    tls_server_new(&identity, trust, &f->server, text, sizeof text) < 0)
		fail_msg("%s", text);
	tls_identity_fini(&identity);
	tls_trust_release(&trust);
	return 0;
}

static int teardown_tls(void **state)
{
	struct fixture *f = *state;
	char path[80];

	tls_server_release(&f->server);
	tls_client_release(&f->target.tls);
	snprintf(path, sizeof path, "%s/cert.pem", f->directory);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "%s/key.pem", f->directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(f->directory), 0);
	return teardown(state);
}

/* Sends each message back. */
static void taken_took(void *arg, struct stream *s, const uint8_t *message, uint16_t len)
{
	struct fixture *f = arg;

	f->taken_took++;
	stream_send_anyway(s, message, len);
}

static void taken_room(void *arg, struct stream *s)
{
	struct fixture *f = arg;

	(void)s;
	f->taken_rooms++;
}

static void taken_ended(void *arg, struct stream *s, int err, const char *why)
{
	struct fixture *f = arg;

	(void)s;
	(void)why;
	f->taken = NULL;
	f->taken_ends++;
	f->taken_err = err;
}

/* terms: of whom the client expects. */
static void make_both(struct fixture *f, const struct tls_client_terms *terms)
{
	const struct stream_owner owner = {
		.took = taken_took, .room = taken_room, .ended = taken_ended, .arg = f};
	char text[256] = "";

	if (tls_client_new(terms, &f->target.tls, text, sizeof text) < 0)
		fail_msg("%s", text);
	make(f);
	int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(stream_take(f->all, fd, f->server, &owner, &f->taken), 0);
}

static void agree(struct fixture *f)
{
	make_both(f, &(struct tls_client_terms){0});
	assert_null(stream_peer(f->stream));
	assert_int_equal(stream_send(f->stream, f->message, MESSAGE_LEN), ERR_FULL);
	run_until(f, &f->up, 1);
	assert_int_equal(stream_peer(f->stream)->version, 0x0304);
}

static void messages_of_all_sizes_go_over_tls(void **state)
{
	static const uint16_t sizes[] = {12, 13, 500, 16383, 16384, 16385, 40000, 65535};
	static uint8_t message[STREAM_MESSAGE_MAX];
	struct fixture *f = *state;

	agree(f);
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		memset(message, (int)('a' + i), sizes[i]);
		assert_int_equal(stream_send(f->stream, message, sizes[i]), 0);
		run_until(f, &f->took, i + 1);
		assert_int_equal(f->len, sizes[i]);
		assert_memory_equal(f->message, message, sizes[i]);
	}
}

static void many_messages_go_over_tls_at_once(void **state)
{
	struct fixture *f = *state;
	unsigned sent = 0;

	agree(f);
	while (stream_send(f->stream, f->message, MESSAGE_LEN) == 0 && sent < 2000)
		sent++;
	run_until(f, &f->took, sent);
	assert_int_equal(f->taken_took, sent);
}

static void limit_counts_for_tls(void **state)
{
	struct fixture *f = *state;
	unsigned sent = 0;

	agree(f);
	/* Until the other side is known to be there, what was sent may be all it gets. */
	assert_int_equal(stream_send(f->stream, f->message, MESSAGE_LEN), 0);
	run_until(f, &f->took, 1);
	stream_read(f->stream, false);
	while (stream_send(f->taken, f->message, STREAM_MESSAGE_MAX) == 0)
		sent++;
	assert_in_range(stream_pending(f->taken), PENDING, 2 * PENDING);
	stream_read(f->stream, true);
	run_until(f, &f->taken_rooms, 1);
	run_until(f, &f->took, 1 + sent);
}

static uint64_t figure(const atomic_uint_fast64_t *f)
{
	return atomic_load_explicit(f, memory_order_relaxed);
}

static unsigned connections(const struct fixture *f)
{
	return atomic_load_explicit(&f->figures.connections, memory_order_relaxed);
}

static void end_over_tls_is_told(void **state)
{
	struct fixture *f = *state;

	agree(f);
	assert_int_equal(stream_send(f->stream, f->message, MESSAGE_LEN), 0);
	run_until(f, &f->took, 1);
	assert_int_equal(figure(&f->figures.full), 2);
	assert_int_equal(connections(f), 2);
	stream_finish(f->stream);
	ends_with(f, 0);
	run_until(f, &f->taken_ends, 1);
	assert_int_equal(f->taken_err, ERR_GONE);
	assert_int_equal(connections(f), 0);
	for (unsigned i = 0; i < TLS_FAILURES; i++)
		assert_int_equal(figure(&f->figures.failed[i]), 0);
}

static void server_that_is_another_is_refused(void **state)
{
	struct fixture *f = *state;

	make_both(f, &(struct tls_client_terms){
			     .pins = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="});
	stream_expect(f->stream, true);
	ends_with(f, ERR_REFUSED);
	assert_non_null(strstr(f->why, "certificate"));
	assert_int_equal(f->up, 0);
	run_until(f, &f->taken_ends, 1);
	assert_int_equal(figure(&f->figures.failed[TLS_FAILURE_CERTIFICATE]), 1);
	assert_int_equal(connections(f), 0);
}

static void server_that_says_nothing_is_given_up(void **state)
{
	struct fixture *f = *state;
	char text[256] = "";

	assert_int_equal(tls_client_new(&(struct tls_client_terms){0}, &f->target.tls,
	                                text, sizeof text),
	                 0);
	make(f);
	f->far = accept(f->listener, NULL, NULL);
	ends_with(f, ERR_TIMEOUT);
	assert_int_equal(f->up, 0);
	assert_int_equal(figure(&f->figures.failed[TLS_FAILURE_TIMEOUT]), 1);
}

static void server_without_tls_is_refused(void **state)
{
	struct fixture *f = *state;
	char text[256] = "";

	assert_int_equal(tls_client_new(&(struct tls_client_terms){0}, &f->target.tls,
	                                text, sizeof text),
	                 0);
	make(f);
	f->far = accept(f->listener, NULL, NULL);
	far_send(f, "no TLS here", 11);
	ends_with(f, ERR_REFUSED);
	assert_int_equal(f->up, 0);
	assert_int_equal(figure(&f->figures.failed[TLS_FAILURE_PROTOCOL]), 1);
	assert_int_equal(figure(&f->figures.full), 0);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown_tls)
#define TEST(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_go_both_ways),
		TEST(message_may_be_cut_anywhere),
		TEST(refused_connection_is_told),
		TEST(connection_that_does_not_come_is_given_up),
		TEST(end_in_mid_message_is_told),
		TEST(begun_message_has_its_time),
		TEST(length_that_no_message_has_ends_it),
		TEST(idle_one_stays),
		TEST(what_is_sent_has_a_limit),
		TEST(finished_one_sends_all_first),
		TEST(dropped_one_is_told_nothing),
		TEST(messages_wait_until_they_are_wanted),
		TLS_TEST(messages_of_all_sizes_go_over_tls),
		TLS_TEST(many_messages_go_over_tls_at_once),
		TLS_TEST(limit_counts_for_tls),
		TLS_TEST(end_over_tls_is_told),
		TLS_TEST(server_that_is_another_is_refused),
		TLS_TEST(server_that_says_nothing_is_given_up),
		TLS_TEST(server_without_tls_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
