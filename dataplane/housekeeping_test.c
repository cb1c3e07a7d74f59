/*
 * A whole data plane in a process of its own, with a control plane played by the test and a
 * responder that says which table it answers from.
 */
#include "dataplane/housekeeping.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/respond/respond.h"
#include "dataplane/sandbox.h"
#include "dataplane/test_table.h"
#include "shared/err.h"
#include "shared/ipc.h"
#include "shared/slots.h"
#include "shared/testing.h"

enum { SOON_MS = 5000, QUERY_LEN = 16, NWORKERS = 2 };

/* ---- the responder: the generation is the last byte of the response ---- */

struct responder {
	struct counters *counters;
};

struct responder *responder_new(struct counters *counters)
{
	struct responder *r = malloc(sizeof *r);

	r->counters = counters;
	return r;
}

void responder_log_to(struct responder *r, struct qlog_ring *ring)
{
	(void)r;
	(void)ring;
}

void responder_hand_to(struct responder *r, responder_hand *hand, void *arg)
{
	(void)r;
	(void)hand;
	(void)arg;
}

void responder_free(struct responder *r)
{
	free(r);
}

void respond_burst(struct responder *r, const struct table *table, uint32_t now,
                   struct pkt pkts[], unsigned n)
{
	(void)now;
	for (unsigned i = 0; i < n; i++) {
		pkts[i].dns[2] |= 0x80;
		pkts[i].dns[QUERY_LEN - 1] = (uint8_t)test_table_mark(table);
	}
	counter_add(r->counters, COUNTER_queries, n);
}

/* ---- the control plane ---- */

struct control {
	char directory[40];
	char path[64];
	uint16_t port;
	int listener; /* -1: dead */
	int sock;     /* -1: nobody attached */
	struct segment slots_segment;
	struct slots *slots;
	struct ipc_welcome welcome;
	pid_t pid;             /* of the data plane; 0: none */
	bool started;          /* it has said so */
	void (*prepare)(void); /* called in its process; NULL: nothing */
};

static void control_start(struct control *c)
{
	assert_int_equal(ipc_listen(c->path, &c->listener), 0);
	assert_int_equal(slots_create(&c->slots_segment), 0);
	assert_int_equal(slots_attach(&c->slots_segment, &c->slots), 0);
}

static void control_hang_up(struct control *c)
{
	if (c->sock >= 0)
		close(c->sock);
	c->sock = -1;
}

/* As kill -9 would have it. */
static void control_die(struct control *c)
{
	control_hang_up(c);
	if (c->listener >= 0)
		close(c->listener);
	c->listener = -1;
	segment_close(&c->slots_segment);
}

static bool wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, SOON_MS) == 1;
}

/* STARTED comes once after each WELCOME, before any answer. */
static struct ipc_message receive(struct control *c, enum ipc_type want)
{
	struct ipc_message m;
	int fd;

	assert_true(wait_readable(c->sock));
	assert_int_equal(ipc_receive(c->sock, &m, &fd), 0);
	if (m.type == IPC_STARTED && want != IPC_STARTED) {
		assert_string_equal(m.started.io, "udp");
		assert_false(c->started);
		c->started = true;
		assert_true(wait_readable(c->sock));
		assert_int_equal(ipc_receive(c->sock, &m, &fd), 0);
	}
	assert_int_equal(m.type, want);
	return m;
}

static void send_number(struct control *c, enum ipc_type type, uint64_t number, int fd)
{
	struct ipc_message m = {.type = type};

	m.number = number;
	assert_int_equal(ipc_send(c->sock, &m, fd), 0);
}

static void accept_hello(struct control *c)
{
	assert_true(wait_readable(c->listener));
	c->sock = accept(c->listener, NULL, NULL);
	assert_true(c->sock >= 0);
	struct ipc_message m = receive(c, IPC_HELLO);
	assert_int_equal(m.hello.table_layout, TABLE_LAYOUT);
	assert_int_equal(m.hello.slots_layout, SLOTS_LAYOUT);
}

static void send_welcome(struct control *c)
{
	struct ipc_message m = {.type = IPC_WELCOME};

	c->started = false;
	m.welcome = c->welcome;
	assert_int_equal(ipc_send(c->sock, &m, c->slots_segment.fd), 0);
}

