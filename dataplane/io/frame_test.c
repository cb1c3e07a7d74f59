#include "dataplane/io/frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/io/io.h"
#include "shared/err.h"
#include "shared/testing.h"
#include "shared/wire.h"

enum { MTU = 1500, PORT = 53, CLIENT_PORT = 40000, BUFFER = MTU + FRAME_LINK_MAX };

static const uint8_t server_mac[6] = {0x02, 0, 0, 0, 0, 1};
static const uint8_t client_mac[6] = {0x02, 0, 0, 0, 0, 2};

/* ---- frames as a sender makes them ---- */

struct made {
	uint8_t bytes[BUFFER];
	size_t len;
	size_t ip; /* where the IP header is */
	size_t udp;
	bool is_ipv4;
};

/* Byte by byte, as RFC 1071 puts it, to compare with. */
static uint32_t add_words(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* What the words of a datagram with its pseudo-header add up to. */
static uint16_t udp_sum(const struct made *m)
{
	size_t addresses = m->is_ipv4 ? 8 : 32;
	size_t len = wire_load16(m->bytes + m->udp + 4);
	uint32_t sum = IPPROTO_UDP + (uint32_t)len;

	sum = add_words(sum, m->bytes + m->udp - addresses, addresses);
	return fold(add_words(sum, m->bytes + m->udp, len));
}

static void set_udp_sum(struct made *m)
{
	wire_store16(m->bytes + m->udp + 6, 0);
	uint16_t sum = (uint16_t)~udp_sum(m);
	wire_store16(m->bytes + m->udp + 6, sum ? sum : 0xffff);
}

static void set_ipv4_sum(struct made *m)
{
	wire_store16(m->bytes + m->ip + 10, 0);
	uint16_t sum = (uint16_t)~fold(add_words(0, m->bytes + m->ip, FRAME_IPV4));
	wire_store16(m->bytes + m->ip + 10, sum);
}

static void make_ipv4_header(struct made *m, size_t payload)
{
	uint8_t *ip = m->bytes + m->ip;

	ip[0] = 0x45;
	ip[1] = 0xb8; /* some class of service */
	wire_store16(ip + 2, (uint16_t)(FRAME_IPV4 + FRAME_UDP + payload));
	wire_store16(ip + 4, 0xbeef);
	wire_store16(ip + 6, 0x4000); /* DF */
	ip[8] = 57;
	ip[9] = IPPROTO_UDP;
	assert_int_equal(inet_pton(AF_INET, "198.51.100.7", ip + 12), 1);
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", ip + 16), 1);
	set_ipv4_sum(m);
}

static void make_ipv6_header(struct made *m, size_t payload)
{
	uint8_t *ip = m->bytes + m->ip;

	wire_store32(ip, 0x6ab12345);
	wire_store16(ip + 4, (uint16_t)(FRAME_UDP + payload));
	ip[6] = IPPROTO_UDP;
	ip[7] = 57;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:2::7", ip + 8), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", ip + 24), 1);
}

/* tags: ethertypes of tags before the packet, outermost first. */
static struct made make(bool is_ipv4, const uint16_t *tags, unsigned ntags,
                        size_t payload)
{
	struct made m = {.is_ipv4 = is_ipv4};
	size_t at = FRAME_ETHERNET - 2;

	memcpy(m.bytes, server_mac, 6);
	memcpy(m.bytes + 6, client_mac, 6);
	for (unsigned i = 0; i < ntags; i++, at += FRAME_TAG) {
		wire_store16(m.bytes + at, tags[i]);
		wire_store16(m.bytes + at + 2, (uint16_t)(0x6000 + 100 + i));
	}
	wire_store16(m.bytes + at, is_ipv4 ? 0x0800 : 0x86dd);
	m.ip = at + 2;
	m.udp = m.ip + (is_ipv4 ? FRAME_IPV4 : FRAME_IPV6);
	m.len = m.udp + FRAME_UDP + payload;
	assert_true(m.len <= sizeof m.bytes);
	for (size_t i = 0; i < payload; i++)
		m.bytes[m.udp + FRAME_UDP + i] = (uint8_t)(i * 7 + 1);
	wire_store16(m.bytes + m.udp, CLIENT_PORT);
	wire_store16(m.bytes + m.udp + 2, PORT);
	wire_store16(m.bytes + m.udp + 4, (uint16_t)(FRAME_UDP + payload));
	if (is_ipv4)
		make_ipv4_header(&m, payload);
	else
		make_ipv6_header(&m, payload);
	set_udp_sum(&m);
	return m;
}

