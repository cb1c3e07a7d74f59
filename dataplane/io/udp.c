/*
 * The plain socket back end: one UDP socket for each address that a worker serves.
 *
 * All workers bind all addresses (SO_REUSEPORT), so the kernel spreads clients over workers by
 * their address and port, and no socket is shared. Arrays for recvmmsg() and sendmmsg() are laid
 * out once; per burst only what the kernel has changed is put back.
 *
 * A burst comes from one socket. Sockets are read in turn until one has nothing; when all have
 * nothing the worker idles in poll(). So a busy worker makes two system calls per burst.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/io/io.h"
#include "shared/err.h"

enum {
	/* Not a multiple of the page size, or the first lines of all buffers would compete for one
	 * set of the first-level cache. Also leaves room for vector loads past a message. */
	STRIDE = IO_MESSAGE_MAX + 5 * CACHE_LINE,
	SOCKET_BUFFER = 8 << 20, /* bytes asked for; the kernel may give less */
	LISTEN_MAX = 64,
};

/* Ancillary data: the address that a client asked, where the socket is bound to all of them. */
union asked {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};
STATIC_ASSERT(sizeof(struct in6_pktinfo) >= sizeof(struct in_pktinfo),
              "union asked fits both");

struct udp_socket {
	int fd;
	bool is_ipv4;
	bool is_wildcard;
	bool may_have_more;
};

struct udp {
	struct io io;
	unsigned nsockets;
	unsigned turn; /* the socket of the burst that is lent, or of the next */
	struct mmsghdr in[BURST_MAX];
	struct mmsghdr out[BURST_MAX];
	struct iovec in_iov[BURST_MAX];
	struct iovec out_iov[BURST_MAX];
	struct sockaddr_in6 names[BURST_MAX]; /* or sockaddr_in */
	union asked asked[BURST_MAX];
	size_t asked_len[BURST_MAX];
	struct udp_socket sockets[LISTEN_MAX];
	struct pollfd poll[LISTEN_MAX + 1];
	alignas(CACHE_LINE) uint8_t room[(size_t)BURST_MAX * STRIDE];
};

/* ---- opening ---- */

static void describe(const struct sockaddr_storage *ss, char *text, size_t size)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)ss;
	bool is_ipv4 = ss->ss_family == AF_INET;
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(ss->ss_family,
	          is_ipv4 ? (const void *)&in->sin_addr : (const void *)&in6->sin6_addr,
	          address, sizeof address);
	snprintf(text, size, "%s@%u", address,
	         (unsigned)ntohs(is_ipv4 ? in->sin_port : in6->sin6_port));
}

static bool is_wildcard(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)ss;

	if (ss->ss_family == AF_INET)
		return in->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* Replies never set DF and never believe a path MTU that somebody reported: forged ICMP messages
 * could make them fragments, into which false ones can be mixed. */
static int set_ipv4(const struct udp_socket *s)
{
	if (set(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) != 0)
		return -1;
	return s->is_wildcard ? set(s->fd, IPPROTO_IP, IP_PKTINFO, 1) : 0;
}

