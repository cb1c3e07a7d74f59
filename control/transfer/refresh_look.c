/*
 * A look at all zones, or at some, finds out on the pool which of them are secondaries, and what the store knows of those.
 * One look follows the other: what a later one has found is not undone by what an earlier one has. Zones that change
 * meanwhile are gathered for the next one.
 */
#include <stdlib.h>
#include <string.h>

#include "control/policy/policy.h"
#include "control/transfer/refresh_internal.h"
#include "control/zone/soa.h"
#include "shared/err.h"
#include "shared/log.h"

/* After a start, first checks are spread over this at most. */
enum { SPREAD_MS = 600000 };

/* What is read of one zone, and what is done about it. */
struct found {
	uint8_t name[NAME_MAX_LEN];
	uint32_t id;
	bool is_secondary;
	bool has_contents, expired;
	uint32_t serial;
	uint32_t refresh, expire; /* of the SOA */
	struct refresh_note note;
};

struct look {
	struct refresh *refresh;
	const struct config *config; /* held, from when it begins */
	bool all;
	bool spread;
	struct found *found;
	size_t count, room;
};

void refresh_look_free(struct look *l)
{
	if (!l)
		return;
	config_release(l->config);
	free(l->found);
	free(l);
}

/* ---- on the pool ---- */

static struct found *add_found(struct look *l, uint32_t id, const uint8_t *name)
{
	l->found = array_room(l->found, l->count, &l->room, sizeof l->found[0]);
	struct found *f = &l->found[l->count++];
	*f = (struct found){.id = id};
	memcpy(f->name, name, name_len(name, NAME_MAX_LEN));
	return f;
}

static int read_timers(struct store_txn *t, struct found *f)
{
	struct rrset set;
	int err = store_soa_get(t, f->id, &set);

	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	struct rdata d = rrset_first_record(&set);
	f->refresh = soa_number(d.bytes, d.len, SOA_REFRESH);
	f->expire = soa_number(d.bytes, d.len, SOA_EXPIRE);
	return 0;
}

static int fill_in(struct look *l, struct found *f, struct store_txn *t,
                   const struct store_zone *z)
{
	f->is_secondary = zone_kind_is_secondary(zone_policy_kind(l->config, z));
	f->has_contents = z->loaded;
	f->serial = z->serial;
	f->expired = z->expired;
	if (!f->is_secondary)
		return 0;
	TRY(read_timers(t, f));
	return refresh_note_read(t, f->id, &f->note);
}

struct looking {
	struct look *look;
	struct store_txn *txn;
};

static int look_at_one(const struct store_zone *z, void *arg)
{
	struct looking *g = arg;
	struct found *f = add_found(g->look, z->id, z->name);

	TRY(fill_in(g->look, f, g->txn, z));
	if (!f->is_secondary)
		g->look->count--;
	return 0;
}

static int look_at_some(struct look *l, struct store_txn *t)
{
	struct store_zone z;

	for (size_t i = 0; i < l->count; i++) {
		int err = store_zone_get(t, l->found[i].name, &z);
		if (err == 0 && z.id == l->found[i].id)
			err = fill_in(l, &l->found[i], t, &z);
		if (err < 0 && err != ERR_NOTFOUND)
			return err;
	}
	return 0;
}

static int look_at_zones(struct store_txn *t, void *arg)
{
	struct look *l = arg;
	struct looking g = {.look = l, .txn = t};

	return l->all ? store_zone_each(t, NULL, look_at_one, &g) : look_at_some(l, t);
}

/* ---- what was found ---- */

static void take_out(struct refresh *r, struct secondary *one)
{
	if (one->check) {
		/* Its end will find that it is none any more. */
		one->again = true;
		return;
	}
	refresh_forget(r, one);
}

static uint64_t first_wait(const struct look *l, const struct found *f)
{
	uint64_t spread = (uint64_t)f->refresh * 1000;

	if (!f->has_contents || f->expired || !l->spread)
		return 0;
	return refresh_any_below(spread < SPREAD_MS ? spread : SPREAD_MS);
}

/* One that was changed itself, and has other primaries perhaps, is looked at at once. */
static void take_again(struct refresh *r, const struct look *l, struct secondary *one)
{
	if (l->all)
		return;
	if (one->check)
		one->again = true;
	else
		refresh_set_due(r, one, 0);
}

