/*
 * A message that the responder has handed over, and the way its answer goes back. Who deals with it may take
 * its time, and may send many messages where it came over a stream. The other side may go away meanwhile:
 * the request stays until it is done with, and answers then go nowhere.
 *
 * All on the loop's thread.
 */
#ifndef CONTROL_NET_REQUEST_H
#define CONTROL_NET_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/net/turns.h"
#include "control/tsig/tsig.h"
#include "control/wire/opt.h"
#include "control/wire/reader.h"
#include "dataplane/respond/respond.h"
#include "shared/compiler.h"

struct client_counts;
struct request;
struct tls_peer;

/* What all requests share. */
struct requests {
	struct turns turns;
	size_t octets; /* of those under way */
	unsigned count;
	void (*last)(
		struct requests *
			all); /* called when there is none any more; NULL: nobody waits for that */
};

enum request_way {
	REQUEST_TCP,
	REQUEST_TLS,
	REQUEST_UDP,    /* a socket of ours */
	REQUEST_WORKER, /* a worker of a data plane */
};

enum { REQUEST_WAY_MAX = 160 };

/* By what requests came: a connection, a socket, the rings of a worker. Belongs to whoever fills it in. */
struct request_line {
	struct requests *all;
	enum request_way way;
	/* Sends a whole message, copied, whether there is room or not. ERR_GONE. */
	int (*send)(struct request_line *l, const struct request *r,
	            const uint8_t *message, uint16_t len);
	bool (*has_room)(struct request_line *l); /* NULL: always */
	/* Ends it, and with it all that is under way on it. NULL: there is nothing to be ended. */
	void (*drop)(struct request_line *l);
	/* One request fewer; NULL: does not matter. */
	void (*done)(struct request_line *l);
	const struct tls_peer *peer; /* NULL: no TLS; lent as long as the line */
	/* Limits the requests of each client; NULL: does not matter. Lent likewise. */
	struct client_counts *clients;
	void *arg;
	struct request *first; /* from here on all zero at first */
	unsigned count;
};

struct request {
	enum request_way way;
	struct client client;
	const struct tls_peer *peer; /* NULL: no TLS, or the connection has gone */
	uint16_t room;               /* octets that an answer may have */
	uint16_t len;
	uint8_t *bytes;         /* the message; without its TSIG */
	struct message_opt opt; /* its OPT; there: false when it has none */
	bool tells_expire; /* the answer to a question has the EXPIRE option, out of its SOA, */
	uint32_t expire_at_most;   /* and no more seconds than these */
	struct tsig_exchange tsig; /* key: who has signed it; NULL: nobody */

	/* Of who made it: how an answer finds its way. */
	uint8_t back[REQUEST_WAY_MAX];
	uint8_t back_len;

	/* request.c's own */
	struct request_line *line; /* NULL: gone */
	uint16_t id;               /* as it came; in bytes is what was signed */
	size_t charged;            /* octets that it counts for */
	struct request *prev;
	struct request *next;
	struct requests *all;
	struct turn turn;
	void (*when_room)(void *arg);
	void *when_room_arg;
};

/* ---- for who deals with it ---- */

/* Sends an answer, with the ID of the question as it came, and signed where the request was: then there are
 * TSIG_ROOM_MAX octets more to write to behind it, and with them it is not longer than room. ERR_FULL: too much is queued, nothing was
 * done, request_when_room() tells when to try again. ERR_GONE. Where it does not go over a stream
 * there is one answer only. */
MUST_CHECK int request_answer(struct request *r, uint8_t *message, uint16_t len);

/* Calls fn once, from the loop, when request_answer() may be tried, which may be in the next turn of the
 * loop; also when the other side has gone. Not after request_done(). */
void request_when_room(struct request *r, void (*fn)(void *arg), void *arg);

/* Says whether answers go nowhere. */
static inline bool request_is_gone(const struct request *r)
{
	return r->line == NULL;
}

/* It is over. *r becomes NULL. NULL is fine. */
void request_done(struct request **r);

/* The same when an answer of many messages has begun and cannot be completed: the connection ends, in the
 * middle of it. Not from inside of request_answer(). */
void request_drop(struct request **request);

/* Answers with the header, the question, and an OPT record where there was one, and is done. ede: an extended
 * error (RFC 8914), or REQUEST_NO_EDE. */
enum { REQUEST_NO_EDE = -1 };
void request_reply(struct request **r, unsigned rcode, int ede);

/* ---- for who makes them ---- */

/* Makes one of a message handed over, and copies it. NULL: REQUESTS_OCTETS_MAX are under way, or the client has
 * as many as it may. */
enum { REQUESTS_OCTETS_MAX = 64 << 20 };
struct request *request_new(struct request_line *l, const struct pkt *p);

/* Its requests have no way back any more, and are told. */
void request_line_end(struct request_line *l);

/* There is room again: those that wait are told. */
void request_line_has_room(struct request_line *l);

#endif
