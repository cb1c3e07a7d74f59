/*
 * Publication against readers: a writer that commits changes to many names at once, and to the
 * set of names, while readers answer bursts. Each commit gives every name of the zone the same
 * number; a burst reads one snapshot, so all of its answers must carry one number, and numbers
 * must never go back. After each commit another change is prepared, sometimes one that makes the
 * hash grow, and taken back: its number must never be seen. Run under ThreadSanitizer it also
 * proves that no reader touches memory that is being written.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/zone/zonefile.h"
#include "shared/rcu.h"
#include "shared/rrtype.h"
#include "tests/harness.h"

enum {
	READERS = 2,
	COMMITS = 60,
	NAMES = 400, /* of which the upper half come and go */
	STEADY = NAMES / 2,
	GROWING = 4 * NAMES,
	BURST = 16,
	ROOM = 1024,
	NEVER = 0x8000, /* numbers from here on are never published */
};

static struct harness *h;
static atomic_bool stop;
static atomic_uint bursts;
static atomic_uint mixed;
static atomic_uint backwards;
static atomic_uint strange;

static size_t make_text(char *text, unsigned number, unsigned names)
{
	size_t len =
		(size_t)sprintf(text, "@ 60 SOA ns h %u 1 1 1 60\n@ 60 NS ns\n", number);

	for (unsigned i = 0; i < names; i++)
		len += (size_t)sprintf(text + len, "n%u 60 A 10.0.%u.%u\n", i,
		                       number >> 8 & 255, number & 255);
	return len;
}

/* The number in an answer with one A record. */
static int answer_number(const struct pkt *p)
{
	if (p->len < 16 || (p->dns[3] & 15) != 0 || p->dns[7] != 1)
		return -1;
	return p->dns[p->len - 2] << 8 | p->dns[p->len - 1];
}

static void fill_burst(uint8_t (*room)[ROOM], struct pkt *pkts, unsigned from)
{
	for (unsigned i = 0; i < BURST; i++) {
		char name[64];
		snprintf(name, sizeof name, "n%u.x.example.", (from + i * 7) % STEADY);
		struct question q = {.name = name, .type = RRTYPE_A};
		pkts[i] = (struct pkt){
			.dns = room[i],
			.len = (uint16_t)harness_query(&q, room[i]),
			.room = ROOM,
			.client.is_ipv4 = 1,
		};
	}
}

static void check_burst(const struct pkt *pkts, int *newest)
{
	int first = answer_number(&pkts[0]);

	if (first < 0 || first >= NEVER)
		atomic_fetch_add_explicit(&strange, 1, memory_order_relaxed);
	for (unsigned i = 1; i < BURST; i++)
		if (answer_number(&pkts[i]) != first)
			atomic_fetch_add_explicit(&mixed, 1, memory_order_relaxed);
	if (first < *newest)
		atomic_fetch_add_explicit(&backwards, 1, memory_order_relaxed);
	*newest = first;
	atomic_fetch_add_explicit(&bursts, 1, memory_order_relaxed);
}

static void *reader(void *arg)
{
	struct counters *counters = arg;
	struct responder *r = responder_new(counters);
	uint8_t(*room)[ROOM] = calloc(BURST, ROOM);
	struct pkt pkts[BURST];
	int newest = 0;
	unsigned from = 0;

	rcu_reader_begin();
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		fill_burst(room, pkts, from++);
		respond_burst(r, rcu_look(h->committer.source.current), 1, pkts, BURST);
		rcu_reader_quiet();
		check_burst(pkts, &newest);
	}
	rcu_reader_end();
	responder_free(r);
	free(room);
	return NULL;
}

static unsigned names_of(unsigned number)
{
	return number % 2 ? NAMES : STEADY + number % STEADY;
}

static void load(char *text, unsigned number)
{
	make_text(text, number, names_of(number));
	assert_int_equal(harness_load(h, "x.example", text, NULL, NULL), 0);
}

static void prepare_and_abandon(char *text, unsigned number)
{
	struct committer *c = &h->committer;
	struct contents *contents = NULL;
	struct commit_report report;
	uint8_t apex[NAME_MAX_LEN];
	struct diag diag;

	diag_init(&diag);
	harness_name("x.example", apex);
	size_t len = make_text(text, NEVER + number, number % 8 ? STEADY : GROWING);
	assert_int_equal(zonefile_parse(text, len, "test", apex, &contents, &diag), 0);
	assert_int_equal(commit_begin(c), 0);
	assert_int_equal(commit_zone_contents(c, registry_find(c->registry, apex),
	                                      contents, NULL, &report),
	                 0);
	commit_abandon(c);
	assert_int_equal(committer_tick(c), 0);
	contents_free(contents);
	diag_fini(&diag);
}

static void every_burst_sees_one_commit(void **unused)
{
	static struct counters counters[READERS];
	char *text = malloc((size_t)(GROWING + 2) * 64);
	pthread_t threads[READERS];
	struct writer_usage usage;

	(void)unused;
	h = harness_open();
	load(text, 1);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &counters[i]),
		                 0);
	for (unsigned i = 2; i < COMMITS; i++) {
		load(text, i);
		prepare_and_abandon(text, i);
		if (i % 20 == 0)
			assert_int_equal(committer_rebuild(&h->committer), 0);
	}
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(committer_tick(&h->committer), 0);
	writer_usage(h->committer.writer, &usage);
	print_message("%u bursts\n", atomic_load_explicit(&bursts, memory_order_relaxed));
	assert_int_equal(atomic_load_explicit(&mixed, memory_order_relaxed), 0);
	assert_int_equal(atomic_load_explicit(&backwards, memory_order_relaxed), 0);
	assert_int_equal(atomic_load_explicit(&strange, memory_order_relaxed), 0);
	assert_true(atomic_load_explicit(&bursts, memory_order_relaxed) > READERS);
	assert_int_equal(usage.retired, 0);
	harness_close(h);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_burst_sees_one_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
