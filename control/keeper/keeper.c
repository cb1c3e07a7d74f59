#include "control/keeper/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "control/keeper/internal.h"
#include "control/keeper/journals.h"
#include "control/policy/policy.h"
#include "control/zone/arena.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/name.h"

enum {
	TICK_MS = 250,
	FIRST_MS = 1000,  /* by then a data plane of before shows what this process has */
	BACKWARDS_S = 60, /* by which the time of day goes back before that is noticed */
};

uint64_t keeper_now(void)
{
	return clock_wall_us() / 1000000;
}

/* ---- zones that are kept ---- */

struct kept *keeper_keep(struct keeper *k, uint32_t id, const uint8_t *name)
{
	struct kept *one = kept_of(agenda_find(k->agenda, id));
	size_t len = name_len(name, NAME_MAX_LEN);

	if (one)
		return one;
	one = memory_get(sizeof *one);
	*one = (struct kept){.at = {.id = id},
	                     .name = memory_get(len),
	                     .ask_at = UINT64_MAX,
	                     .ends = UINT64_MAX};
	memcpy(one->name, name, len);
	agenda_add(k->agenda, &one->at);
	return one;
}

static void kept_free(struct agenda_entry *e)
{
	struct kept *one = kept_of(e);

	free(one->name);
	free(one->trouble);
	free(one->seen);
	free(one);
}

void keeper_forget(struct keeper *k, struct kept *one)
{
	agenda_remove(k->agenda, &one->at);
	kept_free(&one->at);
}

void keeper_at(struct keeper *k, struct kept *one, uint64_t due)
{
	if (due == UINT64_MAX)
		agenda_pause(k->agenda, &one->at);
	else
		agenda_at(k->agenda, &one->at, due);
}

static void look_soon(struct keeper *k, struct kept *one)
{
	if (one->errand) { /* which it may come from */
		one->again = true;
		return;
	}
	one->in_a_row = 0;
	keeper_at(k, one, keeper_now());
}

/* ---- which zones are to be kept: pool ---- */

struct sifting {
	struct keeper *keeper;
	const struct config *config;
	struct store_txn *txn;
	struct candidate *in; /* NULL: all zones there are */
	size_t in_count;
	struct candidate *out;
	size_t out_count, out_room;
};

static void add_candidate(struct candidate **list, size_t *count, size_t *room,
                          uint32_t id, const uint8_t *name)
{
	size_t len = name_len(name, NAME_MAX_LEN);

	*list = array_room(*list, *count, room, sizeof **list);
	struct candidate *c = &(*list)[(*count)++];
	*c = (struct candidate){.id = id, .name = memory_get(len)};
	memcpy(c->name, name, len);
}

static int sift_one(const struct store_zone *z, void *arg)
{
	struct sifting *s = arg;
	struct sign_state state;
	int err = zone_policy_dnssec(s->config, z)[0]
	                  ? 0
	                  : sign_state_get(s->txn, z->id, &state);

	if (err == ERR_NOTFOUND)
		return 0;
	if (err == 0)
		add_candidate(&s->out, &s->out_count, &s->out_room, z->id, z->name);
	return err;
}

static int sift_listed(struct sifting *s)
{
	struct store_zone z;

	for (size_t i = 0; i < s->in_count; i++) {
		int err = store_zone_get(s->txn, s->in[i].name, &z);
		if (err == 0)
			err = sift_one(&z, s);
		if (err < 0 && err != ERR_NOTFOUND)
			return err;
	}
	return 0;
}

static bool is_candidate(uint32_t zone, void *arg)
{
	const struct sifting *s = arg;

	for (size_t i = 0; i < s->out_count; i++)
		if (s->out[i].id == zone)
			return true;
	return false;
}

static int sift_work(struct store_txn *t, void *arg)
{
	struct sifting *s = arg;

	s->txn = t;
	if (s->in)
		return sift_listed(s);
	int err = store_zone_each(t, NULL, sift_one, s);
	if (err == 0)
		journals_sweep(s->config, is_candidate, s);
	return err;
}

/* ---- the same: loop ---- */

static void free_candidates(struct candidate *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i].name);
	free(list);
}

static void sifted(void *arg, int err)
{
	struct sifting *s = arg;
	struct keeper *k = s->keeper;

	k->sifting = false;
	if (err < 0 && err != ERR_GONE)
		log_error("signing: the store: %s", err_text(err));
	for (size_t i = 0; i < s->out_count && !k->closed; i++)
		look_soon(k, keeper_keep(k, s->out[i].id, s->out[i].name));
	free_candidates(s->in, s->in_count);
	free_candidates(s->out, s->out_count);
	config_release(s->config);
	free(s);
	keeper_free_if_over(k);
}

