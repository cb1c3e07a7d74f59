#include "control/transfer/refresh.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/change/change.h"
#include "control/engine.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/policy/policy.h"
#include "control/transfer/check.h"
#include "control/transfer/notify_in.h"
#include "control/transfer/primaries.h"
#include "control/transfer/schedule.h"
#include "control/zone/soa.h"
#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/wire.h"

enum {
	CHECKS_MAX = 32,    /* at a time */
	SPREAD_MS = 600000, /* after a start, first checks are spread over this at most */
	NOTE_MS = 60000,    /* how often what is new of secondaries is written down */
	NOTED_AT_ONCE = 1000,
	NOTE_MORE_MS = 1000, /* those that are left then */
	NOTE_SIZE = 17,      /* see put_note() */
	NOTE_VERSION = 1,
	BUSY_MS = 500, /* who finds a primary busy comes again within twice that */
	WAKE_MS =
		10000, /* zones that have failed, and may not now, are looked at within */
	WAKE_EACH_MS = 10, /* or, if that is less, within so much for each of them */
	RETRY_DOUBLINGS = 10,
	IXFR_REFUSALS = 3, /* by primaries, in a row, until that is worth an alarm */
};

/* What is read of one zone, and what is done about it. */
struct found {
	uint8_t name[NAME_MAX_LEN];
	uint32_t id;
	bool is_secondary;
	bool has_contents, expired;
	uint32_t serial;
	bool noted;
	uint64_t good_at;
	uint32_t their_serial, expire;
	uint32_t refresh; /* of the SOA */
};

/* A look at all zones, or at some. One follows the other: what a later one has found is not undone by what an
 * earlier one has. */
struct look {
	struct refresh *refresh;
	const struct config *config; /* held, from when it begins */
	bool all;
	bool spread;
	struct found *found;
	size_t count, room;
};

struct refresh {
	struct transfer_parts parts;
	struct schedule *schedule;
	struct primaries *primaries;
	struct notify_in *notify_in;
	uv_timer_t due;
	uv_timer_t note;
	unsigned handles; /* open */
	unsigned pending; /* calls that the engine is still to make */
	unsigned checks;  /* under way */
	bool closed;
	bool looking;
	bool look_at_all;  /* after that, */
	struct look *next; /* and then at these, which have changed meanwhile; or NULL */
	bool any_dirty;
	bool started; /* the first look is over */
};

static void run_due(uv_timer_t *timer);

/* ---- ending ---- */

static void look_free(struct look *l)
{
	if (!l)
		return;
	config_release(l->config);
	free(l->found);
	free(l);
}

static void free_if_over(struct refresh *r)
{
	if (!r->closed || r->handles || r->pending)
		return;
	schedule_free(r->schedule);
	primaries_free(r->primaries);
	look_free(r->next);
	free(r);
}

static void returned(struct refresh *r)
{
	r->pending--;
	free_if_over(r);
}

/* ---- time ---- */

static uint64_t wall(void)
{
	return clock_wall_us() / 1000000;
}

/* Gives a number from 0 to n - 1. Nobody is to know when a server asks. */
static uint64_t any_below(uint64_t n)
{
	uint64_t x = 0;

	if (getrandom(&x, sizeof x, GRND_NONBLOCK) != sizeof x)
		x = clock_now_ns();
	return n ? x % n : 0;
}

static void wind(struct refresh *r)
{
	const struct secondary *first = schedule_first(r->schedule);
	uint64_t now = clock_now_ms();

	if (r->closed)
		return;
	if (!first || r->checks >= CHECKS_MAX)
		(void)uv_timer_stop(&r->due);
	else
		(void)uv_timer_start(&r->due, run_due,
		                     first->due_ms > now ? first->due_ms - now : 0, 0);
}

static void set_due(struct refresh *r, struct secondary *one, uint64_t in_ms)
{
	schedule_at(r->schedule, one, clock_now_ms() + in_ms);
}

/* Nine to ten tenths of it, so that zones made together part. */
static uint64_t with_jitter(uint64_t seconds)
{
	uint64_t ms = seconds * 1000;

	return ms - any_below(ms / 10 + 1);
}

/* ---- figures ---- */

static struct transfer_figures *figures(const struct refresh *r)
{
	return &engine_table(r->parts.engine)->transfers;
}

