/*
 * The program is run by the kernel on frames that are made here, and its verdict compared with the
 * table's and with frame_read()'s: what goes to a socket must be what frame_read() does not leave
 * to the kernel.
 */
#include "dataplane/io/xdp/program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "dataplane/io/frame.h"
#include "dataplane/io/xdp/queue.h"
#include "dataplane/io/xdp/steer.h"
#include "shared/err.h"
#include "shared/testing.h"
#include "shared/wire.h"

enum { ROOM = 2048, PORT = 53, MTU = 1500 };

struct fixture {
	struct sockaddr_storage listen[2];
	struct program program;
	struct queue queue;
	struct frame_rules rules;
};

/* What is different from a plain query, in a plain query's place. */
struct frame {
	const char *what;
	unsigned version; /* 4 or 6; another: that type is IPv4 and the nibble says it */
	unsigned tags;
	uint16_t tag_type;  /* 0: 0x8100 */
	uint16_t ethertype; /* 0: as the version says */
	uint8_t mac0;
	uint8_t ihl; /* 0: 5 */
	uint16_t fragment;
	uint8_t protocol; /* 0: UDP */
	const char *to;   /* NULL: served */
	uint16_t port;    /* 0: served */
	uint16_t cut;     /* bytes missing at the end; 0xffff: all but the first 13 */
	bool redirect;
};

// clang-format off
static const struct frame frames[] = {
	{.what = "IPv4", .version = 4, .redirect = true},
	{.what = "IPv6", .version = 6, .redirect = true},
	{.what = "IPv4, VLAN", .version = 4, .tags = 1, .redirect = true},
	{.what = "IPv6, VLAN", .version = 6, .tags = 1, .redirect = true},
	{.what = "IPv4, 802.1ad", .version = 4, .tags = 1, .tag_type = 0x88a8, .redirect = true},
	{.what = "DF", .version = 4, .fragment = 0x4000, .redirect = true},
	{.what = "own MAC with the local bit", .version = 4, .mac0 = 0x02, .redirect = true},
	{.what = "IPv4, only headers", .version = 4, .cut = 12, .redirect = true},
	{.what = "IPv6, only headers", .version = 6, .cut = 12, .redirect = true},

	{.what = "two tags", .version = 4, .tags = 2},
	{.what = "broadcast", .version = 4, .mac0 = 0xff},
	{.what = "multicast", .version = 6, .mac0 = 0x33},
	{.what = "ARP", .version = 4, .ethertype = 0x0806},
	{.what = "IPv4 said to be IPv6", .version = 4, .ethertype = 0x86dd},
	{.what = "IPv6 said to be IPv4", .version = 6, .ethertype = 0x0800},
	{.what = "IP version 5", .version = 5},
	{.what = "IPv4 options", .version = 4, .ihl = 6},
	{.what = "IPv4 header too short", .version = 4, .ihl = 4},
	{.what = "first fragment", .version = 4, .fragment = 0x2000},
	{.what = "last fragment", .version = 4, .fragment = 0x0001},
	{.what = "fragment far behind", .version = 4, .fragment = 0x1fff},
	{.what = "IPv4 TCP", .version = 4, .protocol = IPPROTO_TCP},
	{.what = "IPv6 TCP", .version = 6, .protocol = IPPROTO_TCP},
	{.what = "ICMP", .version = 4, .protocol = IPPROTO_ICMP},
	{.what = "ICMPv6", .version = 6, .protocol = IPPROTO_ICMPV6},
	{.what = "IPv6 destination options", .version = 6, .protocol = IPPROTO_DSTOPTS},
	{.what = "IPv6 routing header", .version = 6, .protocol = IPPROTO_ROUTING},
	{.what = "IPv6 fragment", .version = 6, .protocol = IPPROTO_FRAGMENT},
	{.what = "IPv4, another address", .version = 4, .to = "192.0.2.9"},
	{.what = "IPv6, another address", .version = 6, .to = "2001:db8::9"},
	{.what = "IPv6, mapped address", .version = 6, .to = "::ffff:192.0.2.1"},
	{.what = "IPv6, the IPv4 address in front", .version = 6, .to = "c000:201::"},
	{.what = "IPv4, another port", .version = 4, .port = 5353},
	{.what = "IPv4, port in the wrong order", .version = 4, .port = PORT << 8},
	{.what = "IPv6, another port", .version = 6, .port = 54},
	{.what = "IPv4, UDP header cut", .version = 4, .cut = 13},
	{.what = "IPv6, UDP header cut", .version = 6, .cut = 13},
	{.what = "IPv4, only the Ethernet header", .version = 4, .cut = 12 + 28},
	{.what = "IPv4, a tag cut", .version = 4, .tags = 1, .cut = 12 + 28 + 1},
};
// clang-format on

