/*
 * The DPDK back end. Each worker polls its own queue of every port in turn; a burst comes from one
 * port and its replies leave by the same. Queries are answered where they lie; what is not a query
 * goes to the port's exception interface, and what cannot be answered back to its pool.
 *
 * A worker is a thread of ours that registers with DPDK, so that it has a cache of each pool, and
 * never sleeps unless the configuration says so (dpdk.idle).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include "dataplane/io/dpdk/eal.h"
#include "dataplane/io/dpdk/port.h"
#include "dataplane/io/frame.h"
#include "dataplane/io/io.h"
#include "shared/cacheline.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	AHEAD = 12,      /* frames whose first lines are asked for before they are read */
	FIRST_LINES = 2, /* headers and most questions */
	PATIENCE = 100000, /* tries to send what the link has no room for: some 5 ms */
	AWAKE = 2000,      /* empty polls before the first pause */
	PAUSE_MIN = 2000,  /* ns */
	PAUSE_MAX = 250000,
};

struct io_device {
	unsigned nports;
	struct port ports[PORTS_MAX];
};

struct dpdk {
	struct io io;
	struct io_device *device;
	uint16_t queue;
	bool is_registered;
	unsigned turn; /* the port of the burst that is lent, or of the next */
	unsigned empty_polls;
	long pause;
	bool is_stuck[PORTS_MAX]; /* waiting for it was in vain */
	struct rte_mbuf *lent[BURST_MAX];
};

/* ---- the device ---- */

static void dpdk_stop(struct io_device **device)
{
	struct io_device *d = *device;

	*device = NULL;
	for (unsigned i = 0; i < d->nports; i++) {
		char name[RTE_ETH_NAME_MAX_LEN];
		snprintf(name, sizeof name, "%s", d->ports[i].name);
		unsigned lost = port_close(&d->ports[i]);
		if (lost > 0)
			log_warning("port %s: %u buffers were lost", name, lost);
	}
	free(d);
	eal_stop();
}

/* The names wanted that no port has would be served by nobody. */
static int check_names(const char *list, char *text, size_t text_size)
{
	char name[IO_NAMES_SIZE];
	uint16_t id;

	while (io_names_next(&list, name)) {
		if (rte_eth_dev_get_port_by_name(name, &id) == 0)
			continue;
		snprintf(text, text_size, "port %s: EAL has found no such port", name);
		return ERR_REFUSED;
	}
	return 0;
}

/* Which ports there are is settled before the first is opened: exception interfaces are ports to
 * DPDK, too. */
static unsigned choose_ports(const char *list, uint16_t ids[static PORTS_MAX])
{
	char name[RTE_ETH_NAME_MAX_LEN];
	unsigned n = 0;

	for (uint64_t id = rte_eth_find_next(0); id < RTE_MAX_ETHPORTS && n < PORTS_MAX;
	     id = rte_eth_find_next((uint16_t)(id + 1))) {
		if (rte_eth_dev_get_name_by_port((uint16_t)id, name) == 0 &&
		    (list[0] == '\0' || io_names_have(list, name)))
			ids[n++] = (uint16_t)id;
	}
	return n;
}

static int open_ports(struct io_device *d, const struct io_config *config, char *text,
                      size_t text_size)
{
	uint16_t ids[PORTS_MAX];

	TRY(check_names(config->settings->ports, text, text_size));
	unsigned n = choose_ports(config->settings->ports, ids);
	if (n == 0) {
		snprintf(text, text_size,
		         "EAL has found no port: is the card bound to vfio-pci "
		         "and named by -a in dpdk.eal?");
		return ERR_REFUSED;
	}
	for (unsigned i = 0; i < n; i++) {
		d->nports = i + 1;
		TRY(port_open(&d->ports[i], ids[i], config, text, text_size));
	}
	for (unsigned i = 0; i < n; i++)
		TRY(port_start(&d->ports[i], config, text, text_size));
	return 0;
}

/* "net_memif0 (kernel: anser0), ..." */
static void say_ports(const struct io_device *d, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < d->nports && len < size; i++) {
		const struct port *p = &d->ports[i];
		const char *kernel = p->steers                  ? "shared with its driver"
		                     : p->exception.interface[0] ? p->exception.interface
		                                                 : "none";
		len += (size_t)snprintf(text + len, size - len, "%s%s (kernel: %s)",
		                        i ? ", " : "", p->name, kernel);
	}
}

