/*
 * What the kernel tells of an interface by other means than files: ethtool's ioctl, the links of
 * rtnetlink, and the family "netdev" of generic netlink (Linux 6.3).
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "control/doctor/doctor.h"
#include "shared/compiler.h"

/* ---- ethtool ---- */

static bool ask_ethtool(int fd, const char *interface, void *command)
{
	struct ifreq request = {.ifr_data = command};

	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

static void ask_driver(int fd, const char *interface, struct nic_facts *facts)
{
	struct ethtool_drvinfo d = {.cmd = ETHTOOL_GDRVINFO};

	STATIC_ASSERT(sizeof facts->driver == sizeof d.driver, "both end with a zero");
	if (ask_ethtool(fd, interface, &d))
		memcpy(facts->driver, d.driver, sizeof facts->driver - 1);
}

static void ask_channels(int fd, const char *interface, struct nic_facts *facts)
{
	struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};

	if (!ask_ethtool(fd, interface, &c))
		return;
	facts->channels.known = true;
	facts->channels.queues = c.combined_count + c.rx_count;
	facts->channels.max = c.max_combined > c.max_rx ? c.max_combined : c.max_rx;
}

static void ask_rings(int fd, const char *interface, struct nic_facts *facts)
{
	struct ethtool_ringparam r = {.cmd = ETHTOOL_GRINGPARAM};

	if (!ask_ethtool(fd, interface, &r) || !r.rx_pending)
		return;
	facts->rings.known = true;
	facts->rings.rx = r.rx_pending;
	facts->rings.tx = r.tx_pending;
	facts->rings.max_rx = r.rx_max_pending;
}

static void ask_hash(int fd, const char *interface, struct nic_facts *facts)
{
	static const unsigned flows[] = {UDP_V4_FLOW, UDP_V6_FLOW};
	const uint64_t tuple = RXH_IP_SRC | RXH_IP_DST | RXH_L4_B_0_1 | RXH_L4_B_2_3;

	for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
		struct ethtool_rxnfc n = {.cmd = ETHTOOL_GRXFH, .flow_type = flows[i]};

		facts->hash[i].known = ask_ethtool(fd, interface, &n);
		facts->hash[i].ports = (n.data & tuple) == tuple;
	}
}

/* ---- netlink ---- */

enum { REPLY_MAX = 8192, REQUEST_MAX = 256, NETLINK_ALIGN = 4 };

static size_t aligned(size_t len)
{
	return (len + NETLINK_ALIGN - 1) / NETLINK_ALIGN * NETLINK_ALIGN;
}

/* A message that is being made: headers, then attributes, which are aligned to 4 bytes. */
struct request {
	alignas(struct nlmsghdr) unsigned char bytes[REQUEST_MAX];
	size_t len;
};

static void put(struct request *r, const void *bytes, size_t len)
{
	memcpy(r->bytes + r->len, bytes, len);
	r->len += aligned(len);
}

static void put_attribute(struct request *r, unsigned short type, const void *bytes,
                          size_t len)
{
	struct nlattr a = {.nla_len = (unsigned short)(sizeof(struct nlattr) + len),
	                   .nla_type = type};

	put(r, &a, sizeof a);
	put(r, bytes, len);
}

static void begin(struct request *r, unsigned short type, const void *header, size_t len)
{
	struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST};

	*r = (struct request){0};
	put(r, &h, sizeof h);
	put(r, header, len);
}

/* The answer to a message, without its headers. */
struct answer {
	alignas(struct nlmsghdr) unsigned char bytes[REPLY_MAX];
	const unsigned char *attributes;
	size_t len;
};

/* Sends and takes the one answer; header_len is that of the family's own header in it. */
static bool exchange(int fd, struct request *r, size_t header_len, struct answer *a)
{
	struct nlmsghdr h;
	uint32_t request_len = (uint32_t)r->len;
	size_t before = sizeof h + aligned(header_len);

	memcpy(r->bytes + offsetof(struct nlmsghdr, nlmsg_len), &request_len,
	       sizeof request_len);
	if (send(fd, r->bytes, r->len, 0) < 0)
		return false;
	ssize_t got = recv(fd, a->bytes, sizeof a->bytes, 0);
	if (got < (ssize_t)sizeof h)
		return false;
	memcpy(&h, a->bytes, sizeof h);
	if (h.nlmsg_type == NLMSG_ERROR || h.nlmsg_len < before ||
	    h.nlmsg_len > (size_t)got)
		return false;
	a->attributes = a->bytes + before;
	a->len = h.nlmsg_len - before;
	return true;
}

