#include "control/keeper/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/keeper/new_key.h"
#include "control/sign/bundle_plan.h"
#include "control/sign/ds.h"
#include "control/sign/life_rules.h"
#include "control/sign/zone_scan.h"
#include "shared/err.h"

enum {
	TURNS_MAX = 128,
	SLACK_S = 86400, /* in which what is due is done, and a large zone signed */
};

static int refuse(char *why, const char *format, ...) PRINTF_LIKE(2, 3);

static int refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, ZONE_KEYS_WHY_SIZE, format, args);
	va_end(args);
	return ERR_REFUSED;
}

/* ---- the ZSKs that there are ---- */

/* In the order of their turns. */
struct turns {
	struct zone_key *keys[TURNS_MAX];
	struct bundle_turn turns[TURNS_MAX];
	size_t count;
};

/* A key that was made without a plan has its turn by how it has lived. */
static struct bundle_turn turn_of(const struct zone_key *k, const struct life_key *l)
{
	if (k->turn.from)
		return k->turn;
	return (struct bundle_turn){.from = l->born ? l->born : 1,
	                            .active = l->active ? l->active : l->born,
	                            .until = BUNDLE_FOREVER};
}

static int add_turn(struct turns *t, struct zone_key *k, struct bundle_turn turn,
                    char *why)
{
	if (t->count == TURNS_MAX)
		return refuse(why, "it has more than %d ZSKs", TURNS_MAX);
	t->keys[t->count] = k;
	t->turns[t->count++] = turn;
	return 0;
}

/* A key that is on its way out, and of which no plan says until when, makes it impossible to say. */
static int list_turns(const struct request_zone *z, struct turns *t, char *why)
{
	struct zone_keys *k = z->keys;

	t->count = 0;
	for (size_t i = 0; i < k->count; i++) {
		const struct life_key *l = &k->lives[i];
		if (!(l->role & LIFE_ZSK) || l->gone)
			continue;
		if (l->role == LIFE_CSK)
			return refuse(
				why,
				"key %u is a CSK: first sign the zone with a KSK and "
				"a ZSK",
				k->keys[i].number);
		if (l->algorithm != z->policy->policy.algorithm)
			return refuse(
				why,
				"key %u has another algorithm than the policy, which "
				"cannot be changed while the KSK is offline",
				k->keys[i].number);
		if (l->retired && !k->keys[i].turn.from)
			return refuse(why,
			              "key %u is on its way out: wait until it is gone",
			              k->keys[i].number);
		TRY(add_turn(t, &k->keys[i], turn_of(&k->keys[i], l), why));
	}
	for (size_t i = 0; i < k->planned_count; i++)
		TRY(add_turn(t, &k->planned[i], k->planned[i].turn, why));
	return 0;
}

/* ---- the request ---- */

static int plan(const struct request_zone *z, uint64_t until, struct turns *t, char *why)
{
	struct bundle_pace pace = {.policy = &z->policy->policy,
	                           .slack = SLACK_S,
	                           .from = z->now,
	                           .until = until};

	TRY(zone_longest_ttl(z->txn, z->keys->id, &pace.zone_ttl));
	int count = bundle_plan(&pace, t->turns, t->count, TURNS_MAX);
	if (count == ERR_TOOBIG)
		return refuse(why, "it would be more than %d ZSKs", TURNS_MAX);
	return count;
}

/* Makes a key for each turn that has none. Those that there are may have become others' neighbours in memory. */
static int make_keys(const struct request_zone *z, const struct turns *t, size_t count,
                     char *why)
{
	struct new_key n = {.txn = z->txn,
	                    .secrets = z->secrets,
	                    .policy = z->policy,
	                    .keys = z->keys,
	                    .flags = SIGN_FLAGS_ZSK,
	                    .now = z->now};
	struct sign_stored stored;

	for (size_t i = t->count; i < count; i++) {
		n.number = zone_keys_next_number(z->keys);
		TRY(new_key_make(&n, &stored, why));
		(void)zone_keys_plan(z->keys, n.number, &stored, &t->turns[i]);
	}
	return 0;
}

