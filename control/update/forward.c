#include "control/update/forward.h"

#include <stdlib.h>
#include <string.h>

#include "control/engine.h"
#include "control/must.h"
#include "control/policy/policy.h"
#include "control/transfer/connect.h"
#include "control/transfer/secondary.h"
#include "control/tsig/tsig.h"
#include "shared/err.h"

enum {
	UNDER_WAY_MAX = 32,
	TIMEOUT_MS = 10000, /* of one, in all */
	TICK_MS = 500,
};

struct forwards {
	const struct transfer_parts *parts;
	struct forward *first;
	unsigned under_way;
	uv_timer_t timer; /* as long as any is */
};

/* One on its way to a primary, and back. */
struct forward {
	struct forwards *all;
	struct request *request;
	struct secondary_view *view; /* its sources are tried in turn */
	unsigned tried;
	bool sent; /* which may have done it: no other one is tried */
	uint64_t until_ms;
	struct stream *stream;
	struct forward *next;
	struct forward **place; /* what points to it */
};

/* ---- the end of one ---- */

static void count(const struct forwards *all, enum transfer_figure which)
{
	figure_add(&engine_table(all->parts->engine)->transfers, which, 1);
}

/* Answers with an rcode if nobody has. */
static void end(struct forward *f, unsigned rcode)
{
	struct forwards *all = f->all;

	stream_drop(&f->stream);
	if (f->request)
		count(all, FIGURE_UPDATES_NOT_FORWARDED);
	if (f->request)
		request_reply(&f->request, rcode, REQUEST_NO_EDE);
	secondary_view_free(f->view);
	*f->place = f->next;
	if (f->next)
		f->next->place = f->place;
	free(f);
	if (--all->under_way == 0)
		uv_timer_stop(&all->timer);
}

static void on_tick(uv_timer_t *timer)
{
	struct forwards *all = timer->data;
	uint64_t now = uv_now(timer->loop);
	struct forward *next;

	for (struct forward *f = all->first; f; f = next) {
		next = f->next;
		if (now >= f->until_ms)
			end(f, RCODE_SERVFAIL);
	}
}

/* ---- the primary ---- */

static void try_next(struct forward *f);

static void up(void *arg, struct stream *s)
{
	struct forward *f = arg;

	if (stream_send(s, f->request->bytes, f->request->len) == 0)
		f->sent = true;
	else
		end(f, RCODE_SERVFAIL);
}

/* Says whether it is the answer, as far as can be seen without the key. */
static bool is_answer(const struct forward *f, const uint8_t *message, uint16_t len)
{
	struct message m;
	struct message asked;

	return message_open(message, len, &m) == 0 &&
	       message_open(f->request->bytes, f->request->len, &asked) == 0 &&
	       m.id == asked.id && m.opcode == OPCODE_UPDATE && m.flags & MESSAGE_QR;
}

static void took(void *arg, struct stream *s, const uint8_t *message, uint16_t len)
{
	struct forward *f = arg;

	(void)s;
	if (!f->sent || !is_answer(f, message, len) || len > f->request->room) {
		end(f, RCODE_SERVFAIL);
		return;
	}
	uint8_t *copy = must(malloc((size_t)len + TSIG_ROOM_MAX));
	memcpy(copy, message, len);
	int err = request_answer(f->request, copy, len);
	free(copy);
	if (err == 0 || err == ERR_GONE) {
		count(f->all, FIGURE_UPDATES_FORWARDED);
		request_done(&f->request);
	}
	end(f, RCODE_SERVFAIL);
}

static void ended(void *arg, struct stream *s, int err, const char *why)
{
	struct forward *f = arg;

	(void)s;
	(void)err;
	(void)why;
	f->stream = NULL;
	if (f->sent)
		end(f, RCODE_SERVFAIL);
	else
		try_next(f);
}

/* Connects to the next source. */
static void try_next(struct forward *f)
{
	const struct stream_owner owner = {
		.took = took, .up = up, .ended = ended, .arg = f};

	while (f->tried < f->view->source_count) {
		const struct transfer_source *s = &f->view->sources[f->tried++];

		if (transfer_connect(f->all->parts, s, &owner, &f->stream) == 0)
			return;
	}
	end(f, RCODE_SERVFAIL);
}

/* ---- what is forwarded ---- */

/* Gives the secondary, if its updates are forwarded; else NULL. */
static struct secondary_view *read_view(const struct forwards *all, struct store_txn *t,
                                        const struct store_zone *z)
{
	const struct config *config = all->parts->config;

	/* Most updates are of zones of our own: their policy is not read here. */
	if (!zone_kind_is_secondary(zone_policy_kind(config, z)))
		return NULL;
	struct secondary_view *v = secondary_view_new(config, z->name, z->id);
	if (secondary_view_read(v, t) == 0 && v->forward_updates)
		return v;
	secondary_view_free(v);
	return NULL;
}

bool forwards_take(struct forwards *all, struct request **request, struct store_txn *t,
                   const struct store_zone *z)
{
	struct secondary_view *view = read_view(all, t, z);

	if (!view)
		return false;
	if (all->under_way >= UNDER_WAY_MAX) {
		count(all, FIGURE_UPDATES_NOT_FORWARDED);
		secondary_view_free(view);
		request_reply(request, RCODE_SERVFAIL, REQUEST_NO_EDE);
		return true;
	}
	struct forward *f = must(calloc(1, sizeof *f));
	*f = (struct forward){.all = all,
	                      .request = *request,
	                      .view = view,
	                      .until_ms = uv_now(all->parts->loop) + TIMEOUT_MS,
	                      .next = all->first,
	                      .place = &all->first};
	*request = NULL;
	if (f->next)
		f->next->place = &f->next;
	all->first = f;
	if (all->under_way++ == 0)
		uv_timer_start(&all->timer, on_tick, TICK_MS, TICK_MS);
	try_next(f);
	return true;
}

void forwards_open(const struct transfer_parts *p, struct forwards **out)
{
	struct forwards *all = must(calloc(1, sizeof *all));

	all->parts = p;
	uv_timer_init(p->loop, &all->timer);
	all->timer.data = all;
	*out = all;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void forwards_close(struct forwards **forwards)
{
	struct forwards *all = *forwards;
	struct forward *next;

	*forwards = NULL;
	if (!all)
		return;
	for (struct forward *f = all->first; f; f = next) {
		next = f->next;
		request_done(&f->request);
		end(f, RCODE_SERVFAIL);
	}
	uv_close((uv_handle_t *)&all->timer, on_closed);
}
