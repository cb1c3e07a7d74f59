/*
 * axfr: fetches a zone over TCP as fast as it is given, and says how long that took and how much of the
 * time was its own. Every record is counted and none is kept, so that what is measured is the server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	EXIT_USAGE = 2,
	HEADER = 12,
	ID = 4711,
	CLASS_IN = 1,
	RCODE_MASK = 15,
	POINTER = 0xc0,
	TYPE_TO_LENGTH = 8, /* octets from a record's type to the length of its data */
	PATIENCE_S = 60,
	ROOM = 1 << 20,
	QUERY_ROOM = 2 + HEADER + NAME_MAX_LEN + 4,
};

struct counted {
	uint64_t records;
	uint64_t messages;
	uint64_t octets;
	uint64_t first_ns; /* when the first message was there */
	unsigned soas;     /* the second one ends it */
};

static void fail(const char *what)
{
	fprintf(stderr, "axfr: %s\n", what);
	exit(EXIT_FAILURE);
}

/* ---- messages ---- */

static void skip_name(struct wire_reader *r)
{
	for (uint8_t len; (len = wire_read8(r)) != 0;) {
		if (len >= POINTER) {
			(void)wire_read8(r);
			return;
		}
		(void)wire_read_bytes(r, len);
	}
}

static void count_message(struct counted *c, const uint8_t *bytes, size_t len)
{
	struct wire_reader r = wire_reader_on(bytes, len);

	if (len < HEADER || wire_read16(&r) != ID || wire_read16(&r) & RCODE_MASK)
		fail("refused, or no answer");
	unsigned questions = wire_read16(&r);
	unsigned records = wire_read16(&r);
	(void)wire_read32(&r);
	for (unsigned i = 0; i < questions; i++) {
		skip_name(&r);
		(void)wire_read32(&r);
	}
	for (unsigned i = 0; i < records; i++) {
		skip_name(&r);
		c->soas += wire_read16(&r) == RRTYPE_SOA;
		(void)wire_read_bytes(&r, TYPE_TO_LENGTH - 2);
		(void)wire_read_bytes(&r, wire_read16(&r));
	}
	if (!r.ok)
		fail("a message that cannot be read");
	if (c->messages++ == 0)
		c->first_ns = clock_now_ns();
	c->records += records;
	c->octets += len;
}

/* Gives how many octets belong to whole messages. */
static size_t count_messages(struct counted *c, const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (size - at >= 2) {
		size_t len = wire_load16(bytes + at);
		if (size - at < 2 + len)
			break;
		count_message(c, bytes + at + 2, len);
		at += 2 + len;
	}
	return at;
}

/* ---- the connection ---- */

static int connect_to(uint16_t port)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	const struct sockaddr_in to = {.sin_family = AF_INET,
	                               .sin_port = htons(port),
	                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
		fail(strerror(errno));
	return fd;
}

static void ask(int fd, const uint8_t *origin, size_t origin_len)
{
	uint8_t query[QUERY_ROOM] = {0};
	size_t len = HEADER + origin_len + 4;

	wire_store16(query, (uint16_t)len);
	wire_store16(query + 2, ID);
	wire_store16(query + 2 + 4, 1);
	memcpy(query + 2 + HEADER, origin, origin_len);
	wire_store16(query + 2 + HEADER + origin_len, RRTYPE_AXFR);
	wire_store16(query + 2 + HEADER + origin_len + 2, CLASS_IN);
	if (send(fd, query, 2 + len, 0) != (ssize_t)(2 + len))
		fail(strerror(errno));
}

static void receive(int fd, struct counted *c)
{
	static uint8_t bytes[ROOM];
	size_t size = 0;

	while (c->soas < 2) {
		ssize_t n = recv(fd, bytes + size, sizeof bytes - size, 0);
		if (n <= 0)
			fail(n < 0 ? strerror(errno) : "the connection ends early");
		size += (size_t)n;
		size_t done = count_messages(c, bytes, size);
		size -= done;
		memmove(bytes, bytes + done, size);
	}
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static double processor_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct counted c = {0};
	uint8_t origin[NAME_MAX_LEN];

	if (argc != 3) {
		fprintf(stderr, "usage: axfr PORT ORIGIN\n");
		return EXIT_USAGE;
	}
	long port = strtol(argv[1], NULL, 10);
	int len = name_from_text(argv[2], strlen(argv[2]), (const uint8_t *)"", origin);
	if (port < 1 || port > UINT16_MAX || len < 0) {
		fprintf(stderr, "usage: axfr PORT ORIGIN\n");
		return EXIT_USAGE;
	}
	uint64_t began = clock_now_ns();
	int fd = connect_to((uint16_t)port);
	ask(fd, origin, (size_t)len);
	receive(fd, &c);
	uint64_t ended = clock_now_ns();
	(void)close(fd);
	printf("axfr records=%llu messages=%llu octets=%llu seconds=%.6f first=%.6f "
	       "own=%.6f\n",
	       (unsigned long long)c.records, (unsigned long long)c.messages,
	       (unsigned long long)c.octets, seconds(ended - began),
	       seconds(c.first_ns - began), processor_seconds());
	return EXIT_SUCCESS;
}