static int write_request(const struct request_zone *z, const struct turns *t,
                         uint64_t until, struct bundles **out, char *why)
{
	struct bundle_zsk zsks[TURNS_MAX];
	struct bundle_wish wish = {.zone = z->keys->zone,
	                           .zsks = zsks,
	                           .ttl = z->policy->policy.dnskey_ttl,
	                           .from = z->now,
	                           .until = until};

	for (size_t i = 0; i < t->count; i++)
		if (t->turns[i].until > z->now)
			zsks[wish.count++] = (struct bundle_zsk){
				.dnskey = sign_stored_dnskey(&t->keys[i]->stored),
				.from = t->turns[i].from,
				.until = t->turns[i].until};
	int err = bundle_request(&wish, out);
	if (err == ERR_INVALID)
		return refuse(why, "there is a time for which no ZSK is planned");
	return err == ERR_TOOBIG ? refuse(why, "it would be too many keys at once") : err;
}

int request_make(const struct request_zone *z, uint64_t until, struct request *out,
                 char why[static ZONE_KEYS_WHY_SIZE])
{
	struct turns t;

	*out = (struct request){0};
	TRY(list_turns(z, &t, why));
	int count = plan(z, until, &t, why);
	TRY(count);
	for (size_t i = 0; i < t.count; i++) {
		out->planned |=
			memcmp(&t.keys[i]->turn, &t.turns[i], sizeof t.turns[i]) != 0;
		t.keys[i]->turn = t.turns[i];
	}
	out->made = (unsigned)count - (unsigned)t.count;
	out->planned |= out->made > 0;
	TRY(make_keys(z, &t, (size_t)count, why));
	TRY(list_turns(z, &t, why));
	return write_request(z, &t, until, &out->bundles, why);
}

/* ---- the response ---- */

struct parent_has {
	uint8_t bytes[SIGN_KEYS_MAX][DS_MAX];
	struct rdata ds[SIGN_KEYS_MAX];
	size_t count;
};

/* Lists the DS that were seen at the parent. Where a DS comes before its key, the parent has others that nobody here knows
 * of; and so it may once a response begins that begins later. */
static void list_ds(const struct request_zone *z, const struct bundles *response,
                    struct parent_has *p)
{
	const struct zone_keys *k = z->keys;

	p->count = 0;
	if (z->policy->policy.double_ds || !bundles_at(response, z->now))
		return;
	for (size_t i = 0; i < k->count && p->count < SIGN_KEYS_MAX; i++) {
		const struct life_record *r = &k->lives[i].records[LIFE_DS];
		if (!life_has(&k->lives[i], LIFE_DS) || !life_is_given(r) || !r->done)
			continue;
		uint8_t *to = p->bytes[p->count];
		int len = ds_make(k->zone, sign_stored_dnskey(&k->keys[i].stored),
		                  DS_SHA256, to);
		if (len > 0)
			p->ds[p->count++] = (struct rdata){to, (uint16_t)len};
	}
}

static int check(const struct request_zone *z, const struct bundles *response,
                 struct bundle_span *span, char *why)
{
	struct bundle_zsk zsks[TURNS_MAX];
	char text[BUNDLE_WHY_SIZE] = "";
	struct parent_has parent;
	struct turns t;

	TRY(list_turns(z, &t, why));
	list_ds(z, response, &parent);
	for (size_t i = 0; i < t.count; i++)
		zsks[i] = (struct bundle_zsk){sign_stored_dnskey(&t.keys[i]->stored),
		                              t.turns[i].from, t.turns[i].until};
	const struct bundle_terms terms = {.policy = &z->policy->policy,
	                                   .zsks = zsks,
	                                   .zsk_count = t.count,
	                                   .ds = parent.ds,
	                                   .ds_count = parent.count,
	                                   .insecure = z->keys->state.leaving,
	                                   .now = z->now};
	int err = bundle_check(response, &terms, span, text);
	return err < 0 ? refuse(why, "%s", text[0] ? text : err_text(err)) : 0;
}

static int check_keys(const struct zone_keys *k, const struct bundle *b, char *why)
{
	size_t missing = zone_keys_missing(k, b, 0);

	return missing == k->count
	               ? 0
	               : refuse(why, "it lacks key %u, whose signatures caches may have",
	                        k->keys[missing].number);
}

int response_check(const struct request_zone *z, const struct bundles *response,
                   struct bundle_span *span, bool *in_use,
                   char why[static ZONE_KEYS_WHY_SIZE])
{
	const struct bundle *b = bundles_at(response, z->now);
	struct zone_keys *k = z->keys;

	TRY(check(z, response, span, why));
	*in_use = b && k->state.bundle;
	if (!*in_use)
		return 0;
	TRY(check_keys(k, b, why));
	k->state.bundle = b->from;
	return 0;
}