static struct made plain(bool is_ipv4)
{
	return make(is_ipv4, NULL, 0, 33);
}

static struct frame_rules rules(void)
{
	struct frame_rules r;
	char text[128];
	struct sockaddr_storage listen[3] = {test_address("192.0.2.1", PORT),
	                                     test_address("192.0.2.2", 5300),
	                                     test_address("2001:db8::1", PORT)};

	assert_int_equal(frame_rules_init(&r, listen, 3, MTU, text, sizeof text), 0);
	return r;
}

/* On memory of just the frame's own size, so that a read past its end is seen. */
static enum frame_verdict verdict(const struct made *m, unsigned good)
{
	struct frame_rules r = rules();
	struct pkt p;
	uint8_t *exact = malloc(m->len ? m->len : 1);

	assert_non_null(exact);
	memcpy(exact, m->bytes, m->len);
	enum frame_verdict v = frame_read(&r, exact, m->len, good, &p);
	assert_memory_equal(exact, m->bytes, m->len);
	free(exact);
	return v;
}

/* ---- queries ---- */

static void query_is_found_under_any_tags(void **state)
{
	static const uint16_t tags[3] = {0x88a8, 0x8100, 0x8100};
	struct frame_rules r = rules();

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		bool is_ipv4 = i & 1;
		struct made m = i / 2 == 3 ? make(is_ipv4, tags + 1, 1, 44)
		                           : make(is_ipv4, tags, i / 2, 44);
		struct pkt p = {.io = 9};
		uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 198, 51, 100, 7};
		assert_int_equal(frame_read(&r, m.bytes, m.len, 0, &p), FRAME_QUERY);
		assert_ptr_equal(p.dns, m.bytes + m.udp + FRAME_UDP);
		assert_int_equal(p.len, 44);
		assert_int_equal(p.room, MTU - (is_ipv4 ? 28 : 48));
		assert_int_equal(p.io, 9);
		assert_int_equal(p.client.port, CLIENT_PORT);
		assert_int_equal(p.client.is_ipv4, is_ipv4);
		assert_int_equal(p.client.transport, TRANSPORT_UDP);
		if (is_ipv4)
			assert_memory_equal(p.client.addr, mapped, 16);
		else
			assert_memory_equal(p.client.addr, m.bytes + m.ip + 8, 16);
	}
}

static void padding_of_a_short_frame_is_not_the_query(void **state)
{
	struct frame_rules r = rules();
	struct made m = make(true, NULL, 0, 12);
	struct pkt p;

	(void)state;
	memset(m.bytes + m.len, 0xee, 20);
	m.len += 20;
	assert_int_equal(frame_read(&r, m.bytes, m.len, 0, &p), FRAME_QUERY);
	assert_int_equal(p.len, 12);
}

static void room_never_exceeds_what_the_responder_is_given_elsewhere(void **state)
{
	struct frame_rules r = rules();
	struct made m = plain(true);
	struct pkt p;

	(void)state;
	r.mtu = 9000;
	assert_int_equal(frame_read(&r, m.bytes, m.len, 0, &p), FRAME_QUERY);
	assert_int_equal(p.room, IO_MESSAGE_MAX);
}

/* One byte of a good frame is set to something else, perhaps with sums made good again. */
struct change {
	const char *what;
	enum frame_verdict verdict;
	size_t at; /* from the IP header on */
	uint8_t value;
	bool mend; /* sums */
};

