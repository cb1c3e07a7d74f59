/*
 * Tables and slots are exchanged under workers that read them as fast as they can. A worker that
 * looked at a table after it was let go would read unmapped memory, or another table's mark; and
 * ThreadSanitizer would see a responder used after it was freed.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/io/mem.h"
#include "dataplane/test_table.h"
#include "dataplane/view.h"
#include "dataplane/worker.h"
#include "shared/rcu.h"

enum { NWORKERS = 3, SWITCHES = 400, BURST = 8 };

/* ---- a responder that looks at all that a worker may look at ---- */

struct responder {
	struct counters *counters;
	uint64_t uses;
	uint64_t newest;
};

static _Atomic uint64_t mistakes;

struct responder *responder_new(struct counters *counters)
{
	struct responder *r = calloc(1, sizeof *r);

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
	if (r)
		memset(r, 0xff, sizeof *r);
	free(r);
}

void respond_burst(struct responder *r, const struct table *table, uint32_t now,
                   struct pkt pkts[], unsigned n)
{
	uint64_t generation = table->header->generation;

	(void)now;
	(void)pkts;
	if (test_table_mark(table) != generation || generation < r->newest)
		atomic_fetch_add_explicit(&mistakes, 1, memory_order_relaxed);
	r->newest = generation;
	r->uses++;
	counter_add(r->counters, COUNTER_queries, n);
}

/* ---- the test ---- */

struct stress {
	struct views views;
	struct io_mem mem;
	struct io_config io;
	_Atomic bool stop;
	struct worker workers[NWORKERS];
	struct segment slots_segment;
	struct slots *slots;
};

static void set_table(struct stress *s, uint64_t generation)
{
	struct segment t;

	assert_true(test_table_make(generation, &t));
	assert_int_equal(views_set_table(&s->views, dup(t.fd), generation), 0);
	segment_close(&t);
}

static void set_slots(struct stress *s)
{
	segment_close(&s->slots_segment);
	assert_int_equal(slots_create(&s->slots_segment), 0);
	assert_int_equal(slots_attach(&s->slots_segment, &s->slots), 0);
	assert_int_equal(
		views_set_slots(&s->views, dup(s->slots_segment.fd), 3, NWORKERS), 0);
}

static void start(struct stress *s, uint64_t total)
{
	static const uint8_t query[12] = {0};
	static const struct io_mem_message message = {.bytes = query,
	                                              .len = sizeof query};
	char text[64];

	views_init(&s->views);
	set_slots(s);
	set_table(s, 1);
	s->mem = (struct io_mem){
		.messages = &message, .count = 1, .total = total, .burst = BURST};
	s->io = (struct io_config){.wake_fd = eventfd(0, EFD_NONBLOCK), .mem = &s->mem};
	for (unsigned i = 0; i < NWORKERS; i++) {
		struct worker *w = &s->workers[i];
		*w = (struct worker){.index = i,
		                     .cpu = WORKER_ANY_CPU,
		                     .ops = &io_mem_ops,
		                     .views = &s->views,
		                     .stop = &s->stop};
		assert_int_equal(w->ops->open(&s->io, NULL, i, &w->io, text, sizeof text),
		                 0);
		assert_int_equal(worker_start(w), 0);
	}
}

static void stop(struct stress *s)
{
	uint64_t one = 1;

	atomic_store_explicit(&s->stop, true, memory_order_relaxed);
	assert_int_equal(write(s->io.wake_fd, &one, sizeof one), sizeof one);
	for (unsigned i = 0; i < NWORKERS; i++) {
		worker_join(&s->workers[i]);
		s->workers[i].ops->close(&s->workers[i].io);
	}
	close(s->io.wake_fd);
}

static void finish(struct stress *s)
{
	views_fini(&s->views);
	segment_close(&s->slots_segment);
	free(s);
}

static uint64_t queries(const struct stress *s)
{
	uint64_t sum[COUNTER_COUNT] = {0};

	slots_add(&s->slots->attachments[3], sum);
	return sum[COUNTER_queries];
}

/* Waits until every worker has counted something in the slots of now. */
static void wait_for_all(const struct stress *s)
{
	for (unsigned i = 0; i < NWORKERS; i++) {
		const struct counters *c = &s->slots->attachments[3].workers[i];
		while (counter_read(c, COUNTER_queries) == 0)
			usleep(100);
	}
}

static void no_worker_sees_a_table_that_was_let_go(void **state)
{
	struct stress *s = calloc(1, sizeof *s);

	(void)state;
	s->slots_segment.fd = -1;
	start(s, UINT64_MAX);
	for (uint64_t generation = 2; generation < SWITCHES; generation++) {
		set_table(s, generation);
		if (generation % 8 == 0)
			wait_for_all(s);
		if (generation % 16 == 0)
			set_slots(s);
	}
	wait_for_all(s);
	stop(s);
	assert_int_equal(atomic_load_explicit(&mistakes, memory_order_relaxed), 0);
	finish(s);
}

static void no_count_is_lost_when_slots_are_exchanged(void **state)
{
	enum { TOTAL = 400000 };
	struct stress *s = calloc(1, sizeof *s);

	(void)state;
	s->slots_segment.fd = -1;
	start(s, TOTAL);
	for (unsigned i = 0; i < 50; i++)
		set_slots(s);
	while (queries(s) < (uint64_t)NWORKERS * TOTAL)
		usleep(1000);
	stop(s);
	assert_int_equal(queries(s), (uint64_t)NWORKERS * TOTAL);
	finish(s);
}

/* Workers that wait for packets are offline: nobody waits for them. */
static void idle_workers_do_not_hold_up_a_grace_period(void **state)
{
	struct stress *s = calloc(1, sizeof *s);

	(void)state;
	s->slots_segment.fd = -1;
	start(s, BURST);
	while (queries(s) < (uint64_t)NWORKERS * BURST)
		usleep(1000);
	for (unsigned i = 0; i < 1000; i++)
		rcu_wait();
	stop(s);
	finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_worker_sees_a_table_that_was_let_go),
		cmocka_unit_test(no_count_is_lost_when_slots_are_exchanged),
		cmocka_unit_test(idle_workers_do_not_hold_up_a_grace_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
