/*
 * Punting: what a worker cannot answer goes up to the control plane, and what that made of it comes down
 * again, by two rings in shared memory for each worker.
 *
 *      worker  --- up ----->  control plane
 *              <--- down ---
 *
 * A ring has one writer and one reader, and nobody waits: the writer fills a record and then moves head;
 * the reader copies it and then moves tail. Where there is no room the writer counts what is lost and goes
 * on. The way back to the client travels in the record as octets that only the worker's back end
 * understands, so that nothing is kept for a message that may never be answered.
 *
 * A reader that goes to sleep says so and looks once more; a writer that has written looks whether the
 * reader sleeps, and is told, for one record only, to wake it:
 *
 *      reader                          writer
 *      sleeping = 1          (a)       head = head + 1       (c)
 *      head == tail?         (b)       sleeping == 1? -> 0   (d)
 *
 * All four are sequentially consistent, so they have one order. If (b) does not see what (c) wrote, then a
 * comes before b before c before d, and d sees what a wrote: the reader does not oversleep. Weaker orders
 * would let (a) move behind (b), or (c) behind (d), and both could miss each other.
 *
 * A data plane can scribble on all of it, so that whoever reads believes no number in here: a record is
 * copied first, and its lengths are checked in the copy.
 */
#ifndef SHARED_PUNT_H
#define SHARED_PUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"

enum {
	PUNT_SLOTS = 32, /* of one ring; a power of two */
	PUNT_WAY_MAX = 152,
	PUNT_MESSAGE_MAX = 4096,
};

/* A message and the way to its client. Numbers are in host order. */
struct punt_record {
	uint8_t addr[16]; /* of the client, network order; IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
	uint16_t len;  /* of the message */
	uint16_t room; /* up: the longest answer that the way takes */
	uint8_t is_ipv4;
	uint8_t way_len;
	uint8_t way[PUNT_WAY_MAX];
	uint8_t message[PUNT_MESSAGE_MAX];
	uint8_t pad[16];
};
STATIC_ASSERT(sizeof(struct punt_record) == (size_t)67 * CACHE_LINE, "layout");

struct punt_ring {
	alignas(CACHE_LINE) _Atomic uint32_t
		sleeping; /* 1: the reader wants to be woken */
	alignas(CACHE_LINE) _Atomic uint64_t
		head; /* by the writer: records ever written */
	alignas(CACHE_LINE) _Atomic uint64_t tail; /* by the reader: records ever read */
	alignas(CACHE_LINE) struct punt_record records[PUNT_SLOTS];
};
STATIC_ASSERT(sizeof(struct punt_ring) ==
                      (size_t)3 * CACHE_LINE + PUNT_SLOTS * sizeof(struct punt_record),
              "layout");

struct punt {
	struct punt_ring up;   /* from the worker to the control plane */
	struct punt_ring down; /* and back */
};

/* Before anybody else uses it: both rings are empty, and the control plane sleeps. */
static inline void punt_reset(struct punt *p)
{
	struct punt_ring *rings[] = {&p->up, &p->down};

	for (unsigned i = 0; i < 2; i++) {
		atomic_store_explicit(&rings[i]->head, 0, memory_order_relaxed);
		atomic_store_explicit(&rings[i]->tail, 0, memory_order_relaxed);
		atomic_store_explicit(&rings[i]->sleeping, i == 0, memory_order_relaxed);
	}
}

/* ---- the writer's ---- */

/* Gives the place of the next record, or NULL when the ring is full. What is written there is the reader's
 * after punt_commit(). */
static inline struct punt_record *punt_reserve(struct punt_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	/* Acquire pairs with the release in punt_take(): the record has been copied. */
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	if (head - tail >= PUNT_SLOTS)
		return NULL;
	return &ring->records[head % PUNT_SLOTS];
}

/* true: the reader sleeps, and whoever gets this answer has to wake it. */
static inline bool punt_commit(struct punt_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	/* (c); as a release it pairs with the acquire in punt_take(). */
	atomic_store_explicit(&ring->head, head + 1, memory_order_seq_cst);
	/* (d) */
	return atomic_load_explicit(&ring->sleeping, memory_order_seq_cst) != 0 &&
	       atomic_exchange_explicit(&ring->sleeping, 0, memory_order_seq_cst) == 1;
}

/* ---- the reader's ---- */

/* Says whether there is a record to take, as far as can be seen without asking other processors to tell;
 * cheap enough for each turn of a worker. */
static ALWAYS_INLINE bool punt_waits(const struct punt_ring *ring)
{
	return atomic_load_explicit(&ring->head, memory_order_relaxed) !=
	       atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

static inline bool punt_is_sound(const struct punt_record *r)
{
	return r->len <= PUNT_MESSAGE_MAX && r->way_len <= PUNT_WAY_MAX &&
	       r->room <= PUNT_MESSAGE_MAX && r->is_ipv4 <= 1;
}

/* Copies the next record that is sound; false: there is none. A ring whose numbers make no sense is taken
 * for empty, and begun anew. */
static inline bool punt_take(struct punt_ring *ring, struct punt_record *out)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	bool sound = false;

	if (head - tail > PUNT_SLOTS) {
		atomic_store_explicit(&ring->tail, head, memory_order_relaxed);
		return false;
	}
	for (; !sound && tail != head; tail++) {
		memcpy(out, &ring->records[tail % PUNT_SLOTS], sizeof *out);
		sound = punt_is_sound(out);
	}
	atomic_store_explicit(&ring->tail, tail, memory_order_release);
	return sound;
}

/* Says that the reader goes to sleep. false: something has come meanwhile, and it is awake again. */
static inline bool punt_sleep(struct punt_ring *ring)
{
	atomic_store_explicit(&ring->sleeping, 1, memory_order_seq_cst); /* (a) */
	/* (b) */
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_seq_cst);
	if (head == atomic_load_explicit(&ring->tail, memory_order_relaxed))
		return true;
	atomic_store_explicit(&ring->sleeping, 0, memory_order_relaxed);
	return false;
}

/* It is awake, whatever woke it. */
static inline void punt_awake(struct punt_ring *ring)
{
	atomic_store_explicit(&ring->sleeping, 0, memory_order_relaxed);
}

#endif
