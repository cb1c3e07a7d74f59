#include "perf/loadgen/frame.h"

#include "shared/name.h"

enum { TTL = 64, DNS_FIXED_QUESTION = 4 };

static size_t write_ethernet(uint8_t *out, const struct frame_ends *ends, bool ipv6)
{
	size_t at = 2 * (size_t)FRAME_MAC;

	memcpy(out, ends->dest_mac, FRAME_MAC);
	memcpy(out + FRAME_MAC, ends->source_mac, FRAME_MAC);
	if (ends->vlan >= 0) {
		wire_store16(out + at, FRAME_TYPE_VLAN);
		wire_store16(out + at + 2, (uint16_t)ends->vlan);
		at += FRAME_VLAN;
	}
	wire_store16(out + at, ipv6 ? FRAME_TYPE_IPV6 : FRAME_TYPE_IPV4);
	return at + 2;
}

static void write_ipv4(uint8_t *ip, const struct frame_ends *ends, uint32_t source,
                       size_t udp_size)
{
	uint8_t *addresses = ip + 12;

	memset(ip, 0, FRAME_IPV4);
	ip[0] = 0x45;
	wire_store16(ip + 2, (uint16_t)(FRAME_IPV4 + udp_size));
	wire_store16(ip + 6, 0x4000); /* not to be fragmented */
	ip[8] = TTL;
	ip[9] = FRAME_UDP_PROTOCOL;
	wire_store32(addresses, ntohl(ends->source.s_addr) + source);
	memcpy(addresses + 4, &ends->dest, 4);
	store16_raw(ip + 10, (uint16_t)~sum_fold(sum_bytes(ip, FRAME_IPV4)));
}

static void write_ipv6(uint8_t *ip, const struct frame_ends *ends, uint32_t source,
                       size_t udp_size)
{
	uint8_t *addresses = ip + 8;

	memset(ip, 0, FRAME_IPV6);
	ip[0] = 0x60;
	wire_store16(ip + 4, (uint16_t)udp_size);
	ip[6] = FRAME_UDP_PROTOCOL;
	ip[7] = TTL;
	memcpy(addresses, &ends->source6, 16);
	wire_store32(addresses + 12, wire_load32(addresses + 12) + source);
	memcpy(addresses + 16, &ends->dest6, 16);
}

/* Of the pseudo header (RFC 768, RFC 8200 §8.1): its length and protocol words are the same. */
static uint64_t sum_pseudo(const uint8_t *addresses, size_t addresses_size,
                           size_t udp_size)
{
	return sum_bytes(addresses, addresses_size) + htons((uint16_t)udp_size) +
	       htons(FRAME_UDP_PROTOCOL);
}

void frame_build(struct frame *out, const struct frame_ends *ends, bool ipv6,
                 uint32_t source, const uint8_t *dns, size_t dns_len)
{
	size_t udp_size = FRAME_UDP + dns_len;
	size_t ip = write_ethernet(out->bytes, ends, ipv6);
	size_t udp = ip + (ipv6 ? FRAME_IPV6 : FRAME_IPV4);
	size_t addresses = ipv6 ? ip + 8 : ip + 12;
	uint8_t *header = out->bytes + udp;

	if (ipv6)
		write_ipv6(out->bytes + ip, ends, source, udp_size);
	else
		write_ipv4(out->bytes + ip, ends, source, udp_size);
	memset(header, 0, FRAME_UDP);
	wire_store16(header + 2, ends->dest_port);
	wire_store16(header + 4, (uint16_t)udp_size);
	memcpy(header + FRAME_UDP, dns, dns_len);
	memset(header + FRAME_UDP, 0, 2); /* id */

	out->size = (uint16_t)(udp + udp_size);
	out->ip = (uint16_t)ip;
	out->udp = (uint16_t)udp;
	out->question =
		(uint16_t)(name_len(dns + FRAME_DNS_HEADER, dns_len - FRAME_DNS_HEADER) +
	                   DNS_FIXED_QUESTION);
	out->sum =
		sum_fold(sum_pseudo(out->bytes + addresses, udp - addresses, udp_size) +
	                 sum_bytes(header, udp_size));
}

