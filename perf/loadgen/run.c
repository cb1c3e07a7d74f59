/*
 * Open loop: time alone says when a packet is due. A turn takes what has come in, works out how
 * many packets are due by now, and hands over that many, so that a slow peer, a full link and a
 * generator that was held up each show in a count of their own, and none of them as fewer queries
 * asked for:
 *
 *      due = offered (the link took it) + refused (the link was full) + skipped (came too late)
 *
 * Frames are stamped before they are handed over. Those that the link does not take wait for the
 * next turn, whose first they are.
 */
#include "perf/loadgen/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "perf/loadgen/flight.h"

enum {
	PORT = 0,
	QUEUE = 0,
	POOL_CACHE = 512,
	RX_BURST = 64,
	LATE_MILLISECONDS = 2, /* what was due longer ago is skipped */
};

/* A frame that is stamped but not sent. */
struct ready {
	struct rte_mbuf *packets[OPTIONS_BURST_MAX];
	const struct frame *frames[OPTIONS_BURST_MAX];
	unsigned count;
};

struct run {
	const struct options *options;
	const struct queryset *set;
	size_t at; /* the next frame of the set */
	struct rte_mempool *pool;
	struct flight flight;
	struct ready ready;
	struct result *result;
	uint64_t
		first_measured; /* sequence number; replies to those before do not count */
	uint64_t replies;
	uint64_t due_since; /* ticks */
	uint64_t due_done;  /* packets since then that were sent, refused or skipped */
	double per_tick;    /* HUGE_VAL: always a burst */
	uint64_t timeout;   /* ticks */
	unsigned in_flight; /* 0: no limit */
};

volatile sig_atomic_t run_interrupted;

static bool start_port(struct run *run, char why[static WHY_MAX])
{
	const struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	uint16_t rx = (uint16_t)run->options->descriptors;
	uint16_t tx = rx;
	const char *step = "configure";

	int status = rte_eth_dev_configure(PORT, 1, 1, &conf);
	if (status == 0) {
		step = "number of descriptors";
		status = rte_eth_dev_adjust_nb_rx_tx_desc(PORT, &rx, &tx);
	}
	if (status == 0) {
		step = "receive queue";
		status = rte_eth_rx_queue_setup(PORT, QUEUE, rx, rte_socket_id(), NULL,
		                                run->pool);
	}
	if (status == 0) {
		step = "transmit queue";
		status = rte_eth_tx_queue_setup(PORT, QUEUE, tx, rte_socket_id(), NULL);
	}
	if (status == 0) {
		step = "start";
		status = rte_eth_dev_start(PORT);
	}
	if (status != 0)
		(void)snprintf(why, WHY_MAX, "the port: %s: %s", step,
		               rte_strerror(-status));
	else
		(void)rte_eth_promiscuous_enable(
			PORT); /* where it is not, the MAC must be right */
	return status == 0;
}

static bool wait_for_link(const struct run *run, char why[static WHY_MAX])
{
	uint64_t until = rte_get_timer_cycles() +
	                 (uint64_t)(run->options->link_wait * (double)rte_get_timer_hz());
	struct rte_eth_link link;

	do {
		if (rte_eth_link_get_nowait(PORT, &link) == 0 && link.link_status)
			return true;
		rte_delay_us_sleep(1000);
	} while (!run_interrupted && rte_get_timer_cycles() < until);
	(void)snprintf(why, WHY_MAX, "the link does not come up");
	return false;
}

static bool open_port(struct run *run, char why[static WHY_MAX])
{
	if (rte_eth_dev_count_avail() != 1) {
		(void)snprintf(why, WHY_MAX, "EAL has %u ports, and it must be one",
		               rte_eth_dev_count_avail());
		return false;
	}
	run->pool = rte_pktmbuf_pool_create("load", run->options->mbufs, POOL_CACHE, 0,
	                                    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!run->pool) {
		(void)snprintf(why, WHY_MAX, "%u packet buffers: %s", run->options->mbufs,
		               rte_strerror(rte_errno));
		return false;
	}
	return start_port(run, why) && wait_for_link(run, why);
}

struct run *run_open(const struct options *options, const struct queryset *set,
                     char why[static WHY_MAX])
{
	if (rte_eal_init(options->eal_argc, options->eal_argv) < 0) {
		(void)snprintf(why, WHY_MAX, "EAL does not start: %s",
		               rte_strerror(rte_errno));
		return NULL;
	}
	struct run *run = calloc(1, sizeof *run);
	if (!run)
		abort();
	run->options = options;
	run->set = set;
	run->timeout = (uint64_t)(options->timeout * (double)rte_get_tsc_hz());
	flight_init(&run->flight, options->queries.ends.ports, options->sample_every);
	if (!open_port(run, why))
		run_close(&run);
	return run;
}

