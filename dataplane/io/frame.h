/*
 * Ethernet frames with DNS queries in them, and replies made of them in place: what is between a
 * card's queue and the responder for every back end that sees frames.
 *
 * A query is UDP to a served address and port, by IPv4 without options or IPv6 without extension
 * headers, not a fragment, under at most two VLAN tags (802.1Q, 802.1ad). Everything else is the
 * kernel's. The reply goes back to where the frame came from, by the same tags, from the address
 * that was asked (RFC 1122 §4.1.3.5); no table of neighbours or routes is kept.
 */
#ifndef DATAPLANE_IO_FRAME_H
#define DATAPLANE_IO_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dataplane/io/io.h"
#include "dataplane/respond/respond.h"
#include "shared/compiler.h"

enum {
	FRAME_ADDRESSES_MAX = 64,
	FRAME_SLOTS = 256, /* of a table of addresses; a power of two */

	FRAME_ETHERNET = 14,
	FRAME_TAG = 4,
	FRAME_TAGS_MAX = 2,
	FRAME_IPV4 = 20,
	FRAME_IPV6 = 40,
	FRAME_UDP = 8,
	FRAME_LINK_MAX = FRAME_ETHERNET + FRAME_TAGS_MAX * FRAME_TAG,
	FRAME_HEADERS_MAX = FRAME_LINK_MAX + FRAME_IPV6 + FRAME_UDP,
	FRAME_MIN =
		60, /* shorter ones are filled up with zeros; without the check sequence */
};

/* What of a frame the card has checked already and found good. */
enum {
	FRAME_IPV4_SUM_GOOD = 1,
	FRAME_UDP_SUM_GOOD = 2,
};

enum frame_verdict {
	FRAME_QUERY,
	FRAME_KERNEL,
	/* These three are queries for us by their addresses, and are dropped. */
	FRAME_CHECKSUM,  /* IPv4 header or UDP; also none over IPv6 (RFC 8200 §8.1) */
	FRAME_MALFORMED, /* lengths contradict each other */
	FRAME_SOURCE,    /* from an address or port to which no reply may go */
};

/* As what a frame counts that is neither a query nor given to the kernel. */
static inline enum io_event frame_event(enum frame_verdict verdict)
{
	if (verdict == FRAME_CHECKSUM)
		return IO_CHECKSUM;
	return verdict == FRAME_SOURCE ? IO_SOURCE : IO_MALFORMED;
}

struct frame_slot6 {
	uint8_t addr[16];
	uint16_t port; /* network order; 0: free */
};

/* The addresses served, in two tables with open addressing. Read only once it is made. */
struct frame_rules {
	uint32_t mtu;               /* bytes of an IP packet */
	uint64_t ipv4[FRAME_SLOTS]; /* address << 16 | port, both as they lie; 0: free */
	struct frame_slot6 ipv6[FRAME_SLOTS];
};

/* Sets rules up for these addresses on a link of that MTU (at least 576 and 1280 for IPv6).
 * ERR_REFUSED: an address that no frame can be told by (a wildcard, a multicast, loopback or
 * link-local one), or an MTU that is too small; text says which. */
MUST_CHECK int frame_rules_init(struct frame_rules *rules,
                                const struct sockaddr_storage *listen, size_t count,
                                uint32_t mtu, char *text, size_t text_size);

/* Looks at a frame of len bytes in one piece. good: FRAME_*_SUM_GOOD. The frame's memory goes on
 * for at least rules->mtu + FRAME_LINK_MAX bytes from frame on. For FRAME_QUERY, p is the query
 * but for p->io; out of FRAME_QUERY p is undefined. */
HOT enum frame_verdict frame_read(const struct frame_rules *rules, uint8_t *frame,
                                  size_t len, unsigned good, struct pkt *p);

/* Turns the frame of a query that frame_read() gave around, its payload being p->len > 0 bytes of
 * reply by now, with all checksums in software. Gives the reply's length. */
HOT size_t frame_reply(uint8_t *frame, const struct pkt *p);

/* Copies the headers of a query's frame, with which its reply can be made when the frame is gone. Gives their
 * length. */
unsigned frame_headers(const uint8_t *frame, const struct pkt *p,
                       uint8_t headers[static FRAME_HEADERS_MAX]);

/* Makes the frame of a reply of such headers and a message. frame has room for rules->mtu +
 * FRAME_LINK_MAX bytes. Gives its length, or 0: these are no headers of a query to an address served, or the
 * message is empty or too long for the link. */
size_t frame_reply_with(const struct frame_rules *rules, uint8_t *frame,
                        const uint8_t *headers, size_t headers_len,
                        const uint8_t *message, uint16_t len);

#endif
