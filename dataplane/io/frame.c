/*
 * A frame is read once from front to back; whatever it turns out not to be, nothing of it has been
 * changed. It is turned around by writing headers only: the payload lies where it came and stays.
 *
 * The reply's UDP checksum is summed over the reply. Adding up what is known of its parts would
 * spare reading bytes that were written nanoseconds ago and lie in the first-level cache;
 * docs/decisions/0006-reply-checksums.md has the figures.
 */
#include "dataplane/io/frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/io/checksum.h"
#include "shared/address.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_TAG = 0x8100,         /* 802.1Q */
	ETHERTYPE_SERVICE_TAG = 0x88a8, /* 802.1ad */
	MAC_LEN = 6,

	IPV4_VERSION_AND_LENGTH = 0x45,
	IPV4_FRAGMENT = 0x3fff, /* more fragments, or not the first */
	IPV6_VERSION = 6,
	HOP_LIMIT = 64,

	IPV4_MTU_MIN = 576,
	IPV6_MTU_MIN = 1280,
};

/* ---- the addresses served ---- */

static ALWAYS_INLINE unsigned slot_of(uint64_t bits)
{
	return (unsigned)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 56) & (FRAME_SLOTS - 1);
}

static ALWAYS_INLINE uint64_t key4(const uint8_t addr[4], uint16_t port)
{
	uint32_t word;

	memcpy(&word, addr, sizeof word);
	return (uint64_t)word << 16 | port;
}

static ALWAYS_INLINE unsigned slot_of6(const uint8_t addr[16], uint16_t port)
{
	uint64_t high;
	uint64_t low;

	memcpy(&high, addr, sizeof high);
	memcpy(&low, addr + sizeof high, sizeof low);
	return slot_of((high ^ low * 3) + port);
}

static ALWAYS_INLINE bool is_served4(const struct frame_rules *r, const uint8_t addr[4],
                                     uint16_t port)
{
	uint64_t key = key4(addr, port);

	for (unsigned i = slot_of(key);; i = (i + 1) & (FRAME_SLOTS - 1)) {
		if (r->ipv4[i] == 0)
			return false;
		if (r->ipv4[i] == key)
			return true;
	}
}

static ALWAYS_INLINE bool is_served6(const struct frame_rules *r, const uint8_t addr[16],
                                     uint16_t port)
{
	for (unsigned i = slot_of6(addr, port);; i = (i + 1) & (FRAME_SLOTS - 1)) {
		const struct frame_slot6 *s = &r->ipv6[i];
		if (s->port == 0)
			return false;
		if (s->port == port && memcmp(s->addr, addr, sizeof s->addr) == 0)
			return true;
	}
}

static void add4(struct frame_rules *r, const struct sockaddr_in *in)
{
	uint8_t addr[4];

	memcpy(addr, &in->sin_addr, sizeof addr);
	uint64_t key = key4(addr, in->sin_port);
	unsigned i = slot_of(key);
	while (r->ipv4[i] != 0)
		i = (i + 1) & (FRAME_SLOTS - 1);
	r->ipv4[i] = key;
}

static void add6(struct frame_rules *r, const struct sockaddr_in6 *in6)
{
	const struct in6_addr *a = &in6->sin6_addr;
	unsigned i = slot_of6(a->s6_addr, in6->sin6_port);
	while (r->ipv6[i].port != 0)
		i = (i + 1) & (FRAME_SLOTS - 1);
	memcpy(r->ipv6[i].addr, a, sizeof r->ipv6[i].addr);
	r->ipv6[i].port = in6->sin6_port;
}

static void add(struct frame_rules *r, const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		add4(r, (const struct sockaddr_in *)(const void *)ss);
	else
		add6(r, (const struct sockaddr_in6 *)(const void *)ss);
}

