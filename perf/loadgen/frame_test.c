// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "perf/loadgen/frame.h"

#include <arpa/inet.h>
#include <string.h>

enum { ROOM = 512 };

union buffer {
	struct frame frame;
	uint8_t bytes[sizeof(struct frame) + ROOM];
};

static const uint8_t dns_query[] = "\xab\xcd\1\0\0\1\0\0\0\0\0\1"
				   "\3WwW\7example\0\0\1\0\1"
				   "\0\0\x29\4\xd0\0\0\0\0\0";
enum { DNS_QUERY = sizeof dns_query - 1, QUESTION = 17 };

static struct frame_ends ends_with(int vlan)
{
	struct frame_ends e = {
		.source_mac = {2, 0, 0, 0, 0, 1},
		.dest_mac = {2, 0, 0, 0, 0, 2},
		.sources = 4,
		.vlan = vlan,
		.dest_port = 53,
		.first_port = 20000,
		.ports = 16,
	};
	assert_int_equal(inet_pton(AF_INET, "192.0.2.254", &e.source), 1);
	assert_int_equal(inet_pton(AF_INET, "198.51.100.7", &e.dest), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::ffff", &e.source6), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:1::53", &e.dest6), 1);
	return e;
}

/* Word by word as RFC 1071 §4.1 has it, in host order: another way than the one tested. */
static uint16_t plain_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t plain_udp_sum(const uint8_t *frame, size_t ip, bool ipv6)
{
	size_t addresses = ip + (ipv6 ? 8 : 12);
	size_t addresses_size = ipv6 ? 32 : 8;
	size_t udp = addresses + addresses_size;
	uint32_t size = wire_load16(frame + udp + 4);

	uint32_t sum =
		plain_sum(frame + addresses, addresses_size, size + FRAME_UDP_PROTOCOL);
	return plain_sum(frame + udp, size, sum);
}

struct frame_case {
	bool ipv6;
	int vlan;
};

static const struct frame_case cases[] = {
	{false, -1}, {true, -1}, {false, 9}, {true, 4094}};

/* A stamped query. */
static size_t stamp(const struct frame_case *c, uint32_t source, size_t dns_len,
                    uint16_t id, uint16_t port, uint8_t out[ROOM], union buffer *query)
{
	struct frame_ends ends = ends_with(c->vlan);

	frame_build(&query->frame, &ends, c->ipv6, source, dns_query, dns_len);
	frame_stamp(&query->frame, id, port, out);
	return query->frame.size;
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t t = a[i];
		a[i] = b[i];
		b[i] = t;
	}
}

static void fix_checksums(uint8_t *frame, const struct frame *query)
{
	bool ipv6 = query->udp - query->ip == FRAME_IPV6;

	if (!ipv6) {
		wire_store16(frame + query->ip + 10, 0);
		wire_store16(frame + query->ip + 10,
		             (uint16_t)~plain_sum(frame + query->ip, FRAME_IPV4, 0));
	}
	wire_store16(frame + query->udp + 6, 0);
	wire_store16(frame + query->udp + 6,
	             (uint16_t)~plain_udp_sum(frame, query->ip, ipv6));
}

/* What a server would answer: the query with its ends swapped, QR, AA and a record's octets. */
static size_t answer(const struct frame *query, uint8_t *frame)
{
	static const uint8_t record[16] = {0xc0, 12, 0, 1, 0,  1, 0, 0,
	                                   0,    60, 0, 4, 10, 0, 0, 1};
	bool ipv6 = query->udp - query->ip == FRAME_IPV6;
	size_t each = ipv6 ? 16 : 4;
	uint8_t *udp = frame + query->udp;
	uint8_t *dns = udp + FRAME_UDP;
	size_t size = (size_t)query->size + sizeof record;
	uint16_t udp_size = (uint16_t)(size - query->udp);

	swap(frame, frame + FRAME_MAC, FRAME_MAC);
	swap(udp - each, udp - 2 * each, each);
	swap(udp, udp + 2, 2);
	dns[2] |= 0x84;
	dns[7] = 1;
	memcpy(frame + query->size, record, sizeof record);
	wire_store16(udp + 4, udp_size);
	if (ipv6)
		wire_store16(frame + query->ip + 4, udp_size);
	else
		wire_store16(frame + query->ip + 2, (uint16_t)(udp_size + FRAME_IPV4));
	fix_checksums(frame, query);
	return size;
}

