#include "control/transfer/digests.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/change/change.h"
#include "control/change/digest.h"
#include "control/change/serial.h"
#include "control/engine.h"
#include "control/policy/policy.h"
#include "control/zone/arena.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rrtype.h"

enum {
	LOOK_MS = 500,
	QUIET_MS = 1000,  /* no change for so long, and it is made, */
	LATEST_MS = 5000, /* or so long after the first one */
	LAGS_MS = 60000,  /* then somebody should know */
};

/* A zone without its digest. */
struct undigested {
	struct undigested *next;
	uint32_t id;
	uint8_t name[NAME_MAX_LEN];
	uint64_t since_ms, changed_ms;
	bool lags;  /* and that has been said */
	bool begun; /* its digest is being made, and it has not changed since */
};

/* What is being made. */
struct making {
	uint32_t id;
	uint8_t name[NAME_MAX_LEN];
	struct change *change; /* NULL: there is nothing to be done */
};

struct digests {
	struct transfer_parts parts;
	uv_timer_t timer;
	struct undigested *first;
	struct making making;
	struct undigested *found; /* at the start */
	bool busy;                /* the engine is still to call back */
	bool closed, timer_closed;
};

/* ---- which zones ---- */

static void put(struct undigested **list, uint32_t id, const uint8_t *name)
{
	uint64_t now = clock_now_ms();
	struct undigested *u = *list;

	while (u && u->id != id)
		u = u->next;
	if (!u) {
		u = memory_get(sizeof *u);
		*u = (struct undigested){.next = *list, .id = id, .since_ms = now};
		*list = u;
		memcpy(u->name, name, name_len(name, NAME_MAX_LEN));
	}
	u->changed_ms = now;
	u->begun = false;
}

/* Unless it has changed since that was begun: then it waits anew. */
static void take_out(struct digests *d, uint32_t id)
{
	struct undigested **at = &d->first;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	struct undigested *u = *at;
	if (!u)
		return;
	if (!u->begun) {
		u->since_ms = u->changed_ms;
		u->lags = false;
		return;
	}
	*at = u->next;
	free(u);
}

static void free_list(struct undigested *list)
{
	while (list) {
		struct undigested *next = list->next;
		free(list);
		list = next;
	}
}

static void committed(void *arg, const struct change_note *note)
{
	struct digests *d = arg;

	for (size_t i = 0; i < note->count; i++)
		if (note->zones[i].undigested)
			put(&d->first, note->zones[i].id, note->zones[i].name);
}

static void free_if_over(struct digests *d)
{
	if (!d->closed || d->busy || !d->timer_closed)
		return;
	free_list(d->first);
	free_list(d->found);
	free(d);
}

/* ---- making one: pool ---- */

/* One that is signed has its digest from whoever signs it. */
static bool lacks_digest(struct store_txn *t, const struct store_zone *z)
{
	const uint8_t *apex = (const uint8_t *)"";
	struct rrset soa;
	struct rrset set;

	return store_rrset_get(t, z->id, apex, 0, RRTYPE_SOA, &soa) == 0 &&
	       soa.sig_count == 0 &&
	       store_rrset_get(t, z->id, apex, 0, RRTYPE_ZONEMD, &set) == ERR_NOTFOUND;
}

static bool wants_digest(const struct config *c, struct store_txn *t,
                         const struct store_zone *z)
{
	return z->loaded && zone_policy_makes_zonemd(c, z) && lacks_digest(t, z);
}

static int add_edit(struct change *c, const struct change_view *v, uint16_t type)
{
	struct zone_change *z = &c->zones[0];
	struct rrset set;

	TRY(change_view_get(v, (const uint8_t *)"", 0, type, &set));
	struct edit *e = change_edit(c, z, EDIT_REPLACE, v->zone->name, type);
	const uint8_t *at = rrset_first(&set);
	struct rdata r = rrset_next(&at);
	e->set_records = true;
	e->ttl = set.ttl;
	return change_edit_record(c, e, r.bytes, r.len, false);
}

/* Over the view: the SOA with the serial that the change will have. */
static int put_serial(struct change_view *v, struct contents_arena *a)
{
	struct overlay_set next = {
		.key = (const uint8_t *)"", .type = RRTYPE_SOA, .edit = -1};
	struct rrset soa;

	TRY(change_view_get(v, next.key, 0, RRTYPE_SOA, &soa));
	uint8_t *blob = memcpy(arena_alloc(a, soa.size), soa.bytes, soa.size);
	TRY(serial_write(blob, soa.size,
	                 serial_next(v->zone->attrs.serial, v->zone->serial,
	                             (uint64_t)time(NULL))));
	next.blob = blob;
	next.size = soa.size;
	return change_view_set(v, a, &next);
}

