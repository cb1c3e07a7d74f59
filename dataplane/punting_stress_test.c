/*
 * Eight workers on the memory back end hand over every other message, as fast as they can, to a control
 * plane played by the test, which answers what it gets. Workers end up asleep, so that the last answers
 * have to wake them. Half-way the slots are exchanged under all of them.
 */
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/punting.h"

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/io/mem.h"
#include "dataplane/io/nudge.h"
#include "dataplane/test_table.h"
#include "dataplane/view.h"
#include "dataplane/worker.h"
#include "shared/clock.h"

enum { NWORKERS = 8, TOTAL = 20000, BURST = 8, SLOT = 2, SOON_MS = 60000 };
enum { LEN = 40, ANSWER_LEN = 80, HANDED = 1, ANSWERED = 0xaa, RELAYED = 0xbb };

/* ---- a responder that hands over what is marked so ---- */

struct responder {
	struct counters *counters;
	responder_hand *hand;
	void *arg;
};

struct responder *responder_new(struct counters *counters)
{
	struct responder *r = calloc(1, sizeof *r);

	r->counters = counters;
	return r;
}

void responder_free(struct responder *r)
{
	free(r);
}

void responder_log_to(struct responder *r, struct qlog_ring *ring)
{
	(void)r;
	(void)ring;
}

void responder_hand_to(struct responder *r, responder_hand *hand, void *arg)
{
	r->hand = hand;
	r->arg = arg;
}

void respond_burst(struct responder *r, const struct table *table, uint32_t now,
                   struct pkt pkts[], unsigned n)
{
	(void)table;
	(void)now;
	for (unsigned i = 0; i < n; i++) {
		bool handed = pkts[i].dns[0] == HANDED;
		if (handed)
			counter_add(r->counters,
			            r->hand(r->arg, &pkts[i]) ? COUNTER_handed_over
			                                      : COUNTER_dropped_hand,
			            1);
		pkts[i].len = handed ? 0 : LEN;
		pkts[i].dns[0] = ANSWERED;
	}
}

/* ---- the test ---- */

struct seat {
	struct io_mem mem;
	struct io_config config;
	struct worker worker;
	_Atomic unsigned answered;
	_Atomic unsigned silent;
	_Atomic unsigned relayed;
	_Atomic unsigned wrong;
};

struct stress {
	struct views views;
	_Atomic bool stop;
	_Atomic bool attended;
	int wake;
	int bell;
	int nudges[NWORKERS];
	struct segment segment;
	struct slots *slots;
	struct seat seats[NWORKERS];
	unsigned taken;
};

static void see(void *arg, uint64_t index, const struct pkt *p)
{
	struct seat *s = arg;

	if (p->len == 0)
		atomic_fetch_add_explicit(&s->silent, 1, memory_order_relaxed);
	else if (p->len == LEN && p->dns[0] == ANSWERED && index % 2 == 0)
		atomic_fetch_add_explicit(&s->answered, 1, memory_order_relaxed);
	else if (p->len == ANSWER_LEN && p->dns[0] == RELAYED && index % 2 == 1)
		atomic_fetch_add_explicit(&s->relayed, 1, memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&s->wrong, 1, memory_order_relaxed);
}

static struct punt *punt_of(const struct stress *s, unsigned i)
{
	return &s->slots->punts[SLOT][i];
}

/* Workers move to new slots; what was on its way through the old ones is lost. */
static void set_slots(struct stress *s)
{
	segment_close(&s->segment);
	assert_int_equal(slots_create(&s->segment), 0);
	assert_int_equal(slots_attach(&s->segment, &s->slots), 0);
	for (unsigned i = 0; i < NWORKERS; i++)
		punt_reset(punt_of(s, i));
	assert_int_equal(views_set_slots(&s->views, dup(s->segment.fd), SLOT, NWORKERS),
	                 0);
}

static void set_table(struct stress *s)
{
	struct segment t;

	assert_true(test_table_make(1, &t));
	assert_int_equal(views_set_table(&s->views, dup(t.fd), 1), 0);
	segment_close(&t);
}

