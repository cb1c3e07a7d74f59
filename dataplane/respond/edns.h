/*
 * The OPT record of a response (RFC 6891) and the options in it: NSID (RFC 5001), COOKIE
 * (RFC 7873, 9018), edns-tcp-keepalive (RFC 7828), extended errors (RFC 8914).
 */
#ifndef DATAPLANE_RESPOND_EDNS_H
#define DATAPLANE_RESPOND_EDNS_H

#include <stdint.h>

#include "dataplane/respond/query.h"
#include "shared/table.h"

/* Bytes to keep free for OPT: as many as edns_write() will write at most. 0 without EDNS. */
unsigned edns_reserve(const struct query *q, const struct table_settings *settings,
                      const struct client *client);

/* Largest response that may be sent to the client, in bytes. */
unsigned edns_limit(const struct query *q, const struct table_settings *settings,
                    const struct client *client);

/* What goes into the record besides what the query asked for. */
struct edns_reply {
	uint8_t rcode_high; /* upper eight bits of the extended rcode */
	uint8_t ede;        /* RFC 8914 info code + 1; 0: none */
	uint32_t now;
};

/* Writes OPT at to, which has edns_reserve() bytes. Gives the bytes written. */
unsigned edns_write(uint8_t *to, const struct query *q,
                    const struct table_settings *settings, const struct client *client,
                    const struct edns_reply *reply);

#endif
