/*
 * Two kinds of work, of which one is under way at a time, on the pool:
 *
 *   finding   which zones are catalogs: of all at the start and after another configuration, else of those
 *             that a commit has made, removed, or given other attributes
 *   looking   at one catalog that may say something new: consume.c and produce.c find what is to be done,
 *             which is then committed in up to two steps
 *
 * A look walks all zones, so the pause before the next is in proportion to how long the last one took. Any
 * zone that comes, goes or has other attributes may be, or have been, in the way of a member, so that all
 * catalogs are looked at then. When nothing is to be done that is all.
 */
#include "control/catalog/catalogs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/catalog/consume.h"
#include "control/catalog/one.h"
#include "control/catalog/produce.h"
#include "control/engine.h"
#include "control/policy/policy.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	GATHER_MS = 1000,   /* from the first change on */
	AGAIN_MS = 10000,   /* after a failure */
	PAUSE_FACTOR = 9,   /* of the time that the last look took */
	CHANGED_MAX = 4096, /* names that are kept; beyond that all zones are looked at */
};

struct changed {
	uint8_t name[NAME_MAX_LEN];
};

struct finding {
	struct catalogs *catalogs;
	const struct config *config;
	bool all;
	struct changed *names; /* unless all */
	size_t name_count;
	struct catalog_one *found;
	size_t found_count, found_room;
};

struct looking {
	struct catalogs *catalogs;
	const struct config *config;
	uint32_t id;
	uint8_t name[NAME_MAX_LEN];
	bool accepted;
	uint32_t accepted_serial;
	enum zone_kind kind;
	struct catalog_steps steps;
	struct catalog_report report;
};

struct catalogs {
	const struct transfer_parts *parts;
	uv_timer_t timer;
	bool timer_is_set;
	struct catalog_one *list;
	size_t count, room;
	bool find_all;
	struct changed *changed;
	size_t changed_count, changed_room;
	bool busy;
	uint64_t began_ns; /* what is under way */
	uint64_t pause_ms;
	bool closing, timer_closed;
};

static void go_on(struct catalogs *c);

static void free_if_over(struct catalogs *c)
{
	if (!c->closing || !c->timer_closed || c->busy)
		return;
	free(c->changed);
	free(c->list);
	free(c);
}

/* ---- when ---- */

static void on_timer(uv_timer_t *timer)
{
	struct catalogs *c = timer->data;

	c->timer_is_set = false;
	go_on(c);
}

static void wind(struct catalogs *c, uint64_t ms)
{
	if (c->closing || c->timer_is_set)
		return;
	c->timer_is_set = true;
	(void)uv_timer_start(&c->timer, on_timer, ms > c->pause_ms ? ms : c->pause_ms, 0);
}

static void stop_timer(struct catalogs *c)
{
	c->timer_is_set = false;
	if (!c->closing)
		(void)uv_timer_stop(&c->timer);
}

static void begin(struct catalogs *c)
{
	c->busy = true;
	c->began_ns = clock_now_ns();
}

static void end(struct catalogs *c)
{
	c->busy = false;
	c->pause_ms = (uint64_t)clock_ms_since(c->began_ns) * PAUSE_FACTOR;
	if (c->closing)
		free_if_over(c);
}

static struct catalog_one *find_one(struct catalogs *c, uint32_t id)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].id == id)
			return &c->list[i];
	return NULL;
}

static void make_all_due(struct catalogs *c)
{
	for (size_t i = 0; i < c->count; i++)
		c->list[i].due = true;
}

/* ---- finding ---- */

static void add_found(struct finding *f, const struct store_zone *z)
{
	enum zone_kind kind = zone_policy_kind(f->config, z);

	if (kind != ZONE_KIND_PRODUCER && kind != ZONE_KIND_CONSUMER)
		return;
	f->found = array_room(f->found, f->found_count, &f->found_room, sizeof *f->found);
	struct catalog_one *one = &f->found[f->found_count++];
	*one = (struct catalog_one){.id = z->id, .kind = kind, .due = true};
	memcpy(one->name, z->name, sizeof one->name);
}

static int find_in(const struct store_zone *z, void *arg)
{
	add_found(arg, z);
	return 0;
}

static int find(struct store_txn *t, void *arg)
{
	struct finding *f = arg;

	if (f->all)
		return store_zone_each(t, NULL, find_in, f);
	for (size_t i = 0; i < f->name_count; i++) {
		struct store_zone z;
		int err = store_zone_get(t, f->names[i].name, &z);
		if (err == 0)
			add_found(f, &z);
		else if (err != ERR_NOTFOUND)
			return err;
	}
	return 0;
}

