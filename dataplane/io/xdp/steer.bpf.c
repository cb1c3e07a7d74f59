/*
 * The program that the kernel runs for each frame of an interface: a query for a served address
 * goes to the socket of the queue that it came on, everything else goes where it always went. So
 * the kernel keeps ARP, neighbour discovery, ICMP and TCP, and whatever else the machine does.
 *
 * Its rules are those of frame_read() in dataplane/io/frame.h, which reads again what comes out
 * here: UDP by IPv4 without options or by IPv6 without extension headers, not a fragment, not to a
 * group of stations. What is doubtful is the kernel's. Only one VLAN tag is looked behind: of two,
 * cards that strip tags leave one, which is not enough to send a reply back by.
 *
 * The queries of a queue that nobody works on go to the kernel as well: that is how the kernel
 * serves before the workers run and after they have gone. A worker says so in memory that this
 * program and its process share, because by then the process may not call bpf() any more.
 */
#include "dataplane/io/xdp/steer.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

enum {
	IPV4_VERSION = 4,
	IPV4_WORDS_WITHOUT_OPTIONS = 5,
	IPV4_FRAGMENT = 0x3fff, /* more fragments, or not the first */
	IPV6_VERSION = 6,
};

/* The 802.1Q header behind the addresses' type. */
struct tag {
	__be16 control;
	__be16 type;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ADDRESSES_MAX);
	__type(key, struct steer_key);
	__type(value, __u8);
} served SEC(".maps");

/* By number of the queue. As many as the interface has: set before the program is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

/* By number of the queue: 1 while a worker takes from its socket. */
__u8 is_worked_on[STEER_QUEUES_MAX];

static __always_inline int steer(struct xdp_md *frame, const struct udphdr *udp,
                                 struct steer_key *key)
{
	__u32 queue = frame->rx_queue_index;

	key->port = udp->dest;
	if (queue >= STEER_QUEUES_MAX || !is_worked_on[queue])
		return XDP_PASS;
	if (!bpf_map_lookup_elem(&served, key))
		return XDP_PASS;
	return (int)bpf_redirect_map(&sockets, queue, XDP_PASS);
}

static __always_inline int steer4(struct xdp_md *frame, const void *at, const void *end)
{
	const struct iphdr *ip = at;
	const struct udphdr *udp = (const void *)(ip + 1);
	struct steer_key key = {.is_ipv4 = 1};

	if ((const void *)(udp + 1) > end)
		return XDP_PASS;
	if (ip->version != IPV4_VERSION || ip->ihl != IPV4_WORDS_WITHOUT_OPTIONS)
		return XDP_PASS;
	if (ip->protocol != IPPROTO_UDP || (ip->frag_off & bpf_htons(IPV4_FRAGMENT)))
		return XDP_PASS;
	key.addr[0] = ip->daddr;
	return steer(frame, udp, &key);
}

static __always_inline int steer6(struct xdp_md *frame, const void *at, const void *end)
{
	const struct ipv6hdr *ip = at;
	const struct udphdr *udp = (const void *)(ip + 1);
	struct steer_key key = {.is_ipv4 = 0};

	if ((const void *)(udp + 1) > end)
		return XDP_PASS;
	if (ip->version != IPV6_VERSION || ip->nexthdr != IPPROTO_UDP)
		return XDP_PASS;
	for (int i = 0; i < 4; i++)
		key.addr[i] = ip->daddr.in6_u.u6_addr32[i];
	return steer(frame, udp, &key);
}

SEC("xdp")
int anser_steer(struct xdp_md *frame)
{
	const void *end = (const void *)(long)frame->data_end;
	const struct ethhdr *ethernet = (const void *)(long)frame->data;
	const void *at = ethernet + 1;

	if (at > end || (ethernet->h_dest[0] & 1))
		return XDP_PASS;
	__be16 type = ethernet->h_proto;
	if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)) {
		const struct tag *tag = at;
		at = tag + 1;
		if (at > end)
			return XDP_PASS;
		type = tag->type;
	}
	if (type == bpf_htons(ETH_P_IP))
		return steer4(frame, at, end);
	if (type == bpf_htons(ETH_P_IPV6))
		return steer6(frame, at, end);
	return XDP_PASS;
}

/* No helper that it calls asks for another licence. */
char licence[] SEC("license") = "BSD";
