#include "shared/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* ---- as text ---- */

bool address_read(const char *host, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_storage address = {0};

	if (inet_pton(AF_INET, host, &ipv4.sin_addr) == 1)
		memcpy(&address, &ipv4, sizeof ipv4);
	else if (inet_pton(AF_INET6, host, &ipv6.sin6_addr) == 1)
		memcpy(&address, &ipv6, sizeof ipv6);
	else
		return false;
	*out = address;
	return true;
}

void address_host(const struct sockaddr_storage *address,
                  char host[static ADDRESS_HOST_MAX])
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;
	const void *bytes = address->ss_family == AF_INET ? (const void *)&in->sin_addr
	                                                  : &in6->sin6_addr;

	if (inet_ntop(address->ss_family, bytes, host, ADDRESS_HOST_MAX) == NULL)
		snprintf(host, ADDRESS_HOST_MAX, "?");
}

void address_text(const struct sockaddr_storage *address, char *text, size_t size)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;
	in_port_t port = address->ss_family == AF_INET ? in->sin_port : in6->sin6_port;
	char host[ADDRESS_HOST_MAX];

	address_host(address, host);
	snprintf(text, size, "%s@%u", host, (unsigned)ntohs(port));
}

/* ---- what frames can be told by ---- */

bool address_is_wildcard(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (address->ss_family == AF_INET)
		return in->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

static const char *unfit4(uint32_t host)
{
	if (host >> 24 == IN_LOOPBACKNET)
		return "a loopback address";
	if (IN_MULTICAST(host))
		return "a multicast address";
	return IN_BADCLASS(host) ? "a reserved address" : NULL;
}

static const char *unfit6(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_LOOPBACK(a))
		return "a loopback address";
	if (IN6_IS_ADDR_MULTICAST(a))
		return "a multicast address";
	if (IN6_IS_ADDR_LINKLOCAL(a))
		return "a link-local address";
	return IN6_IS_ADDR_V4MAPPED(a) ? "an IPv4-mapped address" : NULL;
}

const char *address_unfit(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (address_is_wildcard(address))
		return "a wildcard";
	return address->ss_family == AF_INET ? unfit4(ntohl(in->sin_addr.s_addr))
	                                     : unfit6(&in6->sin6_addr);
}

bool address_is_loopback(const struct sockaddr_storage *address)
{
	static const uint8_t mapped[13] = {
		[10] = 0xff, [11] = 0xff, [12] = IN_LOOPBACKNET};
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	if (address->ss_family == AF_INET) {
		memcpy(&ipv4, address, sizeof ipv4);
		return ntohl(ipv4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	memcpy(&ipv6, address, sizeof ipv6);
	return address->ss_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr) ||
	        !memcmp(&ipv6.sin6_addr, mapped, sizeof mapped));
}
