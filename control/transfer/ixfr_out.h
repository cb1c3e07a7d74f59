/*
 * Answers to IXFR (RFC 1995): what differs between the state that a serial stands for and now, as one
 * sequence, from the log of changes. Where the log does not tell, or tells of as much as the zone
 * itself, the whole zone is the answer (§4).
 */
#ifndef CONTROL_TRANSFER_IXFR_OUT_H
#define CONTROL_TRANSFER_IXFR_OUT_H

#include <stdint.h>

#include "control/store/store.h"
#include "control/transfer/pack.h"
#include "shared/compiler.h"

/* Any thread. Packs the difference between a serial and now. ERR_NOTFOUND: there is none to be given, and
 * nothing was put. Errors of put and of the store, in the middle. */
MUST_CHECK int ixfr_pack(struct store_txn *t, const struct store_zone *z, uint32_t serial,
                         pack_put *put, void *arg);

/* The answer to a question over UDP, of room octets at most: the difference, or the SOA alone for what does
 * not fit. out: room octets, of which *len are used. */
MUST_CHECK int ixfr_pack_datagram(struct store_txn *t, const struct store_zone *z,
                                  uint32_t serial, uint8_t *out, uint16_t room,
                                  uint16_t *len);

#endif
