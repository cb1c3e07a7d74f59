/*
 * Addresses to serve: as text, as sockets have them, and which of them a frame can be told by,
 * which are those that one host alone has, whatever interface it came in by. Both the configuration
 * and what reads frames keep to that.
 *
 * An address is a struct sockaddr_in or sockaddr_in6 at the start of its storage, the rest zero.
 */
#ifndef SHARED_ADDRESS_H
#define SHARED_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/compiler.h"

enum {
	ADDRESS_HOST_MAX = INET6_ADDRSTRLEN, /* with the final NUL */
	ADDRESS_TEXT_MAX = ADDRESS_HOST_MAX + 6,
};

/* Makes an address of a text without a port. port: host order. Gives false for other text. */
MUST_CHECK bool address_read(const char *host, uint16_t port,
                             struct sockaddr_storage *out);

/* Gives the size of the address as its family has it. */
static inline socklen_t address_size(bool is_ipv4)
{
	return is_ipv4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* Writes the address without its port. */
void address_host(const struct sockaddr_storage *address,
                  char host[static ADDRESS_HOST_MAX]);

/* Writes "address@port", of at most ADDRESS_TEXT_MAX bytes. */
void address_text(const struct sockaddr_storage *address, char *text, size_t size);

bool address_is_wildcard(const struct sockaddr_storage *address);

/* Gives NULL, or what the address is instead: "a wildcard", "a loopback address". */
const char *address_unfit(const struct sockaddr_storage *address);

/* Says whether it can only be reached from this machine, as itself or mapped into IPv6. */
bool address_is_loopback(const struct sockaddr_storage *address);

#endif
