#include "control/keeper/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/change/digest.h"
#include "control/keeper/bundles.h"
#include "control/keeper/new_key.h"
#include "control/keeper/tokens.h"
#include "control/policy/policy.h"
#include "control/sign/bundle_stored.h"
#include "control/sign/zone_contents.h"
#include "control/zone/soa.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	ROUNDS_MAX = 8, /* of new keys, which a step may ask for */
	WINDOWS =
		32, /* of a refresh period: what is due in one of them is signed together */
	WINDOW_MIN = 1, /* s */
	RETRY_S = 60,   /* when something is wrong that may become right by itself */
};

/* A zone on the way through a step. */
struct state {
	struct step *step;
	struct store_txn *txn;
	struct store_zone zone;
	struct zone_keys *keys;
	const struct config_dnssec_policy *policy; /* NULL: there is none of that name */
	struct sign_policy numbers;
	bool wanted;    /* it is to be signed */
	bool fresh;     /* and is not, so far */
	bool presigned; /* but has signatures */
	bool was_signed;
	bool changed; /* keys, or state */
	bool rechain; /* the whole chain, or all signatures, are to be others */
	bool rekeyed; /* the keys' RRsets at the apex are to be others */
	struct bundles_look bundles; /* of a KSK that is elsewhere */
};

static int trouble(const struct state *st, const char *text)
{
	snprintf(st->step->trouble, sizeof st->step->trouble, "%s", text);
	st->step->again = st->step->now + RETRY_S;
	return 0;
}

/* ---- what is, and what is wanted ---- */

static int find_policy(struct state *st, const char *name)
{
	st->policy = config_dnssec_policy_find(st->step->config, name);
	if (!st->policy)
		return ERR_NOTFOUND;
	st->numbers = st->policy->policy;
	if (st->policy->manual)
		st->numbers.ksk_lifetime = st->numbers.zsk_lifetime = 0;
	return 0;
}

static int has_signatures(const struct state *st, bool *out)
{
	struct rrset soa;
	int err = store_soa_get(st->txn, st->zone.id, &soa);

	*out = err == 0 && soa.sig_count > 0;
	return err == ERR_NOTFOUND ? 0 : err;
}

static void take_numbers(struct state *st)
{
	const struct sign_policy *p = &st->numbers;
	struct sign_state *s = &st->keys->state;
	struct sign_state before = *s;

	s->periods = p->signatures;
	s->dnskey_validity = p->dnskey_validity;
	s->leaving = !st->wanted;
	st->rekeyed |= s->dnskey_ttl != p->dnskey_ttl || before.leaving != s->leaving;
	s->dnskey_ttl = p->dnskey_ttl;
	snprintf(s->policy, sizeof s->policy, "%s", st->policy->name);
	st->changed |= memcmp(&before.periods, &s->periods, sizeof s->periods) != 0 ||
	               before.dnskey_validity != s->dnskey_validity ||
	               before.dnskey_ttl != s->dnskey_ttl ||
	               before.leaving != s->leaving ||
	               strcmp(before.policy, s->policy) != 0;
}

/* What the zone itself is to have, whatever its policy says. */
static bool take_chain_of_zone(struct state *st)
{
	struct chain_params *c = &st->keys->state.chain;
	struct chain_params next;

	if (chain_params_read(st->zone.attrs.nsec3param, &next) < 0)
		return false;
	if (next.kind == c->kind && next.opt_out == c->opt_out &&
	    next.iterations == c->iterations && next.salt_len == c->salt_len &&
	    memcmp(next.salt, c->salt, next.salt_len) == 0)
		return true;
	*c = next;
	st->changed = st->rechain = true;
	return true;
}