static void send_table(struct control *c, uint8_t generation)
{
	struct segment t;

	assert_true(test_table_make(generation, &t));
	send_number(c, IPC_SEGMENT, generation, t.fd);
	segment_close(&t);
}

static void switch_table(struct control *c, uint8_t generation)
{
	send_table(c, generation);
	assert_int_equal(receive(c, IPC_SEGMENT_DONE).number, generation);
}

static void attach(struct control *c, uint8_t generation)
{
	accept_hello(c);
	send_welcome(c);
	switch_table(c, generation);
}

static uint64_t queries(const struct control *c)
{
	uint64_t sum[COUNTER_COUNT] = {0};

	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
		slots_add(&c->slots->attachments[i], sum);
	return sum[COUNTER_queries];
}

/* ---- the data plane ---- */

static void dataplane_start(struct control *c)
{
	struct housekeeping_options options = {.control_socket = c->path};

	c->started = false;
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid > 0)
		return;
	control_die(
		c); /* in this process, or the socket would outlive the test's own end of it */
	if (c->prepare)
		c->prepare();
	_exit(housekeeping_run(&options) == 0 ? 0 : 1);
}

/* Waits for its end; gives the exit status, or -1 when a signal ended it. */
static int dataplane_status(struct control *c)
{
	int status;

	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	c->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void dataplane_stop(struct control *c)
{
	assert_int_equal(kill(c->pid, SIGTERM), 0);
	assert_int_equal(dataplane_status(c), 0);
}

/* Sends one query; gives the generation that answered it, or -1. */
static int ask(const struct control *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(c->port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint8_t query[QUERY_LEN] = {1, 2};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	int generation = -1;

	assert_int_equal(connect(s, (struct sockaddr *)&to, sizeof to), 0);
	if (send(s, query, sizeof query, 0) == sizeof query && wait_readable(s) &&
	    recv(s, query, sizeof query, 0) == sizeof query)
		generation = query[QUERY_LEN - 1];
	close(s);
	return generation;
}

static void assert_answers_from(const struct control *c, uint8_t generation)
{
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(ask(c), generation);
}

static int setup(void **state)
{
	struct control *c = calloc(1, sizeof *c);

	strcpy(c->directory, "/tmp/housekeeping_test.XXXXXX");
	if (mkdtemp(c->directory) == NULL)
		return -1;
	snprintf(c->path, sizeof c->path, "%s/socket", c->directory);
	c->port = test_free_port(SOCK_DGRAM);
	c->listener = -1;
	c->sock = -1;
	c->slots_segment.fd = -1;
	c->welcome = (struct ipc_welcome){.slot = 4,
	                                  .workers = NWORKERS,
	                                  .sandbox = 1,
	                                  .listen_count = 1,
	                                  .io = {.kind = IO_UDP}};
	c->welcome.listen[0] = (struct ipc_address){
		.addr = {127, 0, 0, 1}, .is_ipv4 = 1, .port = c->port};
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct control *c = *state;

	if (c->pid > 0 && kill(c->pid, SIGKILL) == 0)
		waitpid(c->pid, NULL, 0);
	control_die(c);
	unlink(c->path);
	rmdir(c->directory);
	free(c);
	return 0;
}

/* ---- tests ---- */

static void started_first_it_waits_for_the_control_plane_and_then_serves(void **state)
{
	struct control *c = *state;

	dataplane_start(c);
	usleep(300000);
	control_start(c);
	attach(c, 1);
	assert_answers_from(c, 1);
	assert_int_equal(queries(c), 20);
	dataplane_stop(c);
	assert_int_equal(queries(c), 20);
}

static void grace_is_answered_while_queries_come(void **state)
{
	struct control *c = *state;

	control_start(c);
	dataplane_start(c);
	attach(c, 1);
	for (uint64_t number = 1; number < 200; number++) {
		send_number(c, IPC_GRACE, number, -1);
		assert_int_equal(ask(c), 1);
		assert_int_equal(receive(c, IPC_GRACE_DONE).number, number);
	}
	dataplane_stop(c);
}

static void switch_is_complete_when_it_is_answered(void **state)
{
	struct control *c = *state;

	control_start(c);
	dataplane_start(c);
	attach(c, 1);
	for (uint8_t generation = 2; generation < 100; generation++) {
		switch_table(c, generation);
		assert_int_equal(ask(c), generation);
	}
	dataplane_stop(c);
}

static void refused_segment_is_reported_and_the_old_one_serves(void **state)
{
	struct control *c = *state;
	struct segment bad;

	control_start(c);
	dataplane_start(c);
	attach(c, 1);
	assert_true(test_table_make(2, &bad));
	bad.base[offsetof(struct table_header, layout)] ^= 1;
	send_number(c, IPC_SEGMENT, 2, bad.fd);
	segment_close(&bad);
	struct ipc_message m = receive(c, IPC_SEGMENT_REFUSED);
	assert_int_equal(m.number, 2);
	assert_string_equal(m.text, err_text(ERR_VERSION));
	assert_answers_from(c, 1);
	switch_table(c, 3);
	assert_answers_from(c, 3);
	dataplane_stop(c);
}

static void it_serves_on_when_the_control_plane_dies_and_joins_the_next(void **state)
{
	struct control *c = *state;

	control_start(c);
	dataplane_start(c);
	attach(c, 1);
	assert_answers_from(c, 1);
	control_die(c);
	assert_answers_from(c, 1);
	usleep(500000);
	assert_answers_from(c, 1);
	control_start(c);
	c->welcome.slot = 9;
	attach(c, 2);
	assert_answers_from(c, 2);
	/* What it had counted before came along. */
	assert_int_equal(queries(c), 80);
	dataplane_stop(c);
}

static void malformed_message_costs_the_connection_only(void **state)
{
	static const uint8_t garbage[] = "garbage";
	struct control *c = *state;

	control_start(c);
	dataplane_start(c);
	attach(c, 1);
	for (unsigned i = 0; i < 3; i++) {
		if (i == 0)
			assert_int_equal(send(c->sock, garbage, sizeof garbage, 0),
			                 sizeof garbage);
		if (i == 1)
			send_number(c, IPC_GRACE_DONE, 1, -1);
		if (i == 2)
			send_number(c, IPC_SEGMENT, 2, -1);
		assert_true(wait_readable(c->sock));
		assert_int_equal(recv(c->sock, (uint8_t[1]){0}, 1, 0), 0);
		control_hang_up(c);
		assert_answers_from(c, 1);
		attach(c, 1);
		assert_answers_from(c, 1);
	}
	dataplane_stop(c);
}

static void messages_before_welcome_are_refused(void **state)
{
	struct control *c = *state;

	control_start(c);
	dataplane_start(c);
	for (unsigned i = 0; i < 2; i++) {
		accept_hello(c);
		if (i == 0)
			send_table(c, 1);
		else
			send_number(c, IPC_GRACE, 1, -1);
		assert_true(wait_readable(c->sock));
		assert_int_equal(recv(c->sock, (uint8_t[1]){0}, 1, 0), 0);
		control_hang_up(c);
	}
	attach(c, 1);
	assert_answers_from(c, 1);
	dataplane_stop(c);
}

static void changed_settings_take_a_restart_and_the_old_ones_serve_on(void **state)
{
	struct control *c = *state;

	control_start(c);
	dataplane_start(c);
	attach(c, 1);
	control_die(c);
	control_start(c);
	c->welcome.listen[0].port = test_free_port(SOCK_DGRAM);
	attach(c, 2);
	assert_answers_from(c, 2);
	dataplane_stop(c);
}

static void impossible_welcome_is_refused_and_another_is_taken(void **state)
{
	struct control *c = *state;
	const struct ipc_welcome good = c->welcome;

	control_start(c);
	dataplane_start(c);
	for (unsigned i = 0; i < 4; i++) {
		c->welcome = good;
		if (i == 0)
			c->welcome.io.kind = 77;
		if (i == 1)
			c->welcome.workers = 0;
		if (i == 2)
			c->welcome.workers = WORKERS_MAX + 1;
		if (i == 3)
			c->welcome.slot = ATTACHMENTS_MAX;
		accept_hello(c);
		send_welcome(c);
		assert_true(wait_readable(c->sock));
		assert_int_equal(recv(c->sock, (uint8_t[1]){0}, 1, 0), 0);
		control_hang_up(c);
	}
	c->welcome = good;
	attach(c, 1);
	assert_answers_from(c, 1);
	dataplane_stop(c);
}

static void address_that_cannot_be_served_ends_it_at_the_start(void **state)
{
	struct control *c = *state;

	control_start(c);
	dataplane_start(c);
	c->welcome.listen[0].addr[0] = 192;
	c->welcome.listen[0].addr[2] = 2;
	accept_hello(c);
	send_welcome(c);
	assert_int_equal(dataplane_status(c), 1);
}

/* Gives a number of /proc/PID/status. */
static long status_number(pid_t pid, const char *key)
{
	char path[64];
	char line[256];
	long number = -1;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *status = fopen(path, "r");
	assert_non_null(status);
	while (fgets(line, sizeof line, status) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			number = strtol(line + strlen(key), NULL, 16);
	}
	fclose(status);
	return number;
}

/* Whatever runs the test may have confined it already. */
static void it_confines_itself_unless_it_is_told_not_to(void **state)
{
	static const char *const keys[] = {"Seccomp:", "NoNewPrivs:", "CapEff:"};
	struct control *c = *state;

	control_start(c);
	for (uint8_t sandbox = 0; sandbox < 2; sandbox++) {
		const long inside[] = {
			sandbox_filters ? 2 : status_number(getpid(), keys[0]), 1, 0};
		c->welcome.sandbox = sandbox;
		dataplane_start(c);
		attach(c, 1);
		assert_answers_from(c, 1);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			assert_int_equal(status_number(c->pid, keys[i]),
			                 sandbox ? inside[i]
			                         : status_number(getpid(), keys[i]));
		dataplane_stop(c);
		control_hang_up(c);
	}
}

static void *wait_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* A thread that nobody can make drop its capabilities. */
static void stubborn_thread_start(void)
{
	pthread_t thread;
	sigset_t set;

	sigfillset(&set);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 ||
	    pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		_exit(99);
}

static void it_ends_when_it_cannot_confine_itself(void **state)
{
	struct control *c = *state;

	control_start(c);
	c->prepare = stubborn_thread_start;
	dataplane_start(c);
	accept_hello(c);
	send_welcome(c);
	assert_int_equal(dataplane_status(c), 1);
}

static void sigterm_and_sigint_end_it_at_any_moment(void **state)
{
	struct control *c = *state;

	dataplane_start(c);
	usleep(100000);
	dataplane_stop(c); /* nobody to attach to */
	control_start(c);
	dataplane_start(c);
	accept_hello(c);
	send_welcome(c);
	usleep(100000);
	assert_int_equal(kill(c->pid, SIGINT), 0); /* no table yet */
	assert_int_equal(dataplane_status(c), 0);
	control_hang_up(c);
	dataplane_start(c);
	attach(c, 1);
	assert_int_equal(kill(c->pid, SIGINT), 0);
	assert_int_equal(dataplane_status(c), 0);
}

static void no_query_is_lost_while_tables_and_control_planes_change(void **state)
{
	struct control *c = *state;
	uint8_t generation = 1;

	control_start(c);
	dataplane_start(c);
	attach(c, generation);
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t asker = fork();
	if (asker == 0) {
		control_die(c);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (unsigned i = 0; i < 3000; i++) {
			if (ask(c) < 1)
				_exit(1);
		}
		_exit(0);
	}
	/* Until the asker has closed its copy, the listening socket would outlive its death here. */
	char octet;
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	close(ready[1]);
	int status;
	for (unsigned i = 0; waitpid(asker, &status, WNOHANG) == 0; i++) {
		if (i % 10 == 9) {
			control_die(c);
			control_start(c);
			attach(c, ++generation % 100 + 1);
		} else {
			switch_table(c, ++generation % 100 + 1);
		}
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(queries(c), 3000);
	dataplane_stop(c);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(started_first_it_waits_for_the_control_plane_and_then_serves),
		T(grace_is_answered_while_queries_come),
		T(switch_is_complete_when_it_is_answered),
		T(refused_segment_is_reported_and_the_old_one_serves),
		T(it_serves_on_when_the_control_plane_dies_and_joins_the_next),
		T(malformed_message_costs_the_connection_only),
		T(messages_before_welcome_are_refused),
		T(changed_settings_take_a_restart_and_the_old_ones_serve_on),
		T(impossible_welcome_is_refused_and_another_is_taken),
		T(address_that_cannot_be_served_ends_it_at_the_start),
		T(it_confines_itself_unless_it_is_told_not_to),
		T(it_ends_when_it_cannot_confine_itself),
		T(sigterm_and_sigint_end_it_at_any_moment),
		T(no_query_is_lost_while_tables_and_control_planes_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