static int make(struct store_txn *t, const struct store_zone *z, struct change **out)
{
	struct change *c = change_new(actor_self());
	struct change_view view = {.txn = t, .zone = z};
	struct zone_change *zc = change_zone(c, ZONE_EDIT, z->name);

	c->why = change_text(c, "digest");
	zc->serial = SERIAL_AS_GIVEN;
	zc->if_version = z->version;
	zc->digested = true;
	int err = put_serial(&view, c->arena);
	if (err == 0)
		err = digest_make(&view, c->arena);
	if (err == 0)
		err = add_edit(c, &view, RRTYPE_SOA);
	if (err == 0)
		err = add_edit(c, &view, RRTYPE_ZONEMD);
	if (err < 0)
		change_free(&c);
	else
		*out = c;
	return err;
}

static int make_work(struct store_txn *t, void *arg)
{
	struct digests *d = arg;
	const struct config *config = engine_config(d->parts.engine);
	struct store_zone z;

	int err = store_zone_get(t, d->making.name, &z);
	if (err == 0 && z.id == d->making.id && wants_digest(config, t, &z))
		err = make(t, &z, &d->making.change);
	config_release(config);
	return err;
}

/* ---- making one: loop ---- */

static void fail(const struct digests *d, int err)
{
	char zone[NAME_TEXT_MAX];

	log_error("zone %s: its digest cannot be made: %s",
	          name_to_text(d->making.name, zone), err_text(err));
}

/* Another change came first: it waits for the end of those. */
static void changed(void *arg, const struct change *change, const struct change_result *r)
{
	struct digests *d = arg;

	(void)change;
	d->busy = false;
	if (r->err != ERR_STALE)
		take_out(d, d->making.id);
	if (r->err < 0 && r->err != ERR_STALE && r->err != ERR_NOTFOUND)
		fail(d, r->err);
	free_if_over(d);
}

static void made(void *arg, int err)
{
	struct digests *d = arg;

	if (d->making.change && !d->closed) {
		engine_change(d->parts.engine, &d->making.change, changed, d);
		return;
	}
	d->busy = false;
	if (d->making.change)
		change_free(&d->making.change);
	else
		take_out(d, d->making.id);
	if (err < 0 && err != ERR_NOTFOUND && err != ERR_GONE)
		fail(d, err);
	free_if_over(d);
}

static bool is_due(const struct undigested *u, uint64_t now)
{
	return now - u->changed_ms >= QUIET_MS || now - u->since_ms >= LATEST_MS;
}

static void look(struct digests *d, struct undigested *u, uint64_t now)
{
	char zone[NAME_TEXT_MAX];

	if (!u->lags && now - u->since_ms >= LAGS_MS) {
		u->lags = true;
		log_warning(
			"zone %s: it changes faster than its digest can be made, and is "
			"without one",
			name_to_text(u->name, zone));
	}
	if (d->busy || !is_due(u, now))
		return;
	d->busy = u->begun = true;
	d->making = (struct making){.id = u->id};
	memcpy(d->making.name, u->name, sizeof u->name);
	engine_read(d->parts.engine, make_work, made, d);
}

static void look_at_all(uv_timer_t *timer)
{
	struct digests *d = timer->data;
	uint64_t now = clock_now_ms();

	for (struct undigested *u = d->first; u; u = u->next)
		look(d, u, now);
}

/* ---- at the start ---- */

struct finding {
	struct digests *digests;
	const struct config *config;
	struct store_txn *txn;
};

static int find_one(const struct store_zone *z, void *arg)
{
	const struct finding *f = arg;

	if (z->rrsets > DIGEST_AT_ONCE && wants_digest(f->config, f->txn, z))
		put(&f->digests->found, z->id, z->name);
	return 0;
}

static int find_work(struct store_txn *t, void *arg)
{
	struct digests *d = arg;
	struct finding f = {
		.digests = d, .config = engine_config(d->parts.engine), .txn = t};
	int err = store_zone_each(t, NULL, find_one, &f);

	config_release(f.config);
	return err;
}

static void found(void *arg, int err)
{
	struct digests *d = arg;

	d->busy = false;
	for (const struct undigested *u = d->found; u; u = u->next)
		put(&d->first, u->id, u->name);
	free_list(d->found);
	d->found = NULL;
	if (err < 0 && err != ERR_GONE)
		log_error("digests: the store: %s", err_text(err));
	free_if_over(d);
}

void digests_open(const struct transfer_parts *parts, struct digests **out)
{
	struct digests *d = memory_get(sizeof *d);

	*d = (struct digests){.parts = *parts, .busy = true};
	(void)uv_timer_init(parts->loop, &d->timer);
	d->timer.data = d;
	(void)uv_timer_start(&d->timer, look_at_all, LOOK_MS, LOOK_MS);
	engine_watch(parts->engine, committed, d);
	engine_read(parts->engine, find_work, found, d);
	*out = d;
}

static void timer_closed(uv_handle_t *h)
{
	struct digests *d = h->data;

	d->timer_closed = true;
	free_if_over(d);
}

void digests_close(struct digests **digests)
{
	struct digests *d = *digests;

	*digests = NULL;
	if (!d)
		return;
	engine_unwatch(d->parts.engine, committed, d);
	d->closed = true;
	uv_close((uv_handle_t *)&d->timer, timer_closed);
}
