/*
 * One transfer from a primary: a connection, a question, and the messages of the answer, which threads of
 * the pool verify and read in blocks. While a block is read no more than another one is taken in, so that
 * memory is bounded by what the zone takes, whatever the primary sends. Loop thread.
 */
#ifndef CONTROL_TRANSFER_FETCH_H
#define CONTROL_TRANSFER_FETCH_H

#include <uv.h>

#include "control/net/parts.h"
#include "control/transfer/question.h"
#include "control/transfer/secondary.h"
#include "shared/compiler.h"

struct fetch_result {
	int err; /* 0; ERR_REFUSED, ERR_TOOBIG, ERR_TIMEOUT, ERR_GONE, ERR_DENIED */
	const char *rule; /* of ERR_REFUSED and ERR_TOOBIG, static; else NULL */
	const char *why;  /* of an error; lent for the call */
	struct transfer_reader *reader; /* has read all of it; lent for the call */
};

typedef void fetch_done(void *arg, const struct fetch_result *result);

struct fetch;

struct fetch_wanted {
	const struct secondary_view *view;
	const struct transfer_source *source;
	uint16_t type; /* RRTYPE_AXFR or RRTYPE_IXFR */
};

/* done follows, from the loop, unless it is dropped. Errors as of question_make(), and ERR_SYSTEM. What is wanted
 * is lent for the call. */
MUST_CHECK int fetch_begin(const struct transfer_parts *p,
                           const struct fetch_wanted *wanted, fetch_done *done, void *arg,
                           struct fetch **out);

/* To be called in done as well, or not at all from then on. *f becomes NULL; NULL is fine. The loop must run on until it has
 * called back for what is closed. */
void fetch_drop(struct fetch **f);

#endif
