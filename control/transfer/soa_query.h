/*
 * Asks a primary which serial it has of a zone, as control/transfer/server_query.h asks. Loop thread.
 */
#ifndef CONTROL_TRANSFER_SOA_QUERY_H
#define CONTROL_TRANSFER_SOA_QUERY_H

#include "control/net/parts.h"
#include "control/transfer/secondary.h"
#include "shared/compiler.h"

struct soa_answer {
	int err; /* 0; ERR_TOOBIG: truncated, to be asked over TCP; ERR_TIMEOUT, ERR_REFUSED, ... */
	uint32_t serial;
	bool has_expire;
	uint32_t expire; /* s, for the primary itself (RFC 7314) */
	const char *why; /* of an error; lent for the call */
};

typedef void soa_query_done(void *arg, const struct soa_answer *answer);

struct soa_query;

/* done follows, from the loop, unless it is dropped. Errors as of server_query_begin(). */
MUST_CHECK int soa_query_begin(const struct transfer_parts *p,
                               const struct secondary_view *v,
                               const struct transfer_source *s, soa_query_done *done,
                               void *arg, struct soa_query **out);
/* To be called in done as well. *q becomes NULL; NULL is fine. The loop must run on until it has called back
 * for the handles closed. */
void soa_query_drop(struct soa_query **q);

#endif
