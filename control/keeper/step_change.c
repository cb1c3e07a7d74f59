/* The one change that brings a zone from what it is to what it is to be next. */
#include "control/keeper/step_internal.h"
#include "control/policy/policy.h"
#include "control/sign/bundle_stored.h"
#include "control/sign/zone_contents.h"
#include "shared/err.h"

static struct zone_change *begin_change(struct step_state *st, enum zone_change_kind kind,
                                        const char *why)
{
	struct change *c = st->step->change;
	struct zone_change *zc = change_zone(c, kind, st->zone.name);

	c->why = change_text(c, why);
	return zc;
}

/* All of the zone is to be others' answers: it is signed for the first time, or in another way, or not any more. */
static int change_whole(struct step_state *st, bool sign)
{
	struct step *s = st->step;
	struct zone_change *zc =
		begin_change(st, ZONE_CONTENTS, sign ? "sign" : "unsign");

	TRY(zone_contents_load(st->txn, &st->zone, &zc->contents));
	zc->if_version = st->zone.version;
	if (!sign)
		return zone_contents_bare(zc->contents, st->keys);
	TRY(zone_keys_open(st->keys, st->step->secrets, st->step->trouble));
	bool digest = zone_policy_digests_at_once(s->config, &st->zone, st->zone.rrsets);
	TRY(zone_contents_prepare(zc->contents, st->keys, st->txn, digest, s->now));
	s->keys = st->keys;
	st->keys = NULL;
	return 0;
}

/*
 * The keys of a large zone are written before it is signed, as they are before they have been seen by anybody: a
 * signing that comes to nothing, because the server ends or the zone changes, then has not been in vain, since
 * the next one is by the same keys.
 */
bool step_keys_come_first(const struct step_state *st, size_t known)
{
	return st->fresh && st->keys->count > known &&
	       st->zone.rrsets > ZONE_SIGN_AT_ONCE;
}

/* known: how many there were. */
int step_change_keys_first(struct step_state *st, size_t known)
{
	struct step *s = st->step;

	(void)begin_change(st, ZONE_EDIT, "keys");
	for (size_t i = known; i < st->keys->count; i++)
		sign_stored_change(s->change, st->zone.id, st->keys->keys[i].number,
		                   &st->keys->keys[i].stored);
	s->outcome = STEP_CHANGE;
	return 0;
}

/* A zone that is not to be signed after all. Keys that were made for that go, and those stay that somebody gave it. */
int step_give_up(struct step_state *st)
{
	struct step *s = st->step;

	s->outcome = STEP_FORGET;
	for (size_t i = 0; i < st->keys->count; i++) {
		if (!st->keys->lives[i].waiting)
			continue;
		if (s->outcome == STEP_FORGET) {
			s->change = change_new(actor_self());
			(void)begin_change(st, ZONE_EDIT, "unsign");
		}
		sign_stored_change(s->change, st->zone.id, st->keys->keys[i].number,
		                   NULL);
		s->outcome = STEP_CHANGE;
	}
	return 0;
}

/* By now they are the zone's own. */
static void end_waiting(struct zone_keys *k)
{
	for (size_t i = 0; i < k->count; i++)
		k->lives[i].waiting = false;
}

static int forget_signing(struct step_state *st)
{
	struct change *c = st->step->change;

	TRY(sign_stored_forget(c, st->txn, st->zone.id));
	TRY(bundle_stored_forget(c, st->txn, st->zone.id));
	sign_state_change(c, st->zone.id, NULL);
	return 0;
}

int step_decide(struct step_state *st)
{
	struct step *s = st->step;
	bool signs = zone_keys_sign(st->keys);
	int err;

	if (!signs && !st->was_signed && !st->wanted) {
		TRY(forget_signing(st));
		(void)begin_change(st, ZONE_EDIT, "unsign");
		s->outcome = STEP_CHANGE;
		return 0;
	}
	if (signs)
		end_waiting(st->keys);
	if (st->changed || st->rechain)
		zone_keys_change(st->keys, s->change);
	if (signs != st->was_signed || (signs && st->rechain)) {
		err = change_whole(st, signs);
		s->outcome = signs ? STEP_SIGN : STEP_CHANGE;
		return err;
	}
	if (st->changed) {
		begin_change(st, ZONE_EDIT, "keys")->signed_anew = st->rekeyed;
		s->outcome = STEP_CHANGE;
		return 0;
	}
	s->outcome = s->scan.due_count ? STEP_AGAIN : STEP_NONE;
	return 0;
}