static void check_changes(bool is_ipv4, const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct change *c = &changes[i];
		struct made m = plain(is_ipv4);
		m.bytes[m.ip + c->at] = c->value;
		if (c->mend && is_ipv4)
			set_ipv4_sum(&m);
		if (c->mend)
			set_udp_sum(&m);
		enum frame_verdict v = verdict(&m, 0);
		if (v != c->verdict)
			print_error("%s: %u\n", c->what, (unsigned)v);
		assert_int_equal(v, c->verdict);
	}
}

static void what_is_no_plain_ipv4_query_is_told_apart(void **state)
{
	static const struct change changes[] = {
		{"type of service", FRAME_QUERY, 1, 0, true},
		{"hop limit of 1", FRAME_QUERY, 8, 1, true},
		{"other version", FRAME_KERNEL, 0, 0x55, true},
		{"options", FRAME_KERNEL, 0, 0x46, true},
		{"header too short", FRAME_KERNEL, 0, 0x44, true},
		{"first fragment", FRAME_KERNEL, 6, 0x20, true},
		{"later fragment", FRAME_KERNEL, 7, 0x01, true},
		{"last fragment, far off", FRAME_KERNEL, 6, 0x1f, true},
		{"TCP", FRAME_KERNEL, 9, IPPROTO_TCP, true},
		{"ICMP", FRAME_KERNEL, 9, IPPROTO_ICMP, true},
		{"address not served", FRAME_KERNEL, 19, 9, true},
		{"address served on another port", FRAME_KERNEL, 19, 2, true},
		{"port not served", FRAME_KERNEL, 23, 54, true},
		{"longer than the frame", FRAME_MALFORMED, 3, 62, false},
		{"shorter than its headers", FRAME_MALFORMED, 3, 27, false},
		{"datagram longer than the packet", FRAME_MALFORMED, 25, 42, false},
		{"datagram shorter than its header", FRAME_MALFORMED, 25, 7, false},
		{"header sum wrong", FRAME_CHECKSUM, 10, 0, false},
		{"hop limit does not fit the sum", FRAME_CHECKSUM, 8, 1, false},
		{"payload does not fit the sum", FRAME_CHECKSUM, 40, 0, false},
		{"UDP sum wrong", FRAME_CHECKSUM, 26, 0x12, false},
		{"client port 0", FRAME_QUERY, 20, 0, true},
		{"from this network", FRAME_SOURCE, 12, 0, true},
		{"from loopback", FRAME_SOURCE, 12, 127, true},
		{"from a group", FRAME_SOURCE, 12, 224, true},
		{"from the reserved class", FRAME_SOURCE, 12, 240, true},
		{"from broadcast", FRAME_SOURCE, 12, 255, true},
	};

	(void)state;
	check_changes(true, changes, ARRAY_LEN(changes));
}

static void what_is_no_plain_ipv6_query_is_told_apart(void **state)
{
	static const struct change changes[] = {
		{"traffic class and flow label", FRAME_QUERY, 1, 0, true},
		{"other version", FRAME_KERNEL, 0, 0x40, true},
		{"hop-by-hop options", FRAME_KERNEL, 6, 0, true},
		{"fragment header", FRAME_KERNEL, 6, 44, true},
		{"destination options", FRAME_KERNEL, 6, 60, true},
		{"TCP", FRAME_KERNEL, 6, IPPROTO_TCP, true},
		{"ICMPv6", FRAME_KERNEL, 6, IPPROTO_ICMPV6, true},
		{"address not served", FRAME_KERNEL, 39, 2, true},
		{"port not served", FRAME_KERNEL, 43, 54, true},
		{"longer than the frame", FRAME_MALFORMED, 5, 42, false},
		{"shorter than its headers", FRAME_MALFORMED, 5, 7, false},
		{"jumbogram", FRAME_MALFORMED, 5, 0, false},
		{"datagram longer than the packet", FRAME_MALFORMED, 45, 42, false},
		{"datagram shorter than its header", FRAME_MALFORMED, 45, 7, false},
		{"payload does not fit the sum", FRAME_CHECKSUM, 60, 0, false},
		{"UDP sum wrong", FRAME_CHECKSUM, 46, 0x12, false},
		{"from a group", FRAME_SOURCE, 8, 0xff, true},
	};

	(void)state;
	check_changes(false, changes, ARRAY_LEN(changes));
}

