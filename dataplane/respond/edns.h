/*
 * The OPT record of a response (RFC 6891) and the options in it: NSID (RFC 5001), COOKIE
 * (RFC 7873, 9018), edns-tcp-keepalive (RFC 7828), extended errors (RFC 8914).
 */
#ifndef DATAPLANE_RESPOND_EDNS_H
#define DATAPLANE_RESPOND_EDNS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/respond/query.h"
#include "shared/compiler.h"
#include "shared/rrtype.h"
#include "shared/table.h"
#include "shared/wire.h"

enum { EDNS_OPT_FIXED = 11 };

/* OPT without options, which is what nearly every response has. */
static ALWAYS_INLINE void edns_write_plain(uint8_t *to, bool dnssec, uint16_t size)
{
	memset(to, 0, EDNS_OPT_FIXED);
	to[2] = RRTYPE_OPT;
	wire_store16(to + 3, size);
	to[7] = dnssec ? 0x80 : 0;
}

static ALWAYS_INLINE unsigned edns_own_size(const struct table_settings *settings,
                                            const struct client *client)
{
	return client->is_ipv4 ? settings->udp_max_ipv4 : settings->udp_max_ipv6;
}

/* Bytes to keep free for OPT: as many as edns_write() will write at most. 0 without EDNS. */
unsigned edns_reserve(const struct query *q, const struct table_settings *settings,
                      const struct client *client);

/* Largest response that may be sent to the client, in bytes. */
static ALWAYS_INLINE unsigned edns_limit(const struct query *q,
                                         const struct table_settings *settings,
                                         const struct client *client)
{
	if (unlikely(client->transport == TRANSPORT_TCP))
		return UINT16_MAX;
	unsigned ours = edns_own_size(settings, client);
	unsigned limit = q->udp_size < ours ? q->udp_size : ours;
	return limit > DNS_CLASSIC_MAX ? limit : DNS_CLASSIC_MAX;
}

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
