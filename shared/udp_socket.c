#include "shared/udp_socket.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "shared/address.h"
#include "shared/err.h"

enum { SOCKET_BUFFER = 8 << 20 }; /* bytes asked for; the kernel may give less */

STATIC_ASSERT(sizeof(struct in6_pktinfo) >= sizeof(struct in_pktinfo),
              "union udp_asked fits both");
STATIC_ASSERT(alignof(struct cmsghdr) == alignof(union udp_asked), "it holds a header");

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* Replies never set DF and never believe a path MTU that somebody reported: forged ICMP messages
 * could make them fragments, into which false ones can be mixed. */
static int set_ipv4(const struct udp_socket *s, bool early)
{
	if (set(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) != 0 ||
	    (early && set(s->fd, IPPROTO_IP, IP_FREEBIND, 1) != 0))
		return -1;
	return s->is_wildcard ? set(s->fd, IPPROTO_IP, IP_PKTINFO, 1) : 0;
}

static int set_ipv6(const struct udp_socket *s, bool early)
{
	if (set(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0 ||
	    set(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) != 0 ||
	    (early && set(s->fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) != 0))
		return -1;
	return s->is_wildcard ? set(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : 0;
}

/* Larger than the system's limit only with the right to; a short burst is lost without. */
static void enlarge_buffers(int fd)
{
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER) != 0)
		(void)set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER) != 0)
		(void)set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

int udp_socket_open(const struct sockaddr_storage *addr, bool early,
                    struct udp_socket *out)
{
	struct udp_socket s = {.is_ipv4 = addr->ss_family == AF_INET,
	                       .is_wildcard = address_is_wildcard(addr)};

	s.fd = socket(addr->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s.fd < 0)
		return ERR_SYSTEM;
	if (set(s.fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0 ||
	    (s.is_ipv4 ? set_ipv4(&s, early) : set_ipv6(&s, early)) != 0)
		goto fail;
	enlarge_buffers(s.fd);
	if (bind(s.fd, (const struct sockaddr *)addr, address_size(s.is_ipv4)) != 0)
		goto fail;
	*out = s;
	return 0;
fail:;
	int reason = errno;
	close(s.fd);
	errno = reason;
	return ERR_SYSTEM;
}

/* The reply leaves from the address that was asked, by whatever interface leads to the client,
 * except that a link-local address means nothing without its interface. */
void udp_asked_to_reply(union udp_asked *asked, bool is_ipv4)
{
	uint8_t *data = asked->bytes + CMSG_LEN(0);

	if (is_ipv4) {
		struct in_pktinfo info;
		memcpy(&info, data, sizeof info);
		info.ipi_ifindex = 0;
		memcpy(data, &info, sizeof info);
	} else {
		struct in6_pktinfo info;
		memcpy(&info, data, sizeof info);
		if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			info.ipi6_ifindex = 0;
		memcpy(data, &info, sizeof info);
	}
}

struct udp_way udp_way_of(const void *client, bool is_ipv4, const union udp_asked *asked,
                          size_t asked_len)
{
	struct udp_way way = {.asked_len = (uint32_t)asked_len};

	memcpy(&way.client, client, address_size(is_ipv4));
	memcpy(&way.asked, asked, asked_len);
	return way;
}

bool udp_way_send(const struct udp_socket *s, const struct udp_way *way,
                  const void *message, size_t len)
{
	struct udp_way back = *way;
	/* iovec has no const; nothing is written there. */
	struct iovec iov = {.iov_base = (void *)(uintptr_t)message, .iov_len = len};

	if (len > UDP_MESSAGE_MAX || back.asked_len > sizeof back.asked)
		return false;
	struct msghdr h = {.msg_name = &back.client,
	                   .msg_namelen = address_size(s->is_ipv4),
	                   .msg_iov = &iov,
	                   .msg_iovlen = 1};
	if (back.asked_len > 0) {
		udp_asked_to_reply(&back.asked, s->is_ipv4);
		h.msg_control = &back.asked;
		h.msg_controllen = back.asked_len;
	}
	return sendmsg(s->fd, &h, MSG_DONTWAIT) == (ssize_t)len;
}