static void source_that_cannot_be_answered_is_told(void **state)
{
	static const char *const sources[] = {"::", "::1", "::ffff:192.0.2.9", "ff02::1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct made m = plain(false);
		assert_int_equal(inet_pton(AF_INET6, sources[i], m.bytes + m.ip + 8), 1);
		set_udp_sum(&m);
		assert_int_equal(verdict(&m, 0), FRAME_SOURCE);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct made m = plain(i);
		wire_store16(m.bytes + m.udp, 0);
		set_udp_sum(&m);
		assert_int_equal(verdict(&m, 0), FRAME_SOURCE);
	}
}

static void frame_to_a_group_or_of_another_kind_is_the_kernels(void **state)
{
	static const uint16_t tags[3] = {0x88a8, 0x8100, 0x8100};
	static const uint16_t types[] = {0x0806, 0x88cc, 0x0800 + 1, 100, 0};

	(void)state;
	struct made m = plain(true);
	m.bytes[0] = 0xff;
	assert_int_equal(verdict(&m, 0), FRAME_KERNEL);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		m = plain(true);
		wire_store16(m.bytes + 12, types[i]);
		assert_int_equal(verdict(&m, 0), FRAME_KERNEL);
	}
	m = make(true, tags, 3, 33);
	assert_int_equal(verdict(&m, 0), FRAME_KERNEL);
}

static void query_to_nowhere_is_not_for_a_free_slot(void **state)
{
	struct made m = plain(true);

	(void)state;
	memset(m.bytes + m.ip + 16, 0, 4);
	memset(m.bytes + m.udp + 2, 0, 2);
	set_ipv4_sum(&m);
	set_udp_sum(&m);
	assert_int_equal(verdict(&m, 0), FRAME_KERNEL);
	m = plain(false);
	memset(m.bytes + m.ip + 24, 0, 16);
	memset(m.bytes + m.udp + 2, 0, 2);
	set_udp_sum(&m);
	assert_int_equal(verdict(&m, 0), FRAME_KERNEL);
}

static void frame_cut_anywhere_is_never_a_query(void **state)
{
	static const uint16_t tag = 0x8100;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct made m = make(i & 1, &tag, i / 2, 33);
		for (size_t len = m.len; len-- > 0;) {
			m.len = len;
			assert_int_not_equal(verdict(&m, 0), FRAME_QUERY);
		}
	}
}

/* ---- sums ---- */

static void every_single_bit_of_damage_is_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct made good = plain(i);
		for (size_t bit = good.ip * 8; bit < good.len * 8; bit++) {
			struct made m = good;
			m.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			enum frame_verdict v = verdict(&m, 0);
			/* No sum covers these: traffic class, flow label, hop limit. */
			size_t at = bit / 8 - good.ip;
			if (!good.is_ipv4 &&
			    ((at < 4 && bit / 4 != good.ip * 2 + 1) || at == 7))
				continue;
			assert_int_not_equal(v, FRAME_QUERY);
		}
	}
}

static void
sum_of_the_pseudo_header_alone_is_one_that_hardware_would_complete(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct made m = plain(i);
		size_t addresses = m.is_ipv4 ? 8 : 32;
		uint32_t sum = IPPROTO_UDP + FRAME_UDP + 33;
		sum = add_words(sum, m.bytes + m.udp - addresses, addresses);
		wire_store16(m.bytes + m.udp + 6, fold(sum));
		assert_int_equal(verdict(&m, 0), FRAME_QUERY);
		wire_store16(m.bytes + m.udp + 6, (uint16_t)~fold(sum));
		assert_int_equal(verdict(&m, 0), FRAME_CHECKSUM);
	}
}

static void absent_sum_is_good_over_ipv4_only(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct made m = plain(i);
		wire_store16(m.bytes + m.udp + 6, 0);
		assert_int_equal(verdict(&m, 0), i ? FRAME_QUERY : FRAME_CHECKSUM);
	}
}