int frame_rules_init(struct frame_rules *rules, const struct sockaddr_storage *listen,
                     size_t count, uint32_t mtu, char *text, size_t text_size)
{
	char address[ADDRESS_HOST_MAX];

	memset(rules, 0, sizeof *rules);
	rules->mtu = mtu < UINT16_MAX ? mtu : UINT16_MAX;
	if (count == 0 || count > FRAME_ADDRESSES_MAX) {
		snprintf(text, text_size,
		         "between 1 and %u addresses are served, not %zu",
		         (unsigned)FRAME_ADDRESSES_MAX, count);
		return ERR_REFUSED;
	}
	for (size_t i = 0; i < count; i++) {
		bool is_ipv4 = listen[i].ss_family == AF_INET;
		address_host(&listen[i], address);
		const char *unfit = address_unfit(&listen[i]);
		if (unfit != NULL) {
			snprintf(text, text_size,
			         "%s is %s; frames are told by the very address they are "
			         "sent to: list each one",
			         address, unfit);
			return ERR_REFUSED;
		}
		add(rules, &listen[i]);
		if (mtu < (is_ipv4 ? IPV4_MTU_MIN : IPV6_MTU_MIN)) {
			snprintf(text, text_size, "%s: an MTU of %u is too small for it",
			         address, (unsigned)mtu);
			return ERR_REFUSED;
		}
	}
	return 0;
}

/* ---- reading ---- */

/* Where the headers of a frame lie. */
struct layers {
	const uint8_t *ip;
	size_t left; /* bytes of the frame from ip on */
	uint16_t type;
};

static ALWAYS_INLINE bool read_link(const uint8_t *frame, size_t len, struct layers *l)
{
	size_t at = FRAME_ETHERNET;

	if (unlikely(len < FRAME_ETHERNET || (frame[0] & 1)))
		return false;
	l->type = wire_load16(frame + at - 2);
	for (unsigned tags = 0; tags < FRAME_TAGS_MAX; tags++) {
		if (likely(l->type != ETHERTYPE_TAG && l->type != ETHERTYPE_SERVICE_TAG))
			break;
		at += FRAME_TAG;
		if (len < at)
			return false;
		l->type = wire_load16(frame + at - 2);
	}
	l->ip = frame + at;
	l->left = len - at;
	return true;
}

/* What the sums of a UDP datagram and of the addresses it carries must come to. A sender on this
 * host whose packet never met hardware has put the sum of the pseudo-header there, for a card to
 * complete; such a frame comes over veth, TAP and the like, and is as good as its memory. */
static ALWAYS_INLINE bool is_udp_sum_good(const uint8_t *udp, size_t len, uint64_t pseudo)
{
	uint16_t field;

	memcpy(&field, udp + 6, sizeof field);
	return likely(checksum_fold(checksum_add(pseudo, udp, len)) == UINT16_MAX) ||
	       field == checksum_fold(pseudo);
}

/* addresses: both, one behind the other, of length bytes in all. */
static ALWAYS_INLINE uint64_t pseudo_header(const uint8_t *addresses, size_t length,
                                            const uint8_t *udp)
{
	uint16_t udp_len;

	memcpy(&udp_len, udp + 4, sizeof udp_len);
	return checksum_add((uint64_t)htons(IPPROTO_UDP) + udp_len, addresses, length);
}

/* udp: of which room bytes came. */
static ALWAYS_INLINE enum frame_verdict read_udp(uint8_t *udp, size_t room, struct pkt *p)
{
	size_t len = wire_load16(udp + 4);

	p->client.port = wire_load16(udp);
	p->client.transport = TRANSPORT_UDP;
	if (unlikely(len < FRAME_UDP || len > room))
		return FRAME_MALFORMED;
	if (unlikely(p->client.port == 0))
		return FRAME_SOURCE;
	p->dns = udp + FRAME_UDP;
	p->len = (uint16_t)(len - FRAME_UDP);
	return FRAME_QUERY;
}

