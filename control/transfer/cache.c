#include "control/transfer/cache.h"

#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/spool/spool.h"
#include "control/transfer/ixfr_out.h"
#include "control/transfer/pack.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	PACKED_AT_ONCE = 2, /* the pool's other threads are for others */
	KEPT_MS = 10000,    /* behind the last reader */
	KEPT_MAX = 8,
};

/* Octets of all that is kept, so that there is room for what is wanted. */
#define KEPT_OCTETS_MAX (SPOOLED_MAX / 8)

struct packed {
	struct packed *next;
	struct pack_cache *cache;
	struct packed_wanted wanted;
	struct growing *spool;  /* the readers' */
	struct growing *writer; /* the packing thread's, from when that begins */
	unsigned readers;
	uint64_t kept;     /* octets, when nobody reads it any more; else 0 */
	uint64_t since_ms; /* when it is kept */
	enum { PACK_WAITS, PACK_RUNS, PACK_ENDED } state;
	uint8_t frame[2 + PACK_MESSAGE_MAX];
};

struct pack_cache {
	struct engine *engine;
	void (*grew)(void *arg);
	void *arg;
	void (*idle)(void *arg);
	struct packed *first; /* the oldest first */
	unsigned running;
};

/* ---- packing: pool ---- */

static int put_frame(void *arg, const uint8_t *message, uint16_t len)
{
	struct packed *p = arg;

	memcpy(p->frame, &len, sizeof len);
	memcpy(p->frame + sizeof len, message, len);
	return growing_add(p->writer, p->frame, sizeof len + len);
}

static int pack(struct packed *p, struct store_txn *t)
{
	struct store_zone z;

	TRY(store_zone_get(t, p->wanted.name, &z));
	if (z.id != p->wanted.id || !z.loaded)
		return ERR_NOTFOUND;
	return p->wanted.whole ? pack_zone(t, &z, RRTYPE_AXFR, put_frame, p)
	                       : ixfr_pack(t, &z, p->wanted.from, put_frame, p);
}

static int pack_work(struct store_txn *t, void *arg)
{
	struct packed *p = arg;

	growing_end(&p->writer, pack(p, t));
	return 0;
}

/* ---- the list: loop ---- */

static void tell_if_idle(struct pack_cache *c)
{
	if (c->idle && pack_cache_idle(c))
		c->idle(c->arg);
}

static void drop(struct packed *p)
{
	struct packed **at = &p->cache->first;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	growing_release(&p->writer);
	growing_release(&p->spool);
	free(p);
}

/* ---- what is kept: loop ---- */

static struct packed *longest_kept(const struct pack_cache *c)
{
	struct packed *longest = NULL;

	for (struct packed *p = c->first; p; p = p->next)
		if (p->kept && (!longest || p->since_ms < longest->since_ms))
			longest = p;
	return longest;
}

static bool keeps_too_much(const struct pack_cache *c)
{
	uint64_t octets = 0;
	unsigned count = 0;

	for (const struct packed *p = c->first; p; p = p->next) {
		octets += p->kept;
		count += p->kept > 0;
	}
	return octets > KEPT_OCTETS_MAX || count > KEPT_MAX;
}

/* Gives false: it is not worth it. What is in memory is little, and packed again at once. */
static bool keep(struct packed *p)
{
	struct pack_cache *c = p->cache;
	uint64_t size = p->spool ? growing_whole_size(p->spool) : 0;

	if (p->state != PACK_ENDED || c->idle || !p->wanted.whole || !p->wanted.version ||
	    size <= SPOOL_MEMORY || size > KEPT_OCTETS_MAX)
		return false;
	p->kept = size;
	p->since_ms = clock_now_ms();
	while (keeps_too_much(c))
		drop(longest_kept(c));
	return true;
}

/* Drops what has been kept since then or before. */
static void drop_kept(struct pack_cache *c, uint64_t until_ms)
{
	struct packed *next;

	for (struct packed *p = c->first; p; p = next) {
		next = p->next;
		if (p->kept && p->since_ms <= until_ms)
			drop(p);
	}
}

void pack_cache_tidy(struct pack_cache *c)
{
	uint64_t now_ms = clock_now_ms();

	if (now_ms > KEPT_MS)
		drop_kept(c, now_ms - KEPT_MS);
}

/* ---- what is packed: loop ---- */

static void start_next(struct pack_cache *c);

static void pack_done(void *arg, int err)
{
	struct packed *p = arg;
	struct pack_cache *c = p->cache;

	/* It never ran. */
	if (p->writer)
		growing_end(&p->writer, err < 0 ? err : ERR_GONE);
	p->state = PACK_ENDED;
	c->running--;
	if (p->readers == 0 && !keep(p))
		drop(p);
	start_next(c);
	tell_if_idle(c);
}

static void start_next(struct pack_cache *c)
{
	for (struct packed *p = c->first; p && c->running < PACKED_AT_ONCE; p = p->next) {
		if (p->state != PACK_WAITS)
			continue;
		p->state = PACK_RUNS;
		c->running++;
		engine_read(c->engine, pack_work, pack_done, p);
	}
}

static bool same_wanted(const struct packed_wanted *a, const struct packed_wanted *b)
{
	return a->id == b->id && a->version == b->version && a->whole == b->whole &&
	       (a->whole || a->from == b->from) && name_equal(a->name, b->name);
}

static struct packed *add(struct pack_cache *c, const struct packed_wanted *w)
{
	struct packed **at = &c->first;
	struct packed *p = must(calloc(1, sizeof *p));
	const struct config *config = engine_config(c->engine);

	p->cache = c;
	p->wanted = *w;
	p->spool = growing_new(config->store, c->grew, c->arg);
	config_release(config);
	p->writer = p->spool;
	while (*at)
		at = &(*at)->next;
	*at = p;
	return p;
}

struct packed *packed_get(struct pack_cache *c, const struct packed_wanted *w)
{
	struct packed *p = c->first;

	while (p && !same_wanted(&p->wanted, w))
		p = p->next;
	if (!p)
		p = add(c, w);
	p->readers++;
	p->kept = 0;
	start_next(c);
	return p;
}

struct growing *packed_spool(struct packed *p)
{
	return p->spool;
}

/* What is running ends by itself; soon, unless it is whole already, as nobody holds its spool any more. */
void packed_release(struct packed **packed)
{
	struct packed *p = *packed;

	*packed = NULL;
	if (!p || --p->readers > 0)
		return;
	struct pack_cache *c = p->cache;
	if (p->state == PACK_RUNS && growing_whole_size(p->spool))
		return;
	if (p->state != PACK_RUNS) {
		if (!keep(p))
			drop(p);
		tell_if_idle(c);
		return;
	}
	/* Nobody may find it any more. */
	p->wanted.id = 0;
	growing_release(&p->spool);
}

struct pack_cache *pack_cache_new(struct engine *e, void (*grew)(void *arg), void *arg)
{
	struct pack_cache *c = must(calloc(1, sizeof *c));

	c->engine = e;
	c->grew = grew;
	c->arg = arg;
	return c;
}

bool pack_cache_idle(const struct pack_cache *c)
{
	return c->first == NULL;
}

void pack_cache_when_idle(struct pack_cache *c, void (*idle)(void *arg))
{
	c->idle = idle;
	drop_kept(c, UINT64_MAX);
	tell_if_idle(c);
}

void pack_cache_free(struct pack_cache *c)
{
	free(c);
}
