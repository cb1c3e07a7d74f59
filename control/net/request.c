/*
 * A request knows its line and the line its requests: when either goes, the other is told. What a line
 * tells its requests it tells them in a later turn of the loop, so that nobody is called back from
 * inside of a call.
 */
#include "control/net/request.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/must.h"
#include "control/net/client_counts.h"
#include "shared/err.h"
#include "shared/wire.h"

enum {
	FLAGS_AT = 2,
	ARCOUNT_AT = 10,
	/* Header, question, OPT. */
	REPLY_MAX = MESSAGE_HEADER + NAME_MAX_LEN + 4 + OPT_SIZE_MAX,
	REPLY_SIZE = REPLY_MAX + TSIG_ROOM_MAX,
	OUR_UDP_SIZE = 1232,
};

static size_t size_of(const struct request *r)
{
	return sizeof *r + r->len;
}

struct request *request_new(struct request_line *l, const struct pkt *p)
{
	struct request *r;

	if (l->all->octets + sizeof *r + p->len > REQUESTS_OCTETS_MAX)
		return NULL;
	if (l->clients && !client_counts_add(l->clients, p->client.addr))
		return NULL;
	r = must(calloc(1, sizeof *r));
	r->bytes = must(malloc(p->len));
	memcpy(r->bytes, p->dns, p->len);
	r->id = wire_load16(p->dns);
	r->len = p->len;
	r->way = l->way;
	r->client = p->client;
	r->peer = l->peer;
	r->room = p->room;
	r->all = l->all;
	r->all->octets += size_of(r);
	r->charged = size_of(r);
	r->all->count++;
	r->line = l;
	r->next = l->first;
	if (r->next)
		r->next->prev = r;
	l->first = r;
	l->count++;
	return r;
}

static void leave_line(struct request_line *l, struct request *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		l->first = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->prev = r->next = NULL;
	r->line = NULL;
	l->count--;
	if (l->clients)
		client_counts_remove(l->clients, r->client.addr);
	if (l->done)
		l->done(l);
}

void request_done(struct request **request)
{
	struct request *r = *request;

	*request = NULL;
	if (!r)
		return;
	if (r->line)
		leave_line(r->line, r);
	struct requests *all = r->all;
	turns_drop(&all->turns, &r->turn);
	all->octets -= r->charged;
	tsig_end(&r->tsig);
	free(r->bytes);
	free(r);
	if (--all->count == 0 && all->last)
		all->last(all);
}

void request_drop(struct request **request)
{
	struct request_line *l = (*request)->line;

	if (l && l->drop)
		l->drop(l);
	request_done(request);
}

/* ---- answering ---- */

static bool has_room(const struct request *r)
{
	return !r->line->has_room || r->line->has_room(r->line);
}

static int answer(struct request *r, uint8_t *message, uint16_t len)
{
	/* More than it may have is cut by TSIG to the question. */
	len = tsig_sign_reply(&r->tsig, message, len, r->room, (uint64_t)time(NULL));
	if (len == 0)
		return ERR_TOOBIG;
	wire_store16(message, r->id);
	return r->line->send(r->line, r, message, len);
}

int request_answer(struct request *r, uint8_t *message, uint16_t len)
{
	if (!r->line)
		return ERR_GONE;
	if (!has_room(r))
		return ERR_FULL;
	return answer(r, message, len);
}

static void tell(void *arg)
{
	struct request *r = arg;
	void (*fn)(void *) = r->when_room;

	/* It may have filled up again since. */
	if (r->line && !has_room(r))
		return;
	r->when_room = NULL;
	fn(r->when_room_arg);
}

void request_when_room(struct request *r, void (*fn)(void *arg), void *arg)
{
	r->when_room = fn;
	r->when_room_arg = arg;
	if (!r->line || has_room(r))
		turns_put(&r->all->turns, &r->turn, tell, r);
}

void request_line_has_room(struct request_line *l)
{
	for (struct request *r = l->first; r; r = r->next) {
		if (r->when_room)
			turns_put(&r->all->turns, &r->turn, tell, r);
	}
}

void request_line_end(struct request_line *l)
{
	while (l->first) {
		struct request *r = l->first;

		leave_line(l, r);
		r->peer = NULL;
		if (r->when_room)
			turns_put(&r->all->turns, &r->turn, tell, r);
	}
}

/* Copies the question as it came. Gives where it ends; 0: there is none. */
static uint16_t copy_question(const struct request *r, uint8_t *to)
{
	struct message m;

	if (message_open(r->bytes, r->len, &m) < 0 || !m.asked ||
	    m.records_at > REPLY_MAX - OPT_SIZE_MAX)
		return 0;
	memcpy(to, r->bytes, m.records_at);
	return m.records_at;
}

static uint16_t put_opt(const struct request *r, uint8_t *to, unsigned rcode, int ede)
{
	const struct message_opt opt = {.there = true,
	                                .dnssec_ok = r->opt.dnssec_ok,
	                                .rcode_high = (uint8_t)(rcode >> 4),
	                                .udp_size = OUR_UDP_SIZE,
	                                .has_ede = ede != REQUEST_NO_EDE,
	                                .ede = (uint16_t)ede};

	return opt_write(&opt, to);
}

void request_reply(struct request **request, unsigned rcode, int ede)
{
	struct request *r = *request;
	uint8_t message[REPLY_SIZE];
	uint16_t len = copy_question(r, message);
	uint16_t flags = wire_load16(r->bytes + FLAGS_AT);
	unsigned opcode = flags >> MESSAGE_OPCODE_SHIFT & 15;

	wire_store16(message, wire_load16(r->bytes));
	flags = (uint16_t)(MESSAGE_QR | opcode << MESSAGE_OPCODE_SHIFT |
	                   (flags & MESSAGE_RD) | (rcode & 15));
	if (opcode == OPCODE_NOTIFY && rcode == RCODE_NOERROR)
		flags |= MESSAGE_AA;
	wire_store16(message + FLAGS_AT, flags);
	memset(message + 4, 0, MESSAGE_HEADER - 4);
	wire_store16(message + 4, len > 0);
	if (len == 0)
		len = MESSAGE_HEADER;
	if (r->opt.there) {
		len = (uint16_t)(len + put_opt(r, message + len, rcode, ede));
		wire_store16(message + ARCOUNT_AT, 1);
	}
	/* Small enough to be sent although there is no room. */
	if (r->line)
		(void)answer(r, message, len);
	request_done(request);
}
