#include "control/keeper/bundles.h"

#include <stdio.h>
#include <string.h>

#include "control/sign/bundle_check.h"
#include "control/sign/bundle_stored.h"
#include "control/sign/dnskey.h"
#include "control/sign/ds.h"
#include "control/sign/life_rules.h"
#include "control/sign/times.h"
#include "shared/err.h"

enum {
	WARN_S = 14 * 86400, /* before the last bundle ends: the safe may be far away */
	RETRY_S = 60,
};

static void note_next(struct bundles_look *l, uint64_t then)
{
	l->next = then < l->next ? then : l->next;
}

static void warn(struct bundles_look *l, const char *text)
{
	if (!l->why[0])
		(void)snprintf(l->why, sizeof l->why, "%s", text);
}

/* ---- KSKs ---- */

static size_t find_ksk(const struct zone_keys *k)
{
	size_t i = 0;

	while (i < k->count && (k->lives[i].role != LIFE_KSK || k->lives[i].retired))
		i++;
	return i;
}

static size_t list_ksks(const struct bundle *b, struct rdata *out, size_t most)
{
	const struct rrset *set = &b->sets[BUNDLE_DNSKEY];
	const uint8_t *at = set->count ? rrset_first(set) : NULL;
	size_t count = 0;

	for (unsigned i = 0; i < set->count && count < most; i++) {
		struct rdata d = rrset_next(&at);
		if (bundle_is_ksk(d) && d.len <= DNSKEY_MAX)
			out[count++] = d;
	}
	return count;
}

size_t keeper_bundle_ksks(const struct zone_keys *k, struct rdata *out, size_t most)
{
	return k->bundles ? list_ksks(&k->bundles->list[0], out, most) : 0;
}

/* ---- may it be taken? ---- */

/* Says whether what is in use goes on. What has no bundle so far signs by itself. */
static bool can_stay(const struct zone_keys *k, uint64_t now)
{
	return !k->state.bundle ||
	       (k->bundles && bundle_last_until(&k->bundles->list[0], 0) > now);
}

/* What is in use is over, and nothing is worse than that: the key goes at once, whoever counts on it. */
static void tear_out(struct zone_keys *k, const struct bundle *b, uint64_t now,
                     struct bundles_look *l)
{
	for (size_t i = zone_keys_missing(k, b, 0); i < k->count;
	     i = zone_keys_missing(k, b, i + 1)) {
		struct life_key *life = &k->lives[i];
		memset(life->records, 0, sizeof life->records);
		life->retired = life->retired ? life->retired : now;
		l->torn = true;
	}
}

/* Gives the KSK in use that a bundle lacks although the parent may have no other's DS, or none (len 0): the safe has a
 * calendar, and does not know what the parent does. */
static struct rdata find_unchained(const struct zone_keys *k, const struct bundle *b)
{
	struct rdata ksks[BUNDLE_KEYS_MAX];
	size_t count = k->state.bundle ? keeper_bundle_ksks(k, ksks, BUNDLE_KEYS_MAX) : 0;
	size_t at = find_ksk(k);
	const struct life_record *ds =
		at < k->count ? &k->lives[at].records[LIFE_DS] : NULL;

	for (size_t i = 0; ds && life_somewhere(ds) && i < count; i++) {
		bool counts =
			!life_everywhere(ds) ||
			rdata_same(ksks[i], sign_stored_dnskey(&k->keys[at].stored));
		if (counts && !bundle_publishes(b, ksks[i]))
			return ksks[i];
	}
	return (struct rdata){0};
}

/* Says whether nobody needs what a bundle lacks. */
static bool has_all(const struct zone_keys *k, const struct bundle *b,
                    const struct sign_policy *p, struct bundles_look *l)
{
	size_t missing = zone_keys_missing(k, b, 0);
	struct rdata ksk = p->double_ds ? (struct rdata){0} : find_unchained(k, b);
	char text[SIGN_TIME_SIZE];

	if (missing < k->count)
		(void)snprintf(
			l->why, sizeof l->why,
			"the bundle of %s lacks key %u, which validators may need: "
			"another response is needed (dnssec ksr)",
			sign_time_text(b->from, text), k->keys[missing].number);
	else if (ksk.len)
		(void)snprintf(
			l->why, sizeof l->why,
			"the bundle of %s lacks the KSK with tag %u, and the parent was "
			"not seen to have the DS of another everywhere (dnssec ds)",
			sign_time_text(b->from, text), dnskey_tag(ksk));
	return missing == k->count && !ksk.len;
}

static bool may_take(struct zone_keys *k, const struct bundle *b,
                     const struct sign_policy *p, uint64_t now, struct bundles_look *l)
{
	if (has_all(k, b, p, l))
		return true;
	note_next(l, now + RETRY_S);
	if (can_stay(k, now))
		return false;
	tear_out(k, b, now, l);
	return true;
}

/* ---- keys ---- */