/* Not from this network, a group, or this host itself (RFC 1122 §3.2.1.3). */
static ALWAYS_INLINE bool is_reachable4(const uint8_t addr[4])
{
	return addr[0] != 0 && addr[0] != IN_LOOPBACKNET && addr[0] < 224;
}

static ALWAYS_INLINE bool is_reachable6(const uint8_t addr[16])
{
	uint64_t high;

	memcpy(&high, addr, sizeof high);
	/* ::/64 has the unspecified, the loopback and the mapped addresses. */
	return addr[0] != 0xff && high != 0;
}

static ALWAYS_INLINE enum frame_verdict read4(const struct frame_rules *r,
                                              const struct layers *l, uint8_t *ip,
                                              unsigned good, struct pkt *p)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t *udp = ip + FRAME_IPV4;
	uint16_t port;

	if (unlikely(l->left < FRAME_IPV4 + FRAME_UDP ||
	             ip[0] != IPV4_VERSION_AND_LENGTH || ip[9] != IPPROTO_UDP ||
	             (wire_load16(ip + 6) & IPV4_FRAGMENT)))
		return FRAME_KERNEL;
	memcpy(&port, udp + 2, sizeof port);
	if (unlikely(!is_served4(r, ip + 16, port)))
		return FRAME_KERNEL;

	size_t total = wire_load16(ip + 2);
	if (unlikely(total > l->left || total < FRAME_IPV4 + FRAME_UDP))
		return FRAME_MALFORMED;
	if (!(good & FRAME_IPV4_SUM_GOOD) &&
	    unlikely(checksum_fold(checksum_add(0, ip, FRAME_IPV4)) != UINT16_MAX))
		return FRAME_CHECKSUM;
	memcpy(p->client.addr, mapped, sizeof mapped);
	memcpy(p->client.addr + sizeof mapped, ip + 12, 4);
	p->client.is_ipv4 = 1;
	p->room = (uint16_t)(r->mtu - FRAME_IPV4 - FRAME_UDP);
	enum frame_verdict verdict = read_udp(udp, total - FRAME_IPV4, p);
	if (unlikely(verdict != FRAME_QUERY))
		return verdict;
	bool has_sum = udp[6] | udp[7];
	if (has_sum && !(good & FRAME_UDP_SUM_GOOD) &&
	    !is_udp_sum_good(udp, (size_t)p->len + FRAME_UDP,
	                     pseudo_header(ip + 12, 8, udp)))
		return FRAME_CHECKSUM;
	return likely(is_reachable4(ip + 12)) ? FRAME_QUERY : FRAME_SOURCE;
}

static ALWAYS_INLINE enum frame_verdict read6(const struct frame_rules *r,
                                              const struct layers *l, uint8_t *ip,
                                              unsigned good, struct pkt *p)
{
	uint8_t *udp = ip + FRAME_IPV6;
	uint16_t port;

	if (unlikely(l->left < FRAME_IPV6 + FRAME_UDP || ip[0] >> 4 != IPV6_VERSION ||
	             ip[6] != IPPROTO_UDP))
		return FRAME_KERNEL;
	memcpy(&port, udp + 2, sizeof port);
	if (unlikely(!is_served6(r, ip + 24, port)))
		return FRAME_KERNEL;

	size_t payload = wire_load16(ip + 4);
	if (unlikely(payload > l->left - FRAME_IPV6 || payload < FRAME_UDP))
		return FRAME_MALFORMED;
	memcpy(p->client.addr, ip + 8, sizeof p->client.addr);
	p->client.is_ipv4 = 0;
	p->room = (uint16_t)(r->mtu - FRAME_IPV6 - FRAME_UDP);
	enum frame_verdict verdict = read_udp(udp, payload, p);
	if (unlikely(verdict != FRAME_QUERY))
		return verdict;
	bool has_sum = udp[6] | udp[7];
	if (unlikely(!has_sum))
		return FRAME_CHECKSUM;
	if (!(good & FRAME_UDP_SUM_GOOD) &&
	    !is_udp_sum_good(udp, (size_t)p->len + FRAME_UDP,
	                     pseudo_header(ip + 8, 32, udp)))
		return FRAME_CHECKSUM;
	return likely(is_reachable6(ip + 8)) ? FRAME_QUERY : FRAME_SOURCE;
}

