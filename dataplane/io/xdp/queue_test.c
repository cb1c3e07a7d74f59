#include <string.h>

/* cmocka.h needs these before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "dataplane/io/xdp/queue.h"

enum {
	CHUNK = 2048,
	CHUNKS = 32,
	RX = 16,
	TX = 8,
	COMPLETION = 8,
	BURST = 5,
	HEADROOM = 256
};

/* The kernel's half of a socket: what it has taken from fill, and what it has to send. */
struct kernel {
	struct ring fill;
	struct ring rx;
	struct ring tx;
	struct ring completion;
	uint64_t free[CHUNKS]; /* taken from fill, no frame in them yet */
	unsigned nfree;
	uint64_t flying[CHUNKS]; /* taken from tx, not completed */
	unsigned nflying;
};

struct index {
	_Atomic uint32_t producer;
	_Atomic uint32_t consumer;
	_Atomic uint32_t flags;
};

struct fixture {
	struct queue q;
	struct kernel k;
	struct index index[4];
	uint64_t fill[CHUNKS];
	uint64_t completion[COMPLETION];
	struct xdp_desc rx[RX];
	struct xdp_desc tx[TX];
	uint32_t seed;
};

static struct ring ring_over(struct index *index, void *entries, uint32_t size,
                             uint32_t at)
{
	atomic_store_explicit(&index->producer, at, memory_order_relaxed);
	atomic_store_explicit(&index->consumer, at, memory_order_relaxed);
	atomic_store_explicit(&index->flags, 0, memory_order_relaxed);
	return (struct ring){.producer = &index->producer,
	                     .consumer = &index->consumer,
	                     .flags = &index->flags,
	                     .addrs = entries,
	                     .size = size,
	                     .ours = at,
	                     .theirs = at};
}

/* All indices begin at at; the chunks are in fill. */
static void begin(struct fixture *f, uint32_t at)
{
	memset(f, 0, sizeof *f);
	f->seed = 1;
	f->q.fill = ring_over(&f->index[0], f->fill, CHUNKS, at);
	f->q.rx = ring_over(&f->index[1], f->rx, RX, at);
	f->q.tx = ring_over(&f->index[2], f->tx, TX, at);
	f->q.completion = ring_over(&f->index[3], f->completion, COMPLETION, at);
	f->q.umem = (struct umem){.chunk = CHUNK, .count = CHUNKS};
	f->q.fd = -1;
	f->k = (struct kernel){.fill = f->q.fill,
	                       .rx = f->q.rx,
	                       .tx = f->q.tx,
	                       .completion = f->q.completion};
	for (uint32_t i = 0; i < CHUNKS; i++)
		queue_return(&f->q, (uint64_t)i * CHUNK);
	ring_produced(&f->q.fill);
}

static uint32_t draw(struct fixture *f, uint32_t below)
{
	f->seed = f->seed * 1664525 + 1013904223;
	return (f->seed >> 16) % below;
}

/* ---- the kernel ---- */

/* Up to n frames come. Gives how many found a chunk and room in rx. */
static unsigned kernel_receives(struct kernel *k, unsigned n)
{
	unsigned came = 0;

	while (came < n) {
		if (k->nfree == 0 && ring_ready(&k->fill, 1) == 1) {
			k->free[k->nfree++] =
				k->fill.addrs[ring_at(&k->fill, k->fill.ours++)];
			ring_consumed(&k->fill);
		}
		if (k->nfree == 0 || ring_room(&k->rx, 1) == 0)
			break;
		k->rx.descs[ring_at(&k->rx, k->rx.ours++)] = (struct xdp_desc){
			.addr = k->free[--k->nfree] + HEADROOM, .len = 64};
		ring_produced(&k->rx);
		came++;
	}
	return came;
}

/* Takes up to n from tx, and completes up to done, not in order. */
static void kernel_sends(struct fixture *f, unsigned n, unsigned done)
{
	struct kernel *k = &f->k;

	for (; n > 0 && ring_ready(&k->tx, 1) == 1 && k->nflying < COMPLETION; n--) {
		k->flying[k->nflying++] = k->tx.descs[ring_at(&k->tx, k->tx.ours++)].addr;
		ring_consumed(&k->tx);
	}
	for (; done > 0 && k->nflying > 0 && ring_room(&k->completion, 1) > 0; done--) {
		unsigned which = draw(f, k->nflying);
		k->completion.addrs[ring_at(&k->completion, k->completion.ours++)] =
			k->flying[which];
		k->flying[which] = k->flying[--k->nflying];
		ring_produced(&k->completion);
	}
}