static int take_chain(struct state *st)
{
	const struct sign_policy *p = &st->numbers;
	struct chain_params *c = &st->keys->state.chain;
	struct chain_params next = {.kind = p->nsec3 ? CHAIN_NSEC3 : CHAIN_NSEC};

	if (take_chain_of_zone(st))
		return 0;
	if (p->nsec3) {
		next.opt_out = p->opt_out;
		next.iterations = p->iterations;
		next.salt_len = p->salt_length;
	}
	if (next.kind == c->kind && next.opt_out == c->opt_out &&
	    next.iterations == c->iterations && next.salt_len == c->salt_len)
		return 0;
	TRY(zone_keys_salt(st->keys, &next));
	*c = next;
	st->changed = st->rechain = true;
	return 0;
}

/* The TTL of negative answers is the SOA's affair (RFC 9077). */
static int look_at_chain_ttl(struct state *st)
{
	const uint8_t *apex = (const uint8_t *)"";
	bool hashed = st->keys->state.chain.kind == CHAIN_NSEC3;
	uint16_t type = hashed ? RRTYPE_NSEC3PARAM : RRTYPE_NSEC;
	struct rrset soa;
	struct rrset link;

	TRY(store_soa_get(st->txn, st->zone.id, &soa));
	struct rdata d = rrset_first_record(&soa);
	uint32_t ttl = soa_number(d.bytes, d.len, SOA_MINIMUM);
	int err = store_rrset_get(st->txn, st->zone.id, apex, 0, type, &link);
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	st->rechain |= link.ttl != (ttl < soa.ttl ? ttl : soa.ttl);
	return 0;
}

static int read_keys(struct state *st)
{
	int err = zone_keys_look(st->txn, &st->zone, &st->keys);

	st->fresh = err == ERR_NOTFOUND;
	if (st->fresh)
		err = zone_keys_new(st->txn, &st->zone, &st->keys);
	if (err == 0)
		keeper_keys_stored(st->keys);
	return err;
}

/* ---- keys ---- */

static int make_key(struct state *st, uint8_t role)
{
	struct life_key life =
		life_key_new((enum life_role)role, &st->numbers, st->step->now);
	const struct new_key n = {
		.txn = st->txn,
		.secrets = st->step->secrets,
		.policy = st->policy,
		.keys = st->keys,
		.number = zone_keys_next_number(st->keys),
		.flags = role & LIFE_KSK ? SIGN_FLAGS_KSK : SIGN_FLAGS_ZSK,
		.now = st->step->now,
	};
	struct sign_stored stored;

	TRY(new_key_make(&n, &stored, st->step->trouble));
	life_key_put(&life, &stored);
	(void)zone_keys_add(st->keys, n.number, &stored, &life);
	return 0;
}

static bool publishes_same(const struct zone_keys *k, const struct life_key *before,
                           size_t count)
{
	if (count != k->count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (life_publishes(&before[i]) != life_publishes(&k->lives[i]) ||
		    life_signs(&before[i]) != life_signs(&k->lives[i]) ||
		    life_wants_ds(&before[i]) != life_wants_ds(&k->lives[i]))
			return false;
	return true;
}

/* Gives what was seen of a key, by all of its DNSKEYs; LIFE_ABSENT - 1: nothing. */
static int seen_of(const struct step_seen *seen, uint32_t number)
{
	int most = (int)LIFE_ABSENT - 1;

	for (size_t i = 0; i < seen->count; i++)
		if (seen->numbers[i] == number && (int)seen->seen[i] > most)
			most = (int)seen->seen[i];
	return most;
}

static void take_seen(struct state *st, struct life *l)
{
	const struct step_seen *seen = &st->step->seen;

	for (size_t k = 0; k < st->keys->count; k++) {
		int what = seen_of(seen, st->keys->keys[k].number);
		if (what >= (int)LIFE_ABSENT)
			life_saw_ds(&l->keys[k], (enum life_seen)what, st->step->now);
	}
	if (seen->count)
		life_saw_ds_ttl(l, seen->ttl, st->step->now);
}

/* Steps until no more keys are asked for. */
static int live(struct state *st, const struct life_now *now, struct life_result *r)
{
	struct life l;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		l = zone_keys_life(st->keys);
		life_step(&st->numbers, now, &l, r);
		zone_keys_live(st->keys, &l);
		if (st->keys->state.bundle) /* which keys there are, requests plan */
			r->generate_count = 0;
		st->changed |= r->changed || r->generate_count;
		if (r->generate_count == 0)
			return 0;
		for (unsigned i = 0; i < r->generate_count; i++)
			TRY(make_key(st, r->generate[i]));
	}
	return 0;
}

