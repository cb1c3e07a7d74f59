/*
 * A zone's contents from another server, by AXFR (RFC 5936): a client that blocks, around the reader that
 * secondaries have.
 */
#ifndef CONTROL_CLI_AXFR_H
#define CONTROL_CLI_AXFR_H

#include <stdint.h>

#include "control/diag.h"
#include "control/zone/contents.h"
#include "shared/compiler.h"

struct axfr_source {
	const char *host; /* name or address */
	const char *port;
	unsigned timeout_ms; /* to connect, and between two messages */
};

/* Does not run contents_check(). ERR_REFUSED: diag says why, with the host in place of a file: the rules of
 * control/transfer/xfr_reader.h, transfer-address and transfer-connection. */
MUST_CHECK int axfr_read(const struct axfr_source *from, const uint8_t *apex,
                         struct contents **out, struct diag *diag);

#endif