static enum transfer_figure figure_of(const struct secondary *one)
{
	if (one->expired)
		return FIGURE_ZONES_EXPIRED;
	if (one->failures)
		return FIGURE_ZONES_FAILING;
	return one->has_contents ? FIGURE_ZONES_CURRENT : FIGURE_ZONES_EMPTY;
}

static void count_no_more(struct refresh *r, struct secondary *one)
{
	if (one->counted)
		figure_sub(figures(r), (enum transfer_figure)one->counted, 1);
	one->counted = 0;
}

static void count_ixfr(struct refresh *r, struct secondary *one, bool no_ixfr)
{
	if (no_ixfr && !one->no_ixfr)
		figure_add(figures(r), FIGURE_ZONES_NO_IXFR, 1);
	else if (!no_ixfr && one->no_ixfr)
		figure_sub(figures(r), FIGURE_ZONES_NO_IXFR, 1);
	one->no_ixfr = no_ixfr;
}

/* Its state may be another. */
static void count(struct refresh *r, struct secondary *one)
{
	count_no_more(r, one);
	one->counted = (uint8_t)figure_of(one);
	figure_add(figures(r), (enum transfer_figure)one->counted, 1);
}

/* ---- what became of a check ---- */

static bool is_expired(const struct secondary *one)
{
	return one->has_contents && one->expire && wall() >= one->good_at + one->expire;
}

static void expiry_set(void *arg, const struct change *change,
                       const struct change_result *result)
{
	struct refresh *r = arg;
	const struct zone_result *z = &result->zones[0];
	struct secondary *one = r->closed ? NULL : schedule_find(r->schedule, z->id);
	char text[NAME_TEXT_MAX];

	if (result->err < 0 && result->err != ERR_NOTFOUND) {
		log_error("zone %s: expiry: %s", name_to_text(z->name, text),
		          err_text(result->err));
		/* The next check tries again. */
		if (one) {
			one->expired = change->zones[0].expiry == EXPIRY_OVER;
			count(r, one);
		}
	}
	returned(r);
}

/* It counts as what it is to be from now on: the next check may be over before that is written. */
static void set_expired(struct refresh *r, struct secondary *one, bool expired)
{
	char text[NAME_TEXT_MAX];

	if (one->expired == expired)
		return;
	one->expired = expired;
	(void)name_to_text(one->name, text);
	if (expired)
		log_error("zone %s: expired: no primary has answered for %" PRIu32 " s",
		          text, one->expire);
	else
		log_info("zone %s: no longer expired", text);
	struct change *c = change_new(actor_self());
	c->why = expired ? "expired: no primary answers" : "a primary answers again";
	change_zone(c, ZONE_EDIT, one->name)->expiry = expired ? EXPIRY_NOW : EXPIRY_OVER;
	r->pending++;
	engine_change(r->parts.engine, &c, expiry_set, r);
}

/* A zone that has nothing yet is in more of a hurry than its SOA, which it does not know; and so is one
 * that waits for a key. */
static uint64_t after_failure(const struct secondary *one,
                              const struct check_result *result)
{
	const struct secondary_timers *t = &result->timers;
	uint32_t first = one->has_contents && !result->no_key ? t->retry : 1;
	uint32_t last = one->has_contents ? t->refresh : t->retry;
	unsigned doublings =
		one->failures > RETRY_DOUBLINGS ? RETRY_DOUBLINGS : one->failures - 1U;
	uint64_t wait = (uint64_t)first << doublings;

	if (wait > last)
		wait = last > first ? last : first;
	uint64_t ms = with_jitter(wait);
	uint64_t now = wall();
	/* Look once more when it expires, and not after that. */
	if (one->has_contents && one->expire && !one->expired &&
	    one->good_at + one->expire > now &&
	    (one->good_at + one->expire - now) * 1000 < ms)
		ms = (one->good_at + one->expire - now) * 1000;
	return ms;
}

static void failed(struct refresh *r, struct secondary *one,
                   const struct check_result *result)
{
	must_set_text(&one->why, result->why);
	if (one->failures < UINT16_MAX)
		one->failures++;
	if (is_expired(one))
		set_expired(r, one, true);
	set_due(r, one, after_failure(one, result));
}