static void start_worker(struct stress *s, unsigned i)
{
	static const uint8_t plain[LEN] = {0};
	static const uint8_t handed[LEN] = {HANDED};
	static const struct io_mem_message messages[2] = {
		{.bytes = plain, .len = LEN, .client.port = 1},
		{.bytes = handed, .len = LEN, .client.port = 2}};
	struct seat *seat = &s->seats[i];
	char text[64];

	seat->mem = (struct io_mem){.messages = messages,
	                            .count = 2,
	                            .total = TOTAL,
	                            .burst = BURST,
	                            .sink = see,
	                            .arg = seat};
	seat->config = (struct io_config){
		.wake_fd = s->wake, .nudge_fds = s->nudges, .mem = &seat->mem};
	seat->worker = (struct worker){.index = i,
	                               .cpu = WORKER_ANY_CPU,
	                               .ops = &io_mem_ops,
	                               .views = &s->views,
	                               .stop = &s->stop,
	                               .attended = &s->attended,
	                               .bell = s->bell};
	assert_int_equal(io_mem_ops.open(&seat->config, NULL, i, &seat->worker.io, text,
	                                 sizeof text),
	                 0);
	views_hand_to(&s->views, i, punting_up, &seat->worker);
}

/* As the control plane would, and then housekeeping. */
static void send_down(struct stress *s, unsigned i, const struct punt_record *in)
{
	struct punt_record *to = punt_reserve(&punt_of(s, i)->down);

	if (!to)
		abort();
	memcpy(to, in, sizeof *to);
	to->len = ANSWER_LEN;
	to->message[0] = RELAYED;
	if (punt_commit(&punt_of(s, i)->down))
		nudge(s->nudges[i]);
}

static bool serve(struct stress *s, unsigned i)
{
	struct punt_record r;
	bool any = false;

	while (punt_reserve(&punt_of(s, i)->down) && punt_take(&punt_of(s, i)->up, &r)) {
		assert_int_equal(r.len, LEN);
		assert_int_equal(r.port, 2);
		assert_int_equal(r.message[0], HANDED);
		s->taken++;
		send_down(s, i, &r);
		any = true;
	}
	return any;
}

static uint64_t sum(const struct stress *s, enum counter_index counter)
{
	uint64_t all[COUNTER_COUNT] = {0};

	slots_add(&s->slots->attachments[SLOT], all);
	return all[counter];
}

/* Everything has been received, what could be handed over has been answered, and that has been sent. */
static bool is_done(const struct stress *s, uint64_t relayed_before)
{
	unsigned received = 0;

	for (unsigned i = 0; i < NWORKERS; i++)
		received +=
			atomic_load_explicit(&s->seats[i].answered, memory_order_relaxed);
	for (unsigned i = 0; i < NWORKERS; i++) {
		if (punt_waits(&punt_of(s, i)->up))
			return false;
	}
	return received == NWORKERS * TOTAL / 2 &&
	       sum(s, COUNTER_relayed) - relayed_before == s->taken;
}

/* false: it took too long, so that a wake-up must have been lost. */
static bool serve_until_done(struct stress *s, uint64_t relayed_before)
{
	struct pollfd bell = {.fd = s->bell, .events = POLLIN};
	uint64_t end = clock_now_ms() + SOON_MS;

	while (!is_done(s, relayed_before)) {
		bool any = false;
		bool sleeps = true;
		for (unsigned i = 0; i < NWORKERS; i++)
			any |= serve(s, i);
		for (unsigned i = 0; !any && i < NWORKERS; i++)
			sleeps &= punt_sleep(&punt_of(s, i)->up);
		if (any || !sleeps)
			continue;
		/* What is done shows in counters, for which no bell is rung. */
		if (poll(&bell, 1, 5) > 0)
			nudge_taken(&bell);
		if (clock_now_ms() > end)
			return false;
	}
	return true;
}

static void stop(struct stress *s)
{
	atomic_store_explicit(&s->stop, true, memory_order_relaxed);
	nudge(s->wake);
	for (unsigned i = 0; i < NWORKERS; i++) {
		worker_join(&s->seats[i].worker);
		io_mem_ops.close(&s->seats[i].worker.io);
		close(s->nudges[i]);
	}
	views_fini(&s->views);
	segment_close(&s->segment);
	close(s->wake);
	close(s->bell);
}

static void begin(struct stress *s, bool attended)
{
	s->segment.fd = -1;
	atomic_store(&s->attended, attended);
	s->wake = eventfd(0, EFD_NONBLOCK);
	s->bell = eventfd(0, EFD_NONBLOCK);
	views_init(&s->views);
	for (unsigned i = 0; i < NWORKERS; i++) {
		s->nudges[i] = eventfd(0, EFD_NONBLOCK);
		start_worker(s, i);
	}
	set_slots(s);
	set_table(s);
	for (unsigned i = 0; i < NWORKERS; i++)
		assert_int_equal(worker_start(&s->seats[i].worker), 0);
}