static bool is_in_bundle(const struct zone_keys *k, size_t i)
{
	return k->bundles && bundle_publishes(&k->bundles->list[0],
	                                      sign_stored_dnskey(&k->keys[i].stored));
}

static void purge(struct state *st)
{
	for (size_t i = st->keys->count; i-- > 0;) {
		uint32_t number = st->keys->keys[i].number;
		if (!life_may_purge(&st->numbers, &st->keys->lives[i], st->step->now) ||
		    is_in_bundle(st->keys, i))
			continue;
		zone_keys_remove(st->keys, i);
		sign_stored_change(st->step->change, st->zone.id, number, NULL);
		st->changed = true;
	}
}

/* Says whether a key goes together with the signatures that it has made, which are all over the zone: one that nobody
 * can have counted on yet (life_rules.h). Of an algorithm that comes or goes, signatures are there without their key for
 * a while. */
static bool goes_with_signatures(const struct zone_keys *k, const struct life_key *before,
                                 size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (life_signs(&before[i]) && life_publishes(&before[i]) &&
		    !life_signs(&k->lives[i]) && !life_publishes(&k->lives[i]))
			return true;
	return false;
}

static bool life_differs(const struct life_key *before, const struct zone_keys *k,
                         size_t count)
{
	return count != k->count || memcmp(before, k->lives, count * sizeof *before) != 0;
}

static int live_on(struct state *st, struct life_result *r)
{
	struct zone_keys *k = st->keys;
	size_t count = k->count;
	struct life_key *before = memory_get((count + 1) * sizeof *before);
	struct life_now now = {.now = st->step->now, .secure = st->wanted};
	struct life l = zone_keys_life(k);

	if (count)
		memcpy(before, k->lives, count * sizeof *before);
	now.zone_ttl = st->step->scan.longest_ttl;
	if (st->was_signed) {
		life_published(&l, st->step->now);
		if (st->step->scan.due_count == 0)
			life_signed(&l, st->step->now);
	}
	take_seen(st, &l);
	zone_keys_live(k, &l);
	int err = live(st, &now, r);
	st->rekeyed |= !publishes_same(k, before, count);
	st->rechain |= st->was_signed && goes_with_signatures(k, before, count);
	st->changed |= life_differs(before, k, count);
	free(before);
	return err;
}

/* ---- what is due ---- */

static int scan(struct state *st)
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

/* ---- the change ---- */

static struct zone_change *begin_change(struct state *st, enum zone_change_kind kind,
                                        const char *why)
{
	struct change *c = st->step->change;
	struct zone_change *zc = change_zone(c, kind, st->zone.name);

	c->why = change_text(c, why);
	return zc;
}