static bool was_looked_for(const struct finding *f, const struct catalog_one *one)
{
	for (size_t i = 0; i < f->name_count; i++)
		if (name_equal(f->names[i].name, one->name))
			return true;
	return f->all;
}

/* What was looked for and not found is no catalog any more. */
static void take_found(struct catalogs *c, const struct finding *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		bool stays = !was_looked_for(f, &c->list[i]);
		for (size_t k = 0; k < f->found_count && !stays; k++)
			stays = f->found[k].id == c->list[i].id &&
			        f->found[k].kind == c->list[i].kind;
		if (stays)
			c->list[kept++] = c->list[i];
	}
	c->count = kept;
	for (size_t i = 0; i < f->found_count; i++) {
		if (find_one(c, f->found[i].id))
			continue;
		c->list = array_room(c->list, c->count, &c->room, sizeof *c->list);
		c->list[c->count++] = f->found[i];
	}
}

static void found(void *arg, int err)
{
	struct finding *f = arg;
	struct catalogs *c = f->catalogs;

	if (err < 0 && !c->closing) {
		log_error("catalogs: the store: %s", err_text(err));
		c->find_all = true;
	} else if (!c->closing) {
		take_found(c, f);
	}
	config_release(f->config);
	free(f->names);
	free(f->found);
	free(f);
	bool over = c->closing;
	end(c);
	if (over)
		return;
	if (err < 0)
		wind(c, AGAIN_MS);
	else
		go_on(c);
}

static void begin_finding(struct catalogs *c)
{
	struct finding *f = memory_get(sizeof *f);

	*f = (struct finding){
		.catalogs = c,
		.config = engine_config(c->parts->engine),
		.all = c->find_all,
		.names = c->changed,
		.name_count = c->changed_count,
	};
	c->changed = NULL;
	c->changed_count = c->changed_room = 0;
	c->find_all = false;
	begin(c);
	engine_read(c->parts->engine, find, found, f);
}

/* ---- looking ---- */

static int look(struct store_txn *t, void *arg)
{
	struct looking *l = arg;
	struct store_zone z;

	TRY(store_zone_get(t, l->name, &z));
	if (z.id != l->id || zone_policy_kind(l->config, &z) != l->kind)
		return ERR_NOTFOUND;
	if (l->kind == ZONE_KIND_PRODUCER)
		return catalog_produce(t, l->config, &z, &l->steps, &l->report);
	return catalog_consume(t, l->config, &z,
	                       l->accepted && l->accepted_serial == z.serial, &l->steps,
	                       &l->report);
}

static void failed(struct looking *l, const char *why)
{
	l->report.state = CATALOG_FAILED;
	l->steps.more = false;
	(void)snprintf(l->report.why, sizeof l->report.why, "%s", why);
}

static void finish(struct looking *l)
{
	struct catalogs *c = l->catalogs;
	struct catalog_one *one = c->closing ? NULL : find_one(c, l->id);
	bool again = l->report.state == CATALOG_FAILED;

	if (one) {
		catalog_one_report(one, &l->report, clock_wall_us() / 1000000);
		one->due |= l->steps.more || again;
		if (l->accepted && !l->steps.more)
			one->accepted = false;
	}
	if (l->steps.more) /* at once: what it has just made is noted as well */
		stop_timer(c);
	change_free(&l->steps.first);
	change_free(&l->steps.second);
	config_release(l->config);
	free(l);
	bool over = c->closing;
	end(c);
	if (over)
		return;
	if (again)
		wind(c, AGAIN_MS);
	else
		go_on(c);
}

static void take_step(struct looking *l);

static void changed(void *arg, const struct change *change,
                    const struct change_result *result)
{
	struct looking *l = arg;

	(void)change;
	if (result->err < 0 && result->err != ERR_TIMEOUT) {
		failed(l, result->problem_count ? result->problems[0].text
		                                : err_text(result->err));
		finish(l);
		return;
	}
	take_step(l);
}

/* Commits what is to be done next, or is done with. */
static void take_step(struct looking *l)
{
	struct change **step = l->steps.first && l->steps.first->zone_count
	                               ? &l->steps.first
	                               : &l->steps.second;

	if (!*step || !(*step)->zone_count || l->catalogs->closing)
		finish(l);
	else
		engine_change(l->catalogs->parts->engine, step, changed, l);
}