static void stamped_frames_have_right_checksums(void **state)
{
	union buffer query;
	uint8_t out[ROOM];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		/* Every length, so that the last octet stands alone as well; many ids and ports. */
		for (size_t len = DNS_QUERY - 12; len <= DNS_QUERY; len++) {
			uint16_t id = (uint16_t)(len * 5077 + i);
			size_t size = stamp(&cases[i], (uint32_t)len % 4, len, id,
			                    (uint16_t)(20000 + len), out, &query);
			size_t ip = query.frame.ip;
			assert_int_equal(size, query.frame.udp + FRAME_UDP + len);
			if (!cases[i].ipv6)
				assert_int_equal(plain_sum(out + ip, FRAME_IPV4, 0),
				                 0xffff);
			assert_int_equal(plain_udp_sum(out, ip, cases[i].ipv6), 0xffff);
			assert_int_equal(wire_load16(out + query.frame.udp + FRAME_UDP),
			                 id);
			assert_int_equal(wire_load16(out + query.frame.udp), 20000 + len);
		}
	}
}

static void udp_checksum_is_never_none(void **state)
{
	union buffer query;
	uint8_t out[ROOM];
	unsigned all_ones = 0;

	(void)state;
	for (unsigned id = 0; id <= UINT16_MAX; id++) {
		(void)stamp(&cases[0], 0, DNS_QUERY, (uint16_t)id, 20000, out, &query);
		assert_int_not_equal(wire_load16(out + query.frame.udp + 6), 0);
		all_ones += wire_load16(out + query.frame.udp + 6) == 0xffff;
	}
	assert_int_equal(all_ones, 1); /* the corner has been met */
}

static void sources_count_up_over_octets(void **state)
{
	static const uint8_t third[] = {192, 0, 3, 1};
	union buffer query;
	uint8_t out[ROOM];

	(void)state;
	(void)stamp(&cases[0], 3, DNS_QUERY, 1, 20000, out, &query);
	assert_memory_equal(out + query.frame.ip + 12, third, 4);
	(void)stamp(&cases[1], 3, DNS_QUERY, 1, 20000, out, &query);
	assert_int_equal(wire_load32(out + query.frame.ip + 20), 0x10002);
}

static void answers_are_read_and_found_good(void **state)
{
	union buffer query;
	uint8_t out[ROOM];
	struct frame_reply reply;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct frame_ends ends = ends_with(cases[i].vlan);
		(void)stamp(&cases[i], 1, DNS_QUERY, 0x1234, 20007, out, &query);
		size_t size = answer(&query.frame, out);
		assert_true(frame_read_reply(&ends, out, size, FRAME_OUR_PORT_IS_DEST,
		                             &reply));
		assert_int_equal(reply.id, 0x1234);
		assert_int_equal(reply.port_index, 7);
		assert_int_equal(reply.dns_size, DNS_QUERY + 16);
		assert_int_equal(reply.flags[0], 0x85);
		assert_int_equal(frame_compare(&query.frame, out, size, FRAME_PEER_DNS),
		                 FRAME_GOOD);
	}
}

