#include "control/net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/address.h"
#include "shared/err.h"

enum { BACKLOG = 1024 };

static void describe(const struct sockaddr_storage *addr, const char *step, char *text,
                     size_t text_size)
{
	const char *reason = strerror(errno);
	char address[ADDRESS_TEXT_MAX];

	address_text(addr, address, sizeof address);
	snprintf(text, text_size, "TCP %s: %s: %s", address, step, reason);
}

static int set_options(int fd, int family, bool early)
{
	const int on = 1;
	bool is_ipv6 = family == AF_INET6;

	/* A restart must not wait for the connections of the process before it. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return -1;
	if (early &&
	    setsockopt(fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
	               is_ipv6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof on) < 0)
		return -1;
	if (is_ipv6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	return 0;
}

int listen_open(const struct sockaddr_storage *addr, bool early, int *out, char *text,
                size_t text_size)
{
	const char *step = "socket";
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		goto fail;
	step = "socket options";
	if (set_options(fd, addr->ss_family, early) < 0)
		goto fail;
	step = "bind";
	if (bind(fd, (const struct sockaddr *)addr,
	         address_size(addr->ss_family == AF_INET)) < 0)
		goto fail;
	step = "listen";
	if (listen(fd, BACKLOG) < 0)
		goto fail;
	*out = fd;
	return 0;
fail:
	describe(addr, step, text, text_size);
	if (fd >= 0)
		close(fd);
	return ERR_SYSTEM;
}

uint16_t listen_peer(const struct sockaddr_storage *addr, uint8_t out[static 16])
{
	address_bytes(addr, out);
	return address_port(addr);
}