static void looked(void *arg, int err)
{
	struct looking *l = arg;

	if (err == ERR_NOTFOUND) /* a commit says so as well */
		l->report.state = CATALOG_EMPTY;
	else if (err < 0)
		failed(l, err_text(err));
	if (err < 0)
		finish(l);
	else
		take_step(l);
}

static void begin_looking(struct catalogs *c, struct catalog_one *one)
{
	struct looking *l = memory_get(sizeof *l);

	*l = (struct looking){
		.catalogs = c,
		.config = engine_config(c->parts->engine),
		.id = one->id,
		.kind = one->kind,
		.accepted = one->accepted,
		.accepted_serial = one->accepted_serial,
	};
	memcpy(l->name, one->name, sizeof l->name);
	one->due = false;
	begin(c);
	engine_read(c->parts->engine, look, looked, l);
}

/* Begins what is due, unless something is under way. */
static void go_on(struct catalogs *c)
{
	if (c->busy || c->closing || c->timer_is_set)
		return;
	if (c->find_all || c->changed_count) {
		begin_finding(c);
		return;
	}
	for (size_t i = 0; i < c->count; i++) {
		if (!c->list[i].due)
			continue;
		begin_looking(c, &c->list[i]);
		return;
	}
}

/* ---- what others tell ---- */

static void note_zone(struct catalogs *c, const struct noted_zone *z)
{
	struct catalog_one *one = find_one(c, z->id);

	if (one)
		one->due = true;
	if (z->kind != ZONE_CREATE && z->kind != ZONE_REMOVE && !z->attrs)
		return;
	make_all_due(c);
	if (c->find_all)
		return;
	if (c->changed_count == CHANGED_MAX) {
		c->find_all = true;
		c->changed_count = 0;
		return;
	}
	c->changed = array_room(c->changed, c->changed_count, &c->changed_room,
	                        sizeof *c->changed);
	memcpy(c->changed[c->changed_count++].name, z->name, NAME_MAX_LEN);
}

static bool is_due(const struct catalogs *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].due)
			return true;
	return c->find_all || c->changed_count;
}

static void committed(void *arg, const struct change_note *note)
{
	struct catalogs *c = arg;

	for (size_t i = 0; i < note->count; i++)
		note_zone(c, &note->zones[i]);
	if (is_due(c))
		wind(c, GATHER_MS);
}

/* ---- commands ---- */

static json_t *list_by_command(void *arg)
{
	const struct catalogs *c = arg;
	json_t *list = json_array();

	for (size_t i = 0; i < c->count; i++)
		(void)json_array_append_new(list, catalog_one_json(&c->list[i]));
	return list;
}

static void count_by_command(void *arg, struct catalog_figures *to)
{
	const struct catalogs *c = arg;

	for (size_t i = 0; i < c->count; i++)
		catalog_one_count(&c->list[i], to);
}

static bool accept_by_command(void *arg, uint32_t zone)
{
	struct catalogs *c = arg;
	struct catalog_one *one = find_one(c, zone);

	if (!one || one->report.state != CATALOG_HELD)
		return false;
	one->accepted = one->due = true;
	one->accepted_serial = one->report.serial;
	wind(c, 0);
	return true;
}

/* ---- opening and closing ---- */

void catalogs_open(const struct transfer_parts *p, struct catalogs **out)
{
	struct catalogs *c = memory_get(sizeof *c);

	*c = (struct catalogs){.parts = p, .find_all = true};
	(void)uv_timer_init(p->loop, &c->timer);
	c->timer.data = c;
	engine_watch(p->engine, committed, c);
	engine_has_catalogs(p->engine,
	                    &(struct engine_catalogs){list_by_command, count_by_command,
	                                              accept_by_command, c});
	wind(c, GATHER_MS);
	*out = c;
}

void catalogs_configure(struct catalogs *c)
{
	c->find_all = true;
	make_all_due(c);
	wind(c, GATHER_MS);
}

static void timer_closed(uv_handle_t *h)
{
	struct catalogs *c = h->data;

	c->timer_closed = true;
	free_if_over(c);
}

void catalogs_close(struct catalogs **catalogs)
{
	struct catalogs *c = *catalogs;

	if (!c)
		return;
	*catalogs = NULL;
	c->closing = true;
	engine_unwatch(c->parts->engine, committed, c);
	engine_has_catalogs(c->parts->engine, &(struct engine_catalogs){0});
	uv_close((uv_handle_t *)&c->timer, timer_closed);
}