static void what_the_card_has_checked_is_not_checked_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct made m = plain(i);
		m.bytes[m.udp + 20] ^= 1;
		assert_int_equal(verdict(&m, FRAME_IPV4_SUM_GOOD), FRAME_CHECKSUM);
		assert_int_equal(verdict(&m, FRAME_UDP_SUM_GOOD), FRAME_QUERY);
	}
	struct made m = plain(true);
	m.bytes[m.ip + 10] ^= 1;
	assert_int_equal(verdict(&m, FRAME_UDP_SUM_GOOD), FRAME_CHECKSUM);
	assert_int_equal(verdict(&m, FRAME_IPV4_SUM_GOOD), FRAME_QUERY);
}

/* ---- replies ---- */

static void check_headers(const struct made *query, const struct made *reply,
                          size_t payload)
{
	const uint8_t *q = query->bytes;
	const uint8_t *r = reply->bytes;
	size_t addr = query->is_ipv4 ? 4 : 16;
	size_t from = query->udp - 2 * addr;

	assert_memory_equal(r, client_mac, 6);
	assert_memory_equal(r + 6, server_mac, 6);
	assert_memory_equal(r + 12, q + 12, query->ip - 12);
	assert_memory_equal(r + from, q + from + addr, addr);
	assert_memory_equal(r + from + addr, q + from, addr);
	assert_int_equal(wire_load16(r + query->udp), PORT);
	assert_int_equal(wire_load16(r + query->udp + 2), CLIENT_PORT);
	assert_int_equal(wire_load16(r + query->udp + 4), FRAME_UDP + payload);
	assert_int_equal(udp_sum(reply), 0xffff);
	assert_int_not_equal(wire_load16(r + query->udp + 6), 0);
	r += query->ip;
	if (query->is_ipv4) {
		assert_int_equal(r[0], 0x45);
		assert_int_equal(r[1], 0);
		assert_int_equal(wire_load16(r + 2), 28 + payload);
		assert_int_equal(wire_load16(r + 4), 0xbeef);
		assert_int_equal(wire_load16(r + 6), 0);
		assert_int_equal(r[8], 64);
		assert_int_equal(r[9], IPPROTO_UDP);
		assert_int_equal(fold(add_words(0, r, FRAME_IPV4)), 0xffff);
	} else {
		assert_int_equal(r[0] >> 4, 6);
		assert_int_equal(wire_load32(r) >> 20 & 0xff, 0);
		assert_int_not_equal(wire_load32(r) & 0xfffff, 0);
		assert_int_equal(wire_load16(r + 4), FRAME_UDP + payload);
		assert_int_equal(r[6], IPPROTO_UDP);
		assert_int_equal(r[7], 64);
	}
}

static void reply_of_any_length_goes_back_where_the_query_came_from(void **state)
{
	static const uint16_t tags[2] = {0x88a8, 0x8100};
	struct frame_rules r = rules();

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct made query = make(i & 1, tags, i / 2, 33);
		for (size_t payload = 1; payload <= (query.is_ipv4 ? 1472 : 1452);
		     payload++) {
			struct made reply = query;
			struct pkt p;
			memset(reply.bytes + reply.len, 0xee,
			       sizeof reply.bytes - reply.len);
			assert_int_equal(frame_read(&r, reply.bytes, reply.len, 0, &p),
			                 FRAME_QUERY);
			for (size_t b = 0; b < payload; b++)
				p.dns[b] = (uint8_t)(b * 13 + payload);
			p.len = (uint16_t)payload;
			size_t len = frame_reply(reply.bytes, &p);
			size_t want = query.udp + FRAME_UDP + payload;
			assert_int_equal(len, want < FRAME_MIN ? FRAME_MIN : want);
			for (size_t b = want; b < len; b++)
				assert_int_equal(reply.bytes[b], 0);
			check_headers(&query, &reply, payload);
		}
	}
}

