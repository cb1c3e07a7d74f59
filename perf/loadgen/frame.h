/*
 * Ethernet frames with DNS over UDP: building queries ahead of time, stamping a copy with id and
 * port as it is sent, and judging what comes back.
 *
 * Two judgements: frame_read_reply() for every frame, as cheap as can be and just enough to know
 * which query it belongs to; frame_compare() for a sample, against every octet that the query
 * fixes.
 */
#ifndef PERF_LOADGEN_FRAME_H
#define PERF_LOADGEN_FRAME_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/loadgen/checksum.h"
#include "shared/compiler.h"
#include "shared/wire.h"

enum {
	FRAME_MAC = 6,
	FRAME_ETHERNET = 14,
	FRAME_VLAN = 4,
	FRAME_IPV4 = 20,
	FRAME_IPV6 = 40,
	FRAME_UDP = 8,
	FRAME_HEADERS_MAX = FRAME_ETHERNET + FRAME_VLAN + FRAME_IPV6 + FRAME_UDP,
	FRAME_COPY = 16, /* frame_stamp() reads and writes up to a multiple of this */
	FRAME_UDP_PROTOCOL = 17,
	FRAME_DNS_HEADER = 12,
	FRAME_TYPE_IPV4 = 0x0800,
	FRAME_TYPE_IPV6 = 0x86dd,
	FRAME_TYPE_VLAN = 0x8100,
};

/* Both ends of the link, as the generator sees them. Host byte order unless it is an address. */
struct frame_ends {
	uint8_t source_mac[FRAME_MAC];
	uint8_t dest_mac[FRAME_MAC];
	struct in_addr source, dest;
	struct in6_addr source6, dest6;
	uint32_t
		sources; /* queries come from so many addresses, counting up from source */
	int vlan;        /* -1: none */
	uint16_t dest_port;
	uint16_t first_port; /* the first of `ports` source ports */
	uint16_t ports;
};

/* A query that only lacks its id and source port, both 0 in it. */
struct frame {
	uint16_t size;     /* of the bytes */
	uint16_t sum;      /* of all that its UDP checksum covers, folded, as loaded */
	uint16_t ip;       /* where its IP header is */
	uint16_t udp;      /* where its UDP header is */
	uint16_t question; /* octets of its question */
	uint8_t bytes[];
};

/* Writes the frame around a DNS query; source: which of the source addresses. out has room for
 * FRAME_HEADERS_MAX + dns_len octets behind it. */
void frame_build(struct frame *out, const struct frame_ends *ends, bool ipv6,
                 uint32_t source, const uint8_t *dns, size_t dns_len);

/* Copies a frame and gives it its id and port. f and out are readable and writable up to the next
 * multiple of FRAME_COPY. */
static ALWAYS_INLINE void frame_stamp(const struct frame *f, uint16_t id, uint16_t port,
                                      uint8_t *out)
{
	uint16_t raw_id = htons(id);
	uint16_t raw_port = htons(port);

	for (size_t i = 0; i < f->size; i += FRAME_COPY)
		memcpy(out + i, f->bytes + i, FRAME_COPY);
	store16_raw(out + f->udp, raw_port);
	store16_raw(out + f->udp + 6, sum_to_udp((uint64_t)f->sum + raw_id + raw_port));
	store16_raw(out + f->udp + FRAME_UDP, raw_id);
}

/* What every frame that comes in is asked. */
struct frame_reply {
	uint16_t id;
	uint16_t port_index; /* of our port */
	uint16_t dns_size;
	uint8_t flags[2]; /* the third and fourth octets of the DNS header */
};

/* Where our port is in a frame that comes back as it was sent, or with its ends swapped. */
enum frame_side { FRAME_OUR_PORT_IS_DEST, FRAME_OUR_PORT_IS_SOURCE };

/* Gives false for a frame that is no UDP datagram from the server's port to one of ours, whole and
 * not a fragment. */
static ALWAYS_INLINE bool frame_read_reply(const struct frame_ends *ends,
                                           const uint8_t *frame, size_t size,
                                           enum frame_side side, struct frame_reply *out)
{
	size_t ip = FRAME_ETHERNET + (ends->vlan >= 0 ? FRAME_VLAN : 0);

	if (unlikely(size < ip + FRAME_IPV4 + FRAME_UDP + FRAME_DNS_HEADER))
		return false;
	uint16_t type = wire_load16(frame + ip - 2);
	size_t udp = ip + FRAME_IPV4;
	size_t udp_size;
	if (likely(type == FRAME_TYPE_IPV4)) {
		if (unlikely(frame[ip] != 0x45 || frame[ip + 9] != FRAME_UDP_PROTOCOL ||
		             (wire_load16(frame + ip + 6) & 0x3fff)))
			return false;
		udp_size = (size_t)wire_load16(frame + ip + 2) - FRAME_IPV4;
	} else {
		if (unlikely(type != FRAME_TYPE_IPV6 || frame[ip] >> 4 != 6 ||
		             frame[ip + 6] != FRAME_UDP_PROTOCOL))
			return false;
		udp = ip + FRAME_IPV6;
		udp_size = wire_load16(frame + ip + 4);
	}
	if (unlikely(udp_size < FRAME_UDP + FRAME_DNS_HEADER || udp_size > size - udp ||
	             wire_load16(frame + udp + 4) != udp_size))
		return false;

	uint16_t theirs =
		wire_load16(frame + udp + (side == FRAME_OUR_PORT_IS_DEST ? 0 : 2));
	uint16_t ours =
		wire_load16(frame + udp + (side == FRAME_OUR_PORT_IS_DEST ? 2 : 0));
	out->port_index = (uint16_t)(ours - ends->first_port);
	if (unlikely(theirs != ends->dest_port || out->port_index >= ends->ports))
		return false;
	const uint8_t *dns = frame + udp + FRAME_UDP;
	out->id = wire_load16(dns);
	out->dns_size = (uint16_t)(udp_size - FRAME_UDP);
	out->flags[0] = dns[2];
	out->flags[1] = dns[3];
	return true;
}

/* What can be wrong with a reply that looked right. */
enum frame_flaw {
	FRAME_GOOD,
	FRAME_GOOD_WITHOUT_SUM, /* no UDP checksum, which IPv4 allows */
	FRAME_FLAW_LINK,        /* MAC addresses, VLAN tag, length */
	FRAME_FLAW_IP_CHECKSUM,
	FRAME_FLAW_ADDRESSES,    /* not the query's, swapped */
	FRAME_FLAW_HOPS,         /* a TTL or hop limit of 0 */
	FRAME_FLAW_UDP_CHECKSUM, /* or none over IPv6 */
	FRAME_FLAW_FLAGS,        /* QR, opcode, RD or Z */
	FRAME_FLAW_QUESTION,     /* not the query's, octet for octet */
	FRAME_FLAW_ECHO,         /* the payload came back changed */
	FRAME_FLAWS
};

const char *frame_flaw_name(enum frame_flaw flaw);

/* How a peer answers. */
enum frame_peer {
	FRAME_PEER_DNS,
	FRAME_PEER_SWAPS_ALL, /* sends queries back with MAC, IP and port swapped */
	FRAME_PEER_SWAPS_MAC, /* or only with MAC swapped */
	FRAME_PEER_LOOPS,     /* or as they are */
};

/* reply: one that frame_read_reply() took. Gives the first flaw. */
enum frame_flaw frame_compare(const struct frame *query, const uint8_t *reply,
                              size_t reply_size, enum frame_peer peer);

#endif
