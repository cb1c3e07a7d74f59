#include "dataplane/io/dpdk/port.h"

#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "dataplane/io/dpdk/steer.h"
#include "shared/err.h"

enum {
	CACHE = 256, /* buffers that each thread keeps for itself */
	SMALL_PAGE = 4096,
	EXCEPTION_SHARE = 2 * EXCEPTION_RING +
	                  512, /* buffers on their way to and from the kernel */
};

static int refuse(const struct port *p, char *text, size_t size, const char *what,
                  int reason)
{
	snprintf(text, size, "port %s: %s: %s", p->name, what, rte_strerror(-reason));
	return ERR_REFUSED;
}

/* ---- buffers ---- */

/* All descriptors of all queues may hold one at once, every thread its cache, and a burst each. */
static unsigned buffers(const struct io_config *config)
{
	unsigned queue = 2U * config->settings->descriptors + CACHE * 2 + 2 * BURST_MAX;

	return config->workers * queue + EXCEPTION_SHARE;
}

/* How large a buffer is. */
struct shape {
	size_t room;    /* bytes for a frame and what is before it */
	unsigned flags; /* of the pool */
};

static bool is_af_xdp(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_af_xdp") == 0;
}

/* AF_XDP is told of one piece of memory, and its driver reckons that all buffers lie there one
 * behind the other. But no buffer lies across two pages, so where their size leaves gaps some are
 * beyond the end: what they hold is never sent, and they are lost. Buffers of a small page each,
 * all in all, leave no gaps in pages of any size. */
static struct shape choose_shape(const struct port *p,
                                 const struct rte_eth_dev_info *info)
{
	const size_t before = RTE_CACHE_LINE_SIZE + sizeof(struct rte_mbuf);
	size_t frame = p->rules.mtu + FRAME_LINK_MAX + RTE_ETHER_CRC_LEN;
	size_t room =
		RTE_PKTMBUF_HEADROOM + RTE_MAX(frame, (size_t)RTE_MBUF_DEFAULT_DATAROOM);

	if (is_af_xdp(info) && before + room <= SMALL_PAGE)
		return (struct shape){SMALL_PAGE - before, RTE_MEMPOOL_F_NO_SPREAD};
	return (struct shape){room, 0};
}

/* The exception thread may be preempted while it gives buffers back; a pool of the usual kind
 * would make workers wait for it. */
static int fill_pool(struct rte_mempool *pool, size_t room)
{
	struct rte_pktmbuf_pool_private private = {
		.mbuf_data_room_size = (uint16_t)room,
	};

	int err = rte_mempool_set_ops_byname(pool, "ring_mt_rts", NULL);
	if (err != 0)
		return err;
	rte_pktmbuf_pool_init(pool, &private);
	int n = rte_mempool_populate_default(pool);
	if (n < 0)
		return n;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return 0;
}

static int make_pool(struct port *p, const struct rte_eth_dev_info *info,
                     const struct io_config *config, char *text, size_t size)
{
	const struct shape shape = choose_shape(p, info);
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof name, "anser-%u", (unsigned)p->id);
	p->pool = rte_mempool_create_empty(
		name, buffers(config), (unsigned)(sizeof(struct rte_mbuf) + shape.room),
		CACHE, sizeof(struct rte_pktmbuf_pool_private),
		rte_eth_dev_socket_id(p->id), shape.flags);
	int err = p->pool == NULL ? -rte_errno : fill_pool(p->pool, shape.room);
	return err == 0 ? 0 : refuse(p, text, size, "no memory for buffers", err);
}

/* ---- queues ---- */

static int check_queues(const struct port *p, const struct rte_eth_dev_info *info,
                        const struct io_config *config, char *text, size_t size)
{
	unsigned most = info->max_rx_queues < info->max_tx_queues ? info->max_rx_queues
	                                                          : info->max_tx_queues;

	if (config->workers <= most)
		return 0;
	snprintf(
		text, size,
		"port %s: it has %u queues for %u workers: give server.workers at most as "
		"many, or the port more queues",
		p->name, most, config->workers);
	return ERR_REFUSED;
}

/* Only offloads that cost nothing: the driver of many a card has its fastest way of sending
 * without any. */
static struct rte_eth_conf
port_conf(const struct port *p, const struct rte_eth_dev_info *info, unsigned workers)
{
	const uint64_t sums =
		RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	const uint64_t spread =
		RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |
		RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP |
		RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
	struct rte_eth_conf conf = {0};

	conf.rxmode.mtu = p->rules.mtu;
	conf.rxmode.offloads = sums & info->rx_offload_capa;
	conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE & info->tx_offload_capa;
	if (workers > 1 && (info->flow_type_rss_offloads & spread)) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & spread;
	}
	return conf;
}

