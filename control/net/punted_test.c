/*
 * The test is a data plane: it attaches to a publisher, fills rings, and looks at what comes down. Questions are
 * answered by the dispatcher from an empty table, so with REFUSED, or taken by a handler that keeps them.
 */
#include "control/net/punted.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/net/testing.h"
#include "shared/cacheline.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/ipc.h"
#include "shared/rcu.h"
#include "shared/segment.h"
#include "shared/slots.h"
#include "shared/table.h"
#include "shared/wire.h"

enum { SOON_MS = 10000, NWORKERS = 3, WAY_LEN = 71, KEPT_MAX = 2000, REFUSED = 5 };
enum { OF_CLIENT_MAX = 64, UNDER_WAY_MAX = 1024 };

struct fixture {
	char directory[32];
	char path[64];
	uv_loop_t loop;
	struct config *config;
	struct counters *counters;
	struct table_writer *writer;
	struct table_source source;
	struct publisher *publisher;
	struct dispatch *dispatch;
	struct punted *punted;
	struct request *kept[KEPT_MAX];
	unsigned nkept;
	/* the data plane's side */
	int sock;
	struct segment segment;
	struct punt *punts;
	unsigned nudges;
};

static void keep(void *arg, struct request **r, const struct message *m)
{
	struct fixture *f = arg;

	(void)m;
	assert_true(f->nkept < KEPT_MAX);
	f->kept[f->nkept++] = *r;
	*r = NULL;
}

/* ---- the data plane ---- */

static void hear(struct fixture *f)
{
	struct ipc_message m;
	int fd;

	while (f->sock >= 0 && ipc_receive(f->sock, &m, &fd) == 0) {
		struct slots *slots;
		f->nudges += m.type == IPC_NUDGE;
		if (m.type != IPC_WELCOME)
			continue;
		assert_int_equal(segment_map(fd, true, &f->segment), 0);
		assert_int_equal(slots_attach(&f->segment, &slots), 0);
		f->punts = slots->punts[m.welcome.slot];
	}
}

static void turn(struct fixture *f)
{
	(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	hear(f);
}

static bool turn_before(struct fixture *f, uint64_t end)
{
	turn(f);
	assert_true(clock_now_ms() < end);
	return true;
}

#define UNTIL(f, condition)                           \
	for (uint64_t end = clock_now_ms() + SOON_MS; \
	     !(condition) && turn_before(f, end);)

static void attach(struct fixture *f)
{
	struct ipc_message m = {.type = IPC_HELLO};

	m.hello = (struct ipc_hello){
		.table_layout = TABLE_LAYOUT, .slots_layout = SLOTS_LAYOUT, .io = "mem"};
	assert_int_equal(ipc_connect(f->path, &f->sock), 0);
	assert_int_equal(ipc_send(f->sock, &m, -1), 0);
	UNTIL(f, f->punts);
	/* Workers sleep all the time. */
	for (unsigned i = 0; i < NWORKERS; i++)
		assert_true(punt_sleep(&f->punts[i].down));
}

static void hang_up(struct fixture *f)
{
	if (f->punts)
		segment_close(&f->segment);
	if (f->sock >= 0)
		close(f->sock);
	f->sock = -1;
	f->punts = NULL;
}

static void ring(const struct fixture *f)
{
	const struct ipc_message m = {.type = IPC_NUDGE};

	assert_int_equal(ipc_send(f->sock, &m, -1), 0);
}

/* A question by a client of that number, whose way back is told by its ID. */
static bool punt(struct fixture *f, unsigned worker, uint16_t id, unsigned opcode,
                 unsigned client)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct punt_record *r = punt_reserve(&f->punts[worker].up);

	if (!r)
		return false;
	memset(r, 0, sizeof *r);
	memcpy(r->addr, mapped, sizeof mapped);
	wire_store32(r->addr + 12, 0x0a000000 + client);
	r->is_ipv4 = 1;
	r->port = 4000;
	r->room = 1232;
	r->way_len = WAY_LEN;
	memset(r->way, (int)(id & 0xff), WAY_LEN);
	r->len = TEST_QUERY_LEN;
	test_put_query(r->message, id);
	r->message[2] = (uint8_t)(opcode << 3);
	if (punt_commit(&f->punts[worker].up))
		ring(f);
	return true;
}

static void expect_answer(struct fixture *f, unsigned worker, uint16_t id, unsigned rcode)
{
	struct punt_record r;

	UNTIL(f, punt_waits(&f->punts[worker].down));
	assert_true(punt_take(&f->punts[worker].down, &r));
	assert_int_equal(wire_load16(r.message), id);
	assert_int_equal(r.message[2] & 0x80, 0x80);
	assert_int_equal(r.message[3] & 15, rcode);
	assert_int_equal(r.way_len, WAY_LEN);
	for (unsigned i = 0; i < WAY_LEN; i++)
		assert_int_equal(r.way[i], id & 0xff);
}

