/*
 * One AF_XDP socket on one queue of an interface, with memory and rings of its own.
 *
 * A chunk is always in one of three places, and moves by entries of rings only:
 *
 *	        fill                 rx
 *	    ,---------> receiving --------.
 *	    |                             v
 *	  held by the worker  <-----------'
 *	    |        ^
 *	    |        '------------- sending <--.
 *	    |          completion              |
 *	    '----------------------------------'
 *	                   tx
 *
 * So the books are kept by the indices of the rings themselves, which never stop growing:
 * receiving is what went into fill less what came out of rx, sending is what went into tx less
 * what came out of completion, and what is missing from the whole is held. Between bursts that is
 * 0, or a chunk was lost.
 *
 * A few chunks are set aside for what is sent without having come in one. The card has them only
 * while it sends them; they come back from completion first of all.
 *
 * No other list of free chunks is kept. fill has an entry for every chunk there is, so a chunk that is
 * free goes there at once and always finds room. tx and completion together have room for half of
 * the chunks: when the card cannot send, the other half still receives.
 *
 * A queue belongs to one thread, but for queue_statistics().
 */
#ifndef DATAPLANE_IO_XDP_QUEUE_H
#define DATAPLANE_IO_XDP_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/if_xdp.h>

#include "dataplane/io/xdp/ring.h"
#include "dataplane/io/xdp/umem.h"
#include "shared/compiler.h"

enum {
	QUEUE_CHUNKS = 4096,
	QUEUE_FILL = QUEUE_CHUNKS,
	QUEUE_RX = 2048, /* how long a worker may be away: 1 ms at 2 M queries/s */
	QUEUE_TX = 1024,
	QUEUE_COMPLETION = 1024,
	QUEUE_SPARES = 8,
};

struct queue {
	alignas(CACHE_LINE) struct ring fill;
	struct ring rx;
	struct ring tx;
	struct ring completion;
	struct umem umem;
	uint64_t spare[QUEUE_SPARES]; /* chunks set aside */
	uint32_t spares;              /* that are there */
	uint32_t owed;                /* that are being sent */
	int fd;
	bool busy_poll;
	bool zero_copy; /* what it came to */
};

struct queue_options {
	unsigned ifindex;
	unsigned number; /* of the interface's queue */
	uint32_t chunk;  /* umem_chunk_for() */
	uint16_t
		bind; /* XDP_COPY or XDP_ZEROCOPY: this or nothing; 0: the best there is */
	bool busy_poll;
};

/* All chunks are in fill or spare then. ERR_REFUSED: the kernel, the driver or somebody else who has the
 * queue is against it, and text says what; ERR_SYSTEM. Nothing is left to close then. */
MUST_CHECK int queue_open(struct queue *q, const struct queue_options *options,
                          char *text, size_t text_size);

/* Also for a queue that never was open, with fd -1. */
void queue_close(struct queue *q);

/* From any thread while the queue is open. ERR_SYSTEM. */
MUST_CHECK int queue_statistics(const struct queue *q, struct xdp_statistics *out);

/* ---- the books ---- */

static inline uint32_t queue_receiving(const struct queue *q)
{
	return q->fill.ours - q->rx.ours;
}

static inline uint32_t queue_sending(const struct queue *q)
{
	return q->tx.ours - q->completion.ours;
}

static inline uint32_t queue_held(const struct queue *q)
{
	return q->umem.count - queue_receiving(q) - queue_sending(q) - q->spares;
}

/* ---- moving chunks ---- */

/* Descriptors of up to want frames that have come are at queue_received(q, 0) and so on, until
 * queue_take(). */
HOT static inline uint32_t queue_ready(struct queue *q, uint32_t want)
{
	return ring_ready(&q->rx, want);
}

static inline const struct xdp_desc *queue_received(const struct queue *q, uint32_t i)
{
	return &q->rx.descs[ring_at(&q->rx, q->rx.ours + i)];
}

/* The chunks of the first n are held from now on, and their descriptors gone. */
static inline void queue_take(struct queue *q, uint32_t n)
{
	q->rx.ours += n;
	ring_consumed(&q->rx);
}

/* A held chunk, by any offset in it, goes to fill; the kernel sees it at queue_flush(). */
static inline void queue_return(struct queue *q, uint64_t addr)
{
	q->fill.addrs[ring_at(&q->fill, q->fill.ours++)] = umem_chunk_of(&q->umem, addr);
}

/* A held chunk is sent from addr on, at queue_flush(). false: the way out is full and the chunk is
 * still held. */
static inline bool queue_send(struct queue *q, uint64_t addr, uint32_t len)
{
	if (unlikely(ring_room(&q->tx, 1) == 0))
		return false;
	q->tx.descs[ring_at(&q->tx, q->tx.ours++)] =
		(struct xdp_desc){.addr = addr, .len = len};
	return true;
}

/* Where a frame may be written that queue_send_spare() sends; false: all spare chunks are being sent. */
static inline bool queue_has_spare(const struct queue *q, uint64_t *addr)
{
	if (q->spares == 0)
		return false;
	*addr = q->spare[q->spares - 1] + UMEM_HEADROOM;
	return true;
}

/* As queue_send(), for the frame at queue_has_spare(). */
static inline bool queue_send_spare(struct queue *q, uint32_t len)
{
	if (!queue_send(q, q->spare[q->spares - 1] + UMEM_HEADROOM, len))
		return false;
	q->spares--;
	q->owed++;
	return true;
}

/* Chunks that have been sent go back to fill, or are spare again. */
HOT void queue_reclaim(struct queue *q);

/* The kernel sees what was returned and is to be sent, and is called if it asks for that. */
HOT void queue_flush(struct queue *q);

/* Something is to be sent that the kernel has not taken yet. */
static inline bool queue_is_behind(const struct queue *q)
{
	return ring_untaken(&q->tx) != 0;
}

/* Calls the kernel to send, as often as that gets further. */
HOT void queue_push(struct queue *q);

/* Lets the kernel look for frames: it asked for that in fill, or polling is ours to do. */
HOT void queue_pull(struct queue *q);

#endif