static uint8_t or_else(uint8_t value, uint8_t otherwise)
{
	return value ? value : otherwise;
}

static size_t put4(uint8_t *ip, const struct frame *f)
{
	memset(ip, 0, FRAME_IPV4);
	ip[0] = (uint8_t)(f->version << 4 | or_else(f->ihl, 5));
	wire_store16(ip + 2, FRAME_IPV4 + FRAME_UDP + 12);
	wire_store16(ip + 6, f->fragment);
	ip[8] = 64;
	ip[9] = or_else(f->protocol, IPPROTO_UDP);
	assert_int_equal(inet_pton(AF_INET, "192.0.2.2", ip + 12), 1);
	assert_int_equal(inet_pton(AF_INET, f->to ? f->to : "192.0.2.1", ip + 16), 1);
	return FRAME_IPV4;
}

static size_t put6(uint8_t *ip, const struct frame *f)
{
	memset(ip, 0, FRAME_IPV6);
	ip[0] = 0x60;
	wire_store16(ip + 4, FRAME_UDP + 12);
	ip[6] = or_else(f->protocol, IPPROTO_UDP);
	ip[7] = 64;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::2", ip + 8), 1);
	assert_int_equal(inet_pton(AF_INET6, f->to ? f->to : "2001:db8::1", ip + 24), 1);
	return FRAME_IPV6;
}

/* Gives the frame's length. */
static size_t make(const struct frame *f, uint8_t bytes[static ROOM])
{
	bool is_ipv6 = f->version == 6;
	uint16_t type = is_ipv6 ? 0x86dd : 0x0800;
	size_t at = FRAME_ETHERNET;

	memset(bytes, 0, ROOM);
	bytes[0] = f->mac0;
	bytes[11] = 1;
	wire_store16(bytes + 12, f->ethertype ? f->ethertype : type);
	for (unsigned i = 0; i < f->tags; i++, at += FRAME_TAG) {
		memmove(bytes + 16, bytes + 12, at - 12);
		wire_store16(bytes + 12, f->tag_type ? f->tag_type : 0x8100);
		wire_store16(bytes + 14, 7);
	}
	at += is_ipv6 ? put6(bytes + at, f) : put4(bytes + at, f);
	wire_store16(bytes + at, 4000);
	wire_store16(bytes + at + 2, f->port ? f->port : PORT);
	wire_store16(bytes + at + 4, FRAME_UDP + 12);
	at += FRAME_UDP + 12;
	return at - f->cut;
}

static int run(const struct fixture *f, const uint8_t *bytes, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = (uint32_t)len,
	            .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(program_fd(&f->program), &o), 0);
	return (int)o.retval;
}

/* ---- the cases ---- */

static void verdicts_are_those_of_the_table(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[ROOM];
	unsigned passed = 0;
	unsigned redirected = 0;

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		size_t len = make(&frames[i], bytes);
		int verdict = run(f, bytes, len);
		print_message("%-34s %d\n", frames[i].what, verdict);
		assert_int_equal(verdict, frames[i].redirect ? XDP_REDIRECT : XDP_PASS);
		passed += verdict == XDP_PASS;
		redirected += verdict == XDP_REDIRECT;
	}
	assert_true(passed >= redirected && redirected > 0);
}

/* But for two tags, which only a card that strips none can do something with. */
static void verdicts_are_those_of_frame_read(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[ROOM];
	struct pkt p;

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		size_t len = make(&frames[i], bytes);
		enum frame_verdict verdict = frame_read(&f->rules, bytes, len, 0, &p);
		if (frames[i].tags < 2 && (verdict == FRAME_KERNEL) == frames[i].redirect)
			fail_msg("%s: %d", frames[i].what, (int)verdict);
	}
}

/* Whatever the bytes are: a socket never gets what frame_read() leaves to the kernel. */
static void they_agree_on_damaged_frames(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[ROOM];
	uint32_t seed = 1;
	unsigned redirected = 0;
	struct pkt p;

	for (unsigned round = 0; round < 4000; round++) {
		const struct frame *from = &frames[round % 9];
		size_t len = make(from, bytes);
		for (unsigned i = 0; i < 1 + round % 3; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[(seed >> 16) % len] ^= (uint8_t)(1U << (seed >> 8) % 8);
		}
		int verdict = run(f, bytes, len);
		bool is_kernels =
			frame_read(&f->rules, bytes, len, 0, &p) == FRAME_KERNEL;
		if ((verdict == XDP_PASS) != is_kernels)
			fail_msg("round %u, from %s: %d", round, from->what, verdict);
		redirected += verdict == XDP_REDIRECT;
	}
	assert_true(redirected > 400 && redirected < 3600);
}

