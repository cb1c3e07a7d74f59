/*
 * A step: what time has done, which keys are wanted, and every move that is allowed now. Introductions
 * come before withdrawals, so that what is exchanged is exchanged in one step, and all is tried again
 * until nothing moves.
 */
#include "control/sign/life.h"

#include <string.h>

#include "control/sign/life_rules.h"
#include "control/sign/life_times.h"

enum { SLOTS_MAX = 2 };

bool life_has(const struct life_key *k, enum life_kind kind)
{
	if (kind == LIFE_RRSIG)
		return k->role & LIFE_ZSK;
	return kind == LIFE_DNSKEY || k->role & LIFE_KSK;
}

enum life_state life_state(const struct life_key *k, enum life_kind kind)
{
	const struct life_record *r = &k->records[kind];

	if (!life_somewhere(r))
		return LIFE_HIDDEN;
	if (!life_is_given(r))
		return LIFE_UNRETENTIVE;
	return r->from ? LIFE_RUMOURED : LIFE_OMNIPRESENT;
}

static bool is_hidden(const struct life_key *k)
{
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		if (life_somewhere(&k->records[kind]))
			return false;
	return true;
}

static bool is_in_use(const struct life_key *k)
{
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		if (life_has(k, kind) && !life_everywhere(&k->records[kind]))
			return false;
	return true;
}

static bool is_leaving(const struct life_now *in, const struct life_key *k)
{
	return k->retired || !in->secure;
}

/* ---- time ---- */

static void elapse_record(const struct sign_policy *p, const struct life_now *in,
                          struct life *l, struct life_key *k, enum life_kind kind,
                          bool *changed)
{
	struct life_record *r = &k->records[kind];
	enum life_state state = life_state(k, kind);

	if (state != LIFE_RUMOURED && state != LIFE_UNRETENTIVE)
		return;
	if (in->now < life_deadline(p, l, k, kind))
		return;
	if (state == LIFE_RUMOURED)
		r->from = 0;
	else
		*r = (struct life_record){0};
	*changed = true;
}

static void elapse(const struct sign_policy *p, const struct life_now *in, struct life *l,
                   bool *changed)
{
	for (size_t i = 0; i < l->count; i++)
		for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
			elapse_record(p, in, l, &l->keys[i], kind, changed);
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		life_ttl_elapse(p, l, kind, in->now);
}

/* Where no DNSKEY is published, what caches have of it are negative answers. */
static void note_ttls(const struct sign_policy *p, const struct life_now *in,
                      struct life *l)
{
	bool published = false;

	for (size_t i = 0; i < l->count; i++)
		published = published || life_publishes(&l->keys[i]);
	life_ttl_is(&l->ttl[LIFE_DNSKEY], published ? p->dnskey_ttl : in->zone_ttl);
	life_ttl_is(&l->ttl[LIFE_RRSIG], in->zone_ttl);
}

/* ---- which keys are wanted ---- */

static unsigned slots(const struct sign_policy *p, enum life_role roles[SLOTS_MAX])
{
	if (p->csk) {
		roles[0] = LIFE_CSK;
		return 1;
	}
	roles[0] = LIFE_KSK;
	roles[1] = LIFE_ZSK;
	return 2;
}

static bool fits(const struct sign_policy *p, const struct life_key *k,
                 enum life_role role)
{
	return k->role == role && k->algorithm == p->algorithm &&
	       (!sign_algorithm_is_rsa(p->algorithm) || k->bits == p->rsa_bits);
}

/* Gives the one that is to be in use, the youngest, or NULL. */
static struct life_key *wanted_key(const struct sign_policy *p, const struct life *l,
                                   enum life_role role)
{
	struct life_key *found = NULL;

	for (size_t i = 0; i < l->count; i++) {
		struct life_key *k = &l->keys[i];
		if (!k->retired && fits(p, k, role) && (!found || k->born >= found->born))
			found = k;
	}
	return found;
}

/* Says whether a key of the role is still on its way out; the next is not hurried behind it. */
static bool is_rolling(const struct life *l, enum life_role role)
{
	for (size_t i = 0; i < l->count; i++)
		if ((l->keys[i].role & role) && l->keys[i].retired &&
		    !is_hidden(&l->keys[i]))
			return true;
	return false;
}

static bool needs_successor(const struct sign_policy *p, const struct life_now *in,
                            const struct life *l, const struct life_key *k)
{
	return k->roll || (in->now >= life_roll_time(p, k) && is_in_use(k) &&
	                   !is_rolling(l, (enum life_role)k->role));
}