const char *frame_flaw_name(enum frame_flaw flaw)
{
	static const char *const names[FRAME_FLAWS] = {
		[FRAME_GOOD] = "good",
		[FRAME_GOOD_WITHOUT_SUM] = "good_without_sum",
		[FRAME_FLAW_LINK] = "link",
		[FRAME_FLAW_IP_CHECKSUM] = "ip_checksum",
		[FRAME_FLAW_ADDRESSES] = "addresses",
		[FRAME_FLAW_HOPS] = "hops",
		[FRAME_FLAW_UDP_CHECKSUM] = "udp_checksum",
		[FRAME_FLAW_FLAGS] = "flags",
		[FRAME_FLAW_QUESTION] = "question",
		[FRAME_FLAW_ECHO] = "echo",
	};
	return names[flaw];
}

static bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
	return memcmp(a, b, n) == 0;
}

/* Whether two fields that stand side by side came back swapped, or as they were. */
static bool pair_is(bool swapped, const uint8_t *sent, const uint8_t *got, size_t each)
{
	if (!swapped)
		return same(sent, got, 2 * each);
	return same(sent, got + each, each) && same(sent + each, got, each);
}

/* Everything up to the addresses' end, and that no octet is missing or too many. */
static enum frame_flaw compare_headers(const struct frame *query, const uint8_t *reply,
                                       size_t reply_size, enum frame_peer peer)
{
	size_t ip = query->ip;
	bool ipv4 = query->udp - ip == FRAME_IPV4;
	size_t each = ipv4 ? 4 : 16;
	size_t tag = 2 * (size_t)FRAME_MAC;
	bool swapped = peer == FRAME_PEER_DNS || peer == FRAME_PEER_SWAPS_ALL;

	/* The same type of packet: from here on every field is where the query has it. */
	if (!pair_is(peer != FRAME_PEER_LOOPS, query->bytes, reply, FRAME_MAC) ||
	    !same(query->bytes + tag, reply + tag, ip - tag))
		return FRAME_FLAW_LINK;
	size_t udp_size = wire_load16(reply + query->udp + 4);
	/* Ethernet pads what is shorter than 60. */
	if (reply_size != query->udp + udp_size && reply_size != 60)
		return FRAME_FLAW_LINK;
	if (ipv4 && sum_fold(sum_bytes(reply + ip, FRAME_IPV4)) != 0xffff)
		return FRAME_FLAW_IP_CHECKSUM;
	if (!pair_is(swapped, query->bytes + query->udp - 2 * each,
	             reply + query->udp - 2 * each, each))
		return FRAME_FLAW_ADDRESSES;
	if (reply[ip + (ipv4 ? 8 : 7)] == 0)
		return FRAME_FLAW_HOPS;
	if (load16_raw(reply + query->udp + 6) == 0)
		return ipv4 ? FRAME_GOOD_WITHOUT_SUM : FRAME_FLAW_UDP_CHECKSUM;
	if (sum_fold(sum_pseudo(reply + query->udp - 2 * each, 2 * each, udp_size) +
	             sum_bytes(reply + query->udp, udp_size)) != 0xffff)
		return FRAME_FLAW_UDP_CHECKSUM;
	return FRAME_GOOD;
}

enum frame_flaw frame_compare(const struct frame *query, const uint8_t *reply,
                              size_t reply_size, enum frame_peer peer)
{
	enum frame_flaw flaw = compare_headers(query, reply, reply_size, peer);
	const uint8_t *asked = query->bytes + query->udp + FRAME_UDP;
	const uint8_t *dns = reply + query->udp + FRAME_UDP;

	if (flaw > FRAME_GOOD_WITHOUT_SUM)
		return flaw;
	size_t dns_size = (size_t)wire_load16(reply + query->udp + 4) - FRAME_UDP;
	if (peer != FRAME_PEER_DNS) {
		size_t sent = (size_t)query->size - query->udp - FRAME_UDP;
		return dns_size == sent && same(asked + 2, dns + 2, sent - 2)
		               ? flaw
		               : FRAME_FLAW_ECHO;
	}
	/* QR and the query's opcode and RD; Z is 0 (RFC 1035 §4.1.1). */
	if ((dns[2] & 0xf9) != ((asked[2] & 0x79) | 0x80) || dns[3] & 0x40)
		return FRAME_FLAW_FLAGS;
	if (dns_size < FRAME_DNS_HEADER + (size_t)query->question ||
	    wire_load16(dns + 4) != 1 ||
	    !same(asked + FRAME_DNS_HEADER, dns + FRAME_DNS_HEADER, query->question))
		return FRAME_FLAW_QUESTION;
	return flaw;
}
