/*
 * Rings are emptied when a data plane says that there is something in them, in rounds of a few records from
 * each worker in turn. After a round that did not empty them comes a pause: whoever sends thousands of such
 * messages a second gets no more of the loop than that.
 *
 * Each attachment has a line of its own, which ends with it. So an answer never goes down to another
 * data plane that has the same slot by then, whose ways would mean something else.
 */
#include "control/net/punted.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/net/client_counts.h"
#include "shared/err.h"
#include "shared/punt.h"
#include "shared/wire.h"

enum {
	ROUND = 64, /* records */
	PAUSE_MS = 1,
	REQUESTS_MAX = 1024, /* under way */
	REQUESTS_OF_CLIENT_MAX = 64,
	QUEUED_MAX = 1024, /* answers for one data plane that wait for room */
};

/* How an answer gets back: the worker, and what it knows the way by. */
STATIC_ASSERT(1 + PUNT_WAY_MAX <= REQUEST_WAY_MAX, "a request has room for any way");
STATIC_ASSERT(WORKERS_MAX <= UINT8_MAX, "a worker's number is an octet");

/* An answer that its ring had no room for. */
struct queued {
	struct queued *next;
	uint16_t len;
	uint8_t back_len;
	uint8_t back[REQUEST_WAY_MAX];
	uint8_t message[];
};

struct slot {
	struct request_line line;
	struct punted *punted;
	uint64_t number; /* of the attachment; 0: nobody */
	bool due;        /* its rings are to be looked at */
	unsigned turn;   /* worker whose ring is next */
	struct queued *first;
	struct queued **last;
	unsigned queued;
};

struct punted {
	struct publisher *publisher;
	struct dispatch *dispatch;
	struct counters *counters;
	struct client_counts *clients;
	unsigned under_way;
	unsigned turn;    /* slot that is next */
	uv_timer_t pause; /* runs: no round before it ends */
	struct slot slots[ATTACHMENTS_MAX];
};

static unsigned number_of(const struct slot *s)
{
	return (unsigned)(s - s->punted->slots);
}

static void count(struct punted *p, enum counter_index i)
{
	counter_add(p->counters, i, 1);
}

/* ---- down ---- */

/* false: there is no room. */
static bool put_down(struct slot *s, const uint8_t *back, uint8_t back_len,
                     const uint8_t *message, uint16_t len)
{
	struct publisher_punts rings;

	if (publisher_punts(s->punted->publisher, number_of(s), &rings) != s->number)
		return true; /* it has just gone, and nobody misses an answer */
	struct punt_ring *down = &rings.of[back[0]].down;
	struct punt_record *r = punt_reserve(down);
	if (!r)
		return false;
	memset(r, 0, offsetof(struct punt_record, way));
	r->way_len = (uint8_t)(back_len - 1);
	memcpy(r->way, back + 1, r->way_len);
	r->len = len;
	memcpy(r->message, message, len);
	if (punt_commit(down))
		publisher_nudge(s->punted->publisher, number_of(s));
	return true;
}

static void on_pause_over(uv_timer_t *timer);

static void pause_then_look(struct punted *p)
{
	if (!uv_is_active((uv_handle_t *)&p->pause))
		(void)uv_timer_start(&p->pause, on_pause_over, PAUSE_MS, 0);
}

static void queue(struct slot *s, const struct request *r, const uint8_t *message,
                  uint16_t len)
{
	if (s->queued == QUEUED_MAX) {
		count(s->punted, COUNTER_dropped_relay);
		return;
	}
	struct queued *q = must(malloc(sizeof *q + len));
	q->next = NULL;
	q->len = len;
	q->back_len = r->back_len;
	memcpy(q->back, r->back, r->back_len);
	memcpy(q->message, message, len);
	*s->last = q;
	s->last = &q->next;
	s->queued++;
	pause_then_look(s->punted);
}

/* Those that have room now; others of other workers wait no longer for it. */
static void send_queued(struct slot *s)
{
	struct queued **link = &s->first;

	while (*link) {
		struct queued *q = *link;
		if (!put_down(s, q->back, q->back_len, q->message, q->len)) {
			link = &q->next;
			continue;
		}
		*link = q->next;
		s->queued--;
		free(q);
	}
	s->last = link;
}

static void drop_queued(struct slot *s)
{
	for (struct queued *q = s->first, *next; q; q = next) {
		next = q->next;
		free(q);
	}
	s->first = NULL;
	s->last = &s->first;
	s->queued = 0;
}

static int line_send(struct request_line *l, const struct request *r,
                     const uint8_t *message, uint16_t len)
{
	struct slot *s = l->arg;

	if (len > PUNT_MESSAGE_MAX)
		count(s->punted, COUNTER_dropped_relay);
	else if (!put_down(s, r->back, r->back_len, message, len))
		queue(s, r, message, len);
	return 0;
}

static void line_done(struct request_line *l)
{
	struct slot *s = l->arg;

	s->punted->under_way--;
}

/* ---- up ---- */