/* A transfer for which AXFR was not needed, as also when IXFR was not asked for, makes good what was before. */
static void note_ixfr(struct refresh *r, struct secondary *one,
                      const struct check_result *result)
{
	if (result->ixfr_error[0]) {
		must_set_text(&one->ixfr_error, result->ixfr_error);
		if (one->ixfr_failures < UINT16_MAX)
			one->ixfr_failures++;
		count_ixfr(r, one,
		           one->no_ixfr || result->ixfr_wrong ||
		                   one->ixfr_failures >= IXFR_REFUSALS);
	} else if (result->outcome == CHECK_CHANGED) {
		must_set_text(&one->ixfr_error, NULL);
		one->ixfr_failures = 0;
		count_ixfr(r, one, false);
	}
}

/* Gives 0 when that time is over. */
static uint32_t expires_in(const struct secondary *one)
{
	uint64_t now = wall();

	if (one->expired || one->good_at + one->expire <= now)
		return 0;
	/* Not more than there was, though the clock may have been set back. */
	return now > one->good_at ? (uint32_t)(one->good_at + one->expire - now)
	                          : one->expire;
}

/* A primary that is a secondary itself cannot vouch for longer than it knows, but what is left of what
 * another one has said of the same contents counts on (RFC 7314 §4). */
static uint32_t new_expire(const struct check_result *result, uint32_t left)
{
	uint32_t expire = result->timers.expire;
	uint32_t theirs = result->has_expire ? result->expire : expire;

	if (result->outcome == CHECK_CURRENT && theirs < left)
		theirs = left;
	if (theirs == 0)
		return 1; /* 0 stands for what is not known */
	return theirs < expire ? theirs : expire;
}

static void succeeded(struct refresh *r, struct secondary *one,
                      const struct check_result *result)
{
	char text[NAME_TEXT_MAX];

	if (result->outcome == CHECK_CHANGED)
		log_info("zone %s: serial %" PRIu32 " by %s from %s, %" PRIu64
		         " records in %" PRIu64 " octets",
		         name_to_text(one->name, text), result->serial,
		         result->whole ? "AXFR" : "IXFR", result->source, result->records,
		         result->octets);
	must_set_text(&one->why, NULL);
	one->failures = 0;
	one->their_serial = result->their_serial;
	one->expire = new_expire(result, expires_in(one));
	one->good_at = wall();
	zone_marks_set_check(engine_marks(r->parts.engine), one->id, one->good_at);
	one->dirty = r->any_dirty = true;
	if (result->outcome == CHECK_CHANGED)
		one->expired = false;
	set_expired(r, one, false);
	set_due(r, one, with_jitter(result->timers.refresh));
}

static void checked(void *arg, const struct check_result *result);

/* ---- checks ---- */

/* With what is written down of it. */
static void forget(struct refresh *r, struct secondary *one)
{
	struct change *c = change_new(actor_self());
	uint8_t key[sizeof one->id];

	wire_store32(key, one->id);
	(void)change_item(c, STORE_REFRESH, key, sizeof key, NULL, 0);
	engine_note_items(r->parts.engine, &c, NULL, NULL);
	zone_marks_set_check(engine_marks(r->parts.engine), one->id, 0);
	count_no_more(r, one);
	count_ixfr(r, one, false);
	schedule_remove(r->schedule, one);
}

static bool is_down(void *arg, const struct sockaddr_storage *primary)
{
	const struct secondary *one = arg;

	return primaries_is_down(one->owner->primaries, primary, clock_now_ms());
}

static bool enter(void *arg, const struct sockaddr_storage *primary)
{
	const struct secondary *one = arg;

	return primaries_enter(one->owner->primaries, primary);
}

static void leave(void *arg, const struct sockaddr_storage *primary)
{
	const struct secondary *one = arg;

	primaries_leave(one->owner->primaries, primary);
}

struct waking {
	struct refresh *refresh;
	uint64_t within_ms;
	bool once_more; /* those that are being looked at, too */
};

static void count_failed(struct secondary *one, void *arg)
{
	struct waking *w = arg;

	if (one->failures && w->within_ms < WAKE_MS)
		w->within_ms += WAKE_EACH_MS;
}