/* From headers that were kept, the reply is that which would have been made of the frame at once. */
static void reply_that_comes_later_is_the_same(void **state)
{
	static const uint16_t tags[2] = {0x88a8, 0x8100};
	static const uint16_t lengths[] = {1, 12, 17, 18, 19, 512, 1452};
	static uint8_t message[1452];
	struct frame_rules r = rules();

	(void)state;
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i * 13 + 5);
	for (unsigned i = 0; i < 6 * ARRAY_LEN(lengths); i++) {
		struct made at_once = make(i & 1, tags, i / 2 % 3, 33);
		uint16_t payload = lengths[i / 6];
		uint8_t headers[FRAME_HEADERS_MAX];
		uint8_t later[BUFFER];
		struct pkt p;
		assert_int_equal(frame_read(&r, at_once.bytes, at_once.len, 0, &p),
		                 FRAME_QUERY);
		unsigned len = frame_headers(at_once.bytes, &p, headers);
		assert_int_equal(len, at_once.udp + FRAME_UDP);
		memset(later, 0xee, sizeof later);
		memcpy(p.dns, message, payload);
		p.len = payload;
		size_t size = frame_reply(at_once.bytes, &p);
		assert_int_equal(
			frame_reply_with(&r, later, headers, len, message, payload),
			size);
		assert_memory_equal(later, at_once.bytes, size);
	}
}

/* Headers that were kept for a server of before may mean nothing to this one. */
static void headers_that_are_none_make_no_reply(void **state)
{
	static const uint8_t message[MTU] = {1};
	struct frame_rules r = rules();
	uint8_t frame[BUFFER];

	(void)state;
	for (unsigned is_ipv4 = 0; is_ipv4 < 2; is_ipv4++) {
		struct made m = plain(is_ipv4);
		size_t len = m.udp + FRAME_UDP;
		uint16_t most = (uint16_t)(MTU - (len - FRAME_ETHERNET));
		assert_int_equal(frame_reply_with(&r, frame, m.bytes, len, message, most),
		                 len + most);
		assert_int_equal(frame_reply_with(&r, frame, m.bytes, len, message,
		                                  (uint16_t)(most + 1)),
		                 0);
		assert_int_equal(frame_reply_with(&r, frame, m.bytes, len, message, 0),
		                 0);
		for (size_t n = 0; n < 2 * FRAME_HEADERS_MAX; n++)
			if (n != len)
				assert_int_equal(frame_reply_with(&r, frame, m.bytes, n,
				                                  message, 12),
				                 0);
		m.bytes[m.udp - 1] ^= 0x40; /* another address */
		assert_int_equal(frame_reply_with(&r, frame, m.bytes, len, message, 12),
		                 0);
		m = plain(is_ipv4);
		m.bytes[m.udp + 3] ^= 1; /* another port */
		assert_int_equal(frame_reply_with(&r, frame, m.bytes, len, message, 12),
		                 0);
	}
}

static void sum_that_comes_to_nothing_is_sent_as_ones(void **state)
{
	struct frame_rules r = rules();
	struct made m = make(true, NULL, 0, 12);
	struct pkt p;

	(void)state;
	assert_int_equal(frame_read(&r, m.bytes, m.len, 0, &p), FRAME_QUERY);
	memset(p.dns, 0, 12);
	(void)frame_reply(m.bytes, &p);
	uint16_t sum = wire_load16(m.bytes + m.udp + 6);

	m = make(true, NULL, 0, 12);
	assert_int_equal(frame_read(&r, m.bytes, m.len, 0, &p), FRAME_QUERY);
	memset(p.dns, 0, 12);
	wire_store16(p.dns + 4,
	             sum); /* now the words come to 0xffff with no sum at all */
	(void)frame_reply(m.bytes, &p);
	assert_int_equal(wire_load16(m.bytes + m.udp + 6), 0xffff);
	assert_int_equal(udp_sum(&m), 0xffff);
}

static void replies_of_one_socket_have_one_flow_label(void **state)
{
	struct frame_rules r = rules();
	uint32_t labels[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct made m = plain(false);
		struct pkt p;
		wire_store16(m.bytes + m.udp, (uint16_t)(i == 2 ? 7777 : CLIENT_PORT));
		set_udp_sum(&m);
		assert_int_equal(frame_read(&r, m.bytes, m.len, 0, &p), FRAME_QUERY);
		(void)frame_reply(m.bytes, &p);
		labels[i] = wire_load32(m.bytes + m.ip) & 0xfffff;
	}
	assert_int_equal(labels[0], labels[1]);
	assert_int_not_equal(labels[0], labels[2]);
}

