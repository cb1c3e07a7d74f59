#include "dataplane/io/xdp/interface.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "shared/err.h"

int asker_open(struct asker *a)
{
	a->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	a->plain = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (a->netlink >= 0 && a->plain >= 0)
		return 0;
	int reason = errno;
	asker_close(a);
	errno = reason;
	return ERR_SYSTEM;
}

void asker_close(struct asker *a)
{
	if (a->netlink >= 0)
		close(a->netlink);
	if (a->plain >= 0)
		close(a->plain);
	a->netlink = -1;
	a->plain = -1;
}

/* ---- netlink: one question, one answer ---- */

struct question {
	struct nlmsghdr header;
	struct ifinfomsg link;
};

/* A link's attributes take two or three KiB, more with virtual functions. */
union answer {
	struct nlmsghdr header;
	uint8_t bytes[16384];
};

static void take_attribute(const struct rtattr *a, struct interface *out)
{
	const void *data = (const uint8_t *)a + RTA_LENGTH(0);
	size_t len = RTA_PAYLOAD(a);

	if (a->rta_type == IFLA_IFNAME && len <= sizeof out->name)
		memcpy(out->name, data, len);
	else if (a->rta_type == IFLA_MTU && len == sizeof out->mtu)
		memcpy(&out->mtu, data, sizeof out->mtu);
	else if (a->rta_type == IFLA_STATS64) /* older kernels know fewer */
		memcpy(&out->stats, data,
		       len < sizeof out->stats ? len : sizeof out->stats);
}

static int take_answer(const union answer *answer, size_t len, struct interface *out)
{
	const struct nlmsghdr *h = &answer->header;
	const struct ifinfomsg *link = (const void *)(answer->bytes + NLMSG_HDRLEN);
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof *link);

	if (len < at || h->nlmsg_len > len || h->nlmsg_type != RTM_NEWLINK)
		return ERR_NOTFOUND; /* no such link is an NLMSG_ERROR */
	*out = (struct interface){
		.index = (unsigned)link->ifi_index,
		.up = link->ifi_flags & IFF_UP,
		.running = link->ifi_flags & IFF_RUNNING,
	};
	while (at + sizeof(struct rtattr) <= h->nlmsg_len) {
		const struct rtattr *a = (const void *)(answer->bytes + at);
		if (a->rta_len < sizeof *a || a->rta_len > h->nlmsg_len - at)
			break;
		take_attribute(a, out);
		at += RTA_ALIGN(a->rta_len);
	}
	return 0;
}

int interface_read(const struct asker *asker, unsigned index, struct interface *out)
{
	struct question q = {
		.header = {.nlmsg_len = sizeof q,
	                   .nlmsg_type = RTM_GETLINK,
	                   .nlmsg_flags = NLM_F_REQUEST},
		.link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index},
	};
	static union answer answer; /* too large for a stack; one thread asks */

	if (send(asker->netlink, &q, sizeof q, 0) != (ssize_t)sizeof q)
		return ERR_SYSTEM;
	ssize_t len = recv(asker->netlink, &answer, sizeof answer, 0);
	return len < 0 ? ERR_SYSTEM : take_answer(&answer, (size_t)len, out);
}

int interface_find(const struct asker *asker, const char *name, struct interface *out)
{
	unsigned index = if_nametoindex(name);

	return index == 0 ? ERR_NOTFOUND : interface_read(asker, index, out);
}

/* ---- ioctl ---- */

static int ask_ethtool(const struct asker *a, const char *name, void *command)
{
	struct ifreq request = {.ifr_data = command};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	return ioctl(a->plain, SIOCETHTOOL, &request);
}

unsigned interface_queues(const struct asker *a, const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (ask_ethtool(a, name, &channels) != 0)
		return 1;
	unsigned n = channels.combined_count + channels.rx_count;
	return n ? n : 1;
}

uint32_t interface_speed(const struct asker *a, const char *name)
{
	struct ethtool_cmd link = {.cmd = ETHTOOL_GSET};

	if (ask_ethtool(a, name, &link) != 0)
		return 0;
	uint32_t speed = ethtool_cmd_speed(&link);
	return speed == (uint32_t)SPEED_UNKNOWN ? 0 : speed;
}

bool interface_strips_tags(const struct asker *a, const char *name)
{
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};

	return ask_ethtool(a, name, &flags) == 0 && (flags.data & ETH_FLAG_RXVLAN);
}

static bool is_vlan_on(const struct asker *a, const char *vlan, const char *name)
{
	struct vlan_ioctl_args ask = {.cmd = GET_VLAN_REALDEV_NAME_CMD};

	snprintf(ask.device1, sizeof ask.device1, "%s", vlan);
	return ioctl(a->plain, SIOCGIFVLAN, &ask) == 0 &&
	       strcmp(ask.u.device2, name) == 0;
}

bool interface_has_vlans(const struct asker *a, const char *name)
{
	struct if_nameindex *all = if_nameindex();
	bool found = false;

	if (all == NULL)
		return false;
	for (const struct if_nameindex *i = all; i->if_name != NULL && !found; i++)
		found = is_vlan_on(a, i->if_name, name);
	if_freenameindex(all);
	return found;
}

/* ---- addresses ---- */

static bool is_same_address(const struct sockaddr *a, const struct sockaddr_storage *b)
{
	if (a == NULL || a->sa_family != b->ss_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
	return a->sa_family == AF_INET6 &&
	       IN6_ARE_ADDR_EQUAL(
		       &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
		       &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr);
}

static bool is_one_of(const struct sockaddr *a, const struct sockaddr_storage *addresses,
                      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_same_address(a, &addresses[i]))
			return true;
	}
	return false;
}

static bool is_listed(const char *name, size_t count,
                      char names[static INTERFACE_LIST_MAX][IF_NAMESIZE])
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

size_t interfaces_with(const struct sockaddr_storage *addresses, size_t count,
                       char names[static INTERFACE_LIST_MAX][IF_NAMESIZE])
{
	struct ifaddrs *all = NULL;
	size_t n = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (const struct ifaddrs *i = all; i != NULL && n < INTERFACE_LIST_MAX;
	     i = i->ifa_next) {
		if ((i->ifa_flags & IFF_LOOPBACK) ||
		    !is_one_of(i->ifa_addr, addresses, count) ||
		    is_listed(i->ifa_name, n, names))
			continue;
		snprintf(names[n++], IF_NAMESIZE, "%s", i->ifa_name);
	}
	freeifaddrs(all);
	return n;
}
