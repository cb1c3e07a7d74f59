#include "shared/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

static const char *unfit4(uint32_t host)
{
	if (host == INADDR_ANY)
		return "a wildcard";
	if (host >> 24 == IN_LOOPBACKNET)
		return "a loopback address";
	if (IN_MULTICAST(host))
		return "a multicast address";
	return IN_BADCLASS(host) ? "a reserved address" : NULL;
}

static const char *unfit6(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_UNSPECIFIED(a))
		return "a wildcard";
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
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	if (address->ss_family == AF_INET) {
		memcpy(&ipv4, address, sizeof ipv4);
		return unfit4(ntohl(ipv4.sin_addr.s_addr));
	}
	memcpy(&ipv6, address, sizeof ipv6);
	return unfit6(&ipv6.sin6_addr);
}
