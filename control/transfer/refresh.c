#include "control/transfer/refresh.h"

#include <stdlib.h>

#include "control/must.h"
#include "control/transfer/refresh_internal.h"
#include "shared/clock.h"

enum {
	NOTE_MS = 60000,     /* how often what is new of secondaries is written down */
	NOTE_MORE_MS = 1000, /* those that are left then */
};

/* ---- ending ---- */

static void free_if_over(struct refresh *r)
{
	if (!r->closed || r->handles || r->pending)
		return;
	schedule_free(r->schedule);
	primaries_free(r->primaries);
	refresh_look_free(r->next);
	free(r);
}

void refresh_returned(struct refresh *r)
{
	r->pending--;
	free_if_over(r);
}

/* ---- what others ask for ---- */

static bool refresh_by_command(void *arg, uint32_t zone, bool transfer, bool may_fall)
{
	return refresh_now(
		arg, zone,
		&(struct refresh_wanted){.transfer = transfer, .may_fall = may_fall});
}

/* ---- what happens meanwhile ---- */

static bool concerns_us(const struct noted_zone *z)
{
	return z->kind == ZONE_CREATE || z->kind == ZONE_REMOVE || z->attrs;
}

static void committed(void *arg, const struct change_note *note)
{
	struct refresh *r = arg;

	if (note->lists & 1U << STORE_TSIG) {
		refresh_wake_failed(r, true);
		refresh_wind(r);
	}
	for (size_t i = 0; i < note->count; i++) {
		const struct noted_zone *z = &note->zones[i];
		if (concerns_us(z))
			refresh_look_at(r, z->id, z->name);
	}
	refresh_look_on(r);
}

/* Those that are left are not to wait behind what is new in a minute, which may be as many again. */
static void time_to_note(uv_timer_t *timer)
{
	struct refresh *r = timer->data;

	refresh_write_notes(r);
	(void)uv_timer_start(timer, time_to_note, r->any_dirty ? NOTE_MORE_MS : NOTE_MS,
	                     0);
}

/* ---- opening and closing ---- */

void refresh_open(const struct transfer_parts *parts, struct refresh **out)
{
	struct refresh *r = memory_get(sizeof *r);

	*r = (struct refresh){
		.parts = *parts,
		.schedule = schedule_new(),
		.primaries = primaries_new(),
		.handles = 2,
	};
	(void)uv_timer_init(parts->loop, &r->due);
	(void)uv_timer_init(parts->loop, &r->note);
	r->due.data = r->note.data = r;
	(void)uv_timer_start(&r->note, time_to_note, NOTE_MS, 0);
	engine_watch(parts->engine, committed, r);
	r->notify_in = notify_in_open(&r->parts, r);
	engine_has_secondaries(
		parts->engine,
		&(struct engine_secondaries){refresh_by_command, refresh_list, r});
	refresh_look_at_all(r);
	*out = r;
}

void refresh_configure(struct refresh *r, const struct config *next)
{
	r->parts.config = next;
	refresh_look_at_all(r);
}

static void handle_closed(uv_handle_t *h)
{
	struct refresh *r = h->data;

	r->handles--;
	free_if_over(r);
}

static void drop_check(struct secondary *one, void *arg)
{
	(void)arg;
	check_drop(&one->check);
}

void refresh_close(struct refresh **refresh)
{
	struct refresh *r = *refresh;

	if (!r)
		return;
	*refresh = NULL;
	refresh_write_notes(r);
	r->closed = true;
	engine_unwatch(r->parts.engine, committed, r);
	engine_has_secondaries(r->parts.engine, &(struct engine_secondaries){0});
	notify_in_close(&r->notify_in);
	schedule_each(r->schedule, drop_check, NULL);
	uv_close((uv_handle_t *)&r->due, handle_closed);
	uv_close((uv_handle_t *)&r->note, handle_closed);
}