/* ---- the tests ---- */

static void question_is_answered_by_the_worker_it_came_from(void **state)
{
	struct fixture *f = *state;

	attach(f);
	for (uint16_t id = 1; id <= 300; id++) {
		assert_true(punt(f, id % NWORKERS, id, 0, 1));
		expect_answer(f, id % NWORKERS, id, REFUSED);
		if (id % 7 == 0)
			(void)punt_sleep(&f->punts[id % NWORKERS].down);
	}
	assert_true(f->nudges > 0);
}

/* Between the moment when a ring is empty and that when its reader sleeps, too. */
static void no_record_is_forgotten(void **state)
{
	struct fixture *f = *state;
	unsigned answers = 0;
	unsigned sent = 0;
	struct punt_record r;

	attach(f);
	for (uint64_t end = clock_now_ms() + SOON_MS; answers < 20000; turn(f)) {
		assert_true(clock_now_ms() < end);
		for (unsigned i = 0; i < sent % 5 && sent < 20000; i++)
			sent += punt(f, i % NWORKERS, (uint16_t)sent, 0, sent);
		sent += sent < 20000 && punt(f, 0, (uint16_t)sent, 0, sent);
		for (unsigned w = 0; w < NWORKERS; w++)
			while (punt_take(&f->punts[w].down, &r))
				answers++;
	}
	assert_int_equal(answers, sent);
	assert_int_equal(counter_read(f->counters, COUNTER_dropped_relay), 0);
}

/* Junk from one address leaves room for others. */
static void client_has_few_requests_under_way(void **state)
{
	struct fixture *f = *state;
	unsigned sent = 0;

	attach(f);
	dispatch_set(f->dispatch, DISPATCH_UPDATE, keep, f);
	UNTIL(f, (sent += punt(f, 0, 1, OPCODE_UPDATE, 1)) == 200);
	UNTIL(f, counter_read(f->counters, COUNTER_dropped_hand) == 200 - OF_CLIENT_MAX);
	UNTIL(f, f->nkept == OF_CLIENT_MAX);
	assert_true(punt(f, 1, 2, OPCODE_UPDATE, 2));
	UNTIL(f, f->nkept == OF_CLIENT_MAX + 1);
	request_reply(&f->kept[f->nkept - 1], RCODE_REFUSED, REQUEST_NO_EDE);
	expect_answer(f, 1, 2, REFUSED);
	/* Those that are done make room. */
	request_reply(&f->kept[0], RCODE_REFUSED, REQUEST_NO_EDE);
	assert_true(punt(f, 0, 3, OPCODE_UPDATE, 1));
	UNTIL(f, f->nkept == OF_CLIENT_MAX + 2);
}

/* With as many under way as there may be, the rest waits in the rings, and comes when there is room. */
static void rest_waits_in_the_rings(void **state)
{
	struct fixture *f = *state;
	unsigned sent = 0;

	attach(f);
	dispatch_set(f->dispatch, DISPATCH_UPDATE, keep, f);
	UNTIL(f, (sent += punt(f, 0, 1, OPCODE_UPDATE, sent)) == UNDER_WAY_MAX + 20);
	UNTIL(f, f->nkept == UNDER_WAY_MAX);
	for (unsigned i = 0; i < 100; i++)
		turn(f);
	assert_int_equal(f->nkept, UNDER_WAY_MAX);
	for (unsigned i = 0; i < 20; i++)
		request_done(&f->kept[i]);
	UNTIL(f, f->nkept == UNDER_WAY_MAX + 20);
}

/* All at once, and more than the ring down holds. */
static void answers_wait_for_room(void **state)
{
	struct fixture *f = *state;
	unsigned sent = 0;

	attach(f);
	dispatch_set(f->dispatch, DISPATCH_UPDATE, keep, f);
	UNTIL(f, (sent += punt(f, 2, (uint16_t)sent, OPCODE_UPDATE, sent)) == 200);
	UNTIL(f, f->nkept == 200);
	assert_true(punt(f, 1, 7, OPCODE_UPDATE, 1));
	UNTIL(f, f->nkept == 201);
	for (unsigned i = 0; i < f->nkept; i++)
		request_reply(&f->kept[i], RCODE_REFUSED, REQUEST_NO_EDE);
	/* Those of another worker do not wait for it. */
	expect_answer(f, 1, 7, REFUSED);
	for (uint16_t i = 0; i < 200; i++)
		expect_answer(f, 2, i, REFUSED);
	assert_int_equal(counter_read(f->counters, COUNTER_dropped_relay), 0);
}

