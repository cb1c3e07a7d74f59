#include "dataplane/io/xdp/queue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/err.h"

enum {
	/* Memory of a socket is let go some time after it was closed, and until then the queue is
	 * taken: after a process was killed its successor has to wait. */
	BIND_TRIES = 50,
	BIND_PAUSE_NS = 20000000,

	BUSY_POLL_US = 20,
	BUSY_POLL_BUDGET = 64,
};

/* Names that are younger than the C library's headers. */
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

/* ---- opening ---- */

static int refuse(const char *what, int reason, char *text, size_t text_size)
{
	const char *hint = "";

	if (reason == EPERM || reason == EACCES)
		hint = " (CAP_NET_RAW and CAP_NET_ADMIN are needed)";
	else if (reason == ENOBUFS || reason == ENOMEM)
		hint = " (the limit of locked memory, RLIMIT_MEMLOCK, may be too low)";
	else if (reason == EBUSY)
		hint = " (another program has an AF_XDP socket there)";
	else if (reason == EOPNOTSUPP)
		hint = " (the driver cannot do it)";
	snprintf(text, text_size, "%s: %s%s", what, strerror(reason), hint);
	return ERR_REFUSED;
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

static int size_rings(int fd)
{
	if (set(fd, SOL_XDP, XDP_UMEM_FILL_RING, QUEUE_FILL) != 0 ||
	    set(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, QUEUE_COMPLETION) != 0 ||
	    set(fd, SOL_XDP, XDP_RX_RING, QUEUE_RX) != 0)
		return -1;
	return set(fd, SOL_XDP, XDP_TX_RING, QUEUE_TX);
}

static int map_rings(struct queue *q)
{
	struct xdp_mmap_offsets at;
	socklen_t len = sizeof at;

	if (getsockopt(q->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &len) != 0)
		return ERR_SYSTEM;
	TRY(ring_map(&q->fill, q->fd, &at.fr, XDP_UMEM_PGOFF_FILL_RING, QUEUE_FILL,
	             sizeof(uint64_t)));
	TRY(ring_map(&q->completion, q->fd, &at.cr, XDP_UMEM_PGOFF_COMPLETION_RING,
	             QUEUE_COMPLETION, sizeof(uint64_t)));
	TRY(ring_map(&q->rx, q->fd, &at.rx, XDP_PGOFF_RX_RING, QUEUE_RX,
	             sizeof(struct xdp_desc)));
	return ring_map(&q->tx, q->fd, &at.tx, XDP_PGOFF_TX_RING, QUEUE_TX,
	                sizeof(struct xdp_desc));
}

static int set_up_memory(struct queue *q, const struct queue_options *o, char *text,
                         size_t text_size)
{
	if (umem_init(&q->umem, o->chunk, QUEUE_CHUNKS) != 0)
		return refuse("memory for frames", errno, text, text_size);
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)q->umem.base,
		.len = umem_bytes(&q->umem),
		.chunk_size = o->chunk,
	};
	if (setsockopt(q->fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof reg) != 0)
		return refuse("memory for frames", errno, text, text_size);
	if (size_rings(q->fd) != 0 || map_rings(q) != 0)
		return refuse("rings", errno, text, text_size);
	return 0;
}

static int set_busy_poll(int fd, char *text, size_t text_size)
{
	if (set(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, 1) != 0 ||
	    set(fd, SOL_SOCKET, SO_BUSY_POLL, BUSY_POLL_US) != 0 ||
	    set(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, BUSY_POLL_BUDGET) != 0)
		return refuse("busy polling", errno, text, text_size);
	return 0;
}

static int bind_to_queue(int fd, const struct queue_options *o, char *text,
                         size_t text_size)
{
	const struct timespec pause = {.tv_nsec = BIND_PAUSE_NS};
	const struct sockaddr_xdp sxdp = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = (uint16_t)(o->bind | XDP_USE_NEED_WAKEUP),
		.sxdp_ifindex = o->ifindex,
		.sxdp_queue_id = o->number,
	};

	for (unsigned i = 0; i < BIND_TRIES; i++) {
		if (bind(fd, (const struct sockaddr *)&sxdp, sizeof sxdp) == 0)
			return 0;
		if (errno != EBUSY)
			break;
		if (i + 1 < BIND_TRIES)
			(void)nanosleep(&pause, NULL);
		errno = EBUSY;
	}
	int reason = errno;
	char what[64];
	snprintf(what, sizeof what, "%squeue %u",
	         o->bind == XDP_ZEROCOPY ? "zero copy on " : "", o->number);
	return refuse(what, reason, text, text_size);
}

