/*
 * Makes the messages of outgoing transfers: a zone's contents, or what differs between two states of
 * it, as answers that lack only what depends on who asks. The ID is 0, the question has the folded
 * name and the type AXFR or IXFR, and there is room for a TSIG: whoever sends a message puts the
 * asker's ID, flags and question in place of those. Each has its question, so that all names end in
 * pointers to the same place.
 *
 * Any thread, with a transaction of its own. Cursors are walked once: it takes some 0.3 us a record.
 */
#ifndef CONTROL_TRANSFER_PACK_H
#define CONTROL_TRANSFER_PACK_H

#include <stdint.h>

#include "control/history/difference.h"
#include "control/store/store.h"
#include "shared/compiler.h"

enum {
	/* Octets of a message: pointers reach all of it. A record that does not fit has one of its own. */
	PACK_MESSAGE = 16384,
	/* The longest that there is, a TSIG left out. */
	PACK_MESSAGE_MAX = 64500,
};

/* Takes a message, which is lent. Anything but 0 ends the packing, and is handed through. */
typedef int pack_put(void *arg, const uint8_t *message, uint16_t len);

/* The answer to AXFR, or to IXFR where there is nothing else to say: qtype. ERR_NOTFOUND: the zone has no
 * SOA; ERR_TOOBIG: a record is too large for any message; errors of the store, in the middle. */
MUST_CHECK int pack_zone(struct store_txn *t, const struct store_zone *z, uint16_t qtype,
                         pack_put *put, void *arg);

/* The answer to IXFR: one difference sequence (RFC 1995 §4), in which d leads from one SOA to another
 * (ERR_NOTFOUND: it does not). ERR_TOOBIG, ERR_CORRUPT. */
MUST_CHECK int pack_difference(const struct store_zone *z, const struct difference *d,
                               pack_put *put, void *arg);

/* The SOA alone: "there is nothing newer", or "ask over TCP". */
MUST_CHECK int pack_soa(struct store_txn *t, const struct store_zone *z, uint16_t qtype,
                        pack_put *put, void *arg);

#endif