static void wake_one(struct secondary *one, void *arg)
{
	const struct waking *w = arg;

	if (!one->failures)
		return;
	uint64_t in = any_below(w->within_ms);
	if (one->check)
		one->again |= w->once_more;
	else if (one->due_ms > clock_now_ms() + in)
		set_due(w->refresh, one, in);
}

/* Looks soon at all that have failed. once_more: checks under way may have begun too early to profit. */
static void wake_failed(struct refresh *r, bool once_more)
{
	struct waking w = {.refresh = r, .once_more = once_more};

	schedule_each(r->schedule, count_failed, &w);
	schedule_each(r->schedule, wake_one, &w);
}

static void untried(void *arg, const struct sockaddr_storage *primary)
{
	const struct secondary *one = arg;

	primaries_untried(one->owner->primaries, primary);
}

static void tried(void *arg, const struct sockaddr_storage *primary, bool answered)
{
	const struct secondary *one = arg;
	struct refresh *r = one->owner;

	bool again = primaries_tried(r->primaries, primary, answered, clock_now_ms());
	figure_set(figures(r), FIGURE_PRIMARIES_DOWN, primaries_down(r->primaries));
	if (!again)
		return;
	wake_failed(r, false);
	wind(r);
}

static void begin_check(struct refresh *r, struct secondary *one,
                        const struct sockaddr_storage *by)
{
	struct check_asked asked = {
		.name = one->name,
		.id = one->id,
		.transfer = one->transfer,
		.may_fall = one->may_fall,
		.notified = by != NULL,
		.is_down = one->again ? NULL : is_down,
		.tried = tried,
		.untried = untried,
		.enter = enter,
		.leave = leave,
	};

	if (by)
		asked.by = *by;
	one->again = one->transfer = one->may_fall = false;
	schedule_pause(r->schedule, one);
	figure_set(figures(r), FIGURE_CHECKS, ++r->checks);
	one->check = check_begin(&r->parts, &asked, checked, one);
}

static void checked(void *arg, const struct check_result *result)
{
	struct secondary *one = arg;
	struct refresh *r = one->owner;

	figure_set(figures(r), FIGURE_CHECKS, --r->checks);
	one->check = NULL;
	one->has_contents = result->has_contents;
	one->serial = result->serial;
	if (result->outcome == CHECK_NONE) {
		/* It may have become one again since this was looked up. */
		if (one->again)
			set_due(r, one, 0);
		else
			forget(r, one);
		wind(r);
		return;
	}
	note_ixfr(r, one, result);
	if (result->outcome == CHECK_BUSY) {
		one->transfer |= result->transfer;
		one->may_fall |= result->may_fall;
		set_due(r, one, BUSY_MS + any_below(BUSY_MS));
	} else if (result->outcome == CHECK_FAILED) {
		failed(r, one, result);
	} else {
		succeeded(r, one, result);
	}
	count(r, one);
	if (one->again)
		set_due(r, one, 0);
	wind(r);
}

static void run_due(uv_timer_t *timer)
{
	struct refresh *r = timer->data;
	uint64_t now = clock_now_ms();
	struct secondary *one;

	while (r->checks < CHECKS_MAX && (one = schedule_first(r->schedule)) &&
	       one->due_ms <= now)
		begin_check(r, one, NULL);
	wind(r);
}

bool refresh_expire(const struct refresh *r, uint32_t zone, uint32_t *seconds)
{
	const struct secondary *one = schedule_find(r->schedule, zone);

	if (!one || !one->has_contents || !one->expire || one->expired)
		return false;
	*seconds = expires_in(one);
	return true;
}

bool refresh_now(struct refresh *r, uint32_t zone, const struct refresh_wanted *wanted)
{
	struct secondary *one = schedule_find(r->schedule, zone);

	if (!one)
		return false;
	one->again = true;
	one->transfer |= wanted->transfer;
	one->may_fall |= wanted->may_fall;
	if (one->check)
		return true;
	if (wanted->by && r->checks < CHECKS_MAX)
		begin_check(r, one, wanted->by);
	else
		set_due(r, one, 0);
	wind(r);
	return true;
}

/* ---- which zones are secondaries ---- */

