/*
 * Asks a primary which serial it has of a zone: over UDP, from a port and with an ID of its own, so that
 * nobody else's answer fits; or over TLS, where the primary is to be asked so. Loop thread.
 */
#ifndef CONTROL_TRANSFER_SOA_QUERY_H
#define CONTROL_TRANSFER_SOA_QUERY_H

#include "control/net/parts.h"
#include "control/transfer/question.h"
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

/* done follows, from the loop, unless it is dropped. Errors as of question_make() and
 * transfer_connect(), and ERR_SYSTEM. */
MUST_CHECK int soa_query_begin(const struct transfer_parts *p,
                               const struct secondary_view *v,
                               const struct transfer_source *s, soa_query_done *done,
                               void *arg, struct soa_query **out);
/* To be called in done as well. *q becomes NULL; NULL is fine. The loop must run on until it has called back
 * for the handles closed. */
void soa_query_drop(struct soa_query **q);

#endif
