/*
 * A check has found nothing newer, has fetched it, has failed, or has found its primary busy. It says when the next one
 * is: after success, when the SOA says so; after failures, later with each of them, and in time for the expiry.
 */
#include <inttypes.h>

#include "control/change/change.h"
#include "control/must.h"
#include "control/transfer/refresh_internal.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	BUSY_MS = 500, /* who finds a primary busy comes again within twice that */
	RETRY_DOUBLINGS = 10,
	IXFR_REFUSALS = 3, /* by primaries, in a row, until that is worth an alarm */
};

/* Nine to ten tenths of it, so that zones made together part. */
static uint64_t with_jitter(uint64_t seconds)
{
	uint64_t ms = seconds * 1000;

	return ms - refresh_any_below(ms / 10 + 1);
}

/* ---- expiry ---- */

static bool is_expired(const struct secondary *one)
{
	return one->has_contents && one->expire &&
	       refresh_wall() >= one->good_at + one->expire;
}

/* Gives 0 when that time is over. */
static uint32_t expires_in(const struct secondary *one)
{
	uint64_t now = refresh_wall();

	if (one->expired || one->good_at + one->expire <= now)
		return 0;
	/* Not more than there was, though the clock may have been set back. */
	return now > one->good_at ? (uint32_t)(one->good_at + one->expire - now)
	                          : one->expire;
}

bool refresh_expire(const struct refresh *r, uint32_t zone, uint32_t *seconds)
{
	const struct secondary *one = schedule_find(r->schedule, zone);

	if (!one || !one->has_contents || !one->expire || one->expired)
		return false;
	*seconds = expires_in(one);
	return true;
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
			refresh_count(r, one);
		}
	}
	refresh_returned(r);
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

/* ---- the four ends of a check ---- */

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
	uint64_t now = refresh_wall();
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
	refresh_set_due(r, one, after_failure(one, result));
}

/* A transfer for which AXFR was not needed, as also when IXFR was not asked for, makes good what was before. */
static void note_ixfr(struct refresh *r, struct secondary *one,
                      const struct check_result *result)
{
	if (result->ixfr_error[0]) {
		must_set_text(&one->ixfr_error, result->ixfr_error);
		if (one->ixfr_failures < UINT16_MAX)
			one->ixfr_failures++;
		refresh_count_ixfr(r, one,
		                   one->no_ixfr || result->ixfr_wrong ||
		                           one->ixfr_failures >= IXFR_REFUSALS);
	} else if (result->outcome == CHECK_CHANGED) {
		must_set_text(&one->ixfr_error, NULL);
		one->ixfr_failures = 0;
		refresh_count_ixfr(r, one, false);
	}
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
	one->good_at = refresh_wall();
	zone_marks_set_check(engine_marks(r->parts.engine), one->at.id, one->good_at);
	one->dirty = r->any_dirty = true;
	if (result->outcome == CHECK_CHANGED)
		one->expired = false;
	set_expired(r, one, false);
	refresh_set_due(r, one, with_jitter(result->timers.refresh));
}

void refresh_take_outcome(struct refresh *r, struct secondary *one,
                          const struct check_result *result)
{
	note_ixfr(r, one, result);
	if (result->outcome == CHECK_BUSY) {
		one->transfer |= result->transfer;
		one->may_fall |= result->may_fall;
		refresh_set_due(r, one, BUSY_MS + refresh_any_below(BUSY_MS));
	} else if (result->outcome == CHECK_FAILED) {
		failed(r, one, result);
	} else {
		succeeded(r, one, result);
	}
	refresh_count(r, one);
}
