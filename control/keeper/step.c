#include "control/keeper/step.h"

#include <stdio.h>
#include <string.h>

#include "control/keeper/step_internal.h"
#include "control/policy/policy.h"
#include "control/sign/bundle_stored.h"
#include "shared/err.h"

enum {
	WINDOWS = 32,   /* of a refresh period: what is due in one is signed together */
	WINDOW_MIN = 1, /* s */
	RETRY_S = 60,   /* when something is wrong that may become right by itself */
};

static int trouble(const struct step_state *st, const char *text)
{
	snprintf(st->step->trouble, sizeof st->step->trouble, "%s", text);
	st->step->again = st->step->now + RETRY_S;
	return 0;
}

static int scan(struct step_state *st)
{
	struct step *s = st->step;
	uint32_t window = st->keys->state.periods.refresh / WINDOWS;

	s->scan = (struct zone_scan){.now = s->now,
	                             .soon = s->now +
	                                     (window < WINDOW_MIN ? WINDOW_MIN : window),
	                             .most = STEP_DUE_MAX,
	                             .arena = arena_new()};
	return zone_scan(st->txn, st->keys, &s->scan);
}

static void list_one(struct step *s, uint32_t number, struct rdata dnskey)
{
	if (s->asked_count == SIGN_KEYS_MAX)
		return;
	struct step_asked *a = &s->asked[s->asked_count++];
	a->number = number;
	a->len = dnskey.len;
	memcpy(a->dnskey, dnskey.bytes, dnskey.len);
}

/* All KSKs that are elsewhere: a zone is not unsigned before the DS of each has gone. */
static void list_elsewhere(struct step_state *st, uint32_t number)
{
	struct rdata ksks[SIGN_KEYS_MAX];
	size_t count = keeper_bundle_ksks(st->keys, ksks, SIGN_KEYS_MAX);

	for (size_t i = 0; i < count; i++)
		list_one(st->step, number, ksks[i]);
}

static void list_asked(struct step_state *st)
{
	for (size_t i = 0; i < st->keys->count; i++) {
		const struct zone_key *k = &st->keys->keys[i];
		if (!life_has(&st->keys->lives[i], LIFE_DS) || st->keys->lives[i].gone)
			continue;
		list_one(st->step, k->number, sign_stored_dnskey(&k->stored));
		if (!st->wanted)
			list_elsewhere(st, k->number);
	}
}

static void plan_next(struct step_state *st, const struct life_result *r)
{
	struct step *s = st->step;
	uint64_t due = s->scan.next;
	uint64_t window = s->scan.soon - s->scan.now;

	s->again = r->again;
	if (st->was_signed && due != UINT64_MAX) {
		due = due > window ? due - window / 2 : 0;
		s->again = due < s->again ? due : s->again;
	}
	s->ask = r->ask;
	if (r->ask)
		list_asked(st);
}

/* Of one that is signed here. */
static int look_at_signatures(struct step_state *st)
{
	TRY(zone_has_signatures(st->txn, st->zone.id, &st->was_signed));
	st->was_signed &= zone_keys_sign(st->keys);
	if (!st->was_signed)
		return zone_longest_ttl(st->txn, st->zone.id,
		                        &st->step->scan.longest_ttl);
	TRY(zone_keys_open(st->keys, st->step->secrets, st->step->trouble));
	TRY(step_look_at_chain_ttl(st));
	return scan(st);
}

/* Of one that is not yet. */
static int look_at_data(struct step_state *st)
{
	TRY(zone_has_signatures(st->txn, st->zone.id, &st->presigned));
	return zone_longest_ttl(st->txn, st->zone.id, &st->step->scan.longest_ttl);
}

static void count_keys(const struct step_state *st)
{
	for (size_t i = 0; i < st->keys->count; i++)
		for (unsigned kind = 0; kind < LIFE_KINDS; kind++) {
			const struct life_key *k = &st->keys->lives[i];
			if (life_has(k, (enum life_kind)kind))
				st->step->keys_in[kind]
						 [life_state(k, (enum life_kind)kind)]++;
		}
}

