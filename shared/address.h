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

/* Gives the port, host order. */
uint16_t address_port(const struct sockaddr_storage *address);

/* Writes the address without its port. */
void address_host(const struct sockaddr_storage *address,
                  char host[static ADDRESS_HOST_MAX]);

/* Writes "address@port", of at most ADDRESS_TEXT_MAX bytes. */
void address_text(const struct sockaddr_storage *address, char *text, size_t size);

bool address_is_wildcard(const struct sockaddr_storage *address);

/* Gives NULL, or what the address is instead: "a wildcard", "a loopback address". */
const char *address_unfit(const struct sockaddr_storage *address);

/* Addresses that begin with the same bits. */
struct address_prefix {
	uint8_t bytes[16]; /* an IPv4 address as ::ffff:a.b.c.d; zero behind the bits */
	uint8_t bits;      /* of all 128: 96 and more for IPv4 */
};

/* Reads "192.0.2.0/24", "2001:db8::/32", or an address alone, which is a prefix of all of its bits.
 * Gives false for other text, and where there is anything behind the bits. */
MUST_CHECK bool address_prefix_read(const char *text, struct address_prefix *out);

/* Says whether an address, of 16 octets in the same form, begins so. No IPv4 address begins as an IPv6
 * prefix of less than 96 bits does. */
bool address_prefix_has(const struct address_prefix *p, const uint8_t address[static 16]);

/* Writes the address as 16 octets in that form. */
void address_bytes(const struct sockaddr_storage *address, uint8_t bytes[static 16]);

/* The other way round. port: host order. */
void address_from_bytes(const uint8_t bytes[static 16], uint16_t port,
                        struct sockaddr_storage *out);

/* Writes an address of 16 octets in that form without a port. */
void address_bytes_host(const uint8_t bytes[static 16],
                        char host[static ADDRESS_HOST_MAX]);

/* What counts as one client: an IPv4 address or an IPv6 /64, the least that one subscriber is given
 * (RFC 6177 §2). */
struct address_client {
	uint64_t high;
	uint64_t low; /* 0 for IPv6 */
};

/* Gives the client of an address of 16 octets in that form. */
struct address_client address_client(const uint8_t bytes[static 16]);

/* Gives a hash that nobody can choose who does not know the secret, which shows nowhere. */
uint64_t address_client_hash(const struct address_client *client,
                             const uint64_t secret[static 2]);

/* Says whether two are addresses of one host, whatever their ports. */
bool address_same_host(const struct sockaddr_storage *a,
                       const struct sockaddr_storage *b);

/* The same with their ports. */
bool address_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* Says whether it can only be reached from this machine, as itself or mapped into IPv6. */
bool address_is_loopback(const struct sockaddr_storage *address);

#endif