static void check_seats(const struct stress *s)
{
	for (unsigned i = 0; i < NWORKERS; i++) {
		const struct seat *seat = &s->seats[i];
		assert_int_equal(atomic_load(&seat->wrong), 0);
		assert_int_equal(atomic_load(&seat->answered), TOTAL / 2);
		assert_int_equal(atomic_load(&seat->silent), TOTAL / 2);
	}
}

static void what_was_handed_over_is_answered_or_counted(void **state)
{
	struct stress *s = calloc(1, sizeof *s);
	unsigned relayed = 0;

	(void)state;
	begin(s, true);
	assert_true(serve_until_done(s, 0));
	assert_int_equal(s->taken, sum(s, COUNTER_handed_over));
	assert_int_equal(sum(s, COUNTER_handed_over) + sum(s, COUNTER_dropped_hand),
	                 NWORKERS * TOTAL / 2);
	assert_int_equal(sum(s, COUNTER_dropped_relay), 0);
	check_seats(s);
	for (unsigned i = 0; i < NWORKERS; i++)
		relayed += atomic_load(&s->seats[i].relayed);
	assert_int_equal(relayed, s->taken);
	stop(s);
	free(s);
}

/* Nothing is kept for a control plane that may come one day. */
static void what_nobody_takes_is_not_handed_over(void **state)
{
	struct stress *s = calloc(1, sizeof *s);

	(void)state;
	begin(s, false);
	assert_true(serve_until_done(s, 0));
	assert_int_equal(sum(s, COUNTER_handed_over), 0);
	assert_int_equal(sum(s, COUNTER_dropped_hand), NWORKERS * TOTAL / 2);
	check_seats(s);
	stop(s);
	free(s);
}

/* As when the control plane is killed with records in the rings, and another one comes. */
static void slots_are_exchanged_with_records_in_the_rings(void **state)
{
	struct stress *s = calloc(1, sizeof *s);

	(void)state;
	begin(s, true);
	for (unsigned i = 0; i < NWORKERS; i++)
		(void)serve(s, i);
	for (unsigned n = 0; n < 20; n++) {
		set_slots(s);
		for (unsigned i = 0; i < NWORKERS; i++)
			(void)serve(s, i);
	}
	/* Counts are carried over, what was taken from rings of before is not sent any more. */
	set_slots(s);
	s->taken = 0;
	assert_true(serve_until_done(
		s, counter_read(&s->slots->attachments[SLOT].carried, COUNTER_relayed)));
	assert_int_equal(sum(s, COUNTER_handed_over) + sum(s, COUNTER_dropped_hand),
	                 NWORKERS * TOTAL / 2);
	check_seats(s);
	stop(s);
	free(s);
}

/* Whatever lies in the rings, workers neither crash nor send it anywhere. */
static void scribbled_rings_are_survived(void **state)
{
	struct stress *s = calloc(1, sizeof *s);

	(void)state;
	begin(s, true);
	assert_true(serve_until_done(s, 0));
	uint64_t relayed = sum(s, COUNTER_relayed);
	for (unsigned i = 0; i < NWORKERS; i++) {
		struct punt_ring *down = &punt_of(s, i)->down;
		for (unsigned n = 0; n < 4; n++) {
			struct punt_record *r = punt_reserve(down);
			if (!r)
				abort();
			memset(r, 0xff, sizeof *r);
			r->len = n == 0 ? 0 : LEN;
			r->way_len = (uint8_t)(n == 1 ? 255 : n);
			r->room = 0;
			r->is_ipv4 = 0;
			(void)punt_commit(down);
		}
		nudge(s->nudges[i]);
	}
	for (uint64_t end = clock_now_ms() + SOON_MS;
	     sum(s, COUNTER_dropped_relay) < (uint64_t)3 * NWORKERS;) {
		assert_true(clock_now_ms() < end);
		usleep(1000);
	}
	assert_int_equal(sum(s, COUNTER_relayed), relayed);
	check_seats(s);
	stop(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_handed_over_is_answered_or_counted),
		cmocka_unit_test(what_nobody_takes_is_not_handed_over),
		cmocka_unit_test(slots_are_exchanged_with_records_in_the_rings),
		cmocka_unit_test(scribbled_rings_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
