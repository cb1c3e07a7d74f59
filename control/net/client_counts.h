/*
 * How many connections each client has. A client is an IPv4 address or an IPv6 /64, the least
 * that one subscriber is given (RFC 6177 §2): counting single IPv6 addresses would limit nobody.
 *
 * A client has an entry as long as it has a connection, and every step costs the same however
 * many there are: a table of fixed size under a secret hash key.
 */
#ifndef CONTROL_NET_CLIENT_COUNTS_H
#define CONTROL_NET_CLIENT_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

struct client_counts;

/* max: connections at any time, of all clients together; limit: of one client.
 * ERR_NOMEM, ERR_SYSTEM (no random numbers). */
MUST_CHECK int client_counts_new(unsigned max, unsigned limit,
                                 struct client_counts **out);
void client_counts_free(struct client_counts *counts);

/* Changes max and limit; what is counted stays, even where it is beyond them. */
void client_counts_configure(struct client_counts **counts, unsigned max, unsigned limit);

/* Counts one more connection from addr (an IPv4 address as ::ffff:a.b.c.d), or says false and
 * counts nothing: the client has its limit, or all clients together have max. */
MUST_CHECK bool client_counts_add(struct client_counts *counts, const uint8_t addr[16]);

/* Undoes one successful add. */
void client_counts_remove(struct client_counts *counts, const uint8_t addr[16]);

/* Clients with a connection. */
unsigned client_counts_clients(const struct client_counts *counts);

#endif
