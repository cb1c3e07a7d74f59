#include "control/keeper/parent.h"

#include <stdlib.h>
#include <string.h>

#include "control/keeper/parent_read.h"
#include "control/policy/words.h"
#include "control/transfer/connect.h"
#include "control/transfer/server_query.h"
#include "control/transfer/source.h"
#include "control/zone/arena.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"

/* One address. */
struct server {
	struct parent *parent;
	struct transfer_source source;
	struct server_query *query; /* NULL: it has answered, or was not asked */
	bool stream;                /* it is asked over TCP */
	struct parent_server *said;
	struct parent_reading reading;
};

struct parent {
	uv_timer_t start;
	const struct transfer_parts *parts;
	const struct config *config;  /* held, for what the sources lend */
	struct contents_arena *arena; /* of all below */
	const uint8_t *zone;          /* folded */
	struct rdata *dnskeys;
	size_t dnskey_count;
	struct server *servers;
	struct parent_server *said; /* of each of them */
	unsigned server_count;
	unsigned waiting; /* servers that are still to say something */
	parent_done *done;
	void *arg;
};

/* ---- what all have said ---- */

static enum life_seen seen_of(const struct parent *p, size_t key, unsigned answered)
{
	unsigned count = 0;

	for (unsigned i = 0; i < p->server_count; i++)
		count += p->servers[i].reading.has[key];
	if (count == 0)
		return LIFE_ABSENT;
	return count == answered ? LIFE_PRESENT : LIFE_SOME;
}

static void finish(struct parent *p)
{
	enum life_seen *seen = arena_aligned(p->arena, p->dnskey_count * sizeof *seen);
	struct parent_result r = {
		.seen = seen, .servers = p->said, .server_count = p->server_count};

	for (unsigned i = 0; i < p->server_count; i++) {
		const struct parent_server *s = &p->said[i];

		r.answered += s->err == 0;
		r.foreign |= p->servers[i].reading.foreign;
		if (s->ttl > r.ttl)
			r.ttl = s->ttl;
	}
	for (size_t i = 0; i < p->dnskey_count; i++)
		seen[i] = seen_of(p, i, r.answered);
	p->done(p->arg, &r);
}

/* ---- what one says ---- */

static void begin(struct server *s);

static void settle(struct server *s, int err, const char *why)
{
	struct parent *p = s->parent;

	server_query_drop(&s->query);
	s->said->err = err;
	s->said->why = why ? word_copy(p->arena, why) : NULL;
	s->said->ds_count = s->reading.ds_count;
	s->said->ttl = s->reading.ttl;
	if (--p->waiting == 0)
		finish(p);
}

static void answered(void *arg, const struct server_answer *a)
{
	struct server *s = arg;

	if (a->err < 0) {
		settle(s, a->err, a->why);
	} else if ((a->message->flags & MESSAGE_TC) && !s->stream) {
		server_query_drop(&s->query);
		s->stream = true;
		begin(s);
	} else {
		int err = parent_read(a->message, &s->reading);
		settle(s, err, s->reading.why);
	}
}

static void begin(struct server *s)
{
	struct parent *p = s->parent;
	const struct server_wanted wanted = {
		.question = {.name = p->zone, .type = RRTYPE_DS, .recurse = true},
		.source = &s->source,
		.stream = s->stream};

	int err = server_query_begin(p->parts, &wanted, answered, s, &s->query);
	if (err < 0)
		settle(s, err, transfer_begin_text(err));
}

/* One more waits until all have begun, so that the end comes once, and not amid them. */
static void begin_all(uv_timer_t *timer)
{
	struct parent *p = timer->data;

	p->waiting = p->server_count + 1;
	for (unsigned i = 0; i < p->server_count; i++)
		begin(&p->servers[i]);
	if (--p->waiting == 0)
		finish(p);
}

/* ---- beginning and ending ---- */

static void copy_zone(struct parent *p, const uint8_t *zone)
{
	size_t len = name_len(zone, NAME_MAX_LEN);
	uint8_t *copy = arena_copy(p->arena, zone, len);

	name_fold(copy, len);
	p->zone = copy;
}

static void copy_dnskeys(struct parent *p, const struct rdata *dnskeys, size_t count)
{
	p->dnskeys = arena_aligned(p->arena, count * sizeof p->dnskeys[0]);
	p->dnskey_count = count;
	for (size_t i = 0; i < count; i++) {
		uint16_t len = dnskeys[i].len;

		p->dnskeys[i] =
			(struct rdata){arena_copy(p->arena, dnskeys[i].bytes, len), len};
	}
}

static void add_server(struct parent *p, const struct remote *r, unsigned nth)
{
	struct server *s = &p->servers[p->server_count];

	*s = (struct server){
		.parent = p,
		.source = transfer_source_of(r, nth, p->arena),
		.said = &p->said[p->server_count],
		.reading = {.zone = p->zone,
	                    .dnskeys = p->dnskeys,
	                    .dnskey_count = p->dnskey_count,
	                    .has = arena_alloc(p->arena, p->dnskey_count)},
	};
	memset(s->reading.has, 0, p->dnskey_count);
	*s->said = (struct parent_server){0};
	memcpy(s->said->text, s->source.text, sizeof s->said->text);
	p->server_count++;
}

static void add_servers(struct parent *p, const struct parent_asked *asked)
{
	size_t count = 0;

	for (unsigned i = 0; i < asked->server_count; i++)
		count += asked->servers[i].count;
	p->servers = arena_aligned(p->arena, count * sizeof p->servers[0]);
	p->said = arena_aligned(p->arena, count * sizeof p->said[0]);
	for (unsigned i = 0; i < asked->server_count; i++)
		for (unsigned nth = 0; nth < asked->servers[i].count; nth++)
			add_server(p, &asked->servers[i], nth);
}

struct parent *parent_ask(const struct transfer_parts *parts,
                          const struct parent_asked *asked, parent_done *done, void *arg)
{
	struct parent *p = memory_get(sizeof *p);

	*p = (struct parent){
		.parts = parts,
		.config = config_hold(asked->config),
		.arena = arena_new(),
		.done = done,
		.arg = arg,
	};
	copy_zone(p, asked->zone);
	copy_dnskeys(p, asked->dnskeys, asked->dnskey_count);
	add_servers(p, asked);
	(void)uv_timer_init(parts->loop, &p->start);
	p->start.data = p;
	(void)uv_timer_start(&p->start, begin_all, 0, 0);
	return p;
}

static void closed(uv_handle_t *h)
{
	struct parent *p = h->data;

	config_release(p->config);
	arena_free(p->arena);
	free(p);
}

void parent_drop(struct parent **q)
{
	struct parent *p = *q;

	if (!p)
		return;
	*q = NULL;
	for (unsigned i = 0; i < p->server_count; i++)
		server_query_drop(&p->servers[i].query);
	uv_close((uv_handle_t *)&p->start, closed);
}
