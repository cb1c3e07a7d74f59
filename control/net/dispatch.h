/*
 * Hands requests to those who deal with them, by what they ask for, when what is signed has been verified; but
 * updates as they came, as some go on to who knows their key. What nobody deals with is answered as if it had never
 * been handed over. Loop thread.
 */
#ifndef CONTROL_NET_DISPATCH_H
#define CONTROL_NET_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "control/config/config.h"
#include "control/engine.h"
#include "control/net/request.h"

enum dispatch_kind {
	DISPATCH_TRANSFER, /* AXFR, IXFR */
	DISPATCH_NOTIFY,
	DISPATCH_UPDATE, /* as it came, its TSIG unseen: dispatch_verify() */
	DISPATCH_EXPIRE, /* SOA, with the EXPIRE option */
	DISPATCH_KINDS
};

/* Takes the request. The message is lent for the call; it lies in the request, and has been found to be
 * well-formed as far as a walk through it shows. */
typedef void dispatch_fn(void *arg, struct request **r, const struct message *m);

struct dispatch;

/* All are lent for its life, config until the next one. keyring: by which signed requests are verified; NULL:
 * no key is known. ERR_NOMEM. */
MUST_CHECK int dispatch_open(uv_loop_t *loop, const struct config *config,
                             struct table_source *source, struct keyring *keyring,
                             struct dispatch **out);
void dispatch_configure(struct dispatch *d, const struct config *next);

/* Forgets what waits. Lines have ended before, and nobody waits for room any more; requests may be done with
 * later. The loop must run on until it has called back for the closed handle. */
void dispatch_close(struct dispatch **d);

void dispatch_set(struct dispatch *d, enum dispatch_kind kind, dispatch_fn *fn,
                  void *arg);

/* Verifies what nobody has yet, before it is believed. m: its message, which loses its TSIG. False: it is not to be
 * believed, and has been answered and taken. */
MUST_CHECK bool dispatch_verify(struct request **request, struct message *m);

/* Takes a request, and answers it as a question like any other. */
void dispatch_answer(struct dispatch *d, struct request **request);

/* What lines name. */
struct requests *dispatch_requests(struct dispatch *d);

/* Takes the request, which is dealt with in a later turn of the loop: this may be called from where no
 * answer can be given. */
void dispatch_put(struct dispatch *d, struct request **r);

#endif
