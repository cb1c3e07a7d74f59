/*
 * Which queries are on their way.
 *
 * Every query has a sequence number, of which DNS id and source port carry the low bits, so that a
 * reply says by itself which query it answers:
 *
 *      slot          id (16 bits) | index of source port
 *      sequence      number of times round | slot
 *
 * The port's index is the lowest part, so that neighbours differ in their ports and spread over a
 * receiver's queues. A slot has one bit, set from sending to reply. Of one in sample_every queries
 * it is also known when it was sent and what it was; that bounds what measuring costs, and tells
 * the age of all between two. Slots are given up in blocks of 64, oldest first, when they are older
 * than the time limit or their number is needed again; a reply after that is unexpected.
 */
#ifndef PERF_LOADGEN_FLIGHT_H
#define PERF_LOADGEN_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

enum { FLIGHT_BLOCK = 64, FLIGHT_ID_BITS = 16, FLIGHT_PORT_BITS_MAX = 10 };

struct flight_sample {
	uint64_t sent_at; /* in the caller's ticks */
	const void *what; /* the caller's, lent */
};

struct flight {
	uint64_t *open;                /* a bit for each slot */
	struct flight_sample *samples; /* one for sample_every slots */
	uint64_t next;                 /* sequence number of the next query */
	uint64_t oldest;               /* all before it are settled; begins a block */
	uint64_t settled;              /* answered or given up */
	uint64_t slots;                /* power of two */
	uint64_t last_sent_at;
	unsigned port_bits;
	unsigned sample_bits;
};

/* ports and sample_every are powers of two, ports at most 1 << FLIGHT_PORT_BITS_MAX and
 * sample_every at most FLIGHT_BLOCK. Ends the process when memory is out. */
void flight_init(struct flight *f, unsigned ports, unsigned sample_every);
void flight_fini(struct flight *f);

/* Gives up all that were sent before that time, and no block of which any was sent later. */
void flight_expire(struct flight *f, uint64_t sent_before);

/* Gives up all. */
void flight_expire_all(struct flight *f);

/* Makes room for n more, at most slots / 2, giving up the oldest where it must. */
void flight_make_room(struct flight *f, uint64_t n);

static inline uint32_t flight_slot(const struct flight *f, uint64_t sequence)
{
	return (uint32_t)(sequence & (f->slots - 1));
}

static inline uint16_t flight_id(const struct flight *f, uint32_t slot)
{
	return (uint16_t)(slot >> f->port_bits);
}

static inline uint16_t flight_port_index(const struct flight *f, uint32_t slot)
{
	return (uint16_t)(slot & ((1U << f->port_bits) - 1));
}

/* The other way round; port_index is below the number of ports. */
static inline uint32_t flight_slot_of(const struct flight *f, uint16_t id,
                                      uint16_t port_index)
{
	return (uint32_t)id << f->port_bits | port_index;
}

/* The last sequence number before next that has this slot. */
static inline uint64_t flight_sequence(const struct flight *f, uint32_t slot)
{
	return f->next - 1 - ((f->next - 1 - slot) & (f->slots - 1));
}

static inline bool flight_is_sample(const struct flight *f, uint64_t sequence)
{
	return (sequence & ((1U << f->sample_bits) - 1)) == 0;
}

static inline struct flight_sample *flight_sample(const struct flight *f, uint32_t slot)
{
	return &f->samples[slot >> f->sample_bits];
}

static inline uint64_t flight_count(const struct flight *f)
{
	return f->next - f->settled;
}

/* The next query is under way. what is only kept when it is a sample. */
static inline void flight_send(struct flight *f, uint64_t now, const void *what)
{
	uint32_t slot = flight_slot(f, f->next);

	f->open[slot / FLIGHT_BLOCK] |= UINT64_C(1) << slot % FLIGHT_BLOCK;
	if (flight_is_sample(f, f->next))
		*flight_sample(f, slot) = (struct flight_sample){now, what};
	f->last_sent_at = now;
	f->next++;
}

/* A reply has come. Gives false when none is waited for. */
static inline bool flight_settle(struct flight *f, uint32_t slot)
{
	uint64_t *word = &f->open[slot / FLIGHT_BLOCK];
	uint64_t bit = UINT64_C(1) << slot % FLIGHT_BLOCK;

	if (unlikely(!(*word & bit)))
		return false;
	*word ^= bit;
	f->settled++;
	return true;
}

#endif