HOT enum frame_verdict frame_read(const struct frame_rules *rules, uint8_t *frame,
                                  size_t len, unsigned good, struct pkt *p)
{
	struct layers l;

	if (unlikely(!read_link(frame, len, &l)))
		return FRAME_KERNEL;
	uint8_t *ip = frame + (l.ip - frame);
	enum frame_verdict verdict = FRAME_KERNEL;
	if (l.type == ETHERTYPE_IPV4)
		verdict = read4(rules, &l, ip, good, p);
	else if (l.type == ETHERTYPE_IPV6)
		verdict = read6(rules, &l, ip, good, p);
	if (verdict == FRAME_QUERY && p->room > IO_MESSAGE_MAX)
		p->room = IO_MESSAGE_MAX;
	return verdict;
}

/* ---- turning around ----
 *
 * What is summed is read before anything near it is written: a load of bytes that several stores
 * have just touched waits until all of them have reached the cache. Source and destination trade
 * places, which changes no sum.
 */

static ALWAYS_INLINE uint64_t halves(uint64_t word)
{
	return (word & UINT32_MAX) + (word >> 32);
}

static ALWAYS_INLINE void swap_macs(uint8_t *frame)
{
	uint8_t kept[MAC_LEN];

	memcpy(kept, frame, MAC_LEN);
	memcpy(frame, frame + MAC_LEN, MAC_LEN);
	memcpy(frame + MAC_LEN, kept, MAC_LEN);
}

/* Gives the sum of the addresses. The packet may be fragmented on its way: what is too large is
 * not sent. */
static ALWAYS_INLINE uint64_t turn_ipv4(uint8_t *ip, size_t udp_len)
{
	const uint16_t total = (uint16_t)(FRAME_IPV4 + udp_len);
	uint64_t addresses;
	uint16_t id;

	memcpy(&id, ip + 4, sizeof id);
	memcpy(&addresses, ip + 12, sizeof addresses);
	const uint64_t sum = halves(addresses);
	const uint16_t check = (uint16_t)~checksum_fold(
		sum + htons(IPV4_VERSION_AND_LENGTH << 8) + htons(total) + id +
		htons(HOP_LIMIT << 8 | IPPROTO_UDP));
	wire_store32(ip, (uint32_t)IPV4_VERSION_AND_LENGTH << 24 | total);
	wire_store16(ip + 6, 0);
	wire_store16(ip + 8, HOP_LIMIT << 8 | IPPROTO_UDP);
	memcpy(ip + 10, &check, sizeof check);
	addresses = addresses << 32 | addresses >> 32;
	memcpy(ip + 12, &addresses, sizeof addresses);
	return sum;
}

/* Gives the sum of the addresses. The flow label is the same for all replies of one client's
 * socket, and else as good as random (RFC 6437 §3), so that they take one path where there are
 * several. */
static ALWAYS_INLINE uint64_t turn_ipv6(uint8_t *ip, size_t udp_len,
                                        const struct client *c)
{
	uint64_t from[2];
	uint64_t to[2];

	memcpy(from, ip + 8, sizeof from);
	memcpy(to, ip + 24, sizeof to);
	uint64_t flow = (from[1] + c->port) * UINT64_C(0x9e3779b97f4a7c15);
	wire_store32(ip, (uint32_t)IPV6_VERSION << 28 | (uint32_t)(flow >> 44));
	wire_store16(ip + 4, (uint16_t)udp_len);
	ip[7] = HOP_LIMIT;
	memcpy(ip + 8, to, sizeof to);
	memcpy(ip + 24, from, sizeof from);
	return halves(from[0]) + halves(from[1]) + halves(to[0]) + halves(to[1]);
}

