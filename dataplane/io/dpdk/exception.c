#include "dataplane/io/dpdk/exception.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>

#include "shared/err.h"

enum {
	FRAMES = 32, /* moved at a time */
	QUEUE = 512,
	NUMBERS_MAX = 256,
	PAUSE_MIN_NS = 50 * 1000,
	PAUSE_MAX_NS = 1000 * 1000,
};

/* ---- the thread ---- */

static unsigned to_interface(const struct exception *e)
{
	struct rte_mbuf *frames[FRAMES];
	unsigned n = rte_ring_dequeue_burst(e->to_kernel, (void **)frames, FRAMES, NULL);
	unsigned sent = n ? rte_eth_tx_burst(e->id, 0, frames, (uint16_t)n) : 0;

	if (sent < n)
		rte_pktmbuf_free_bulk(frames + sent, n - sent);
	return n;
}

static unsigned from_interface(const struct exception *e)
{
	struct rte_mbuf *frames[FRAMES];
	unsigned n = rte_eth_rx_burst(e->id, 0, frames, FRAMES);
	unsigned put = rte_ring_enqueue_burst(e->from_kernel, (void **)frames, n, NULL);

	if (put < n)
		rte_pktmbuf_free_bulk(frames + put, n - put);
	return n;
}

/* Looks often while there is something, seldom when there has been nothing for long. */
static void *run(void *arg)
{
	struct exception *e = arg;
	struct timespec pause = {.tv_nsec = PAUSE_MIN_NS};

	while (!atomic_load_explicit(&e->stop, memory_order_relaxed)) {
		if (to_interface(e) + from_interface(e) > 0) {
			pause.tv_nsec = PAUSE_MIN_NS;
			continue;
		}
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < PAUSE_MAX_NS)
			pause.tv_nsec += pause.tv_nsec / 16;
	}
	return NULL;
}

/* ---- the interface ---- */

static int refuse(char *text, size_t size, const char *interface, const char *what,
                  int reason)
{
	snprintf(text, size, "interface %s: %s: %s", interface, what,
	         rte_strerror(-reason));
	return ERR_REFUSED;
}

static void choose_name(char name[static IF_NAMESIZE])
{
	for (unsigned i = 0; i < NUMBERS_MAX; i++) {
		snprintf(name, IF_NAMESIZE, "anser%u", i);
		if (if_nametoindex(name) == 0)
			return;
	}
}

static bool is_virtio(enum io_exception kind)
{
	if (kind == IO_EXCEPTION_AUTO)
		return access("/dev/vhost-net", R_OK | W_OK) == 0;
	return kind == IO_EXCEPTION_VIRTIO_USER;
}

static int make_device(struct exception *e, uint16_t port, enum io_exception kind)
{
	struct rte_ether_addr mac;
	char mac_text[RTE_ETHER_ADDR_FMT_SIZE];
	char args[160];
	bool virtio = is_virtio(kind);

	int err = rte_eth_macaddr_get(port, &mac);
	if (err != 0)
		return err;
	rte_ether_format_addr(mac_text, sizeof mac_text, &mac);
	snprintf(e->device, sizeof e->device, "%s%s",
	         virtio ? "virtio_user_" : "net_tap_", e->interface);
	snprintf(args, sizeof args, "%siface=%s,mac=%s",
	         virtio ? "path=/dev/vhost-net,queues=1,queue_size=1024," : "",
	         e->interface, mac_text);
	err = rte_eal_hotplug_add("vdev", e->device, args);
	if (err != 0)
		return err;
	e->has_interface = true;
	return rte_eth_dev_get_port_by_name(e->device, &e->id);
}

static int start_device(const struct exception *e, uint16_t port,
                        struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {0};
	uint16_t mtu = RTE_ETHER_MTU;
	int node = rte_eth_dev_socket_id(port);
	int err = rte_eth_dev_configure(e->id, 1, 1, &conf);

	if (err == 0)
		err = rte_eth_rx_queue_setup(e->id, 0, QUEUE, (unsigned)node, NULL, pool);
	if (err == 0)
		err = rte_eth_tx_queue_setup(e->id, 0, QUEUE, (unsigned)node, NULL);
	if (err == 0 && rte_eth_dev_get_mtu(port, &mtu) == 0)
		(void)rte_eth_dev_set_mtu(e->id, mtu);
	return err == 0 ? rte_eth_dev_start(e->id) : err;
}

static struct rte_ring *make_ring(const struct exception *e, const char *direction,
                                  unsigned flags)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof name, "%s-%s", e->interface, direction);
	return rte_ring_create(name, EXCEPTION_RING, SOCKET_ID_ANY, flags);
}

int exception_open(struct exception *e, uint16_t port, enum io_exception kind,
                   struct rte_mempool *pool, char *text, size_t text_size)
{
	memset(e, 0, sizeof *e);
	choose_name(e->interface);
	int err = make_device(e, port, kind);
	if (err != 0)
		return refuse(text, text_size, e->interface,
		              "cannot be made for what is not a query (dpdk.exception)",
		              err);
	err = start_device(e, port, pool);
	if (err != 0)
		return refuse(text, text_size, e->interface, "cannot be started", err);
	/* A worker may be preempted amid its enqueue; RTS lets the others go on. */
	e->to_kernel = make_ring(e, "in", RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
	e->from_kernel = make_ring(e, "out", RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (e->to_kernel == NULL || e->from_kernel == NULL)
		return refuse(text, text_size, e->interface, "no memory for its rings",
		              -rte_errno);
	if (pthread_create(&e->thread, NULL, run, e) != 0)
		return refuse(text, text_size, e->interface, "no thread for it",
		              -rte_errno);
	e->runs = true;
	return 0;
}

static void free_ring(struct rte_ring **ring)
{
	struct rte_mbuf *frame;

	if (*ring == NULL)
		return;
	while (rte_ring_dequeue(*ring, (void **)&frame) == 0)
		rte_pktmbuf_free(frame);
	rte_ring_free(*ring);
	*ring = NULL;
}

void exception_close(struct exception *e)
{
	if (e->runs) {
		atomic_store_explicit(&e->stop, true, memory_order_relaxed);
		pthread_join(e->thread, NULL);
	}
	free_ring(&e->to_kernel);
	free_ring(&e->from_kernel);
	if (e->has_interface) {
		(void)rte_eth_dev_stop(e->id);
		(void)rte_eth_dev_close(e->id);
	}
	memset(e, 0, sizeof *e);
}