/* A note: u8 version, u64 when a primary has last answered, u32 its serial, u32 expire. */
static void put_note(const struct secondary *one, uint8_t out[static NOTE_SIZE])
{
	struct wire_writer w = wire_writer_on(out, NOTE_SIZE);

	wire_write8(&w, NOTE_VERSION);
	wire_write64(&w, one->good_at);
	wire_write32(&w, one->their_serial);
	wire_write32(&w, one->expire);
}

static int read_note(struct store_txn *t, struct found *f)
{
	uint8_t key[sizeof f->id];
	const void *value;
	size_t size;

	wire_store32(key, f->id);
	int err = store_item_get(t, STORE_REFRESH, key, sizeof key, &value, &size);
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	struct wire_reader r = wire_reader_on(value, size);
	if (size != NOTE_SIZE || wire_read8(&r) != NOTE_VERSION)
		return 0; /* as if there were none */
	f->good_at = wire_read64(&r);
	f->their_serial = wire_read32(&r);
	f->expire = wire_read32(&r);
	f->noted = true;
	return 0;
}

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
	return read_note(t, f);
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

static void take_out(struct refresh *r, struct secondary *one)
{
	if (one->check) {
		/* Its end will find that it is none any more. */
		one->again = true;
		return;
	}
	forget(r, one);
}

static uint64_t first_wait(const struct look *l, const struct found *f)
{
	uint64_t spread = (uint64_t)f->refresh * 1000;

	if (!f->has_contents || f->expired || !l->spread)
		return 0;
	return any_below(spread < SPREAD_MS ? spread : SPREAD_MS);
}

/* One that was changed itself, and has other primaries perhaps, is looked at at once. */
static void take_again(struct refresh *r, const struct look *l, struct secondary *one)
{
	if (l->all)
		return;
	if (one->check)
		one->again = true;
	else
		set_due(r, one, 0);
}

