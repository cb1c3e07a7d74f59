/*
 * The back end xdp: one worker takes bursts from its AF_XDP sockets in turn, one for each
 * interface, and sends the replies from the same chunks by the same socket.
 *
 * What comes was let through by the program on the interface, whose rules are those of
 * frame_read(). That a frame is not for us after all cannot happen by a race, for the addresses
 * are fixed before the program is attached; if the two should ever differ, the frame is lost here
 * and counted as malformed, because there is no way back to the kernel.
 *
 * A burst is lent until tx(), which gives each of its chunks to the card or back to the kernel.
 */
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/io/frame.h"
#include "dataplane/io/io.h"
#include "dataplane/io/nudge.h"
#include "dataplane/io/xdp/device.h"
#include "dataplane/io/xdp/program.h"
#include "dataplane/io/xdp/queue.h"
#include "shared/cacheline.h"
#include "shared/err.h"

enum {
	AHEAD = 6,      /* frames whose first lines are asked for before they are read */
	BEHIND_MS = 1,  /* how long to wait when the card has not taken all yet */
	FIRST_LINES = 2 /* headers and most questions */
};

/* A worker's part of an interface. */
struct way {
	struct queue *queue;
	struct xdp_port *port;
};

struct xdp {
	struct io io;
	unsigned worker;
	unsigned nways;
	unsigned turn; /* the way of the burst that is lent, or of the next */
	struct way ways[DEVICE_PORTS_MAX];
	struct pollfd poll[DEVICE_PORTS_MAX + 2]; /* sockets; to end, and to be nudged */
};

/* ---- opening ---- */