static void queue_that_nobody_works_on_is_the_kernels(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[ROOM];
	size_t len = make(&frames[0], bytes);

	program_steer(&f->program, 0, false);
	assert_int_equal(run(f, bytes, len), XDP_PASS);
	program_steer(&f->program, 0, true);
	assert_int_equal(run(f, bytes, len), XDP_REDIRECT);
	assert_true(program_add_socket(&f->program, 1, f->queue.fd) <
	            0); /* no such queue */
	assert_true(program_add_socket(&f->program, 0, STDERR_FILENO) < 0);
	assert_int_equal(run(f, bytes, len), XDP_REDIRECT);
}

static void queue_without_a_socket_is_the_kernels(void **state)
{
	struct fixture *f = *state;
	struct fixture other = {0};
	uint8_t bytes[ROOM];
	size_t len = make(&frames[0], bytes);
	char text[256] = "";

	assert_int_equal(program_load(&other.program, f->listen, 2, 1, text, sizeof text),
	                 0);
	program_steer(&other.program, 0, true);
	assert_int_equal(run(&other, bytes, len), XDP_PASS);
	program_unload(&other.program);
}

static void more_queues_than_there_is_room_for_are_refused(void **state)
{
	struct fixture *f = *state;
	struct program p;
	char text[256] = "";

	assert_int_equal(
		program_load(&p, f->listen, 2, STEER_QUEUES_MAX + 1, text, sizeof text),
		ERR_REFUSED);
	assert_string_equal(text, "257 queues are too many");
}

static void second_socket_on_a_queue_is_refused(void **state)
{
	struct queue second;
	char text[256] = "";
	const struct queue_options o = {.ifindex = if_nametoindex("lo"),
	                                .chunk = UMEM_CHUNK_SMALL,
	                                .bind = XDP_COPY};

	(void)state;
	assert_true(queue_open(&second, &o, text, sizeof text) < 0);
	assert_non_null(strstr(text, "another program has an AF_XDP socket there"));
}

/* The program is not attached to lo: only its socket's queue has to belong to something. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char text[256] = "";
	struct queue_options o = {.ifindex = if_nametoindex("lo"),
	                          .chunk = UMEM_CHUNK_SMALL,
	                          .bind = XDP_COPY};

	if (f == NULL)
		return -1;
	*state = f;
	f->listen[0] = test_address("192.0.2.1", PORT);
	f->listen[1] = test_address("2001:db8::1", PORT);
	if (frame_rules_init(&f->rules, f->listen, 2, MTU, text, sizeof text) != 0 ||
	    program_load(&f->program, f->listen, 2, 1, text, sizeof text) != 0 ||
	    queue_open(&f->queue, &o, text, sizeof text) != 0 ||
	    program_add_socket(&f->program, 0, f->queue.fd) != 0) {
		print_error("%s\n", text);
		return -1;
	}
	program_steer(&f->program, 0, true);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	queue_close(&f->queue);
	program_unload(&f->program);
	free(f);
	return 0;
}

/* A namespace of our own, with a lo that nobody else has a socket on. */
static bool enter_namespace(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (unshare(CLONE_NEWNET) != 0)
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool up = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	close(fd);
	return up;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_are_those_of_the_table),
		cmocka_unit_test(verdicts_are_those_of_frame_read),
		cmocka_unit_test(they_agree_on_damaged_frames),
		cmocka_unit_test(queue_that_nobody_works_on_is_the_kernels),
		cmocka_unit_test(queue_without_a_socket_is_the_kernels),
		cmocka_unit_test(more_queues_than_there_is_room_for_are_refused),
		cmocka_unit_test(second_socket_on_a_queue_is_refused),
	};
	struct program probe;
	struct sockaddr_storage listen = test_address("192.0.2.1", PORT);
	char text[256];

	if (program_load(&probe, &listen, 1, 1, text, sizeof text) != 0) {
		printf("skipped: %s\n", text);
		return 77;
	}
	program_unload(&probe);
	if (!enter_namespace()) {
		printf("skipped: network namespace: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
