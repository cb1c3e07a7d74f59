/*
 * The rings that an AF_XDP socket shares with the kernel: arrays of a power of two entries with
 * two indices that only grow and wrap at 2^32. The producer's index is written by one side, the
 * consumer's by the other.
 *
 *	         consumer            producer
 *	            v                   v
 *	... taken | to be taken ...... | room ...
 *
 * ours is the index that this process moves; the kernel sees it when it is published, so a burst
 * costs one store. theirs is the other index as it was last seen, looked at again only when it
 * leaves too little. One thread uses a ring.
 */
#ifndef DATAPLANE_IO_XDP_RING_H
#define DATAPLANE_IO_XDP_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/if_xdp.h>

#include "shared/compiler.h"

struct ring {
	_Atomic uint32_t *producer;
	_Atomic uint32_t *consumer;
	_Atomic uint32_t *flags;
	union {
		uint64_t *addrs;        /* fill, completion: where a chunk begins */
		struct xdp_desc *descs; /* rx, tx */
	};
	uint32_t size; /* a power of two */
	uint32_t ours;
	uint32_t theirs;
	void *map;
	size_t map_size;
};

/* Maps a ring of socket fd whose size has been set with setsockopt(). offset: XDP_PGOFF_* or
 * XDP_UMEM_PGOFF_*; entry: bytes of one. ERR_SYSTEM (errno). */
MUST_CHECK int ring_map(struct ring *r, int fd, const struct xdp_ring_offset *layout,
                        uint64_t offset, uint32_t size, size_t entry);

/* Also for a ring of zeros, which was never mapped. */
void ring_unmap(struct ring *r);

/* ---- fill and tx: we produce ---- */

/* Entries that may be written from ours on, when fewer than want are known of. */
static inline uint32_t ring_room(struct ring *r, uint32_t want)
{
	if (r->size - (r->ours - r->theirs) < want)
		/* Pairs with the kernel's store-release after it has read the entries. */
		r->theirs = atomic_load_explicit(r->consumer, memory_order_acquire);
	return r->size - (r->ours - r->theirs);
}

static inline void ring_produced(struct ring *r)
{
	/* Pairs with the kernel's load-acquire before it reads the entries. */
	atomic_store_explicit(r->producer, r->ours, memory_order_release);
}

/* Those that the kernel has not taken yet. */
static inline uint32_t ring_untaken(const struct ring *r)
{
	/* Relaxed: a number that decides about a system call, no entry is touched for it. */
	return r->ours - atomic_load_explicit(r->consumer, memory_order_relaxed);
}

/* The kernel sleeps and wants to be called about what was produced.
 *
 * Relaxed, so it may be read before the kernel sees what was produced, and miss a flag that is set
 * at that moment. The next burst sees it then, or poll(), which does not look at this word. */
static inline bool ring_needs_wakeup(const struct ring *r)
{
	return atomic_load_explicit(r->flags, memory_order_relaxed) &
	       XDP_RING_NEED_WAKEUP;
}

/* ---- rx and completion: we consume ---- */

/* Entries that may be read from ours on, at most want. */
static inline uint32_t ring_ready(struct ring *r, uint32_t want)
{
	if (r->theirs - r->ours < want)
		/* Pairs with the kernel's store-release after it has written the entries. */
		r->theirs = atomic_load_explicit(r->producer, memory_order_acquire);
	return r->theirs - r->ours < want ? r->theirs - r->ours : want;
}

static inline void ring_consumed(struct ring *r)
{
	/* Pairs with the kernel's load-acquire before it writes over the entries. */
	atomic_store_explicit(r->consumer, r->ours, memory_order_release);
}

static inline uint32_t ring_at(const struct ring *r, uint32_t index)
{
	return index & (r->size - 1);
}

#endif
