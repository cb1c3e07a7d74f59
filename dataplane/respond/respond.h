/*
 * The responder: DNS messages in, DNS messages out, from one response table.
 *
 * Knows nothing of sockets or packets. Every UDP back end calls it on bursts, TCP in the control
 * plane calls it on single messages with a 64 KiB limit; there is no second way to answer.
 */
#ifndef DATAPLANE_RESPOND_RESPOND_H
#define DATAPLANE_RESPOND_RESPOND_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"
#include "shared/counters.h"
#include "shared/table.h"

enum { BURST_MAX = 64 };

enum transport {
	TRANSPORT_UDP,
	TRANSPORT_TCP,
};

/* One message and where it came from. */
struct pkt {
	uint8_t *dns; /* the query; the response is written over it, at the same place */
	uint16_t
		len; /* of the query; after respond_burst() of the response, 0: send nothing */
	uint16_t room; /* bytes from dns on that may be written; at least 512 */
	uint32_t io;   /* the back end's own handle, not looked at */
	struct client {
		uint8_t addr[16];  /* network order; an IPv4 address as ::ffff:a.b.c.d */
		uint16_t port;     /* host order */
		uint8_t transport; /* enum transport */
		uint8_t is_ipv4;
	} client;
};

struct responder;
struct qlog_ring;

/* counters: where this responder counts, lent for its life; one writer. */
struct responder *responder_new(struct counters *counters);
void responder_free(struct responder *r);

/* Logs a sample of messages to ring (shared/qlog.h), lent for the responder's life, from now on; between
 * bursts only. */
void responder_log_to(struct responder *r, struct qlog_ring *ring);

/*
 * Takes a message that is not answered from the table: NOTIFY, UPDATE, IXFR, AXFR over a stream, what is
 * signed by TSIG, SOA with EXPIRE. p is as it came, lent for the call; it must not be answered from in
 * here. false: there is no room for it.
 */
typedef bool responder_hand(void *arg, const struct pkt *p);

/* Hands such messages over from now on; between bursts only. Afterwards their len is 0, also when there was
 * no room, except where a question can be answered all the same. Without a hand (NULL, as at first) everything
 * is answered here: as not implemented, not allowed, or without what is not known here. */
void responder_hand_to(struct responder *r, responder_hand *hand, void *arg);

/* Counts elsewhere from now on; between bursts only. */
void responder_count_in(struct responder *r, struct counters *counters);

/*
 * Answers a burst of n <= BURST_MAX messages from one snapshot of table. The caller is an online
 * RCU reader of the table throughout and holds nothing from it afterwards.
 * now: seconds since 1970 (server cookies). One responder belongs to one thread.
 */
HOT void respond_burst(struct responder *r, const struct table *table, uint32_t now,
                       struct pkt pkts[], unsigned n);

#endif