static void retire(struct life *l, struct life_key *const *wanted, unsigned count,
                   uint64_t now, bool *changed)
{
	for (size_t i = 0; i < l->count; i++) {
		struct life_key *k = &l->keys[i];
		bool is_wanted = k->retired;

		for (unsigned s = 0; s < count; s++)
			is_wanted = is_wanted || wanted[s] == k;
		if (is_wanted)
			continue;
		k->retired = now;
		*changed = true;
	}
}

/* Keys are told to leave only when all those are there that are to take over. */
static void fill_slots(const struct sign_policy *p, const struct life_now *in,
                       struct life *l, struct life_result *out)
{
	enum life_role roles[SLOTS_MAX];
	struct life_key *wanted[SLOTS_MAX];
	unsigned count = slots(p, roles);
	bool whole = true;

	if (!in->secure)
		return;
	for (unsigned s = 0; s < count; s++) {
		wanted[s] = wanted_key(p, l, roles[s]);
		whole = whole && wanted[s];
		if (!wanted[s] || needs_successor(p, in, l, wanted[s]))
			out->generate[out->generate_count++] = (uint8_t)roles[s];
	}
	if (whole)
		retire(l, wanted, count, in->now, &out->changed);
}

/* ---- moves ---- */

/* Says whether there is another key of the algorithm that signs. What is in caches only leaves the zone
 * unsigned. */
static bool another_signs(const struct life *l, const struct life_key *k)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct life_key *o = &l->keys[i];
		if (o != k && o->algorithm == k->algorithm && life_signs(o) &&
		    life_publishes(o))
			return true;
	}
	return false;
}

/* Says whether the KSK comes or goes as in RFC 7583 section 3.3.2: there is another of its algorithm that
 * has its part in the exchange already. */
static bool is_double_ds(const struct sign_policy *p, const struct life *l,
                         const struct life_key *k)
{
	if (!p->double_ds || k->role != LIFE_KSK)
		return false;
	for (size_t i = 0; i < l->count; i++) {
		const struct life_key *o = &l->keys[i];
		if (o != k && o->role == LIFE_KSK && o->algorithm == k->algorithm &&
		    life_everywhere(&o->records[LIFE_DS]) &&
		    life_is_given(&o->records[LIFE_DNSKEY]))
			return true;
	}
	return false;
}

/* Of what the rules allow, what is wanted now. Without this, a new key would sign everything beside the
 * old one until caches know it, which is twice the signatures (RFC 6781 section 4.1.1.3): for those who want
 * it so. */
static bool is_time_to_introduce(const struct sign_policy *p, const struct life *l,
                                 const struct life_key *k, enum life_kind kind)
{
	bool is_known = life_everywhere(&k->records[LIFE_DNSKEY]);

	if (kind == LIFE_RRSIG)
		return is_known || !another_signs(l, k) ||
		       (p->double_signature && life_publishes(k));
	if (kind == LIFE_DS)
		return is_known || is_double_ds(p, l, k);
	return !is_double_ds(p, l, k) || life_everywhere(&k->records[LIFE_DS]);
}

static bool is_time_to_withdraw(const struct sign_policy *p, const struct life *l,
                                const struct life_key *k, enum life_kind kind)
{
	return kind != LIFE_DNSKEY || !life_somewhere(&k->records[LIFE_DS]) ||
	       is_double_ds(p, l, k);
}

/* A DS that is on its way out can be asked for again; what is ours is gone before it comes back. */
static bool introduce(const struct sign_policy *p, const struct life_now *in,
                      struct life *l, struct life_key *k, enum life_kind kind)
{
	struct life_record *r = &k->records[kind];

	if (!life_has(k, kind) || is_leaving(in, k) || life_is_given(r))
		return false;
	if (life_somewhere(r) && kind != LIFE_DS)
		return false;
	if (!is_time_to_introduce(p, l, k, kind) ||
	    !life_may_introduce(l, k, kind, in->now))
		return false;
	*r = (struct life_record){.from = in->now, .until = LIFE_NEVER};
	if (kind != LIFE_DNSKEY && !k->active)
		k->active = in->now;
	return true;
}

static bool may_leave(const struct life_now *in, const struct life_key *k,
                      enum life_kind kind)
{
	return is_leaving(in, k) && life_is_given(&k->records[kind]);
}

static void leave(struct life_record *r, uint64_t now)
{
	*r = (struct life_record){.from = r->from, .until = now};
}