/* sum: of the addresses. */
static ALWAYS_INLINE void turn_udp(uint8_t *udp, size_t udp_len, uint64_t sum)
{
	const uint16_t len = htons((uint16_t)udp_len);
	uint32_t ports;

	memcpy(&ports, udp, sizeof ports);
	/* The length is in the pseudo-header, too. */
	sum += (uint64_t)ports + htons(IPPROTO_UDP) + len + len;
	uint16_t check = (uint16_t)~checksum_fold(
		checksum_add(sum, udp + FRAME_UDP, udp_len - FRAME_UDP));
	if (unlikely(check == 0))
		check = UINT16_MAX; /* 0 would say that there is none (RFC 768) */
	ports = ports << 16 | ports >> 16;
	memcpy(udp, &ports, sizeof ports);
	memcpy(udp + 4, &len, sizeof len);
	memcpy(udp + 6, &check, sizeof check);
}

HOT size_t frame_reply(uint8_t *frame, const struct pkt *p)
{
	uint8_t *udp = p->dns - FRAME_UDP;
	size_t udp_len = FRAME_UDP + (size_t)p->len;

	uint64_t sum = p->client.is_ipv4
	                       ? turn_ipv4(udp - FRAME_IPV4, udp_len)
	                       : turn_ipv6(udp - FRAME_IPV6, udp_len, &p->client);
	turn_udp(udp, udp_len, sum);
	swap_macs(frame);

	size_t len = (size_t)(udp - frame) + udp_len;
	if (unlikely(len < FRAME_MIN)) {
		memset(frame + len, 0, FRAME_MIN - len);
		len = FRAME_MIN;
	}
	return len;
}

/* ---- replies that come later ---- */

unsigned frame_headers(const uint8_t *frame, const struct pkt *p,
                       uint8_t headers[static FRAME_HEADERS_MAX])
{
	size_t len = (size_t)(p->dns - frame);

	memcpy(headers, frame, len);
	return (unsigned)len;
}

/* Nothing but headers of this kind, of a query to an address served, is at ip. */
static bool is_turnable4(const struct frame_rules *r, const uint8_t *ip, size_t left)
{
	uint16_t port;

	if (left != FRAME_IPV4 + FRAME_UDP || ip[0] != IPV4_VERSION_AND_LENGTH ||
	    ip[9] != IPPROTO_UDP)
		return false;
	memcpy(&port, ip + FRAME_IPV4 + 2, sizeof port);
	return is_served4(r, ip + 16, port);
}

static bool is_turnable6(const struct frame_rules *r, const uint8_t *ip, size_t left)
{
	uint16_t port;

	if (left != FRAME_IPV6 + FRAME_UDP || ip[0] >> 4 != IPV6_VERSION ||
	    ip[6] != IPPROTO_UDP)
		return false;
	memcpy(&port, ip + FRAME_IPV6 + 2, sizeof port);
	return is_served6(r, ip + 24, port);
}

size_t frame_reply_with(const struct frame_rules *rules, uint8_t *frame,
                        const uint8_t *headers, size_t headers_len,
                        const uint8_t *message, uint16_t len)
{
	struct pkt p = {.dns = frame + headers_len, .len = len};
	struct layers l;

	if (len == 0 || !read_link(headers, headers_len, &l) || l.left + len > rules->mtu)
		return 0;
	if (l.type == ETHERTYPE_IPV4
	            ? !is_turnable4(rules, l.ip, l.left)
	            : l.type != ETHERTYPE_IPV6 || !is_turnable6(rules, l.ip, l.left))
		return 0;
	p.client.is_ipv4 = l.type == ETHERTYPE_IPV4;
	p.client.port = wire_load16(headers + headers_len - FRAME_UDP);
	memcpy(frame, headers, headers_len);
	memcpy(p.dns, message, len);
	return frame_reply(frame, &p);
}