static void take_found(struct refresh *r, const struct look *l, const struct found *f)
{
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
	/* Of what has just become a secondary nothing is written down: its time begins now. */
	one->good_at = f->noted ? f->good_at : wall();
	one->dirty = !f->noted;
	r->any_dirty |= one->dirty;
	one->expire = f->expire;
	one->their_serial = f->their_serial;
	/* What was noted before any primary has answered is when the zone became a secondary. */
	if (f->noted && (f->their_serial || f->expire))
		zone_marks_set_check(engine_marks(r->parts.engine), one->id, f->good_at);
	count(r, one);
	set_due(r, one, first_wait(l, f));
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
	const struct found key = {.id = one->id};

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

static void look_on(struct refresh *r);

static void looked(void *arg, int err)
{
	struct look *l = arg;
	struct refresh *r = l->refresh;

	r->looking = false;
	if (r->closed) {
		look_free(l);
		returned(r);
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
		wake_failed(r, true);
		r->started = true;
	}
	look_free(l);
	wind(r);
	look_on(r);
	returned(r);
}

static struct look *new_look(struct refresh *r)
{
	struct look *l = memory_get(sizeof *l);

	*l = (struct look){.refresh = r};
	return l;
}

static struct look *take_next(struct refresh *r)
{
	struct look *l = r->next;

	r->next = NULL;
	return l;
}

/* Begins what is to be looked at next, if anything, unless a look is under way, whose end comes here again. Changes,
 * of which there may always be more, do not keep all zones from being looked at. */
static void look_on(struct refresh *r)
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

static void look_at_all(struct refresh *r)
{
	r->look_at_all = true;
	look_on(r);
}

static bool concerns_us(const struct noted_zone *z)
{
	return z->kind == ZONE_CREATE || z->kind == ZONE_REMOVE || z->attrs;
}

static void committed(void *arg, const struct change_note *note)
{
	struct refresh *r = arg;

	if (note->lists & 1U << STORE_TSIG) {
		wake_failed(r, true);
		wind(r);
	}
	for (size_t i = 0; i < note->count; i++) {
		if (!concerns_us(&note->zones[i]))
			continue;
		if (!r->next)
			r->next = new_look(r);
		(void)add_found(r->next, note->zones[i].id, note->zones[i].name);
	}
	look_on(r);
}

/* ---- what is written down ---- */

struct noting {
	struct refresh *refresh;
	struct change *change;
};

static void note_one(struct secondary *one, void *arg)
{
	struct noting *n = arg;
	uint8_t key[sizeof one->id];
	uint8_t value[NOTE_SIZE];

	if (!one->dirty)
		return;
	if (n->change->item_count == NOTED_AT_ONCE) {
		n->refresh->any_dirty = true;
		return;
	}
	one->dirty = false;
	wire_store32(key, one->id);
	put_note(one, value);
	(void)change_item(n->change, STORE_REFRESH, key, sizeof key, value, sizeof value);
}

static void write_notes(struct refresh *r)
{
	struct noting n = {.refresh = r};

	if (!r->any_dirty)
		return;
	r->any_dirty = false;
	n.change = change_new(actor_self());
	schedule_each(r->schedule, note_one, &n);
	if (n.change->item_count)
		engine_note_items(r->parts.engine, &n.change, NULL, NULL);
	change_free(&n.change);
}

/* Those that are left are not to wait behind what is new in a minute, which may be as many again. */
static void time_to_note(uv_timer_t *timer)
{
	struct refresh *r = timer->data;

	write_notes(r);
	(void)uv_timer_start(timer, time_to_note, r->any_dirty ? NOTE_MORE_MS : NOTE_MS,
	                     0);
}

/* ---- for the commands ---- */

static bool refresh_by_command(void *arg, uint32_t zone, bool transfer, bool may_fall)
{
	return refresh_now(
		arg, zone,
		&(struct refresh_wanted){.transfer = transfer, .may_fall = may_fall});
}

static const char *state_of(const struct secondary *one)
{
	if (one->check)
		return "checking";
	if (one->expired)
		return "expired";
	if (one->failures)
		return "failing";
	return one->has_contents ? "current" : "empty";
}

static json_t *secondary_json(const struct secondary *one)
{
	uint64_t now = clock_now_ms();
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();

	json_put(o, "zone", json_string(name_to_text(one->name, text)));
	json_put(o, "state", json_string(state_of(one)));
	json_put(o, "serial", one->has_contents ? json_number(one->serial) : json_null());
	json_put(o, "primary_serial",
	         one->their_serial ? json_number(one->their_serial) : json_null());
	json_put(o, "last_good",
	         one->has_contents && one->good_at ? json_number(one->good_at)
	                                           : json_null());
	json_put(o, "expires",
	         one->has_contents && one->expire
	                 ? json_number(one->good_at + one->expire)
	                 : json_null());
	json_put(o, "next_in_s",
	         one->queued
	                 ? json_number(one->due_ms > now ? (one->due_ms - now) / 1000 : 0)
	                 : json_null());
	json_put(o, "failures", json_number(one->failures));
	json_put(o, "error", one->why ? json_string(one->why) : json_null());
	json_put(o, "ixfr_failures", json_number(one->ixfr_failures));
	json_put(o, "ixfr_error",
	         one->ixfr_error ? json_string(one->ixfr_error) : json_null());
	return o;
}

struct listing {
	json_t *list;
	size_t most;
};

static void list_one(struct secondary *one, void *arg)
{
	struct listing *l = arg;

	if (json_array_size(l->list) < l->most)
		(void)json_array_append_new(l->list, secondary_json(one));
}

static json_t *list_by_command(void *arg, uint32_t zone, size_t most)
{
	struct refresh *r = arg;
	struct listing l = {.list = json_array(), .most = most};
	struct secondary *one = zone ? schedule_find(r->schedule, zone) : NULL;

	if (one)
		list_one(one, &l);
	else if (!zone)
		schedule_each(r->schedule, list_one, &l);
	return l.list;
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
		&(struct engine_secondaries){refresh_by_command, list_by_command, r});
	look_at_all(r);
	*out = r;
}

void refresh_configure(struct refresh *r, const struct config *next)
{
	r->parts.config = next;
	look_at_all(r);
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
	write_notes(r);
	r->closed = true;
	engine_unwatch(r->parts.engine, committed, r);
	engine_has_secondaries(r->parts.engine, &(struct engine_secondaries){0});
	notify_in_close(&r->notify_in);
	schedule_each(r->schedule, drop_check, NULL);
	uv_close((uv_handle_t *)&r->due, handle_closed);
	uv_close((uv_handle_t *)&r->note, handle_closed);
}