static bool is_last_ksk(const struct life *l, const struct life_key *k)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct life_key *o = &l->keys[i];
		if (o != k && (o->role & LIFE_KSK) && o->algorithm == k->algorithm &&
		    life_publishes(o))
			return false;
	}
	return k->role & LIFE_KSK;
}

static bool withdraw_algorithm(const struct life_now *in, struct life *l,
                               uint8_t algorithm)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct life_key *k = &l->keys[i];
		if (k->algorithm == algorithm && life_publishes(k) &&
		    !may_leave(in, k, LIFE_DNSKEY))
			return false;
	}
	if (!life_may_withdraw_algorithm(l, algorithm, in->secure))
		return false;
	for (size_t i = 0; i < l->count; i++)
		if (l->keys[i].algorithm == algorithm && life_publishes(&l->keys[i]))
			leave(&l->keys[i].records[LIFE_DNSKEY], in->now);
	return true;
}

static bool withdraw(const struct sign_policy *p, const struct life_now *in,
                     struct life *l, struct life_key *k, enum life_kind kind)
{
	if (!may_leave(in, k, kind) || !is_time_to_withdraw(p, l, k, kind))
		return false;
	if (kind == LIFE_DNSKEY && is_last_ksk(l, k))
		return withdraw_algorithm(in, l, k->algorithm);
	if (!life_may_withdraw(l, k, kind, in->now, in->secure))
		return false;
	leave(&k->records[kind], in->now);
	return true;
}

typedef bool move(const struct sign_policy *p, const struct life_now *in, struct life *l,
                  struct life_key *k, enum life_kind kind);

static bool try_all(const struct sign_policy *p, const struct life_now *in,
                    struct life *l, move *try)
{
	bool moved = false;

	for (size_t i = 0; i < l->count; i++)
		for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
			moved = try(p, in, l, &l->keys[i], kind) || moved;
	return moved;
}

static bool move_all(const struct sign_policy *p, const struct life_now *in,
                     struct life *l)
{
	bool moved = false;

	while (try_all(p, in, l, introduce) || try_all(p, in, l, withdraw))
		moved = true;
	return moved;
}

/* ---- the next look ---- */

static void sooner(uint64_t *again, uint64_t now, uint64_t then)
{
	if (then > now && then < *again)
		*again = then;
}

static void look_again(const struct sign_policy *p, const struct life_now *in,
                       const struct life *l, struct life_key *k, struct life_result *out)
{
	if (!is_leaving(in, k))
		sooner(&out->again, in->now, life_roll_time(p, k));
	if (k->gone)
		sooner(&out->again, in->now, k->gone + p->purge_after);
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++) {
		enum life_state state = life_state(k, kind);

		if (state != LIFE_RUMOURED && state != LIFE_UNRETENTIVE)
			continue;
		sooner(&out->again, in->now, life_deadline(p, l, k, kind));
		if (kind == LIFE_DS && !k->records[kind].done)
			out->ask = true;
	}
}

/* What is later than now was written by a clock that was wrong. */
static void forget_future(struct life *l, uint64_t now)
{
	for (size_t i = 0; i < l->count; i++)
		for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++) {
			struct life_record *r = &l->keys[i].records[kind];

			if (r->done > now)
				r->done = now;
			if (r->until != LIFE_NEVER && r->until > now)
				r->until = now;
			if (r->from > now)
				r->from = now;
		}
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		if (l->ttl[kind].until > now)
			l->ttl[kind].until = now;
}

void life_step(const struct sign_policy *p, const struct life_now *in, struct life *l,
               struct life_result *out)
{
	struct life_ttl ttls[LIFE_KINDS];

	memcpy(ttls, l->ttl, sizeof ttls);
	*out = (struct life_result){.again = LIFE_NEVER};
	forget_future(l, in->now);
	note_ttls(p, in, l);
	elapse(p, in, l, &out->changed);
	fill_slots(p, in, l, out);
	out->changed = move_all(p, in, l) || out->changed;
	note_ttls(p, in, l);
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		out->changed =
			out->changed || !life_ttl_equal(&ttls[kind], &l->ttl[kind]);
	for (size_t i = 0; i < l->count; i++) {
		struct life_key *k = &l->keys[i];
		bool gone = is_leaving(in, k) && is_hidden(k);

		if (gone != (k->gone != 0)) {
			k->gone = gone ? in->now : 0;
			out->changed = true;
		}
		look_again(p, in, l, k, out);
	}
}
