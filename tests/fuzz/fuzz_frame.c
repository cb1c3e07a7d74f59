/*
 * Ethernet frames. The first byte says which sums the card has checked, and how much longer the
 * reply is than the query. Whatever comes, only bytes of the frame are read; a query lies within
 * it, and its reply, read again with the addresses the other way round, is as good as the query.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/io/frame.h"
#include "shared/compiler.h"
#include "shared/wire.h"

enum { MTU = 1500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void init_rules(struct frame_rules *r)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	struct sockaddr_storage listen[2] = {0};
	static const uint8_t ipv6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	char text[128];

	in.sin_addr.s_addr = htonl(0xc0000201);
	memcpy(&in6.sin6_addr, ipv6, sizeof ipv6);
	memcpy(&listen[0], &in, sizeof in);
	memcpy(&listen[1], &in6, sizeof in6);
	check(frame_rules_init(r, listen, 2, MTU, text, sizeof text) == 0);
}

/* The rules of the other side: those who send to the client. */
static void init_client_rules(struct frame_rules *r, const struct pkt *p)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	                         .sin_port = htons(p->client.port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
	                           .sin6_port = htons(p->client.port)};
	struct sockaddr_storage listen = {0};
	char text[128];

	memcpy(&in.sin_addr, p->client.addr + 12, 4);
	memcpy(&in6.sin6_addr, p->client.addr, 16);
	if (p->client.is_ipv4)
		memcpy(&listen, &in, sizeof in);
	else
		memcpy(&listen, &in6, sizeof in6);
	if (frame_rules_init(r, &listen, 1, MTU, text, sizeof text) != 0)
		memset(r, 0, sizeof *r); /* link-local clients are answered, too */
}

static void turn_around(const uint8_t *data, size_t size, struct pkt *p, size_t longer)
{
	static struct frame_rules back;
	uint8_t room[MTU + FRAME_LINK_MAX];
	size_t at = (size_t)(p->dns - data);
	struct pkt again;

	check(at + p->len <= size && p->room <= MTU);
	memset(room, 0xee, sizeof room);
	memcpy(room, data, size < sizeof room ? size : sizeof room);
	init_client_rules(&back, p);
	p->dns = room + at;
	p->len = (uint16_t)(p->len + longer + 1);
	if (p->len > p->room || (room[6] & 1))
		return;
	size_t len = frame_reply(room, p);
	check(len <= sizeof room && len >= FRAME_MIN);
	enum frame_verdict v = frame_read(&back, room, len, 0, &again);
	check(v == FRAME_QUERY || back.mtu == 0);
	check(back.mtu == 0 || (again.len == p->len && again.client.port == 53));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame_rules rules;
	struct pkt p = {0};

	if (rules.mtu == 0)
		init_rules(&rules);
	if (size < 1)
		return 0;
	unsigned good = data[0] & (FRAME_IPV4_SUM_GOOD | FRAME_UDP_SUM_GOOD);
	size_t len = size - 1;
	uint8_t *frame = malloc(len ? len : 1);
	check(frame != NULL);
	memcpy(frame, data + 1, len);
	if (frame_read(&rules, frame, len, good, &p) == FRAME_QUERY)
		turn_around(frame, len, &p, data[0] >> 2);
	check(memcmp(frame, data + 1, len) == 0);
	free(frame);
	return 0;
}