static void begin_keys(struct zone_keys *k, const struct bundle *b,
                       const struct sign_policy *p, uint64_t now, struct bundles_look *l)
{
	for (size_t i = 0; i < k->planned_count;) {
		const struct sign_stored *s = &k->planned[i].stored;
		struct life_key life = life_key_new(LIFE_ZSK, p, now);

		if (!bundle_publishes(b, sign_stored_dnskey(s))) {
			i++;
			continue;
		}
		zone_keys_begin(k, i, &life);
		l->changed = true;
	}
}

/* Says whether a bundle asks the parent for a key's DS. */
static bool is_named(const struct zone_keys *k, const struct bundle *b,
                     struct rdata dnskey)
{
	const struct rrset *set = &b->sets[BUNDLE_CDS];
	const uint8_t *at = set->count ? rrset_first(set) : NULL;

	for (unsigned i = 0; i < set->count; i++)
		if (ds_is_of(rrset_next(&at), k->zone, dnskey))
			return true;
	return false;
}

/* Gives the one whose DS counts, or none (len 0): had is the one that did so far. */
static struct rdata choose_ksk(const struct zone_keys *k, const struct bundle *b,
                               struct rdata had)
{
	struct rdata ksks[BUNDLE_KEYS_MAX];
	size_t count = list_ksks(b, ksks, BUNDLE_KEYS_MAX);
	bool has_had = had.len && bundle_publishes(b, had);

	if (has_had && is_named(k, b, had))
		return had;
	for (size_t i = 0; i < count; i++)
		if (is_named(k, b, ksks[i]))
			return ksks[i];
	return has_had ? had : count ? ksks[0] : (struct rdata){0};
}

static void take_ksk(struct zone_keys *k, const struct bundle *b,
                     const struct sign_policy *p, uint64_t now, struct bundles_look *l)
{
	size_t at = find_ksk(k);
	struct rdata had = at < k->count ? sign_stored_dnskey(&k->keys[at].stored)
	                                 : (struct rdata){0};
	struct rdata next = choose_ksk(k, b, had);
	struct sign_stored s = {.created_at = now, .dnskey_len = next.len};
	struct life_key life = life_key_new(LIFE_KSK, p, now);

	if (!next.len || rdata_same(had, next))
		return;
	memcpy(s.dnskey, next.bytes, next.len);
	l->changed = true;
	if (at == k->count) {
		(void)zone_keys_add(k, zone_keys_next_number(k), &s, &life);
		return;
	}
	/* Its successor in all but the DS, which the parent is to have first. */
	k->keys[at].stored = s;
	if (life_wants_ds(&k->lives[at]))
		k->lives[at].records[LIFE_DS] =
			(struct life_record){.from = now, .until = LIFE_NEVER};
}

/* ---- all of it ---- */

static void look_at_end(const struct bundles *b, const struct sign_policy *p,
                        uint64_t now, struct bundles_look *l)
{
	char text[SIGN_TIME_SIZE];
	char line[ZONE_KEYS_WHY_SIZE];

	if (b->count > 1) {
		note_next(l, b->list[1].from);
		return;
	}
	uint64_t until = bundle_last_until(&b->list[0], p->propagation);
	uint64_t from = until > WARN_S ? until - WARN_S : 0;
	if (now < from) {
		note_next(l, from);
		return;
	}
	(void)snprintf(line, sizeof line,
	               now < until
	                       ? "its DNSKEYs are signed until %s only: have another "
	                         "request signed (dnssec ksr)"
	                       : "its DNSKEYs are signed until %s, which is over: have "
	                         "another request signed (dnssec ksr)",
	               sign_time_text(until, text));
	warn(l, line);
	note_next(l, now < until ? until : now + WARN_S);
}

static int find_none(const struct zone_keys *k, struct bundles_look *l)
{
	warn(l,
	     "its KSK is offline, and there is no signed response (SKR) that holds now: "
	     "have a request signed (dnssec ksr), and import the response (dnssec skr)");
	return k->state.bundle ? 0 : ERR_NOTFOUND;
}

int keeper_take_bundle(struct store_txn *t, struct zone_keys *k,
                       const struct sign_policy *p, uint64_t now,
                       struct bundles_look *out)
{
	struct bundles *b;

	*out = (struct bundles_look){.next = UINT64_MAX};
	int err = bundle_stored_at(t, k->id, k->zone, now, &b);
	if (err == ERR_NOTFOUND)
		return find_none(k, out);
	TRY(err);
	look_at_end(b, p, now, out);
	bool is_other = b->list[0].from != k->state.bundle || !k->bundles;
	if (is_other && !may_take(k, &b->list[0], p, now, out)) {
		bundles_free(&b);
		return k->state.bundle ? 0 : ERR_NOTFOUND;
	}
	if (is_other)
		zone_keys_take_bundle(k, &b);
	out->changed = is_other;
	begin_keys(k, &k->bundles->list[0], p, now, out);
	take_ksk(k, &k->bundles->list[0], p, now, out);
	bundles_free(&b);
	return 0;
}
