#include "control/net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/err.h"

enum { BACKLOG = 1024 };

static socklen_t address_size(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                   : sizeof(struct sockaddr_in);
}

static void describe(const struct sockaddr_storage *addr, const char *step, char *text,
                     size_t text_size)
{
	const char *reason = strerror(errno);
	char host[INET6_ADDRSTRLEN] = "?";
	uint8_t bytes[16];
	uint16_t port = listen_peer(addr, bytes);

	if (addr->ss_family == AF_INET6)
		inet_ntop(AF_INET6, bytes, host, sizeof host);
	else
		inet_ntop(AF_INET, bytes + 12, host, sizeof host);
	snprintf(text, text_size, "TCP %s@%u: %s: %s", host, (unsigned)port, step,
	         reason);
}

static int set_options(int fd, int family)
{
	const int on = 1;

	/* A restart must not wait for the connections of the process before it. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return -1;
	if (family == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	return 0;
}

int listen_open(const struct sockaddr_storage *addr, int *out, char *text,
                size_t text_size)
{
	const char *step = "socket";
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		goto fail;
	step = "socket options";
	if (set_options(fd, addr->ss_family) < 0)
		goto fail;
	step = "bind";
	if (bind(fd, (const struct sockaddr *)addr, address_size(addr)) < 0)
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

uint16_t listen_peer(const struct sockaddr_storage *addr, uint8_t out[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (addr->ss_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, addr, sizeof v6);
		memcpy(out, &v6.sin6_addr, 16);
		return ntohs(v6.sin6_port);
	}
	struct sockaddr_in v4;

	memcpy(&v4, addr, sizeof v4);
	memcpy(out, mapped, sizeof mapped);
	memcpy(out + sizeof mapped, &v4.sin_addr, 4);
	return ntohs(v4.sin_port);
}