/* The responder hands over nothing else. */
static bool is_question(const struct punt_record *r)
{
	return r->len >= MESSAGE_HEADER && !(wire_load16(r->message + 2) & MESSAGE_QR);
}

static void take_one(struct slot *s, unsigned worker, struct punt_record *r)
{
	struct punted *p = s->punted;
	struct pkt pkt = {.dns = r->message,
	                  .len = r->len,
	                  .room = r->room,
	                  .client = {.port = r->port,
	                             .transport = TRANSPORT_UDP,
	                             .is_ipv4 = r->is_ipv4}};

	memcpy(pkt.client.addr, r->addr, sizeof pkt.client.addr);
	struct request *request = is_question(r) ? request_new(&s->line, &pkt) : NULL;
	if (!request) {
		count(p, COUNTER_dropped_hand);
		return;
	}
	p->under_way++;
	request->back[0] = (uint8_t)worker;
	memcpy(request->back + 1, r->way, r->way_len);
	request->back_len = (uint8_t)(1 + r->way_len);
	dispatch_put(p->dispatch, &request);
}

/* Takes what most records of a slot, from one worker after the other. Gives how many. */
static unsigned take_some(struct slot *s, const struct publisher_punts *rings,
                          unsigned most)
{
	struct punt_record r;
	unsigned taken = 0;
	unsigned empty = 0;

	while (empty < rings->workers && taken < most &&
	       s->punted->under_way < REQUESTS_MAX) {
		s->turn = s->turn + 1 < rings->workers ? s->turn + 1 : 0;
		if (!punt_take(&rings->of[s->turn].up, &r)) {
			empty++;
			continue;
		}
		take_one(s, s->turn, &r);
		taken++;
		empty = 0;
	}
	return taken;
}

/* Says whether there is nothing left, in which case the next record wakes us. */
static bool sleep_over(const struct publisher_punts *rings)
{
	bool sleeps = true;

	for (unsigned i = 0; i < rings->workers; i++)
		sleeps &= punt_sleep(&rings->of[i].up);
	return sleeps;
}

/* Looks into the rings of a slot. Gives how many records were taken. */
static unsigned look(struct slot *s, unsigned most)
{
	struct publisher_punts rings;
	unsigned taken = 0;

	s->due = publisher_punts(s->punted->publisher, number_of(s), &rings) ==
	                 s->number &&
	         s->number != 0;
	if (!s->due)
		return 0;
	taken = take_some(s, &rings, most);
	if (taken < most && s->punted->under_way < REQUESTS_MAX && sleep_over(&rings))
		s->due = false;
	return taken;
}

static void look_into_all(struct punted *p)
{
	unsigned left = ROUND;
	bool more = false;

	p->turn = (p->turn + 1) % ATTACHMENTS_MAX;
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		struct slot *s = &p->slots[(p->turn + i) % ATTACHMENTS_MAX];
		if (s->queued > 0)
			send_queued(s);
		if (s->due)
			left -= look(s, left);
		more |= s->due || s->queued > 0;
	}
	if (more)
		pause_then_look(p);
}

static void on_pause_over(uv_timer_t *timer)
{
	look_into_all(timer->data);
}

/* ---- attachments ---- */

static void end_line(struct slot *s)
{
	request_line_end(&s->line);
	drop_queued(s);
	s->due = false;
}

static void on_punted(void *arg, unsigned slot)
{
	struct punted *p = arg;
	struct slot *s = &p->slots[slot];
	struct publisher_punts rings;
	uint64_t number = publisher_punts(p->publisher, slot, &rings);

	if (number != s->number) {
		end_line(s);
		s->number = number;
	}
	s->due = number != 0;
	if (s->due && !uv_is_active((uv_handle_t *)&p->pause))
		look_into_all(p);
}

/* ---- opening and closing ---- */

int punted_open(uv_loop_t *loop, struct publisher *publisher, struct dispatch *dispatch,
                struct counters *counters, struct punted **out)
{
	struct punted *p = must(calloc(1, sizeof *p));
	int err = client_counts_new(REQUESTS_MAX, REQUESTS_OF_CLIENT_MAX, &p->clients);

	if (err < 0) {
		free(p);
		return err;
	}
	p->publisher = publisher;
	p->dispatch = dispatch;
	p->counters = counters;
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++) {
		struct slot *s = &p->slots[i];
		s->punted = p;
		s->last = &s->first;
		s->line = (struct request_line){.all = dispatch_requests(dispatch),
		                                .way = REQUEST_WORKER,
		                                .send = line_send,
		                                .done = line_done,
		                                .clients = p->clients,
		                                .arg = s};
	}
	(void)uv_timer_init(loop, &p->pause);
	p->pause.data = p;
	publisher_watch_punts(publisher, on_punted, p);
	*out = p;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void punted_close(struct punted **punted)
{
	struct punted *p = *punted;

	if (!p)
		return;
	*punted = NULL;
	publisher_watch_punts(p->publisher, NULL, NULL);
	for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
		end_line(&p->slots[i]);
	client_counts_free(p->clients);
	uv_close((uv_handle_t *)&p->pause, on_closed);
}