static void sift(struct keeper *k)
{
	if (k->sifting || (!k->sift_all && k->candidate_count == 0))
		return;
	struct sifting *s = memory_get(sizeof *s);
	*s = (struct sifting){.keeper = k, .config = engine_config(k->parts.engine)};
	if (!k->sift_all) {
		s->in = k->candidates;
		s->in_count = k->candidate_count;
		k->candidates = NULL;
		k->candidate_count = k->candidate_room = 0;
	}
	k->sift_all = false;
	k->sifting = true;
	engine_read(k->parts.engine, sift_work, sifted, s);
}

/* ---- news ---- */

static bool may_matter(const struct noted_zone *z)
{
	return z->attrs || z->chain_lags || z->kind == ZONE_CREATE ||
	       z->kind == ZONE_CONTENTS;
}

static void committed(void *arg, const struct change_note *note)
{
	struct keeper *k = arg;

	for (size_t i = 0; i < note->count; i++) {
		const struct noted_zone *z = &note->zones[i];
		struct kept *one = kept_of(agenda_find(k->agenda, z->id));

		if (one && may_matter(z))
			look_soon(k, one);
		else if (!one && may_matter(z))
			add_candidate(&k->candidates, &k->candidate_count,
			              &k->candidate_room, z->id, z->name);
	}
	for (size_t i = 0; i < note->signing_count; i++) {
		struct kept *one = kept_of(agenda_find(k->agenda, note->signing[i]));
		if (one)
			look_soon(k, one);
	}
}

static void look_at(void *arg, uint32_t zone, const uint8_t *name)
{
	struct keeper *k = arg;

	look_soon(k, keeper_keep(k, zone, name));
}

/* ---- time ---- */

static void wake_one(struct agenda_entry *e, void *arg)
{
	look_soon(arg, kept_of(e));
}

/* What was to be looked at then is then much later than it was meant to be. */
static void watch_clock(struct keeper *k, uint64_t now)
{
	uint64_t steady = clock_now_ms() / 1000;
	uint64_t expected = k->wall + (steady - k->steady);

	if (k->wall && now + BACKWARDS_S < expected) {
		log_warning("signing: the clock went back by %llu s: all zones that are "
		            "signed here are looked at",
		            (unsigned long long)(expected - now));
		agenda_each(k->agenda, wake_one, k);
	}
	k->wall = now;
	k->steady = steady;
}

/* Begins looks at what is due then, or was before. */
static void begin_until(struct keeper *k, uint64_t then)
{
	struct kept *one;

	while (k->errands - k->asking < ERRANDS_MAX &&
	       (one = kept_of(agenda_first(k->agenda))) && one->at.due <= then) {
		agenda_pause(k->agenda, &one->at);
		errand_begin(k, one);
	}
}

/* Those that are to be looked at again at once wait for the next turn. */
void keeper_go_on(struct keeper *k)
{
	if (!k->closed)
		begin_until(k, keeper_now() - 1);
}

static void turn(uv_timer_t *timer)
{
	struct keeper *k = timer->data;
	uint64_t now = keeper_now();

	watch_clock(k, now);
	sift(k);
	begin_until(k, now);
}

/* ---- life ---- */

void keeper_open(const struct transfer_parts *parts, struct keeper **out)
{
	struct keeper *k = memory_get(sizeof *k);

	*k = (struct keeper){.parts = *parts, .agenda = agenda_new(), .sift_all = true};
	(void)uv_timer_init(parts->loop, &k->timer);
	k->timer.data = k;
	(void)uv_timer_start(&k->timer, turn, FIRST_MS, TICK_MS);
	engine_watch(parts->engine, committed, k);
	const struct engine_keeper who = {
		.look = look_at, .list = keeper_list, .count = keeper_count, .arg = k};
	engine_has_keeper(parts->engine, &who);
	*out = k;
}

void keeper_configure(struct keeper *k, const struct config *next)
{
	k->parts.config = next;
	k->sift_all = true;
}

void keeper_free_if_over(struct keeper *k)
{
	if (!k->closed || k->errands || k->sifting || !k->timer_closed)
		return;
	agenda_free(k->agenda, kept_free);
	free_candidates(k->candidates, k->candidate_count);
	free(k);
}

static void timer_closed(uv_handle_t *h)
{
	struct keeper *k = h->data;

	k->timer_closed = true;
	keeper_free_if_over(k);
}

static void stop_one(struct agenda_entry *e, void *arg)
{
	const struct kept *one = kept_of(e);

	(void)arg;
	if (one->errand)
		errand_stop(one->errand);
}

void keeper_close(struct keeper **keeper)
{
	struct keeper *k = *keeper;

	*keeper = NULL;
	if (!k)
		return;
	engine_unwatch(k->parts.engine, committed, k);
	engine_has_keeper(k->parts.engine, &(struct engine_keeper){0});
	k->closed = true;
	agenda_each(k->agenda, stop_one, NULL);
	uv_close((uv_handle_t *)&k->timer, timer_closed);
}
