/*
 * Addresses of other servers, with a port or not, as people and PowerDNS's API write them:
 * "192.0.2.1", "192.0.2.1:5300", "2001:db8::1", "[2001:db8::1]:5300".
 */
#ifndef CONTROL_POLICY_ADDRESS_H
#define CONTROL_POLICY_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "shared/compiler.h"

enum {
	POLICY_ADDRESS_MAX = INET6_ADDRSTRLEN + 8, /* with the final NUL */
	POLICY_PORT = 53,
};

/* Without a port it is POLICY_PORT. ADDRESS@PORT, as the configuration has it, is taken too. Gives false
 * for other text. */
MUST_CHECK bool policy_address_read(const char *text, struct sockaddr_storage *out);

/* Writes it in the same form, the port unless it is POLICY_PORT, or 0 as it is of a client. */
void policy_address_text(const struct sockaddr_storage *address,
                         char text[static POLICY_ADDRESS_MAX]);

#endif
