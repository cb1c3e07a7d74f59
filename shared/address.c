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

uint16_t address_port(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	return ntohs(address->ss_family == AF_INET6 ? in6->sin6_port : in->sin_port);
}

void address_text(const struct sockaddr_storage *address, char *text, size_t size)
{
	char host[ADDRESS_HOST_MAX];

	address_host(address, host);
	snprintf(text, size, "%s@%u", host, (unsigned)address_port(address));
}

/* ---- as octets ---- */

static const uint8_t ipv4_mapped[12] = {[10] = 0xff, [11] = 0xff};

void address_bytes(const struct sockaddr_storage *address, uint8_t bytes[static 16])
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (address->ss_family == AF_INET6) {
		memcpy(bytes, &in6->sin6_addr, sizeof in6->sin6_addr);
		return;
	}
	memcpy(bytes, ipv4_mapped, sizeof ipv4_mapped);
	memcpy(bytes + sizeof ipv4_mapped, &in->sin_addr, sizeof in->sin_addr);
}

void address_from_bytes(const uint8_t bytes[static 16], uint16_t port,
                        struct sockaddr_storage *out)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(out, 0, sizeof *out);
	if (memcmp(bytes, ipv4_mapped, sizeof ipv4_mapped) == 0) {
		memcpy(&ipv4.sin_addr, bytes + sizeof ipv4_mapped, sizeof ipv4.sin_addr);
		memcpy(out, &ipv4, sizeof ipv4);
		return;
	}
	memcpy(&ipv6.sin6_addr, bytes, sizeof ipv6.sin6_addr);
	memcpy(out, &ipv6, sizeof ipv6);
}

void address_bytes_host(const uint8_t bytes[static 16],
                        char host[static ADDRESS_HOST_MAX])
{
	struct sockaddr_storage address;

	address_from_bytes(bytes, 0, &address);
	address_host(&address, host);
}

struct address_client address_client(const uint8_t bytes[static 16])
{
	struct address_client client = {0};

	memcpy(&client.high, bytes, 8);
	if (memcmp(bytes, ipv4_mapped, sizeof ipv4_mapped) == 0)
		memcpy(&client.low, bytes + 8, 8);
	return client;
}

/* Multiply and fold, as names are hashed. */
uint64_t address_client_hash(const struct address_client *client,
                             const uint64_t secret[static 2])
{
	__extension__ unsigned __int128 product =
		(unsigned __int128)(client->high ^ secret[0]) * (client->low ^ secret[1]);
	uint64_t hash = (uint64_t)product ^ (uint64_t)(product >> 64);

	return hash ^ hash >> 32;
}

bool address_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	uint8_t one[16];
	uint8_t other[16];

	address_bytes(a, one);
	address_bytes(b, other);
	return memcmp(one, other, sizeof one) == 0;
}

bool address_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return address_same_host(a, b) && address_port(a) == address_port(b);
}

/* Gives false when there is anything else than a number up to most. */
static bool read_bits(const char *text, unsigned most, unsigned *bits)
{
	size_t len = strlen(text);

	*bits = 0;
	if (len == 0 || len > 3 || (len > 1 && text[0] == '0'))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*bits = *bits * 10 + (unsigned)(*text - '0');
	}
	return *bits <= most;
}

/* The first octet with a bit behind the first so many has only the upper ones of this mask. */
static uint8_t mask_of(unsigned bits)
{
	return (uint8_t)(0xff00U >> (bits % 8));
}

bool address_prefix_read(const char *text, struct address_prefix *out)
{
	char host[ADDRESS_HOST_MAX];
	struct sockaddr_storage address;
	struct address_prefix p;
	size_t len = strcspn(text, "/");

	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!address_read(host, 0, &address))
		return false;
	unsigned most = address.ss_family == AF_INET ? 32 : 128;
	unsigned bits = most;
	if (text[len] && !read_bits(text + len + 1, most, &bits))
		return false;
	address_bytes(&address, p.bytes);
	p.bits = (uint8_t)(128 - most + bits);
	if (p.bits < 128 && p.bytes[p.bits / 8] & (uint8_t)~mask_of(p.bits))
		return false;
	for (unsigned i = p.bits / 8U + 1; i < sizeof p.bytes; i++)
		if (p.bytes[i])
			return false;
	*out = p;
	return true;
}

bool address_prefix_has(const struct address_prefix *p, const uint8_t address[static 16])
{
	unsigned whole = p->bits / 8U;

	/* All of IPv6 is not all of IPv4. */
	if (p->bits < 8 * sizeof ipv4_mapped &&
	    memcmp(address, ipv4_mapped, sizeof ipv4_mapped) == 0)
		return false;
	if (memcmp(p->bytes, address, whole) != 0)
		return false;
	return whole == sizeof p->bytes ||
	       ((p->bytes[whole] ^ address[whole]) & mask_of(p->bits)) == 0;
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