static void echoes_are_found_good_only_as_their_peer_makes_them(void **state)
{
	union buffer query;
	uint8_t out[ROOM];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		size_t each = cases[i].ipv6 ? 16 : 4;
		size_t size = stamp(&cases[i], 1, DNS_QUERY, 77, 20001, out, &query);
		uint8_t *udp = out + query.frame.udp;
		assert_int_equal(frame_compare(&query.frame, out, size, FRAME_PEER_LOOPS),
		                 FRAME_GOOD);
		swap(out, out + FRAME_MAC, FRAME_MAC);
		assert_int_equal(frame_compare(&query.frame, out, size, FRAME_PEER_LOOPS),
		                 FRAME_FLAW_LINK);
		assert_int_equal(
			frame_compare(&query.frame, out, size, FRAME_PEER_SWAPS_MAC),
			FRAME_GOOD);
		swap(udp - each, udp - 2 * each, each);
		assert_int_equal(
			frame_compare(&query.frame, out, size, FRAME_PEER_SWAPS_MAC),
			FRAME_FLAW_ADDRESSES);
		swap(udp, udp + 2, 2);
		assert_int_equal(
			frame_compare(&query.frame, out, size, FRAME_PEER_SWAPS_ALL),
			FRAME_GOOD);
		udp[FRAME_UDP + 20] ^= 1;
		fix_checksums(out, &query.frame);
		assert_int_equal(
			frame_compare(&query.frame, out, size, FRAME_PEER_SWAPS_ALL),
			FRAME_FLAW_ECHO);
	}
}

/* Changes one octet of a good answer. at: from the IP header, the UDP header or the DNS message. */
struct damage {
	char from; /* 'l' the frame, 'i', 'u' or 'd' */
	uint16_t at;
	uint8_t flip;
	bool fixed; /* with checksums made right again */
	enum frame_flaw flaw;
};

static void every_flaw_of_an_answer_is_found(void **state)
{
	static const struct damage damages[] = {
		{'l', 0, 1, false, FRAME_FLAW_LINK},
		{'l', 11, 1, false, FRAME_FLAW_LINK},
		{'i', 10, 1, false, FRAME_FLAW_IP_CHECKSUM},
		{'i', 1, 4, false, FRAME_FLAW_IP_CHECKSUM},
		{'i', 15, 1, true, FRAME_FLAW_ADDRESSES},
		{'i', 19, 1, true, FRAME_FLAW_ADDRESSES},
		{'i', 8, 64, true, FRAME_FLAW_HOPS},
		{'u', 6, 1, false, FRAME_FLAW_UDP_CHECKSUM},
		{'d', 50, 1, false, FRAME_FLAW_UDP_CHECKSUM},
		{'d', 2, 0x80, true, FRAME_FLAW_FLAGS},     /* QR */
		{'d', 2, 0x08, true, FRAME_FLAW_FLAGS},     /* opcode */
		{'d', 2, 0x01, true, FRAME_FLAW_FLAGS},     /* RD */
		{'d', 3, 0x40, true, FRAME_FLAW_FLAGS},     /* Z */
		{'d', 5, 3, true, FRAME_FLAW_QUESTION},     /* QDCOUNT */
		{'d', 13, 0x20, true, FRAME_FLAW_QUESTION}, /* the case of a letter */
		{'d', 12 + QUESTION - 1, 2, true, FRAME_FLAW_QUESTION},
	};
	union buffer query;
	uint8_t out[ROOM];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(damages); i++) {
		const struct damage *d = &damages[i];
		(void)stamp(&cases[0], 1, DNS_QUERY, 0x1234, 20007, out, &query);
		size_t size = answer(&query.frame, out);
		size_t from = d->from == 'l'   ? 0
		              : d->from == 'i' ? query.frame.ip
		              : d->from == 'u' ? query.frame.udp
		                               : (size_t)query.frame.udp + FRAME_UDP;
		out[from + d->at] ^= d->flip;
		if (d->fixed)
			fix_checksums(out, &query.frame);
		assert_int_equal(frame_compare(&query.frame, out, size, FRAME_PEER_DNS),
		                 d->flaw);
	}
}

