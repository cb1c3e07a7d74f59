#include "perf/loadgen/flight.h"

#include <stdlib.h>

void flight_init(struct flight *f, unsigned ports, unsigned sample_every)
{
	assert(ports > 0 && (ports & (ports - 1)) == 0);
	assert(sample_every > 0 && (sample_every & (sample_every - 1)) == 0);
	assert(ports <= 1U << FLIGHT_PORT_BITS_MAX && sample_every <= FLIGHT_BLOCK);

	*f = (struct flight){
		.slots = (uint64_t)ports << FLIGHT_ID_BITS,
		.port_bits = HIGHEST_BIT(ports),
		.sample_bits = HIGHEST_BIT(sample_every),
	};
	f->open = calloc(f->slots / FLIGHT_BLOCK, sizeof *f->open);
	f->samples = calloc(f->slots >> f->sample_bits, sizeof *f->samples);
	if (!f->open || !f->samples)
		abort();
}

void flight_fini(struct flight *f)
{
	free(f->open);
	free(f->samples);
	*f = (struct flight){.open = NULL};
}

static void clear_oldest(struct flight *f)
{
	uint64_t *word = &f->open[flight_slot(f, f->oldest) / FLIGHT_BLOCK];

	for (; *word; *word &= *word - 1)
		f->settled++;
}

static void give_up_oldest(struct flight *f)
{
	clear_oldest(f);
	f->oldest += FLIGHT_BLOCK;
}

void flight_expire(struct flight *f, uint64_t sent_before)
{
	/* When the next block was begun before then, all of this one was sent before. */
	while (f->oldest + FLIGHT_BLOCK < f->next &&
	       flight_sample(f, flight_slot(f, f->oldest + FLIGHT_BLOCK))->sent_at <
	               sent_before)
		give_up_oldest(f);
	/* A sender that waits for replies would wait for ever. */
	if (f->oldest + FLIGHT_BLOCK >= f->next && f->last_sent_at < sent_before)
		clear_oldest(f);
}

void flight_expire_all(struct flight *f)
{
	while (f->oldest < f->next)
		give_up_oldest(f);
	/* The rest of the last block is not used, so that a block always begins with a sample. */
	f->settled += f->oldest - f->next;
	f->next = f->oldest;
}

void flight_make_room(struct flight *f, uint64_t n)
{
	while (f->next + n - f->oldest > f->slots)
		give_up_oldest(f);
}
