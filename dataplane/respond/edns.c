#include "dataplane/respond/edns.h"

#include <string.h>

#include "dataplane/respond/cookie.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum { COOKIE_REPLY_LEN = 24 }; /* client cookie and 16 bytes of server cookie */

static bool gives_cookie(const struct query *q, const struct table_settings *settings)
{
	return (q->edns & EDNS_COOKIE) && settings->cookies;
}

static bool gives_keepalive(const struct query *q, const struct client *client)
{
	return (q->edns & EDNS_KEEPALIVE) && client->transport == TRANSPORT_TCP;
}

unsigned edns_reserve(const struct query *q, const struct table_settings *settings,
                      const struct client *client)
{
	unsigned len =
		EDNS_OPT_FIXED; /* an extended error comes without records: there is room */

	if (!(q->edns & EDNS_PRESENT))
		return 0;
	if ((q->edns & EDNS_NSID) && settings->nsid_len > 0)
		len += OPTION_HEADER + settings->nsid_len;
	if (gives_cookie(q, settings))
		len += OPTION_HEADER + COOKIE_REPLY_LEN;
	if (gives_keepalive(q, client))
		len += OPTION_HEADER + 2;
	return len;
}

static uint8_t *put_option(uint8_t *to, uint16_t code, uint16_t len)
{
	wire_store16(to, code);
	wire_store16(to + 2, len);
	return to + OPTION_HEADER;
}

static uint8_t *put_cookie(uint8_t *to, const struct query *q,
                           const struct table_settings *settings,
                           const struct client *client, uint32_t now)
{
	const uint8_t *addr = client->is_ipv4 ? client->addr + 12 : client->addr;

	to = put_option(to, OPTION_COOKIE, COOKIE_REPLY_LEN);
	memcpy(to, q->cookie_client, COOKIE_CLIENT_LEN);
	cookie_make(settings->cookie_secret, q->cookie_client, now, addr,
	            client->is_ipv4 ? 4 : 16, to + COOKIE_CLIENT_LEN);
	return to + COOKIE_REPLY_LEN;
}

static uint8_t *put_options(uint8_t *to, const struct query *q,
                            const struct table_settings *settings,
                            const struct client *client, const struct edns_reply *reply)
{
	if ((q->edns & EDNS_NSID) && settings->nsid_len > 0) {
		to = put_option(to, OPTION_NSID, settings->nsid_len);
		memcpy(to, settings->nsid, settings->nsid_len);
		to += settings->nsid_len;
	}
	if (gives_cookie(q, settings))
		to = put_cookie(to, q, settings, client, reply->now);
	if (gives_keepalive(q, client)) {
		to = put_option(to, OPTION_KEEPALIVE, 2);
		wire_store16(to, settings->tcp_keepalive);
		to += 2;
	}
	if (reply->ede) {
		to = put_option(to, OPTION_EDE, 2);
		wire_store16(to, (uint16_t)(reply->ede - 1));
		to += 2;
	}
	return to;
}

unsigned edns_write(uint8_t *to, const struct query *q,
                    const struct table_settings *settings, const struct client *client,
                    const struct edns_reply *reply)
{
	uint8_t *end = to + EDNS_OPT_FIXED;

	edns_write_plain(to, (q->edns & EDNS_DO) != 0,
	                 (uint16_t)edns_own_size(settings, client));
	to[5] = reply->rcode_high;
	if (unlikely((q->edns & (EDNS_NSID | EDNS_COOKIE | EDNS_KEEPALIVE)) ||
	             reply->ede))
		end = put_options(end, q, settings, client, reply);
	wire_store16(to + 9, (uint16_t)(end - to - EDNS_OPT_FIXED));
	return (unsigned)(end - to);
}