static int set_ipv6(const struct udp_socket *s)
{
	if (set(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0 ||
	    set(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) != 0)
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

static int open_socket(struct udp_socket *s, const struct sockaddr_storage *ss)
{
	s->is_ipv4 = ss->ss_family == AF_INET;
	s->is_wildcard = is_wildcard(ss);
	s->may_have_more = true;
	s->fd = socket(ss->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || set(s->fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0)
		return ERR_SYSTEM;
	if ((s->is_ipv4 ? set_ipv4(s) : set_ipv6(s)) != 0)
		return ERR_SYSTEM;
	enlarge_buffers(s->fd);
	socklen_t len =
		s->is_ipv4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	return bind(s->fd, (const struct sockaddr *)ss, len) == 0 ? 0 : ERR_SYSTEM;
}

static void lay_out(struct udp *u)
{
	for (unsigned i = 0; i < BURST_MAX; i++) {
		u->in_iov[i] = (struct iovec){.iov_base = u->room + (size_t)i * STRIDE,
		                              .iov_len = IO_MESSAGE_MAX};
		u->in[i].msg_hdr = (struct msghdr){.msg_name = &u->names[i],
		                                   .msg_namelen = sizeof u->names[i],
		                                   .msg_iov = &u->in_iov[i],
		                                   .msg_iovlen = 1,
		                                   .msg_control = &u->asked[i],
		                                   .msg_controllen = sizeof u->asked[i]};
		u->out[i].msg_hdr =
			(struct msghdr){.msg_iov = &u->out_iov[i], .msg_iovlen = 1};
	}
}

static void udp_close(struct io **io)
{
	struct udp *u = (struct udp *)(void *)*io;

	*io = NULL;
	for (unsigned i = 0; i < u->nsockets; i++)
		close(u->sockets[i].fd);
	free(u);
}

static int open_all(struct udp *u, const struct io_config *config, char *text,
                    size_t text_size)
{
	for (; u->nsockets < config->listen_count; u->nsockets++) {
		const struct sockaddr_storage *ss = &config->listen[u->nsockets];
		struct udp_socket *s = &u->sockets[u->nsockets];
		int err = open_socket(s, ss);
		if (err == 0) {
			u->poll[u->nsockets] =
				(struct pollfd){.fd = s->fd, .events = POLLIN};
			continue;
		}
		int reason = errno;
		char address[INET6_ADDRSTRLEN + 8];
		describe(ss, address, sizeof address);
		snprintf(text, text_size, "UDP %s: %s", address, strerror(reason));
		if (s->fd >= 0)
			close(s->fd);
		return err;
	}
	u->poll[u->nsockets] = (struct pollfd){.fd = config->wake_fd, .events = POLLIN};
	return 0;
}

static int udp_open(const struct io_config *config, struct io_device *device,
                    unsigned worker, struct io **out, char *text, size_t text_size)
{
	struct udp *u = NULL;

	(void)device;
	(void)worker;
	if (config->listen_count == 0 || config->listen_count > LISTEN_MAX) {
		snprintf(text, text_size,
		         "UDP: between 1 and %u addresses are served, not %zu",
		         (unsigned)LISTEN_MAX, config->listen_count);
		return ERR_RANGE;
	}
	u = aligned_alloc(CACHE_LINE, sizeof *u);
	if (u == NULL) {
		snprintf(text, text_size, "UDP: %s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	memset(u, 0, sizeof *u);
	struct io *io = &u->io;
	lay_out(u);
	int err = open_all(u, config, text, text_size);
	if (err != 0) {
		udp_close(&io);
		return err;
	}
	*out = io;
	return 0;
}

/* ---- receiving ---- */

static void set_client(struct client *c, const struct sockaddr_in6 *name, bool is_ipv4)
{
	c->transport = TRANSPORT_UDP;
	c->is_ipv4 = is_ipv4;
	if (is_ipv4) {
		static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
		struct sockaddr_in in;
		memcpy(&in, name, sizeof in);
		memcpy(c->addr, mapped, sizeof mapped);
		memcpy(c->addr + sizeof mapped, &in.sin_addr, sizeof in.sin_addr);
		c->port = ntohs(in.sin_port);
	} else {
		memcpy(c->addr, &name->sin6_addr, sizeof c->addr);
		c->port = ntohs(name->sin6_port);
	}
}

/* Turns what recvmmsg() filled in into packets. One from port 0 cannot be answered, and what is
 * larger than a buffer is no query. */
HOT static unsigned accept_burst(struct udp *u, const struct udp_socket *s, unsigned n,
                                 struct pkt pkts[static BURST_MAX])
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct msghdr *h = &u->in[i].msg_hdr;
		struct pkt *p = &pkts[kept];
		set_client(&p->client, &u->names[i], s->is_ipv4);
		if (h->msg_flags & MSG_TRUNC) {
			io_note(&u->io, IO_MALFORMED, 1);
		} else if (p->client.port == 0) {
			io_note(&u->io, IO_SOURCE, 1);
		} else {
			p->dns = u->room + (size_t)i * STRIDE;
			p->len = (uint16_t)u->in[i].msg_len;
			p->room = IO_MESSAGE_MAX;
			p->io = i;
			kept++;
		}
		u->asked_len[i] = s->is_wildcard ? h->msg_controllen : 0;
		h->msg_namelen = sizeof u->names[i];
		h->msg_controllen = sizeof u->asked[i];
	}
	return kept;
}

HOT static unsigned udp_rx(struct io *io, struct pkt pkts[static BURST_MAX])
{
	struct udp *u = (struct udp *)(void *)io;

	for (unsigned tried = 0; tried < u->nsockets; tried++) {
		u->turn = u->turn + 1 < u->nsockets ? u->turn + 1 : 0;
		struct udp_socket *s = &u->sockets[u->turn];
		if (!s->may_have_more)
			continue;
		int n = recvmmsg(s->fd, u->in, BURST_MAX, MSG_DONTWAIT, NULL);
		if (n > 0)
			return accept_burst(u, s, (unsigned)n, pkts);
		s->may_have_more = false;
	}
	return 0;
}

/* ---- sending ---- */

/* The reply leaves from the address that was asked, by whatever interface leads to the client,
 * except that a link-local address means nothing without its interface. */
static void free_interface(union asked *asked, bool is_ipv4)
{
	uint8_t *data = CMSG_DATA(&asked->align);

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

static void prepare(struct udp *u, const struct udp_socket *s, const struct pkt *p,
                    unsigned at)
{
	struct msghdr *h = &u->out[at].msg_hdr;
	size_t asked_len = u->asked_len[p->io];

	u->out_iov[at] = (struct iovec){.iov_base = p->dns, .iov_len = p->len};
	h->msg_name = &u->names[p->io];
	h->msg_namelen =
		s->is_ipv4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	h->msg_control = asked_len ? &u->asked[p->io] : NULL;
	h->msg_controllen = asked_len;
	if (asked_len)
		free_interface(&u->asked[p->io], s->is_ipv4);
}

/* Sends what the kernel takes. A full queue costs the rest of the burst; a message that it
 * refuses (no route, a filter) costs that message. */
HOT static void udp_tx(struct io *io, struct pkt pkts[], unsigned n)
{
	struct udp *u = (struct udp *)(void *)io;
	const struct udp_socket *s = &u->sockets[u->turn];
	unsigned total = 0;
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		if (pkts[i].len > 0)
			prepare(u, s, &pkts[i], total++);
	}
	while (done < total) {
		int sent = sendmmsg(s->fd, u->out + done, total - done, MSG_DONTWAIT);
		if (sent > 0) {
			done += (unsigned)sent;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			io_note(&u->io, IO_UNSENT, total - done);
			return;
		} else if (errno != EINTR) {
			io_note(&u->io, IO_UNSENT, 1);
			done++;
		}
	}
}

/* ---- waiting ---- */

static void udp_idle(struct io *io)
{
	struct udp *u = (struct udp *)(void *)io;

	if (poll(u->poll, u->nsockets + 1, -1) <= 0)
		return;
	for (unsigned i = 0; i < u->nsockets; i++)
		u->sockets[i].may_have_more = u->poll[i].revents != 0;
}

const struct io_ops io_udp = {
	.name = "udp",
	.open = udp_open,
	.rx = udp_rx,
	.tx = udp_tx,
	.idle = udp_idle,
	.close = udp_close,
};