/* ---- rules ---- */

static void address_that_frames_cannot_be_told_by_is_refused(void **state)
{
	static const char *const refused[] = {
		"0.0.0.0", "127.0.0.1", "224.0.0.251", "255.255.255.255", "::",
		"::1",     "ff02::fb",  "fe80::1",     "::ffff:192.0.2.1"};
	struct frame_rules r;
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct sockaddr_storage listen[2] = {test_address("192.0.2.1", PORT),
		                                     test_address(refused[i], PORT)};
		assert_int_equal(frame_rules_init(&r, listen, 2, MTU, text, sizeof text),
		                 ERR_REFUSED);
		assert_memory_equal(text, refused[i], strlen(refused[i]));
	}
	struct sockaddr_storage listen = test_address("2001:db8::1", PORT);
	assert_int_equal(frame_rules_init(&r, &listen, 1, 1279, text, sizeof text),
	                 ERR_REFUSED);
	assert_string_equal(text, "2001:db8::1: an MTU of 1279 is too small for it");
	assert_int_equal(frame_rules_init(&r, &listen, 0, MTU, text, sizeof text),
	                 ERR_REFUSED);
}

static void every_one_of_many_addresses_is_found_and_no_other(void **state)
{
	static struct sockaddr_storage listen[FRAME_ADDRESSES_MAX];
	struct frame_rules r;
	char text[256];

	(void)state;
	for (unsigned i = 0; i < FRAME_ADDRESSES_MAX; i++) {
		char a[64];
		snprintf(a, sizeof a, i % 2 ? "192.0.2.%u" : "2001:db8::%x", i + 1);
		listen[i] = test_address(a, PORT);
	}
	assert_int_equal(
		frame_rules_init(&r, listen, FRAME_ADDRESSES_MAX, MTU, text, sizeof text),
		0);
	for (unsigned i = 0; i < 256; i++) {
		struct made m = plain(i % 2);
		struct pkt p;
		m.bytes[m.udp - 1] = (uint8_t)(i + 1);
		if (m.is_ipv4)
			set_ipv4_sum(&m);
		set_udp_sum(&m);
		assert_int_equal(frame_read(&r, m.bytes, m.len, 0, &p),
		                 i < FRAME_ADDRESSES_MAX ? FRAME_QUERY : FRAME_KERNEL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query_is_found_under_any_tags),
		cmocka_unit_test(padding_of_a_short_frame_is_not_the_query),
		cmocka_unit_test(
			room_never_exceeds_what_the_responder_is_given_elsewhere),
		cmocka_unit_test(what_is_no_plain_ipv4_query_is_told_apart),
		cmocka_unit_test(what_is_no_plain_ipv6_query_is_told_apart),
		cmocka_unit_test(source_that_cannot_be_answered_is_told),
		cmocka_unit_test(frame_to_a_group_or_of_another_kind_is_the_kernels),
		cmocka_unit_test(query_to_nowhere_is_not_for_a_free_slot),
		cmocka_unit_test(frame_cut_anywhere_is_never_a_query),
		cmocka_unit_test(every_single_bit_of_damage_is_found),
		cmocka_unit_test(
			sum_of_the_pseudo_header_alone_is_one_that_hardware_would_complete),
		cmocka_unit_test(absent_sum_is_good_over_ipv4_only),
		cmocka_unit_test(what_the_card_has_checked_is_not_checked_again),
		cmocka_unit_test(reply_of_any_length_goes_back_where_the_query_came_from),
		cmocka_unit_test(reply_that_comes_later_is_the_same),
		cmocka_unit_test(headers_that_are_none_make_no_reply),
		cmocka_unit_test(sum_that_comes_to_nothing_is_sent_as_ones),
		cmocka_unit_test(replies_of_one_socket_have_one_flow_label),
		cmocka_unit_test(address_that_frames_cannot_be_told_by_is_refused),
		cmocka_unit_test(every_one_of_many_addresses_is_found_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
