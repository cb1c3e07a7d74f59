/*
 * The asker: sends queries for the records of record.h over many sockets, and judges every reply.
 *
 * At a rate it is an open loop: time alone says when a query is due. What it was not given the
 * processor for in time is not made up for, but counted as skipped. Without a rate it has so many
 * queries unanswered on each socket, and sends the next one when a reply comes.
 *
 * A socket is answered by one worker, so that what it has been told bounds what it may be told next,
 * and all are bounded by what was reported visible. Both bounds are taken when a query is sent.
 */
#ifndef PERF_PAIRS_ASKER_H
#define PERF_PAIRS_ASKER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "perf/pairs/writer.h"

struct pairs_counts {
	uint64_t asked;
	uint64_t answered;
	uint64_t skipped;
	uint64_t lost;    /* set by pairs_asker_settle() */
	uint64_t wrong;   /* not an answer to what was asked */
	uint64_t mixed;   /* one reply of two versions */
	uint64_t back;    /* older than what the socket had been told */
	uint64_t hidden;  /* older than what was reported visible */
	uint64_t early;   /* newer than what had been sent */
	uint64_t slowest; /* ns of a reply */
};

struct pairs_asker;

struct pairs_asking {
	struct sockaddr_storage server;
	unsigned sockets;
	double rate;     /* queries a second; 0: as the window allows */
	unsigned window; /* without a rate: unanswered on one socket */
	unsigned writer_count;
	const struct pairs_writer *writers; /* lent; NULL: nothing changes */
};

/* NULL, with errno, when there are no sockets. */
struct pairs_asker *pairs_asker_open(const struct pairs_asking *asking);
void pairs_asker_close(struct pairs_asker **a);

/* Asks for some microseconds. */
void pairs_asker_turn(struct pairs_asker *a);
/* Waits for replies until all are there or none has come for a second. */
void pairs_asker_settle(struct pairs_asker *a);
const struct pairs_counts *pairs_asker_counts(const struct pairs_asker *a);

#endif