void run_close(struct run **run)
{
	if (rte_eth_dev_is_valid_port(PORT)) {
		(void)rte_eth_dev_stop(PORT);
		(void)rte_eth_dev_close(PORT);
	}
	flight_fini(&(*run)->flight);
	rte_mempool_free((*run)->pool);
	free(*run);
	*run = NULL;
	(void)rte_eal_cleanup();
}

/* Which of its ends' ports is ours, as this peer sends it back. */
static enum frame_side side_of(enum frame_peer peer)
{
	return peer == FRAME_PEER_DNS || peer == FRAME_PEER_SWAPS_ALL
	               ? FRAME_OUR_PORT_IS_DEST
	               : FRAME_OUR_PORT_IS_SOURCE;
}

static NEVER_INLINE void check_sample(struct run *run, uint32_t slot,
                                      const struct rte_mbuf *m, uint64_t now)
{
	const struct flight_sample *sample = flight_sample(&run->flight, slot);
	enum frame_flaw flaw =
		frame_compare(sample->what, rte_pktmbuf_mtod(m, const uint8_t *),
	                      rte_pktmbuf_data_len(m), run->options->peer);

	run->result->checked++;
	run->result->flaws[flaw]++;
	histogram_add(&run->result->latency, now - sample->sent_at);
}

static ALWAYS_INLINE void take_one(struct run *run, const struct rte_mbuf *m,
                                   enum frame_side side, bool echo, uint64_t now)
{
	struct result *result = run->result;
	struct frame_reply reply;

	if (unlikely(!frame_read_reply(&run->options->queries.ends,
	                               rte_pktmbuf_mtod(m, const uint8_t *),
	                               rte_pktmbuf_data_len(m), side, &reply) ||
	             (!echo && !(reply.flags[0] & 0x80)))) {
		result->foreign++;
		return;
	}
	uint32_t slot = flight_slot_of(&run->flight, reply.id, reply.port_index);
	if (unlikely(!flight_settle(&run->flight, slot))) {
		result->unexpected++;
		return;
	}
	run->replies++;
	uint64_t sequence = flight_sequence(&run->flight, slot);
	if (sequence < run->first_measured)
		return;

	unsigned size_step = reply.dns_size / RESULT_SIZE_STEP;
	result->answered++;
	result->bytes += reply.dns_size;
	result->sizes[size_step < RESULT_SIZES ? size_step : RESULT_SIZES - 1]++;
	if (!echo) {
		result->rcodes[reply.flags[1] & 15]++;
		result->authoritative += reply.flags[0] >> 2 & 1;
		result->truncated += reply.flags[0] >> 1 & 1;
	}
	if (flight_is_sample(&run->flight, sequence))
		check_sample(run, slot, m, now);
}

static ALWAYS_INLINE void take_all(struct run *run, struct rte_mbuf **packets, unsigned n,
                                   enum frame_side side, bool echo)
{
	uint64_t now = rte_rdtsc();

	for (unsigned i = 0; i < n; i++)
		take_one(run, packets[i], side, echo, now);
}

/* Gives how many came in. */
static HOT unsigned receive(struct run *run)
{
	struct rte_mbuf *packets[RX_BURST];
	unsigned n = rte_eth_rx_burst(PORT, QUEUE, packets, RX_BURST);

	if (n == 0)
		return 0;
	if (run->options->peer == FRAME_PEER_DNS)
		take_all(run, packets, n, FRAME_OUR_PORT_IS_DEST, false);
	else if (side_of(run->options->peer) == FRAME_OUR_PORT_IS_DEST)
		take_all(run, packets, n, FRAME_OUR_PORT_IS_DEST, true);
	else
		take_all(run, packets, n, FRAME_OUR_PORT_IS_SOURCE, true);
	rte_pktmbuf_free_bulk(packets, n);
	return n;
}

/* Stamps more frames until so many are ready, or no buffer is left. */
static HOT void make_ready(struct run *run, unsigned wanted)
{
	struct ready *ready = &run->ready;
	const struct flight *flight = &run->flight;
	uint16_t first_port = run->options->queries.ends.first_port;

	if (wanted <= ready->count)
		return;
	if (unlikely(rte_pktmbuf_alloc_bulk(run->pool, ready->packets + ready->count,
	                                    wanted - ready->count) != 0)) {
		run->result->starved++;
		return;
	}
	for (unsigned i = ready->count; i < wanted; i++) {
		struct rte_mbuf *m = ready->packets[i];
		const struct frame *f = queryset_next(run->set, &run->at);
		uint32_t slot = flight_slot(flight, flight->next + i);

		frame_stamp(f, flight_id(flight, slot),
		            (uint16_t)(first_port + flight_port_index(flight, slot)),
		            rte_pktmbuf_mtod(m, uint8_t *));
		m->data_len = f->size;
		m->pkt_len = f->size;
		ready->frames[i] = f;
	}
	ready->count = wanted;
}

