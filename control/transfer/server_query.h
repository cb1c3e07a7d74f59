/*
 * Asks a server one question: over UDP, from a port and with an ID of its own, so that nobody else's
 * answer fits; or over TCP, where that is wanted; or over TLS, where the server is to be asked so. Loop thread.
 */
#ifndef CONTROL_TRANSFER_SERVER_QUERY_H
#define CONTROL_TRANSFER_SERVER_QUERY_H

#include <stdbool.h>

#include "control/net/parts.h"
#include "control/transfer/question.h"
#include "control/wire/reader.h"
#include "shared/compiler.h"

struct server_answer {
	int err; /* 0; ERR_TIMEOUT, ERR_SYSTEM (UDP: it is not there), ERR_DENIED, and as of streams */
	const char *why; /* of an error; lent for the call */
	/* To this question, and its signature is right; all else is the reader's to judge. Lent for the call. */
	const struct message *message;
};

typedef void server_query_done(void *arg, const struct server_answer *answer);

/* All of it is lent for the call. */
struct server_wanted {
	struct question_wanted question;
	const struct transfer_source *source;
	bool stream; /* not over UDP */
};

struct server_query;

/* done follows, from the loop, unless it is dropped: after 5 s at the latest over UDP, 10 s else. Errors as
 * of question_make() and transfer_connect(), and ERR_SYSTEM. */
MUST_CHECK int server_query_begin(const struct transfer_parts *p,
                                  const struct server_wanted *wanted,
                                  server_query_done *done, void *arg,
                                  struct server_query **out);
/* To be called in done as well. *q becomes NULL; NULL is fine. The loop must run on until it has called back
 * for the handles closed. */
void server_query_drop(struct server_query **q);

#endif
