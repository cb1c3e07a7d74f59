/*
 * Server cookies (RFC 7873) in the form that all implementations share, so that the servers of
 * one anycast address accept each other's (RFC 9018 §4):
 *
 *      octet  0         1..3       4..7                       8..15
 *             version 1 reserved 0 time, seconds since 1970   SipHash-2-4
 *
 * The hash is over client cookie, octets 0 to 7 and the client's address.
 */
#ifndef DATAPLANE_RESPOND_COOKIE_H
#define DATAPLANE_RESPOND_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/respond/query.h"
#include "shared/table.h"

enum {
	COOKIE_LEN = 16,       /* of a server cookie of this form */
	COOKIE_MAX_AGE = 3600, /* seconds, RFC 9018 §4.3 */
	COOKIE_MAX_AHEAD =
		300, /* seconds that the clock of a fellow server may be fast */
};

/* addr: the client's, 4 or 16 octets. now: seconds since 1970, wraps in 2106 and may. */
void cookie_make(const uint8_t secret[static COOKIE_SECRET_LEN],
                 const uint8_t client[static COOKIE_CLIENT_LEN], uint32_t now,
                 const uint8_t *addr, size_t addr_len, uint8_t out[static COOKIE_LEN]);

/* Says whether the server part of a cookie was made under secret for this client, and lately. */
bool cookie_check(const uint8_t secret[static COOKIE_SECRET_LEN],
                  const uint8_t client[static COOKIE_CLIENT_LEN], uint32_t now,
                  const uint8_t *addr, size_t addr_len,
                  const uint8_t server[static COOKIE_LEN]);

#endif