/* ---- the books ---- */

static void see(bool seen[CHUNKS], uint64_t addr)
{
	assert_true(addr / CHUNK < CHUNKS);
	assert_false(seen[addr / CHUNK]);
	seen[addr / CHUNK] = true;
}

/* Every chunk is in exactly one place, and nobody holds one. */
static void check_all_are_there(struct fixture *f)
{
	bool seen[CHUNKS] = {false};
	struct kernel *k = &f->k;

	for (uint32_t i = k->fill.ours; i != f->q.fill.ours; i++)
		see(seen, f->fill[i % CHUNKS]);
	for (unsigned i = 0; i < k->nfree; i++)
		see(seen, k->free[i]);
	for (uint32_t i = f->q.rx.ours; i != k->rx.ours; i++)
		see(seen, f->rx[i % RX].addr);
	for (uint32_t i = k->tx.ours; i != f->q.tx.ours; i++)
		see(seen, f->tx[i % TX].addr);
	for (unsigned i = 0; i < k->nflying; i++)
		see(seen, k->flying[i]);
	for (uint32_t i = f->q.completion.ours; i != k->completion.ours; i++)
		see(seen, f->completion[i % COMPLETION]);
	for (unsigned i = 0; i < CHUNKS; i++)
		assert_true(seen[i]);
	assert_int_equal(queue_held(&f->q), 0);
	assert_int_equal(queue_receiving(&f->q) + queue_sending(&f->q), CHUNKS);
}

/* One burst of a worker: each third frame is dropped, the others sent. Gives how many could not
 * be. */
static unsigned work(struct fixture *f)
{
	uint64_t held[BURST];
	unsigned unsent = 0;

	queue_reclaim(&f->q);
	uint32_t n = queue_ready(&f->q, BURST);
	for (uint32_t i = 0; i < n; i++)
		held[i] = queue_received(&f->q, i)->addr;
	queue_take(&f->q, n);
	assert_int_equal(queue_held(&f->q), n);
	for (uint32_t i = 0; i < n; i++) {
		if (draw(f, 3) == 0) {
			queue_return(&f->q, held[i]);
		} else if (!queue_send(&f->q, held[i], 60)) {
			queue_return(&f->q, held[i]);
			unsent++;
		}
	}
	queue_flush(&f->q);
	return unsent;
}

/* ---- the cases ---- */

static void no_chunk_is_lost_in_a_million_frames(void **state)
{
	static struct fixture f;
	unsigned received = 0;

	(void)state;
	begin(&f, UINT32_MAX - 500000);
	for (unsigned step = 0; received < 1000000; step++) {
		received += kernel_receives(&f.k, draw(&f, 2 * BURST));
		work(&f);
		kernel_sends(&f, draw(&f, 2 * BURST), draw(&f, 2 * BURST));
		if (step % 64 == 0)
			check_all_are_there(&f);
	}
	while (queue_sending(&f.q) > 0) {
		kernel_sends(&f, TX, TX);
		queue_reclaim(&f.q);
	}
	check_all_are_there(&f);
	assert_int_equal(queue_receiving(&f.q), CHUNKS);
}

static void card_that_sends_nothing_leaves_half_to_receive(void **state)
{
	static struct fixture f;
	unsigned received = 0;
	unsigned unsent = 0;

	(void)state;
	begin(&f, 7);
	for (unsigned i = 0; i < 1000; i++) {
		received += kernel_receives(&f.k, BURST);
		unsent += work(&f);
		kernel_sends(&f, TX, 0);
		check_all_are_there(&f);
	}
	assert_int_equal(received, 1000 * BURST);
	assert_true(unsent > 0);
	assert_int_equal(queue_sending(&f.q), TX + COMPLETION);
	assert_true(queue_receiving(&f.q) >= CHUNKS / 2);
	assert_true(queue_is_behind(&f.q));

	kernel_sends(&f, TX, COMPLETION);
	kernel_sends(&f, TX, 0);
	queue_reclaim(&f.q);
	kernel_sends(&f, 0, COMPLETION);
	queue_reclaim(&f.q);
	assert_false(queue_is_behind(&f.q));
	assert_int_equal(queue_receiving(&f.q), CHUNKS);
	check_all_are_there(&f);
}

