/*
 * The sampled query log: from each worker to the control plane by a ring in shared memory.
 *
 *      worker  --- head --->  records  --- tail --->  control plane
 *
 * One writer, one reader, no waiting: the worker writes a record and then moves head; who reads takes
 * records and then moves tail. When the ring is full the worker counts what is lost and goes on. The
 * control plane says in every which message is to be logged: each N-th, 0 none.
 *
 * A data plane can scribble on all of it, so that the reader believes no number in here.
 */
#ifndef SHARED_QLOG_H
#define SHARED_QLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shared/compiler.h"
#include "shared/name.h"

enum { QLOG_RECORDS = 512 }; /* of one ring; a power of two */

enum {
	QLOG_TCP = 1 << 0,
	QLOG_EDNS = 1 << 1,
	QLOG_DO = 1 << 2,
	QLOG_RD = 1 << 3,
	QLOG_AA = 1 << 4,
	QLOG_TC = 1 << 5,
};

/* One message and what came of it. Numbers are in host order. */
struct qlog_record {
	uint64_t time;    /* ns since 1970 */
	uint8_t addr[16]; /* of the client, network order; IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
	uint16_t qtype;
	uint16_t qclass;
	uint16_t rcode;                 /* extended */
	uint16_t len;                   /* of the response */
	uint8_t flags;                  /* QLOG_ */
	uint8_t name_len;               /* 0: no question that could be read */
	uint8_t name[NAME_MAX_LEN + 1]; /* folded */
	uint8_t pad[28];
};
STATIC_ASSERT(sizeof(struct qlog_record) == (size_t)5 * CACHE_LINE, "layout");

static inline bool qlog_is_ipv4(const struct qlog_record *r)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(r->addr, mapped, sizeof mapped) == 0;
}

/* Whatever else is in a record can be shown; a name must be one. */
static inline bool qlog_is_sound(const struct qlog_record *r)
{
	return r->name_len == 0 || name_len(r->name, sizeof r->name) == r->name_len;
}

struct qlog_ring {
	alignas(CACHE_LINE) _Atomic uint32_t every; /* written by control */
	alignas(CACHE_LINE) _Atomic uint64_t
		head; /* by the worker: records ever written */
	alignas(CACHE_LINE) _Atomic uint64_t tail; /* by control: records ever read */
	alignas(CACHE_LINE) struct qlog_record records[QLOG_RECORDS];
};
STATIC_ASSERT(sizeof(struct qlog_ring) ==
                      (size_t)3 * CACHE_LINE + QLOG_RECORDS * sizeof(struct qlog_record),
              "layout");

/* The writer's: gives the place of the next record, or NULL when the ring is full. What is written there is
 * the reader's after qlog_commit(). */
static inline struct qlog_record *qlog_reserve(struct qlog_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	/* Acquire pairs with the release in qlog_take(): the record has been copied. */
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

	if (head - tail >= QLOG_RECORDS)
		return NULL;
	return &ring->records[head % QLOG_RECORDS];
}

static inline void qlog_commit(struct qlog_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	/* Release pairs with the acquire in qlog_take(). */
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

/* The reader's: copies the next record; false: there is none. A ring whose numbers make no sense is taken
 * for empty, and begun anew. */
static inline bool qlog_take(struct qlog_ring *ring, struct qlog_record *out)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);

	if (head - tail > QLOG_RECORDS)
		atomic_store_explicit(&ring->tail, head, memory_order_relaxed);
	if (head == tail || head - tail > QLOG_RECORDS)
		return false;
	memcpy(out, &ring->records[tail % QLOG_RECORDS], sizeof *out);
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return true;
}

#endif
