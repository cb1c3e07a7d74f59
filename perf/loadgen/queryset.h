/*
 * All queries that a run sends, as finished frames one behind the other, so that sending one is a
 * copy from memory that the processor has already fetched ahead.
 *
 * Everything random is decided here, before the clock runs: names, source addresses, and which
 * share goes over IPv6, has EDNS, or asks for DNSSEC.
 */
#ifndef PERF_LOADGEN_QUERYSET_H
#define PERF_LOADGEN_QUERYSET_H

#include "perf/loadgen/frame.h"
#include "perf/loadgen/question.h"

enum { QUERYSET_MAX = 1 << 20, QUERYSET_EDNS_SIZE = 1232, QUERYSET_DNS_MAX = 512 };

/* Shares are 0 to 1. */
struct queryset_options {
	struct question_options questions;
	struct frame_ends ends;
	size_t count; /* 0: as many as the file has lines; a pattern needs a number */
	double ipv6;
	double edns;
	double dnssec_ok; /* of those with EDNS */
	uint64_t seed;
};

struct queryset {
	uint8_t *bytes;
	size_t size;
	size_t count;
	size_t dns_bytes; /* of all queries, to say how large they are */
};

/* Gives false and says why. */
MUST_CHECK bool queryset_make(struct queryset *set,
                              const struct queryset_options *options,
                              char why[static WHY_MAX]);
void queryset_fini(struct queryset *set);

/* Writes the DNS query of a question, with id 0 and RD clear. Gives its length. */
size_t queryset_write_dns(const struct question *q, bool edns, bool dnssec_ok,
                          uint8_t out[static QUERYSET_DNS_MAX]);

/* Where the next frame is; the last one's is the set's size. */
static inline size_t queryset_stride(const struct frame *f)
{
	enum { UNIT = FRAME_COPY - 1 };
	return (offsetof(struct frame, bytes) + f->size + UNIT) & ~(size_t)UNIT;
}

/* Gives the frame at *at and moves on, round and round. */
static ALWAYS_INLINE const struct frame *queryset_next(const struct queryset *set,
                                                       size_t *at)
{
	const struct frame *f = (const void *)(set->bytes + *at);

	*at += queryset_stride(f);
	if (unlikely(*at == set->size))
		*at = 0;
	return f;
}

#endif