static void worker_that_is_away_gets_what_fits_rx(void **state)
{
	static struct fixture f;

	(void)state;
	begin(&f, UINT32_MAX);
	assert_int_equal(kernel_receives(&f.k, 1000), RX);
	assert_int_equal(kernel_receives(&f.k, 1000), 0);
	check_all_are_there(&f);
	for (unsigned i = 0; i < RX / BURST + 1; i++) {
		work(&f);
		kernel_sends(&f, TX, TX);
	}
	assert_int_equal(queue_ready(&f.q, 1), 0);
	assert_int_equal(kernel_receives(&f.k, 1000), RX);
	check_all_are_there(&f);
}

/* As many as are set aside are sent, and once the card has done so they are there again. */
static void spare_chunks_come_back_before_others(void **state)
{
	static struct fixture f;
	uint64_t addr;

	(void)state;
	begin(&f, 3);
	f.q.fill.ours = f.q.fill.theirs = 3;
	atomic_store_explicit(&f.index[0].producer, 3, memory_order_relaxed);
	for (uint32_t i = 0; i < CHUNKS; i++)
		if (i < 2)
			f.q.spare[f.q.spares++] = (uint64_t)i * CHUNK;
		else
			queue_return(&f.q, (uint64_t)i * CHUNK);
	ring_produced(&f.q.fill);
	assert_int_equal(queue_held(&f.q), 0);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 2; i++) {
			assert_true(queue_has_spare(&f.q, &addr));
			assert_int_equal(addr % CHUNK, HEADROOM);
			assert_true(queue_send_spare(&f.q, 60));
		}
		assert_false(queue_has_spare(&f.q, &addr));
		queue_flush(&f.q);
		assert_int_equal(kernel_receives(&f.k, 1), 1);
		assert_int_equal(work(&f), 0);
		kernel_sends(&f, TX, TX);
		queue_reclaim(&f.q);
		assert_int_equal(f.q.spares, 2);
		assert_int_equal(f.q.owed, 0);
		assert_int_equal(queue_held(&f.q), 0);
	}
}

static void returned_chunk_is_whole_again(void **state)
{
	static struct fixture f;

	(void)state;
	begin(&f, 0);
	kernel_receives(&f.k, 1);
	assert_int_equal(queue_ready(&f.q, BURST), 1);
	uint64_t addr = queue_received(&f.q, 0)->addr;
	assert_int_equal(addr % CHUNK, HEADROOM);
	queue_take(&f.q, 1);
	queue_return(&f.q, addr);
	assert_int_equal(f.fill[ring_at(&f.q.fill, f.q.fill.ours - 1)], addr - HEADROOM);
}

static void lost_chunk_shows_in_the_books(void **state)
{
	static struct fixture f;

	(void)state;
	begin(&f, 0);
	kernel_receives(&f.k, 2);
	queue_take(&f.q, queue_ready(&f.q, BURST));
	assert_int_equal(queue_held(&f.q), 2);
}

static void closing_what_was_not_opened_is_allowed(void **state)
{
	struct queue q = {.fd = -1};
	struct xdp_statistics s;

	(void)state;
	queue_close(&q);
	queue_close(&q);
	assert_true(queue_statistics(&q, &s) < 0);
}

static void interface_that_is_not_there_is_refused_with_a_reason(void **state)
{
	struct queue q;
	char text[256] = "";
	const struct queue_options options = {.ifindex = INT32_MAX, .chunk = CHUNK};

	(void)state;
	assert_true(queue_open(&q, &options, text, sizeof text) < 0);
	assert_string_not_equal(text, "");
	assert_int_equal(q.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_chunk_is_lost_in_a_million_frames),
		cmocka_unit_test(card_that_sends_nothing_leaves_half_to_receive),
		cmocka_unit_test(worker_that_is_away_gets_what_fits_rx),
		cmocka_unit_test(spare_chunks_come_back_before_others),
		cmocka_unit_test(returned_chunk_is_whole_again),
		cmocka_unit_test(lost_chunk_shows_in_the_books),
		cmocka_unit_test(closing_what_was_not_opened_is_allowed),
		cmocka_unit_test(interface_that_is_not_there_is_refused_with_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
