/*
 * Sockets that answer DNS over UDP, as both processes open them: the data plane whose back end is
 * the kernel, and the control plane for what another back end leaves to the kernel.
 *
 * Where a socket is bound to all addresses, the kernel says with each message which one was asked,
 * and is told to send the reply from that one.
 */
#ifndef SHARED_UDP_SOCKET_H
#define SHARED_UDP_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/compiler.h"

enum {
	UDP_MESSAGE_MAX =
		4096, /* longer ones are no queries; replies have this much room */
};

struct udp_socket {
	int fd; /* does not block */
	bool is_ipv4;
	bool is_wildcard; /* messages come with union udp_asked, and replies need it */
};

/* Ancillary data: the address that a client asked. */
union udp_asked {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Binds to an address together with everybody else of this user who does; an IPv6 socket takes
 * IPv6 only. early: also to an address that the machine does not have yet. ERR_SYSTEM, and errno
 * says why. */
MUST_CHECK int udp_socket_open(const struct sockaddr_storage *addr, bool early,
                               struct udp_socket *out);

/* Makes what came with a query fit for its reply. */
void udp_asked_to_reply(union udp_asked *asked, bool is_ipv4);

#endif