/* All of the zone is to be others' answers: it is signed for the first time, or in another way, or not any more. */
static int change_whole(struct state *st, bool sign)
{
	struct step *s = st->step;
	struct zone_change *zc =
		begin_change(st, ZONE_CONTENTS, sign ? "sign" : "unsign");

	TRY(zone_contents_load(st->txn, &st->zone, &zc->contents));
	zc->if_version = st->zone.version;
	if (!sign)
		return zone_contents_bare(zc->contents, st->keys);
	TRY(zone_keys_open(st->keys, st->step->secrets, st->step->trouble));
	bool digest = zone_policy_makes_zonemd(s->config, &st->zone) &&
	              st->zone.rrsets <= DIGEST_AT_ONCE;
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
static bool keys_come_first(const struct state *st, size_t known)
{
	return st->fresh && st->keys->count > known &&
	       st->zone.rrsets > ZONE_SIGN_AT_ONCE;
}

/* known: how many there were. */
static int change_keys_first(struct state *st, size_t known)
{
	struct step *s = st->step;

	(void)begin_change(st, ZONE_EDIT, "keys");
	for (size_t i = known; i < st->keys->count; i++)
		sign_stored_change(s->change, st->zone.id, st->keys->keys[i].number,
		                   &st->keys->keys[i].stored);
	s->outcome = STEP_CHANGE;
	return 0;
}

static int forget_signing(struct state *st)
{
	struct change *c = st->step->change;

	TRY(sign_stored_forget(c, st->txn, st->zone.id));
	TRY(bundle_stored_forget(c, st->txn, st->zone.id));
	sign_state_change(c, st->zone.id, NULL);
	return 0;
}

static int decide(struct state *st)
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
static void list_elsewhere(struct state *st, uint32_t number)
{
	struct rdata ksks[SIGN_KEYS_MAX];
	size_t count = keeper_bundle_ksks(st->keys, ksks, SIGN_KEYS_MAX);

	for (size_t i = 0; i < count; i++)
		list_one(st->step, number, ksks[i]);
}

static void list_asked(struct state *st)
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

static void plan_next(struct state *st, const struct life_result *r)
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

/* ---- all of it ---- */

/* Of one that is signed here. */
static int look_at_signatures(struct state *st)
{
	TRY(has_signatures(st, &st->was_signed));
	st->was_signed &= zone_keys_sign(st->keys);
	if (!st->was_signed)
		return zone_longest_ttl(st->txn, st->zone.id,
		                        &st->step->scan.longest_ttl);
	TRY(zone_keys_open(st->keys, st->step->secrets, st->step->trouble));
	TRY(look_at_chain_ttl(st));
	return scan(st);
}

/* Of one that is not yet. */
static int look_at_data(struct state *st)
{
	TRY(has_signatures(st, &st->presigned));
	return zone_longest_ttl(st->txn, st->zone.id, &st->step->scan.longest_ttl);
}

static void count_keys(const struct state *st)
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
static int follow_bundles(struct state *st, bool *goes_on)
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

static void take_warning(struct state *st)
{
	struct step *s = st->step;

	if (st->bundles.next < s->again)
		s->again = st->bundles.next;
	if (!s->trouble[0])
		(void)snprintf(s->trouble, sizeof s->trouble, "%s", st->bundles.why);
}

/* A zone whose signatures have ended, since nobody was there to make them anew or a clock was set, is made valid by the keys
 * that it has. Another DNSKEY RRset beside signatures that do not hold would be refused. */
static bool comes_first(const struct state *st)
{
	const struct zone_scan *scan = &st->step->scan;

	return st->was_signed && !st->keys->state.bundle && scan->lapsed &&
	       scan->due_count > 0;
}

static int go_on(struct state *st)
{
	struct life_result r = {.again = UINT64_MAX};
	struct step *s = st->step;
	bool goes_on;

	TRY(st->fresh ? look_at_data(st) : look_at_signatures(st));
	if (st->presigned && st->keys->count == 0)
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
	take_numbers(st);
	size_t known = st->keys->count;
	TRY(live_on(st, &r));
	if (keys_come_first(st, known))
		return change_keys_first(st, known);
	TRY(take_chain(st));
	purge(st);
	count_keys(st);
	plan_next(st, &r);
	take_warning(st);
	return decide(st);
}

static int look(struct state *st)
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
	TRY(read_keys(st));
	if (st->fresh && !st->wanted) {
		s->outcome = STEP_FORGET;
		return 0;
	}
	if (!st->zone.loaded)
		return 0;
	if (!st->wanted)
		name = st->keys->state.policy;
	if (find_policy(st, name) < 0)
		return trouble(st, "there is no policy of its policy's name");
	s->agents = st->policy->parental_agents;
	s->ds_ttl = st->numbers.parent_ds_ttl;
	s->change = change_new(actor_self());
	return go_on(st);
}

int step_look(struct store_txn *t, struct step *s)
{
	struct state st = {.step = s, .txn = t};

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