static int set_up(struct queue *q, const struct queue_options *o, char *text,
                  size_t text_size)
{
	struct xdp_options options = {0};
	socklen_t len = sizeof options;

	q->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (q->fd < 0)
		return refuse("AF_XDP socket", errno, text, text_size);
	TRY(set_up_memory(q, o, text, text_size));
	if (o->busy_poll)
		TRY(set_busy_poll(q->fd, text, text_size));
	for (uint32_t i = QUEUE_SPARES; i < QUEUE_CHUNKS; i++)
		queue_return(q, (uint64_t)i * o->chunk);
	for (; q->spares < QUEUE_SPARES; q->spares++)
		q->spare[q->spares] = (uint64_t)q->spares * o->chunk;
	ring_produced(&q->fill);
	TRY(bind_to_queue(q->fd, o, text, text_size));
	if (getsockopt(q->fd, SOL_XDP, XDP_OPTIONS, &options, &len) == 0)
		q->zero_copy = options.flags & XDP_OPTIONS_ZEROCOPY;
	q->busy_poll = o->busy_poll;
	return 0;
}

int queue_open(struct queue *q, const struct queue_options *options, char *text,
               size_t text_size)
{
	*q = (struct queue){.fd = -1};
	int err = set_up(q, options, text, text_size);
	if (err != 0)
		queue_close(q);
	return err;
}

void queue_close(struct queue *q)
{
	ring_unmap(&q->fill);
	ring_unmap(&q->completion);
	ring_unmap(&q->rx);
	ring_unmap(&q->tx);
	if (q->fd >= 0)
		close(q->fd);
	umem_fini(
		&q->umem); /* the kernel holds its pages until it has let go of the socket */
	q->fd = -1;
}

int queue_statistics(const struct queue *q, struct xdp_statistics *out)
{
	socklen_t len = sizeof *out;

	/* Older kernels know fewer and say how many. */
	memset(out, 0, sizeof *out);
	return getsockopt(q->fd, SOL_XDP, XDP_STATISTICS, out, &len) == 0 ? 0
	                                                                  : ERR_SYSTEM;
}

/* ---- moving chunks ---- */

/* Of n chunks that have been sent, the first few fill up what is set aside. Which ones does not matter. Gives
 * how many. */
NEVER_INLINE static uint32_t take_back_spares(struct queue *q, uint32_t n)
{
	const struct ring *done = &q->completion;
	uint32_t taken = n < q->owed ? n : q->owed;

	for (uint32_t i = 0; i < taken; i++)
		q->spare[q->spares++] = umem_chunk_of(
			&q->umem, done->addrs[ring_at(done, done->ours + i)]);
	q->owed -= taken;
	return taken;
}

HOT void queue_reclaim(struct queue *q)
{
	struct ring *done = &q->completion;
	uint32_t n = ring_ready(done, done->size);
	uint32_t i = 0;

	if (n == 0)
		return;
	if (unlikely(q->owed > 0))
		i = take_back_spares(q, n);
	for (; i < n; i++)
		queue_return(q, done->addrs[ring_at(done, done->ours + i)]);
	done->ours += n;
	ring_consumed(done);
	ring_produced(&q->fill);
}

/* Where frames are copied, one call sends a few dozen of them and says EAGAIN when there are more,
 * and also when the card takes none now: which of both shows by how far it got. What stays is sent
 * by a later call. */
HOT void queue_push(struct queue *q)
{
	uint32_t left = ring_untaken(&q->tx);

	while (left != 0 && ring_needs_wakeup(&q->tx)) {
		(void)sendto(q->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
		uint32_t before = left;
		left = ring_untaken(&q->tx);
		if (left == before)
			break;
	}
}

HOT void queue_pull(struct queue *q)
{
	if (q->busy_poll || ring_needs_wakeup(&q->fill))
		(void)recvfrom(q->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

HOT void queue_flush(struct queue *q)
{
	ring_produced(&q->fill);
	ring_produced(&q->tx);
	queue_push(q);
	if (ring_needs_wakeup(&q->fill))
		queue_pull(q);
}