/* Finds an attribute; gives its bytes and their number, or NULL. */
static const unsigned char *find_attribute(const unsigned char *at, size_t len,
                                           unsigned type, size_t *found_len)
{
	struct nlattr a;

	while (len >= sizeof a) {
		memcpy(&a, at, sizeof a);
		if (a.nla_len < sizeof a || a.nla_len > len)
			return NULL;
		if ((a.nla_type & NLA_TYPE_MASK) == type) {
			*found_len = a.nla_len - sizeof a;
			return at + sizeof a;
		}
		size_t step = aligned(a.nla_len);
		if (step > len)
			return NULL;
		at += step;
		len -= step;
	}
	return NULL;
}

/* Copies an attribute of exactly that size. */
static bool get_attribute(const unsigned char *at, size_t len, unsigned type, void *out,
                          size_t size)
{
	size_t found_len = 0;
	const unsigned char *found = find_attribute(at, len, type, &found_len);

	if (!found || found_len != size)
		return false;
	memcpy(out, found, size);
	return true;
}

static int open_netlink(int protocol)
{
	const struct timeval limit = {.tv_sec = 2};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return fd;
}

static void ask_program(unsigned index, struct nic_facts *facts)
{
	const struct ifinfomsg header = {.ifi_index = (int)index};
	int fd = open_netlink(NETLINK_ROUTE);
	struct request r;
	struct answer a;

	begin(&r, RTM_GETLINK, &header, sizeof header);
	if (fd >= 0 && exchange(fd, &r, sizeof header, &a)) {
		size_t len = 0;
		const unsigned char *xdp =
			find_attribute(a.attributes, a.len, IFLA_XDP, &len);

		facts->program.known = true;
		if (xdp)
			(void)get_attribute(xdp, len, IFLA_XDP_PROG_ID,
			                    &facts->program.id, sizeof facts->program.id);
	}
	if (fd >= 0)
		(void)close(fd);
}

/* The family "netdev", from linux/netdev.h of later kernels than these headers are of. */
enum {
	NETDEV_DEV_GET = 1,
	NETDEV_DEV_IFINDEX = 1,
	NETDEV_DEV_XDP_FEATURES = 3,
};

/* The answer is overwritten. */
static bool find_family(int fd, const char *name, struct answer *a, unsigned short *id)
{
	const struct genlmsghdr header = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	struct request r;

	begin(&r, GENL_ID_CTRL, &header, sizeof header);
	put_attribute(&r, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	return exchange(fd, &r, sizeof header, a) &&
	       get_attribute(a->attributes, a->len, CTRL_ATTR_FAMILY_ID, id, sizeof *id);
}

static void ask_xdp(unsigned index, struct nic_facts *facts)
{
	const struct genlmsghdr header = {.cmd = NETDEV_DEV_GET, .version = 1};
	const uint32_t wanted = index;
	int fd = open_netlink(NETLINK_GENERIC);
	unsigned short family = 0;
	struct request r;
	struct answer a;

	if (fd >= 0 && find_family(fd, "netdev", &a, &family)) {
		begin(&r, family, &header, sizeof header);
		put_attribute(&r, NETDEV_DEV_IFINDEX, &wanted, sizeof wanted);
		facts->xdp.known =
			exchange(fd, &r, sizeof header, &a) &&
			get_attribute(a.attributes, a.len, NETDEV_DEV_XDP_FEATURES,
		                      &facts->xdp.bits, sizeof facts->xdp.bits);
	}
	if (fd >= 0)
		(void)close(fd);
}

void nic_ask_kernel(const char *interface, struct nic_facts *facts)
{
	unsigned index = if_nametoindex(interface);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		ask_driver(fd, interface, facts);
		ask_channels(fd, interface, facts);
		ask_rings(fd, interface, facts);
		ask_hash(fd, interface, facts);
		(void)close(fd);
	}
	if (index) {
		ask_program(index, facts);
		ask_xdp(index, facts);
	}
}