static void take_note(struct refresh *r, struct secondary *one,
                      const struct refresh_note *n)
{
	one->good_at = n->good_at;
	one->their_serial = n->their_serial;
	one->expire = n->expire;
	/* What was noted before any primary has answered is when the zone became a secondary. */
	if (n->their_serial || n->expire)
		zone_marks_set_check(engine_marks(r->parts.engine), one->at.id,
		                     n->good_at);
}

static void take_found(struct refresh *r, const struct look *l, const struct found *f)
{
	const struct refresh_note *n = &f->note;
	struct secondary *one = schedule_find(r->schedule, f->id);

	if (!f->is_secondary) {
		if (one)
			take_out(r, one);
		return;
	}
	if (one) {
		take_again(r, l, one);
		return;
	}
	one = schedule_add(r->schedule, f->id, f->name);
	one->owner = r;
	one->has_contents = f->has_contents;
	one->expired = f->expired;
	one->serial = f->serial;
	one->expire = f->expire;
	/* Of what has just become a secondary nothing is written down: its time begins now. */
	one->good_at = refresh_wall();
	one->dirty = !n->there;
	r->any_dirty |= one->dirty;
	if (n->there)
		take_note(r, one, n);
	refresh_count(r, one);
	refresh_set_due(r, one, first_wait(l, f));
}

struct gone {
	struct secondary **list;
	size_t count, room;
	const struct look *look;
};

static int by_id(const void *a, const void *b)
{
	const struct found *x = a;
	const struct found *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void find_gone(struct secondary *one, void *arg)
{
	struct gone *g = arg;
	const struct found key = {.id = one->at.id};

	if (bsearch(&key, g->look->found, g->look->count, sizeof key, by_id))
		return;
	g->list = array_room(g->list, g->count, &g->room, sizeof(void *));
	g->list[g->count++] = one;
}

/* Those that a look at all zones has not found. */
static void take_out_gone(struct refresh *r, struct look *l)
{
	struct gone g = {.look = l};

	if (l->count)
		qsort(l->found, l->count, sizeof l->found[0], by_id);
	schedule_each(r->schedule, find_gone, &g);
	for (size_t i = 0; i < g.count; i++)
		take_out(r, g.list[i]);
	free(g.list);
}

/* ---- one after the other ---- */

static void looked(void *arg, int err)
{
	struct look *l = arg;
	struct refresh *r = l->refresh;

	r->looking = false;
	if (r->closed) {
		refresh_look_free(l);
		refresh_returned(r);
		return;
	}
	if (err < 0) {
		log_error("secondaries: the store: %s", err_text(err));
	} else {
		if (l->all)
			take_out_gone(r, l);
		for (size_t i = 0; i < l->count; i++)
			take_found(r, l, &l->found[i]);
	}
	if (l->all) {
		/* Remotes may have other addresses and keys now. */
		refresh_wake_failed(r, true);
		r->started = true;
	}
	refresh_look_free(l);
	refresh_wind(r);
	refresh_look_on(r);
	refresh_returned(r);
}

static struct look *new_look(struct refresh *r)
{
	struct look *l = memory_get(sizeof *l);

	*l = (struct look){.refresh = r};
	return l;
}

void refresh_look_at(struct refresh *r, uint32_t id, const uint8_t *name)
{
	if (!r->next)
		r->next = new_look(r);
	(void)add_found(r->next, id, name);
}

static struct look *take_next(struct refresh *r)
{
	struct look *l = r->next;

	r->next = NULL;
	return l;
}

/* Changes, of which there may always be more, do not keep all zones from being looked at. */
void refresh_look_on(struct refresh *r)
{
	if (r->looking || (!r->look_at_all && !r->next))
		return;
	struct look *l = r->look_at_all ? new_look(r) : take_next(r);
	/* Not the engine's, which is the old one while another is taken up. */
	l->config = config_hold(r->parts.config);
	l->all = r->look_at_all;
	l->spread = !r->started;
	r->look_at_all = false;
	r->looking = true;
	r->pending++;
	engine_read(r->parts.engine, look_at_zones, looked, l);
}

void refresh_look_at_all(struct refresh *r)
{
	r->look_at_all = true;
	refresh_look_on(r);
}