/* Gives how many of so many the link took. */
static HOT unsigned hand_over(struct run *run, unsigned n, uint64_t now)
{
	struct ready *ready = &run->ready;

	make_ready(run, n);
	if (n > ready->count)
		n = ready->count;
	unsigned taken = rte_eth_tx_burst(PORT, QUEUE, ready->packets, (uint16_t)n);
	for (unsigned i = 0; i < taken; i++)
		flight_send(&run->flight, now, ready->frames[i]);
	ready->count -= taken;
	for (unsigned i = 0; i < ready->count && taken; i++) {
		ready->packets[i] = ready->packets[taken + i];
		ready->frames[i] = ready->frames[taken + i];
	}
	return taken;
}

/* How many are due now, at most a burst; counts those that are too late. */
static unsigned due(struct run *run, uint64_t now)
{
	unsigned burst = run->options->burst;

	if (isinf(run->per_tick))
		return burst;
	uint64_t all = (uint64_t)((double)(now - run->due_since) * run->per_tick);
	uint64_t waiting = all - run->due_done;
	double late = run->per_tick * (double)rte_get_tsc_hz() * LATE_MILLISECONDS / 1000;
	uint64_t most = burst + (uint64_t)late;
	if (unlikely(waiting > most)) {
		run->result->skipped += waiting - most;
		run->due_done += waiting - most;
		waiting = most;
	}
	return waiting < burst ? (unsigned)waiting : burst;
}

/* Sends what is due. Gives how many the link took. */
static HOT unsigned send_due(struct run *run, uint64_t now)
{
	unsigned limit = run->in_flight;
	unsigned n = due(run, now);

	if (limit) {
		uint64_t under_way = flight_count(&run->flight);
		uint64_t room = under_way < limit ? limit - under_way : 0;
		n = n < room ? n : (unsigned)room;
	}
	if (n == 0)
		return 0;
	flight_make_room(&run->flight, n);
	unsigned taken = hand_over(run, n, now);
	run->result->offered += taken;
	if (!isinf(run->per_tick)) {
		/* What the limit holds back stays due, until it is too late. */
		run->result->refused += n - taken;
		run->due_done += n;
	}
	return taken;
}

/* Sends and receives until then. */
static HOT void turn_until(struct run *run, uint64_t end)
{
	uint64_t now = rte_rdtsc();

	while (now < end && !run_interrupted) {
		unsigned got = receive(run);
		flight_expire(&run->flight, now - run->timeout);
		unsigned sent = send_due(run, now);
		uint64_t before = now;
		now = rte_rdtsc();
		if (got == 0 && sent == 0)
			run->result->idle += now - before;
	}
}

/* Receives until nothing is under way, or all of it is lost. */
static void drain(struct run *run)
{
	uint64_t end = rte_rdtsc() + run->timeout;

	while (flight_count(&run->flight) && rte_rdtsc() < end)
		receive(run);
	flight_expire_all(&run->flight);
	rte_pktmbuf_free_bulk(run->ready.packets, run->ready.count);
	run->ready.count = 0;
}

static void begin_counting(struct run *run, const struct options_step *step)
{
	*run->result = (struct result){
		.asked = step->rate,
		.in_flight = run->in_flight,
	};
	run->result->ticks_a_second = (double)rte_get_tsc_hz();
	run->replies = 0;
	run->first_measured = run->flight.next;
}

bool run_step(struct run *run, const struct options_step *step, struct result *out)
{
	double ticks = (double)rte_get_tsc_hz();
	uint64_t start = rte_rdtsc();

	run->result = out;
	run->in_flight = step->in_flight ? step->in_flight : run->options->in_flight;
	run->per_tick = step->rate / ticks;
	run->due_since = start;
	run->due_done = 0;
	begin_counting(run, step);
	turn_until(run, start + (uint64_t)(run->options->warm_up * ticks));

	begin_counting(run, step);
	start = rte_rdtsc();
	turn_until(run, start + (uint64_t)(run->options->seconds * ticks));
	out->seconds = (double)(rte_rdtsc() - start) / ticks;
	out->in_time = run->replies;
	drain(run);
	return !run_interrupted;
}
