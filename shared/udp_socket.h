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

/* Ancillary data: the address that a client asked. One struct cmsghdr, which has no end of its own
 * and so is in no other struct; it is aligned as its first member. */
union udp_asked {
	size_t align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Binds to an address together with everybody else of this user who does; an IPv6 socket takes
 * IPv6 only. early: also to an address that the machine does not have yet. ERR_SYSTEM, and errno
 * says why. */
MUST_CHECK int udp_socket_open(const struct sockaddr_storage *addr, bool early,
                               struct udp_socket *out);

/* Makes what came with a query fit for its reply. */
void udp_asked_to_reply(union udp_asked *asked, bool is_ipv4);

/* How a reply gets back by the socket that its query came by, when the query has been forgotten. */
struct udp_way {
	union udp_asked asked;      /* as it came */
	struct sockaddr_in6 client; /* or sockaddr_in */
	uint32_t asked_len;
};

/* asked_len: of what came; 0: nothing. */
struct udp_way udp_way_of(const void *client, bool is_ipv4, const union udp_asked *asked,
                          size_t asked_len);

/* Sends a reply of at most UDP_MESSAGE_MAX bytes. false: the kernel does not take it, or the way makes no
 * sense. */
MUST_CHECK bool udp_way_send(const struct udp_socket *s, const struct udp_way *way,
                             const void *message, size_t len);

#endif
