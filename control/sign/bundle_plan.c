#include "control/sign/bundle_plan.h"

#include "control/sign/bundle.h"
#include "control/sign/life_times.h"
#include "shared/err.h"

static uint64_t lead_of(const struct bundle_pace *p)
{
	return life_interval(p->policy, LIFE_DNSKEY, p->policy->dnskey_ttl) + p->slack;
}

static uint64_t out_of(const struct bundle_pace *p)
{
	return life_interval(p->policy, LIFE_RRSIG, p->zone_ttl) + p->slack;
}

/* Gives the turn after one, or the first of all (NULL), whose last time is not known. */
static struct bundle_turn turn_after(const struct bundle_pace *p,
                                     const struct bundle_turn *last)
{
	struct bundle_turn next = {p->from, p->from, BUNDLE_FOREVER};

	if (!last)
		return next;
	uint64_t soonest = p->from + lead_of(p);
	next.active = last->active + p->policy->zsk_lifetime;
	if (next.active < soonest)
		next.active = soonest;
	next.from = next.active - lead_of(p);
	return next;
}

/* Says whether a turn follows the last one before the end, and gives it. */
static bool has_next(const struct bundle_pace *p, const struct bundle_turn *last,
                     struct bundle_turn *next)
{
	if (last && (!p->policy->zsk_lifetime || last->until != BUNDLE_FOREVER))
		return false;
	*next = turn_after(p, last);
	return next->from <= p->until;
}

int bundle_plan(const struct bundle_pace *pace, struct bundle_turn *turns, size_t count,
                size_t room)
{
	struct bundle_turn last = count ? turns[count - 1] : (struct bundle_turn){0};
	struct bundle_turn next;
	size_t planned = count;

	if (pace->until <= pace->from)
		return ERR_INVALID;
	for (; has_next(pace, planned ? &last : NULL, &next); last = next)
		if (++planned > room)
			return ERR_TOOBIG;
	for (; count < planned; count++) {
		next = turn_after(pace, count ? &turns[count - 1] : NULL);
		if (count)
			turns[count - 1].until = next.active + out_of(pace);
		turns[count] = next;
	}
	return (int)planned;
}
