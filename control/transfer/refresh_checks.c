/*
 * One timer for all: it is wound for the secondary that is due first, and then as many are checked as are due, up to so
 * many at a time. When what kept checks from coming through may be over, those that have failed are looked at soon, but
 * not all at once.
 */
#include "control/transfer/refresh_internal.h"
#include "shared/address.h"
#include "shared/clock.h"
#include "shared/log.h"

enum {
	CHECKS_MAX = 32, /* at a time */
	WAKE_MS =
		10000, /* zones that have failed, and may not now, are looked at within */
	WAKE_EACH_MS = 2, /* or, if that is less, within so much for each of them */
};

static void run_due(uv_timer_t *timer);

void refresh_wind(struct refresh *r)
{
	const struct secondary *first = schedule_first(r->schedule);
	uint64_t now = clock_now_ms();

	if (r->closed)
		return;
	if (!first || r->checks >= CHECKS_MAX)
		(void)uv_timer_stop(&r->due);
	else
		(void)uv_timer_start(&r->due, run_due,
		                     first->at.due > now ? first->at.due - now : 0, 0);
}

/* ---- those that have failed ---- */

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
	uint64_t in = refresh_any_below(w->within_ms);
	if (one->check)
		one->again |= w->once_more;
	else if (one->at.due > clock_now_ms() + in)
		refresh_set_due(w->refresh, one, in);
}

void refresh_wake_failed(struct refresh *r, bool once_more)
{
	struct waking w = {.refresh = r, .once_more = once_more};

	schedule_each(r->schedule, count_failed, &w);
	schedule_each(r->schedule, wake_one, &w);
}

/* ---- what a check is told of primaries, and tells ---- */

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

static void untried(void *arg, const struct sockaddr_storage *primary)
{
	const struct secondary *one = arg;

	primaries_untried(one->owner->primaries, primary);
}

/* Once for all of its zones, and as long as that lasts. */
static void say_news(const struct secondary *one, const struct sockaddr_storage *primary,
                     enum primary_news news, const char *silence)
{
	char address[ADDRESS_TEXT_MAX];
	char zone[NAME_TEXT_MAX];

	address_text(primary, address, sizeof address);
	if (news == PRIMARY_DOWN)
		log_warning("primary %s does not answer, asked for zone %s: %s", address,
		            name_to_text(one->name, zone), silence);
	else if (news == PRIMARY_UP)
		log_info("primary %s answers again", address);
}

static void tried(void *arg, const struct sockaddr_storage *primary, const char *silence)
{
	const struct secondary *one = arg;
	struct refresh *r = one->owner;

	enum primary_news news =
		primaries_tried(r->primaries, primary, !silence, clock_now_ms());
	say_news(one, primary, news, silence);
	figure_set(refresh_figures(r), FIGURE_PRIMARIES_DOWN,
	           primaries_down(r->primaries));
	if (news != PRIMARY_UP)
		return;
	refresh_wake_failed(r, false);
	refresh_wind(r);
}

/* ---- checks ---- */

static void checked(void *arg, const struct check_result *result)
{
	struct secondary *one = arg;
	struct refresh *r = one->owner;

	figure_set(refresh_figures(r), FIGURE_CHECKS, --r->checks);
	one->check = NULL;
	one->has_contents = result->has_contents;
	one->serial = result->serial;
	if (result->outcome == CHECK_NONE) {
		/* It may have become one again since this was looked up. */
		if (one->again)
			refresh_set_due(r, one, 0);
		else
			refresh_forget(r, one);
		refresh_wind(r);
		return;
	}
	refresh_take_outcome(r, one, result);
	if (one->again)
		refresh_set_due(r, one, 0);
	refresh_wind(r);
}

static void begin_check(struct refresh *r, struct secondary *one,
                        const struct sockaddr_storage *by)
{
	struct check_asked asked = {
		.name = one->name,
		.id = one->at.id,
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
	figure_set(refresh_figures(r), FIGURE_CHECKS, ++r->checks);
	one->check = check_begin(&r->parts, &asked, checked, one);
}

static void run_due(uv_timer_t *timer)
{
	struct refresh *r = timer->data;
	uint64_t now = clock_now_ms();
	struct secondary *one;

	while (r->checks < CHECKS_MAX && (one = schedule_first(r->schedule)) &&
	       one->at.due <= now)
		begin_check(r, one, NULL);
	refresh_wind(r);
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
		refresh_set_due(r, one, 0);
	refresh_wind(r);
	return true;
}
