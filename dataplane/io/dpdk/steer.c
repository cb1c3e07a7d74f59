#include "dataplane/io/dpdk/steer.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_flow.h>

#include "shared/slots.h"

static const char *const bifurcated[] = {"mlx5_pci", "mlx5_auxiliary", "net_mlx4"};

bool steer_can(const struct rte_eth_dev_info *info)
{
	for (size_t i = 0; i < ARRAY_LEN(bifurcated); i++) {
		if (strcmp(info->driver_name, bifurcated[i]) == 0)
			return true;
	}
	return false;
}

int steer_isolate(uint16_t port)
{
	struct rte_flow_error error;

	return rte_flow_isolate(port, 1, &error) == 0 ? 0 : -rte_errno;
}

/* What one rule matches. */
struct match {
	struct rte_flow_item_ipv4 ipv4;
	struct rte_flow_item_ipv4 ipv4_mask;
	struct rte_flow_item_ipv6 ipv6;
	struct rte_flow_item_ipv6 ipv6_mask;
	struct rte_flow_item_udp udp;
	struct rte_flow_item_udp udp_mask;
};

static struct rte_flow_item match_address(struct match *m,
                                          const struct sockaddr_storage *ss)
{
	struct rte_flow_item item = {0};

	if (ss->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, ss, sizeof in);
		m->ipv4.hdr.dst_addr = in.sin_addr.s_addr;
		m->ipv4_mask.hdr.dst_addr = UINT32_MAX;
		m->udp.hdr.dst_port = in.sin_port;
		item = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_IPV4,
		                              .spec = &m->ipv4,
		                              .mask = &m->ipv4_mask};
	} else {
		struct sockaddr_in6 in6;
		memcpy(&in6, ss, sizeof in6);
		memcpy(m->ipv6.hdr.dst_addr, &in6.sin6_addr, sizeof m->ipv6.hdr.dst_addr);
		memset(m->ipv6_mask.hdr.dst_addr, 0xff, sizeof m->ipv6_mask.hdr.dst_addr);
		m->udp.hdr.dst_port = in6.sin6_port;
		item = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_IPV6,
		                              .spec = &m->ipv6,
		                              .mask = &m->ipv6_mask};
	}
	m->udp_mask.hdr.dst_port = UINT16_MAX;
	return item;
}

static int steer_address(uint16_t port, const struct sockaddr_storage *ss,
                         unsigned workers)
{
	const struct rte_flow_attr attr = {.ingress = 1};
	struct match m = {0};
	uint16_t queues[WORKERS_MAX];
	struct rte_flow_error error;

	for (unsigned q = 0; q < workers; q++)
		queues[q] = (uint16_t)q;
	const struct rte_flow_action_rss rss = {
		.types = ss->ss_family == AF_INET ? RTE_ETH_RSS_NONFRAG_IPV4_UDP
	                                          : RTE_ETH_RSS_NONFRAG_IPV6_UDP,
		.queue_num = workers,
		.queue = queues,
	};
	const struct rte_flow_item pattern[] = {
		{.type = RTE_FLOW_ITEM_TYPE_ETH},
		match_address(&m, ss),
		{.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &m.udp, .mask = &m.udp_mask},
		{.type = RTE_FLOW_ITEM_TYPE_END},
	};
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	return rte_flow_create(port, &attr, pattern, actions, &error) ? 0 : -rte_errno;
}

int steer_queries(uint16_t port, const struct io_config *config)
{
	for (size_t i = 0; i < config->listen_count; i++) {
		int err = steer_address(port, &config->listen[i], config->workers);
		if (err != 0)
			return err;
	}
	return 0;
}