static int dpdk_start(const struct io_config *config, struct io_device **out, char *text,
                      size_t text_size)
{
	struct io_device *d = calloc(1, sizeof *d);

	if (d == NULL) {
		snprintf(text, text_size, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	int err = eal_start(config->settings->eal, text, text_size);
	if (err != 0) {
		free(d);
		return err;
	}
	err = open_ports(d, config, text, text_size);
	if (err != 0) {
		dpdk_stop(&d);
		return err;
	}
	say_ports(d, text, text_size);
	*out = d;
	return 0;
}

static void dpdk_ports(struct io_device *device, struct ipc_ports *out)
{
	out->count = (uint16_t)device->nports;
	for (unsigned i = 0; i < device->nports; i++)
		port_describe(&device->ports[i], &out->port[i]);
}

/* ---- a worker's part ---- */

static int dpdk_open(const struct io_config *config, struct io_device *device,
                     unsigned worker, struct io **out, char *text, size_t text_size)
{
	struct dpdk *d = cacheline_new(sizeof *d);

	if (d == NULL) {
		snprintf(text, text_size, "dpdk: %s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	d->device = device;
	d->queue = (uint16_t)worker;
	d->io.polls = config->settings->idle != IO_IDLE_SLEEP;
	d->io.naps = true;
	*out = &d->io;
	return 0;
}

/* Without a place among DPDK's lcores it has no cache of buffers: slower, but right. */
static void dpdk_enter(struct io *io)
{
	struct dpdk *d = (struct dpdk *)(void *)io;

	d->is_registered = rte_thread_register() == 0;
	if (!d->is_registered)
		log_warning("worker %u: DPDK has no lcore left for it",
		            (unsigned)d->queue);
	if (!d->io.polls)
		(void)prctl(PR_SET_TIMERSLACK, 1);
}

static void dpdk_leave(struct io *io)
{
	const struct dpdk *d = (const struct dpdk *)(const void *)io;

	if (d->is_registered)
		rte_thread_unregister();
}

static void dpdk_close(struct io **io)
{
	free(*io);
	*io = NULL;
}

/* ---- receiving ---- */

static ALWAYS_INLINE unsigned sums_checked(const struct rte_mbuf *m)
{
	uint64_t ip = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	uint64_t udp = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	return (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD ? FRAME_IPV4_SUM_GOOD : 0) |
	       (udp == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? FRAME_UDP_SUM_GOOD : 0);
}

/* One that came in several pieces is no query: ours are small. */
static ALWAYS_INLINE enum frame_verdict read_frame(const struct port *port,
                                                   struct rte_mbuf *m, struct pkt *p)
{
	if (unlikely(m->nb_segs > 1))
		return FRAME_KERNEL;
	return frame_read(&port->rules, rte_pktmbuf_mtod(m, uint8_t *), m->data_len,
	                  sums_checked(m), p);
}

NEVER_INLINE static void drop(struct dpdk *d, struct rte_mbuf *m, enum frame_verdict why)
{
	io_note(&d->io, frame_event(why), 1);
	rte_pktmbuf_free(m);
}

NEVER_INLINE static void give_to_kernel(struct dpdk *d, struct port *port,
                                        struct rte_mbuf **frames, unsigned n)
{
	unsigned taken = exception_put(&port->exception, frames, n);

	io_note(&d->io, IO_TO_KERNEL, taken);
	io_note(&d->io, IO_KERNEL_FULL, n - taken);
	if (taken < n)
		rte_pktmbuf_free_bulk(frames + taken, n - taken);
}

/* For writing: the reply goes where the query lies. */
static ALWAYS_INLINE void ask_for(const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	for (unsigned line = 0; line < FIRST_LINES; line++)
		prefetch_write(frame + (size_t)line * CACHE_LINE);
}

HOT static unsigned read_burst(struct dpdk *d, struct port *port, struct rte_mbuf **in,
                               unsigned n, struct pkt pkts[static BURST_MAX])
{
	struct rte_mbuf *others[BURST_MAX];
	unsigned nothers = 0;
	unsigned kept = 0;

	for (unsigned i = 0; i < n && i < AHEAD; i++)
		ask_for(in[i]);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			ask_for(in[i + AHEAD]);
		enum frame_verdict v = read_frame(port, in[i], &pkts[kept]);
		if (likely(v == FRAME_QUERY)) {
			pkts[kept].io = kept;
			d->lent[kept++] = in[i];
		} else if (v == FRAME_KERNEL) {
			others[nothers++] = in[i];
		} else {
			drop(d, in[i], v);
		}
	}
	if (unlikely(nothers > 0))
		give_to_kernel(d, port, others, nothers);
	return kept;
}

NEVER_INLINE static void send_for_kernel(struct dpdk *d, const struct port *port,
                                         struct rte_mbuf **frames, unsigned n)
{
	unsigned sent = rte_eth_tx_burst(port->id, 0, frames, (uint16_t)n);

	io_note(&d->io, IO_FROM_KERNEL, sent);
	io_note(&d->io, IO_UNSENT, n - sent);
	if (sent < n)
		rte_pktmbuf_free_bulk(frames + sent, n - sent);
}

HOT static unsigned dpdk_rx(struct io *io, struct pkt pkts[static BURST_MAX])
{
	struct dpdk *d = (struct dpdk *)(void *)io;
	struct rte_mbuf *frames[BURST_MAX];
	unsigned nports = d->device->nports;

	for (unsigned tried = 0; tried < nports; tried++) {
		d->turn = d->turn + 1 < nports ? d->turn + 1 : 0;
		struct port *port = &d->device->ports[d->turn];
		unsigned n = d->queue == 0
		                     ? exception_take(&port->exception, frames, BURST_MAX)
		                     : 0;
		if (unlikely(n > 0))
			send_for_kernel(d, port, frames, n);
		n = rte_eth_rx_burst(port->id, d->queue, frames, BURST_MAX);
		if (n == 0)
			continue;
		d->empty_polls = 0;
		unsigned kept = read_burst(d, port, frames, n, pkts);
		if (likely(kept > 0))
			return kept;
	}
	return 0;
}

/* ---- sending ---- */

/* Where the way out is full for a moment, waiting costs less than the work that was done for these
 * replies; what comes in meanwhile waits in its queue, or is lost there, which is cheaper. A port
 * that stays full for as long as that is not waited for again before it takes something: others
 * have their turn. */
NEVER_INLINE static void send_patiently(struct dpdk *d, struct rte_mbuf **out, unsigned n)
{
	const struct port *port = &d->device->ports[d->turn];
	unsigned patience = d->is_stuck[d->turn] ? 0 : PATIENCE;
	unsigned sent = 0;

	for (unsigned tries = 0; sent < n && tries < patience; tries++) {
		rte_pause();
		sent += rte_eth_tx_burst(port->id, d->queue, out + sent,
		                         (uint16_t)(n - sent));
	}
	d->is_stuck[d->turn] = sent < n;
	if (sent < n) {
		io_note(&d->io, IO_UNSENT, n - sent);
		rte_pktmbuf_free_bulk(out + sent, n - sent);
	}
}

HOT static void dpdk_tx(struct io *io, struct pkt pkts[], unsigned n)
{
	struct dpdk *d = (struct dpdk *)(void *)io;
	const struct port *port = &d->device->ports[d->turn];
	struct rte_mbuf *out[BURST_MAX];
	unsigned total = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = d->lent[pkts[i].io];
		if (unlikely(pkts[i].len == 0)) {
			rte_pktmbuf_free(m);
			continue;
		}
		size_t len = frame_reply(rte_pktmbuf_mtod(m, uint8_t *), &pkts[i]);
		m->data_len = (uint16_t)len;
		m->pkt_len = (uint32_t)len;
		m->ol_flags = 0;
		out[total++] = m;
	}
	unsigned sent = rte_eth_tx_burst(port->id, d->queue, out, (uint16_t)total);
	d->is_stuck[d->turn] &= sent == 0;
	if (unlikely(sent < total))
		send_patiently(d, out + sent, total - sent);
}

/* ---- replies that come later ----
 *
 * A way is the number of the port and the headers of the query's frame.
 */

STATIC_ASSERT(1 + FRAME_HEADERS_MAX <= IO_WAY_MAX, "it fits in any way");

static unsigned dpdk_way(struct io *io, const struct pkt *p,
                         uint8_t way[static IO_WAY_MAX])
{
	const struct dpdk *d = (const struct dpdk *)(const void *)io;

	way[0] = (uint8_t)d->turn;
	return 1 + frame_headers(rte_pktmbuf_mtod(d->lent[p->io], const uint8_t *), p,
	                         way + 1);
}

static bool dpdk_send(struct io *io, const uint8_t *way, unsigned way_len,
                      const uint8_t *message, uint16_t len)
{
	const struct dpdk *d = (const struct dpdk *)(const void *)io;
	size_t n = 0;

	if (way_len == 0 || way[0] >= d->device->nports)
		return false;
	const struct port *port = &d->device->ports[way[0]];
	struct rte_mbuf *m = rte_pktmbuf_alloc(port->pool);
	if (m == NULL)
		return false;
	if (way_len + len <= rte_pktmbuf_tailroom(m))
		n = frame_reply_with(&port->rules, rte_pktmbuf_mtod(m, uint8_t *),
		                     way + 1, way_len - 1, message, len);
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	if (n > 0 && rte_eth_tx_burst(port->id, d->queue, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

/* ---- waiting ---- */

static void dpdk_idle(struct io *io)
{
	struct dpdk *d = (struct dpdk *)(void *)io;

	if (d->io.polls || ++d->empty_polls < AWAKE) {
		d->pause = PAUSE_MIN;
		rte_pause();
		return;
	}
	const struct timespec pause = {.tv_nsec = d->pause};
	(void)nanosleep(&pause, NULL);
	if (d->pause < PAUSE_MAX)
		d->pause += d->pause / 4;
}

const struct io_ops io_dpdk = {
	.name = "dpdk",
	.start = dpdk_start,
	.open = dpdk_open,
	.enter = dpdk_enter,
	.leave = dpdk_leave,
	.rx = dpdk_rx,
	.tx = dpdk_tx,
	.way = dpdk_way,
	.send = dpdk_send,
	.idle = dpdk_idle,
	.close = dpdk_close,
	.ports = dpdk_ports,
	.stop = dpdk_stop,
};