static void answers_without_udp_checksum_are_good_over_ipv4_only(void **state)
{
	union buffer query;
	uint8_t out[ROOM];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		(void)stamp(&cases[i], 1, DNS_QUERY, 0x1234, 20007, out, &query);
		size_t size = answer(&query.frame, out);
		wire_store16(out + query.frame.udp + 6, 0);
		assert_int_equal(frame_compare(&query.frame, out, size, FRAME_PEER_DNS),
		                 cases[i].ipv6 ? FRAME_FLAW_UDP_CHECKSUM
		                               : FRAME_GOOD_WITHOUT_SUM);
		if (!cases[i].ipv6) { /* which does not excuse the rest */
			out[query.frame.udp + FRAME_UDP + 2] ^= 0x80;
			assert_int_equal(
				frame_compare(&query.frame, out, size, FRAME_PEER_DNS),
				FRAME_FLAW_FLAGS);
		}
	}
}

static void octets_behind_the_datagram_are_flawed(void **state)
{
	union buffer query;
	uint8_t out[ROOM];

	(void)state;
	(void)stamp(&cases[0], 1, DNS_QUERY, 0x1234, 20007, out, &query);
	size_t size = answer(&query.frame, out);
	assert_int_equal(frame_compare(&query.frame, out, size + 1, FRAME_PEER_DNS),
	                 FRAME_FLAW_LINK);
}

static void frames_that_are_no_reply_are_refused(void **state)
{
	static const struct damage damages[] = {
		{'l', 12, 1, false, 0},   /* ARP's type */
		{'i', 0, 0x03, false, 0}, /* options */
		{'i', 6, 0x20, false, 0}, /* more fragments */
		{'i', 7, 1, false, 0},    /* a later fragment */
		{'i', 9, 23, false, 0},   /* TCP */
		{'i', 2, 1, false, 0},    /* longer than the frame */
		{'i', 3, 0x70, false, 0}, /* another length than UDP's */
		{'u', 1, 1, false, 0},    /* from another port */
		{'u', 3, 0x10, false, 0}, /* to a port below ours */
		{'u', 5, 4, false, 0},    /* another length than IP's */
	};
	union buffer query;
	uint8_t out[ROOM];
	struct frame_reply reply;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(damages); i++) {
		const struct damage *d = &damages[i];
		struct frame_ends ends = ends_with(-1);
		(void)stamp(&cases[0], 1, DNS_QUERY, 0x1234, 20007, out, &query);
		size_t size = answer(&query.frame, out);
		size_t from = d->from == 'l'   ? 0
		              : d->from == 'i' ? query.frame.ip
		                               : query.frame.udp;
		assert_true(frame_read_reply(&ends, out, size, FRAME_OUR_PORT_IS_DEST,
		                             &reply));
		out[from + d->at] ^= d->flip;
		assert_false(frame_read_reply(&ends, out, size, FRAME_OUR_PORT_IS_DEST,
		                              &reply));
	}
}

static void cut_frames_are_refused_at_every_length(void **state)
{
	union buffer query;
	uint8_t out[ROOM];
	struct frame_reply reply;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct frame_ends ends = ends_with(cases[i].vlan);
		(void)stamp(&cases[i], 1, DNS_QUERY, 0x1234, 20007, out, &query);
		size_t size = answer(&query.frame, out);
		while (size-- > 0)
			assert_false(frame_read_reply(&ends, out, size,
			                              FRAME_OUR_PORT_IS_DEST, &reply));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamped_frames_have_right_checksums),
		cmocka_unit_test(udp_checksum_is_never_none),
		cmocka_unit_test(sources_count_up_over_octets),
		cmocka_unit_test(answers_are_read_and_found_good),
		cmocka_unit_test(echoes_are_found_good_only_as_their_peer_makes_them),
		cmocka_unit_test(every_flaw_of_an_answer_is_found),
		cmocka_unit_test(answers_without_udp_checksum_are_good_over_ipv4_only),
		cmocka_unit_test(octets_behind_the_datagram_are_flawed),
		cmocka_unit_test(frames_that_are_no_reply_are_refused),
		cmocka_unit_test(cut_frames_are_refused_at_every_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
