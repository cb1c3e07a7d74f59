/*
 * Writers: each a thread with a connection to the control socket, that makes one change after the other
 * and waits until every worker answers from it. What they have come to is read by whoever asks.
 */
#ifndef PERF_PAIRS_WRITER_H
#define PERF_PAIRS_WRITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pairs_writer {
	pthread_t thread;
	const char *path; /* of the control socket */
	unsigned number;
	double interval;    /* seconds from one change to the next, at least; 0: none */
	uint32_t last;      /* after this version it ends */
	_Atomic bool *stop; /* told to end */
	_Atomic uint32_t begun; /* newest version that may be seen; its thread writes */
	_Atomic uint32_t shown; /* newest version that must be seen; its thread writes */
	_Atomic bool ended;     /* its thread writes */
	bool failed;            /* to be read when it has been joined */
};

/* The caller has filled in path, number, interval, last and stop. */
void pairs_writer_start(struct pairs_writer *w);
void pairs_writer_join(struct pairs_writer *w);

#endif