static int set_up_queues(struct port *p, const struct rte_eth_dev_info *info,
                         const struct io_config *config, char *text, size_t size)
{
	unsigned node = (unsigned)rte_eth_dev_socket_id(p->id);
	struct rte_eth_conf conf = port_conf(p, info, config->workers);
	struct rte_eth_rxconf rx = info->default_rxconf;
	struct rte_eth_txconf tx = info->default_txconf;
	uint16_t in = config->settings->descriptors;
	uint16_t out = config->settings->descriptors;
	uint16_t workers = (uint16_t)config->workers;

	int err = rte_eth_dev_configure(p->id, workers, workers, &conf);
	if (err == 0)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &in, &out);
	if (err != 0)
		return refuse(p, text, size, "cannot be configured", err);
	rx.offloads = conf.rxmode.offloads;
	tx.offloads = conf.txmode.offloads;
	for (uint16_t q = 0; q < workers; q++) {
		err = rte_eth_rx_queue_setup(p->id, q, in, node, &rx, p->pool);
		if (err == 0)
			err = rte_eth_tx_queue_setup(p->id, q, out, node, &tx);
		if (err != 0)
			return refuse(p, text, size, "a queue cannot be set up", err);
	}
	return 0;
}

/* ---- the port ---- */

static uint32_t link_mtu(uint16_t id)
{
	uint16_t mtu;

	return rte_eth_dev_get_mtu(id, &mtu) == 0 && mtu > 0 ? mtu : RTE_ETHER_MTU;
}

static int open_exception(struct port *p, const struct io_config *config, char *text,
                          size_t size)
{
	enum io_exception kind = (enum io_exception)config->settings->exception;

	if (kind == IO_EXCEPTION_NONE || p->steers)
		return 0;
	return exception_open(&p->exception, p->id, kind, p->pool, text, size);
}

int port_open(struct port *p, uint16_t id, const struct io_config *config, char *text,
              size_t text_size)
{
	struct rte_eth_dev_info info;
	char why[160];

	memset(p, 0, sizeof *p);
	p->id = id;
	if (rte_eth_dev_get_name_by_port(id, p->name) != 0)
		snprintf(p->name, sizeof p->name, "%u", (unsigned)id);
	int err = rte_eth_dev_info_get(id, &info);
	if (err != 0)
		return refuse(p, text, text_size, "cannot be asked", err);
	TRY(check_queues(p, &info, config, text, text_size));
	err = frame_rules_init(&p->rules, config->listen, config->listen_count,
	                       link_mtu(id), why, sizeof why);
	if (err != 0) {
		snprintf(text, text_size, "port %s: %s", p->name, why);
		return err;
	}
	p->steers = steer_can(&info);
	p->keeps_buffers = is_af_xdp(&info);
	TRY(make_pool(p, &info, config, text, text_size));
	TRY(set_up_queues(p, &info, config, text, text_size));
	return open_exception(p, config, text, text_size);
}

int port_start(struct port *p, const struct io_config *config, char *text,
               size_t text_size)
{
	int err = p->steers ? steer_isolate(p->id) : 0;

	if (err == 0)
		err = rte_eth_dev_start(p->id);
	if (err != 0)
		return refuse(p, text, text_size, "cannot be started", err);
	p->started = true;
	/* Neighbours ask for IPv6 addresses by multicast; not every driver can, or needs to. */
	(void)rte_eth_allmulticast_enable(p->id);
	if (!p->steers)
		return 0;
	err = steer_queries(p->id, config);
	return err == 0 ? 0
	                : refuse(p, text, text_size, "queries cannot be steered to it",
	                         err);
}

unsigned port_close(struct port *p)
{
	unsigned lost = 0;

	if (p->started)
		(void)rte_eth_dev_stop(p->id);
	exception_close(&p->exception);
	(void)rte_eth_dev_close(p->id);
	if (p->pool != NULL) {
		lost = p->keeps_buffers ? 0 : rte_mempool_in_use_count(p->pool);
		rte_mempool_free(p->pool);
	}
	memset(p, 0, sizeof *p);
	return lost;
}

void port_describe(const struct port *p, struct ipc_port *out)
{
	struct rte_eth_stats stats = {0};
	struct rte_eth_link link = {0};

	(void)rte_eth_stats_get(p->id, &stats);
	(void)rte_eth_link_get_nowait(p->id, &link);
	memset(out, 0, sizeof *out);
	snprintf(out->name, sizeof out->name, "%.*s", IPC_NAME_SIZE - 1, p->name);
	out->up = link.link_status == RTE_ETH_LINK_UP;
	out->speed = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	out->rx_packets = stats.ipackets;
	out->rx_bytes = stats.ibytes;
	out->rx_missed = stats.imissed;
	out->rx_errors = stats.ierrors;
	out->rx_nobuf = stats.rx_nombuf;
	out->tx_packets = stats.opackets;
	out->tx_bytes = stats.obytes;
	out->tx_errors = stats.oerrors;
}
