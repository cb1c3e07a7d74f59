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
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/io/io.h"
#include "dataplane/io/nudge.h"
#include "shared/address.h"
#include "shared/cacheline.h"
#include "shared/err.h"
#include "shared/udp_socket.h"

enum {
	/* Not a multiple of the page size, or the first lines of all buffers would compete for one
	 * set of the first-level cache. Also leaves room for vector loads past a message. */
	STRIDE = IO_MESSAGE_MAX + 5 * CACHE_LINE,
	LISTEN_MAX = 64,
};

STATIC_ASSERT((int)IO_MESSAGE_MAX == (int)UDP_MESSAGE_MAX, "both processes answer alike");

struct way {
	struct udp_socket socket;
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
	union udp_asked asked[BURST_MAX];
	size_t asked_len[BURST_MAX];
	struct way ways[LISTEN_MAX];
	struct pollfd poll[LISTEN_MAX + 2]; /* sockets; to end, and to be nudged */
	alignas(CACHE_LINE) uint8_t room[(size_t)BURST_MAX * STRIDE];
};

struct way_back {
	struct udp_way way;
	uint32_t socket;
};
STATIC_ASSERT(sizeof(struct way_back) <= IO_WAY_MAX, "it fits in any way");

/* ---- opening ---- */

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
		close(u->ways[i].socket.fd);
	free(u);
}

static int open_all(struct udp *u, const struct io_config *config, char *text,
                    size_t text_size)
{
	for (; u->nsockets < config->listen_count; u->nsockets++) {
		const struct sockaddr_storage *ss = &config->listen[u->nsockets];
		struct way *way = &u->ways[u->nsockets];
		int err = udp_socket_open(ss, false, &way->socket);
		if (err == 0) {
			way->may_have_more = true;
			u->poll[u->nsockets] =
				(struct pollfd){.fd = way->socket.fd, .events = POLLIN};
			continue;
		}
		const char *reason = strerror(errno);
		char address[ADDRESS_TEXT_MAX];
		address_text(ss, address, sizeof address);
		snprintf(text, text_size, "UDP %s: %s", address, reason);
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
	if (config->listen_count == 0 || config->listen_count > LISTEN_MAX) {
		snprintf(text, text_size,
		         "UDP: between 1 and %u addresses are served, not %zu",
		         (unsigned)LISTEN_MAX, config->listen_count);
		return ERR_RANGE;
	}
	u = cacheline_new(sizeof *u);
	if (u == NULL) {
		snprintf(text, text_size, "UDP: %s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	struct io *io = &u->io;
	lay_out(u);
	int err = open_all(u, config, text, text_size);
	if (err != 0) {
		udp_close(&io);
		return err;
	}
	u->poll[u->nsockets + 1] = nudge_poll(config, worker);
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
		struct way *way = &u->ways[u->turn];
		if (!way->may_have_more)
			continue;
		int n = recvmmsg(way->socket.fd, u->in, BURST_MAX, MSG_DONTWAIT, NULL);
		if (n > 0)
			return accept_burst(u, &way->socket, (unsigned)n, pkts);
		way->may_have_more = false;
	}
	return 0;
}

/* ---- sending ---- */

static void prepare(struct udp *u, const struct udp_socket *s, const struct pkt *p,
                    unsigned at)
{
	struct msghdr *h = &u->out[at].msg_hdr;
	size_t asked_len = u->asked_len[p->io];

	u->out_iov[at] = (struct iovec){.iov_base = p->dns, .iov_len = p->len};
	h->msg_name = &u->names[p->io];
	h->msg_namelen = address_size(s->is_ipv4);
	h->msg_control = asked_len ? &u->asked[p->io] : NULL;
	h->msg_controllen = asked_len;
	if (asked_len)
		udp_asked_to_reply(&u->asked[p->io], s->is_ipv4);
}

/* Sends what the kernel takes. A full queue costs the rest of the burst; a message that it
 * refuses (no route, a filter) costs that message. */
HOT static void udp_tx(struct io *io, struct pkt pkts[], unsigned n)
{
	struct udp *u = (struct udp *)(void *)io;
	const struct udp_socket *s = &u->ways[u->turn].socket;
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

/* ---- replies that come later ---- */

static unsigned udp_way(struct io *io, const struct pkt *p,
                        uint8_t way[static IO_WAY_MAX])
{
	const struct udp *u = (const struct udp *)(const void *)io;
	const struct way_back back = {
		.way = udp_way_of(&u->names[p->io], p->client.is_ipv4, &u->asked[p->io],
	                          u->asked_len[p->io]),
		.socket = u->turn};

	memcpy(way, &back, sizeof back);
	return sizeof back;
}

static bool udp_send(struct io *io, const uint8_t *way, unsigned way_len,
                     const uint8_t *message, uint16_t len)
{
	const struct udp *u = (const struct udp *)(const void *)io;
	struct way_back back;

	if (way_len != sizeof back)
		return false;
	memcpy(&back, way, sizeof back);
	return back.socket < u->nsockets &&
	       udp_way_send(&u->ways[back.socket].socket, &back.way, message, len);
}

/* ---- waiting ---- */

static void udp_idle(struct io *io)
{
	struct udp *u = (struct udp *)(void *)io;

	if (poll(u->poll, u->nsockets + 2, -1) <= 0)
		return;
	nudge_taken(&u->poll[u->nsockets + 1]);
	for (unsigned i = 0; i < u->nsockets; i++)
		u->ways[i].may_have_more = u->poll[i].revents != 0;
}

const struct io_ops io_udp = {
	.name = "udp",
	.open = udp_open,
	.rx = udp_rx,
	.tx = udp_tx,
	.way = udp_way,
	.send = udp_send,
	.idle = udp_idle,
	.close = udp_close,
};