/* The next one to have the slot knows nothing of the ways of the one before. */
static void answer_to_one_that_has_gone_goes_nowhere(void **state)
{
	struct fixture *f = *state;
	struct punt_record r;

	attach(f);
	dispatch_set(f->dispatch, DISPATCH_UPDATE, keep, f);
	assert_true(punt(f, 0, 1, OPCODE_UPDATE, 1));
	assert_true(punt(f, 0, 2, OPCODE_UPDATE, 1));
	UNTIL(f, f->nkept == 2);
	hang_up(f);
	UNTIL(f, request_is_gone(f->kept[0]));
	attach(f);
	for (unsigned i = 0; i < 2; i++)
		request_reply(&f->kept[i], RCODE_REFUSED, REQUEST_NO_EDE);
	assert_true(punt(f, 0, 3, 0, 1));
	expect_answer(f, 0, 3, REFUSED);
	assert_false(punt_take(&f->punts[0].down, &r));
}

/* A data plane that was taken over writes what it likes. */
static void scribbled_rings_are_survived(void **state)
{
	struct fixture *f = *state;
	uint32_t seed = 1;

	attach(f);
	for (unsigned round = 0; round < 300; round++) {
		struct punt *p = &f->punts[round % NWORKERS];
		uint8_t *bytes = (uint8_t *)p;
		for (unsigned i = 0; i < 2000; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[(seed >> 8) % sizeof *p] = (uint8_t)(seed >> 3);
		}
		if (round % 3 == 0)
			memset(&p->up.records[round % PUNT_SLOTS], (int)round,
			       sizeof p->up.records[0]);
		atomic_store(&p->up.head, atomic_load(&p->up.tail) + round % 40);
		ring(f);
		for (unsigned i = 0; i < 3; i++)
			turn(f);
	}
	/* Rings that are put in order work again, when answers to what lay in them have been sent. */
	bool answered = false;
	for (unsigned i = 0; i < NWORKERS; i++)
		punt_reset(&f->punts[i]);
	assert_true(punt(f, 0, 9, 0, 77));
	UNTIL(f, answered)
	{
		struct punt_record r;
		while (!answered && punt_take(&f->punts[0].down, &r))
			answered = wire_load16(r.message) == 9 && r.way_len == WAY_LEN;
	}
}

static void messages_that_are_no_questions_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct punt_record r;

	attach(f);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(punt(f, 0, 1, 0, 1));
		struct punt_record *wrong = &f->punts[0].up.records[i];
		if (i == 0)
			wrong->len = 0;
		else if (i == 1)
			wrong->len = 11;
		else
			wrong->message[2] |= 0x80;
	}
	assert_true(punt(f, 0, 2, 0, 1));
	expect_answer(f, 0, 2, REFUSED);
	assert_false(punt_take(&f->punts[0].down, &r));
	assert_int_equal(counter_read(f->counters, COUNTER_dropped_hand), 3);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char text[256] = "";

	f->sock = -1;
	strcpy(f->directory, "/tmp/anser-punted-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof f->path, "%s/dataplane.sock", f->directory);
	f->config = calloc(1, sizeof *f->config);
	f->config->dataplane_socket = f->path;
	atomic_init(&f->config->references, 1); /* never the last one */
	f->config->workers = NWORKERS;
	f->config->stopped_after_ms = 60000;
	f->config->udp_max_ipv4 = f->config->udp_max_ipv6 = 1232;
	f->counters = cacheline_new(sizeof *f->counters);
	f->source.counters = f->counters;
	f->source.current = test_empty_table(0, &f->writer);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	rcu_reader_begin();
	rcu_reader_offline();
	if (publisher_open(&f->loop, f->config, &f->publisher, text, sizeof text) < 0)
		fail_msg("%s", text);
	assert_int_equal(
		dispatch_open(&f->loop, f->config, &f->source, NULL, &f->dispatch), 0);
	assert_int_equal(
		punted_open(&f->loop, f->publisher, f->dispatch, f->counters, &f->punted),
		0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < f->nkept; i++)
		request_done(&f->kept[i]);
	hang_up(f);
	punted_close(&f->punted);
	dispatch_close(&f->dispatch);
	publisher_close(&f->publisher);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	rcu_reader_end();
	writer_close(&f->writer);
	(void)rmdir(f->directory);
	free(f->counters);
	free(f->config);
	free(f);
	return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(question_is_answered_by_the_worker_it_came_from),
		T(no_record_is_forgotten),
		T(client_has_few_requests_under_way),
		T(rest_waits_in_the_rings),
		T(answers_wait_for_room),
		T(answer_to_one_that_has_gone_goes_nowhere),
		T(scribbled_rings_are_survived),
		T(messages_that_are_no_questions_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
