#include "dataplane/punting.h"

#include <string.h>

#include "dataplane/io/nudge.h"
#include "dataplane/worker.h"

enum { AT_ONCE = 8 }; /* sent before packets get their turn */

STATIC_ASSERT((int)IO_WAY_MAX == (int)PUNT_WAY_MAX, "a record has room for any way");
STATIC_ASSERT((int)IO_MESSAGE_MAX == (int)PUNT_MESSAGE_MAX,
              "a record has room for any message");

bool punting_up(void *worker, const struct pkt *p)
{
	const struct worker *w = worker;
	struct punt_ring *up = &views_get(w->views)->workers[w->index].punt->up;
	struct punt_record *r;

	if (!atomic_load_explicit(w->attended, memory_order_relaxed))
		return false;
	r = punt_reserve(up);
	if (!r)
		return false;
	memcpy(r->addr, p->client.addr, sizeof r->addr);
	r->port = p->client.port;
	r->is_ipv4 = p->client.is_ipv4;
	r->room = p->room < PUNT_MESSAGE_MAX ? p->room : PUNT_MESSAGE_MAX;
	r->way_len = (uint8_t)w->ops->way(w->io, p, r->way);
	r->len = p->len;
	memcpy(r->message, p->dns, p->len);
	if (punt_commit(up))
		nudge(w->bell);
	return true;
}

void punting_down(struct worker *w, struct punt_ring *down)
{
	struct counters *mine = views_get(w->views)->workers[w->index].counters;
	struct punt_record r;

	for (unsigned i = 0; i < AT_ONCE && punt_take(down, &r); i++) {
		bool sent = r.len > 0 &&
		            w->ops->send(w->io, r.way, r.way_len, r.message, r.len);
		counter_add(mine, sent ? COUNTER_relayed : COUNTER_dropped_relay, 1);
	}
}