static int xdp_open(const struct io_config *config, struct io_device *device,
                    unsigned worker, struct io **out, char *text, size_t text_size)
{
	struct xdp *x = cacheline_new(sizeof *x);

	if (x == NULL) {
		snprintf(text, text_size, "xdp: %s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	x->worker = worker;
	for (; x->nways < device->nports; x->nways++) {
		struct xdp_port *port = device->ports[x->nways];
		struct queue *q = &port->queues[worker];
		x->ways[x->nways] = (struct way){.queue = q, .port = port};
		x->poll[x->nways] = (struct pollfd){.fd = q->fd, .events = POLLIN};
	}
	x->poll[x->nways] = (struct pollfd){.fd = config->wake_fd, .events = POLLIN};
	x->poll[x->nways + 1] = nudge_poll(config, worker);
	*out = &x->io;
	return 0;
}

static void xdp_close(struct io **io)
{
	free(*io);
	*io = NULL;
}

static void steer(struct xdp *x, bool to_socket)
{
	for (unsigned i = 0; i < x->nways; i++)
		program_steer(&x->ways[i].port->program, x->worker, to_socket);
}

/* From here on queries come to this worker, and not to the kernel. */
static void xdp_enter(struct io *io)
{
	steer((struct xdp *)(void *)io, true);
}

/* Nothing is held between bursts: all that came was sent or returned. */
static void xdp_leave(struct io *io)
{
	struct xdp *x = (struct xdp *)(void *)io;

	steer(x, false);
	for (unsigned i = 0; i < x->nways; i++)
		assert(queue_held(x->ways[i].queue) == 0);
}

/* ---- receiving ---- */

static ALWAYS_INLINE void ask_for(const struct queue *q, uint32_t i)
{
	const uint8_t *frame = q->umem.base + queue_received(q, i)->addr;

	for (unsigned line = 0; line < FIRST_LINES; line++)
		prefetch_write(frame + (size_t)line * CACHE_LINE);
}

/* A reply may take more than the query did; the kernel has put every frame at the place where its
 * chunk has room for that. */
static ALWAYS_INLINE bool has_room(const struct queue *q, const struct xdp_desc *d)
{
	return d->addr - umem_chunk_of(&q->umem, d->addr) <= UMEM_HEADROOM;
}

HOT static unsigned read_burst(struct xdp *x, const struct way *w, uint32_t n,
                               struct pkt pkts[static BURST_MAX])
{
	struct queue *q = w->queue;
	unsigned kept = 0;

	for (uint32_t i = 0; i < AHEAD && i < n; i++)
		ask_for(q, i);
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc d = *queue_received(q, i);
		enum frame_verdict verdict = FRAME_MALFORMED;
		if (i + AHEAD < n)
			ask_for(q, i + AHEAD);
		if (likely(has_room(q, &d)))
			verdict = frame_read(&w->port->rules, q->umem.base + d.addr,
			                     d.len, 0, &pkts[kept]);
		if (likely(verdict == FRAME_QUERY)) {
			pkts[kept++].io = (uint32_t)d.addr;
		} else {
			io_note(&x->io, frame_event(verdict), 1);
			queue_return(q, d.addr);
		}
	}
	queue_take(q, n);
	return kept;
}

HOT static unsigned xdp_rx(struct io *io, struct pkt pkts[static BURST_MAX])
{
	struct xdp *x = (struct xdp *)(void *)io;

	for (unsigned tried = 0; tried < x->nways; tried++) {
		x->turn = x->turn + 1 < x->nways ? x->turn + 1 : 0;
		const struct way *w = &x->ways[x->turn];
		queue_reclaim(w->queue);
		if (unlikely(queue_is_behind(w->queue)))
			queue_push(w->queue);
		uint32_t n = queue_ready(w->queue, BURST_MAX);
		if (n == 0 && w->queue->busy_poll) {
			queue_pull(w->queue);
			n = queue_ready(w->queue, BURST_MAX);
		}
		if (n == 0)
			continue;
		unsigned kept = read_burst(x, w, n, pkts);
		if (kept > 0)
			return kept;
		queue_flush(w->queue);
	}
	return 0;
}

/* ---- sending ---- */

HOT static void xdp_tx(struct io *io, struct pkt pkts[], unsigned n)
{
	struct xdp *x = (struct xdp *)(void *)io;
	struct queue *q = x->ways[x->turn].queue;

	for (unsigned i = 0; i < n; i++) {
		const struct pkt *p = &pkts[i];
		if (p->len == 0) {
			queue_return(q, p->io);
			continue;
		}
		size_t len = frame_reply(q->umem.base + p->io, p);
		if (unlikely(!queue_send(q, p->io, (uint32_t)len))) {
			io_note(&x->io, IO_UNSENT, 1);
			queue_return(q, p->io);
		}
	}
	queue_flush(q);
}

/* ---- replies that come later ----
 *
 * A way is the number of the interface and the headers of the query's frame.
 */

STATIC_ASSERT(1 + FRAME_HEADERS_MAX <= IO_WAY_MAX, "it fits in any way");

static unsigned xdp_way(struct io *io, const struct pkt *p,
                        uint8_t way[static IO_WAY_MAX])
{
	const struct xdp *x = (const struct xdp *)(const void *)io;
	const struct queue *q = x->ways[x->turn].queue;

	way[0] = (uint8_t)x->turn;
	return 1 + frame_headers(q->umem.base + p->io, p, way + 1);
}

static bool xdp_send(struct io *io, const uint8_t *way, unsigned way_len,
                     const uint8_t *message, uint16_t len)
{
	struct xdp *x = (struct xdp *)(void *)io;
	uint64_t at;

	if (way_len == 0 || way[0] >= x->nways)
		return false;
	struct queue *q = x->ways[way[0]].queue;
	queue_reclaim(q);
	if (!queue_has_spare(q, &at))
		return false;
	size_t n = frame_reply_with(&x->ways[way[0]].port->rules, q->umem.base + at,
	                            way + 1, way_len - 1, message, len);
	if (n == 0 || !queue_send_spare(q, (uint32_t)n))
		return false;
	queue_flush(q);
	return true;
}

/* ---- waiting ---- */

/* poll() also has the kernel send what is waiting, and look for frames where it asked to be
 * called for that. */
static void xdp_idle(struct io *io)
{
	struct xdp *x = (struct xdp *)(void *)io;
	int timeout = -1;

	for (unsigned i = 0; i < x->nways; i++) {
		if (x->poll[i].fd >= 0 && queue_is_behind(x->ways[i].queue))
			timeout = BEHIND_MS;
	}
	if (poll(x->poll, x->nways + 2, timeout) <= 0)
		return;
	nudge_taken(&x->poll[x->nways + 1]);
	for (unsigned i = 0; i < x->nways; i++) {
		/* The interface is gone for good, and before Linux 5.11 wakes us for ever. */
		if (x->poll[i].revents & (POLLERR | POLLHUP | POLLNVAL))
			x->poll[i].fd = -1;
	}
}

const struct io_ops io_xdp = {
	.name = "xdp",
	.start = device_start,
	.open = xdp_open,
	.enter = xdp_enter,
	.leave = xdp_leave,
	.rx = xdp_rx,
	.tx = xdp_tx,
	.way = xdp_way,
	.send = xdp_send,
	.idle = xdp_idle,
	.close = xdp_close,
	.ports = device_ports,
	.stop = device_stop,
};