/* Of one whose KSK is elsewhere, or is to be. Gives false when nothing can go on without a bundle. */
static int follow_bundles(struct step_state *st, bool *goes_on)
{
	struct bundles_look *b = &st->bundles;
	struct zone_keys *k = st->keys;

	*goes_on = true;
	b->next = UINT64_MAX;
	if (!st->policy->offline_ksk && !k->state.bundle)
		return 0;
	int err = keeper_take_bundle(st->txn, k, &st->numbers, st->step->now, b);
	if (err == ERR_NOTFOUND) {
		*goes_on = !st->fresh;
		return st->fresh ? trouble(st, b->why) : 0;
	}
	TRY(err);
	st->changed |= b->changed;
	st->rekeyed |= b->changed;
	st->rechain |= b->torn;
	if (!st->policy->offline_ksk && st->wanted && !b->why[0])
		(void)snprintf(
			b->why, sizeof b->why,
			"its policy has KSKs here, but its KSK is offline: it goes on "
			"with what it has of bundles");
	if (k->state.bundle)
		st->numbers.ksk_lifetime = st->numbers.zsk_lifetime = 0;
	return 0;
}

static void take_warning(struct step_state *st)
{
	struct step *s = st->step;

	if (st->bundles.next < s->again)
		s->again = st->bundles.next;
	if (!s->trouble[0])
		(void)snprintf(s->trouble, sizeof s->trouble, "%s", st->bundles.why);
}

/* A zone whose signatures have ended, since nobody was there to make them anew or a clock was set, is made valid by the keys
 * that it has. Another DNSKEY RRset beside signatures that do not hold would be refused. */
static bool comes_first(const struct step_state *st)
{
	const struct zone_scan *scan = &st->step->scan;

	return st->was_signed && !st->keys->state.bundle && scan->lapsed &&
	       scan->due_count > 0;
}

/* Says whether somebody gave it keys, of which those that were made here know nothing. */
static bool has_given_keys(const struct zone_keys *k)
{
	for (size_t i = 0; i < k->count; i++)
		if (!k->lives[i].waiting)
			return true;
	return false;
}

static int go_on(struct step_state *st)
{
	struct life_result r = {.again = UINT64_MAX};
	struct step *s = st->step;
	bool goes_on;

	TRY(st->fresh ? look_at_data(st) : look_at_signatures(st));
	if (st->presigned && !has_given_keys(st->keys))
		return trouble(st, "it comes with its signatures: import its keys first, "
		                   "or load it without them");
	s->is_signed = st->was_signed;
	if (comes_first(st)) {
		count_keys(st);
		s->outcome = STEP_AGAIN;
		return 0;
	}
	TRY(follow_bundles(st, &goes_on));
	if (!goes_on)
		return 0;
	step_take_numbers(st);
	size_t known = st->keys->count;
	TRY(step_live_on(st, &r));
	if (step_keys_come_first(st, known))
		return step_change_keys_first(st, known);
	TRY(step_take_chain(st));
	step_purge(st);
	count_keys(st);
	plan_next(st, &r);
	take_warning(st);
	return step_decide(st);
}

static int look(struct step_state *st)
{
	struct step *s = st->step;
	const char *name;
	int err = store_zone_get(st->txn, s->name, &st->zone);

	if (err == ERR_NOTFOUND) {
		s->outcome = STEP_FORGET;
		return 0;
	}
	TRY(err);
	s->id = st->zone.id;
	name = zone_policy_dnssec(s->config, &st->zone);
	st->wanted = name[0] != '\0';
	TRY(step_read_keys(st));
	if (st->fresh && !st->wanted)
		return step_give_up(st);
	if (!st->zone.loaded)
		return 0;
	if (!st->wanted)
		name = st->keys->state.policy;
	if (step_find_policy(st, name) < 0)
		return trouble(st, "there is no policy of its policy's name");
	s->agents = st->policy->parental_agents;
	s->ds_ttl = st->numbers.parent_ds_ttl;
	s->change = change_new(actor_self());
	return go_on(st);
}

int step_look(struct store_txn *t, struct step *s)
{
	struct step_state st = {.step = s, .txn = t};

	s->again = UINT64_MAX;
	s->outcome = STEP_NONE;
	int err = look(&st);
	zone_keys_free(&st.keys);
	if (err == ERR_REFUSED || err == ERR_CORRUPT || err == ERR_VERSION ||
	    err == ERR_TOOBIG || err == ERR_INVALID || err == ERR_SYSTEM) {
		s->outcome = STEP_NONE;
		if (!s->trouble[0])
			snprintf(s->trouble, sizeof s->trouble, "%s", err_text(err));
		s->again = s->now + RETRY_S;
		err = 0;
	}
	return err;
}

void step_fini(struct step *s)
{
	change_free(&s->change);
	zone_keys_free(&s->keys);
	if (s->scan.arena)
		arena_free(s->scan.arena);
	s->scan.arena = NULL;
}
