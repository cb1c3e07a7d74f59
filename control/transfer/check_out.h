/*
 * What somebody who asks for a zone is to be given: looked up in a snapshot of the store, on a thread
 * of the pool, before anything is packed.
 */
#ifndef CONTROL_TRANSFER_CHECK_OUT_H
#define CONTROL_TRANSFER_CHECK_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "control/engine.h"
#include "control/tls/link.h"
#include "shared/compiler.h"
#include "shared/name.h"

struct tsig_key;

enum out_verdict {
	OUT_REFUSED, /* rcode and why say it */
	OUT_SINGLE,  /* the one message that is the whole answer */
	OUT_WHOLE,
	OUT_DIFFERENCE,
};

struct out_check {
	/* What is asked for, and by whom. */
	struct engine *engine;
	uint8_t name[NAME_MAX_LEN]; /* folded */
	bool incremental;           /* IXFR, from this serial: */
	uint32_t have;
	uint16_t datagram; /* octets that fit; 0: it is a stream */
	uint8_t address[16];
	const struct tsig_key *key; /* verified, or NULL; lent */
	struct tls_peer peer;       /* version: 0 without TLS */
	/* What comes of it. */
	enum out_verdict verdict;
	unsigned rcode;
	const char *why; /* lent for ever */
	uint32_t id;
	uint64_t version;
	uint32_t serial;
	unsigned timeout_ms; /* of the whole transfer */
	uint32_t expire;     /* of the SOA */
	bool is_secondary;
	uint8_t *answer; /* as control/transfer/pack.h makes them */
	uint16_t answer_len;
};

/* Pool. */
MUST_CHECK int out_check_look(struct out_check *c, struct store_txn *t);

void out_check_fini(struct out_check *c);

#endif
