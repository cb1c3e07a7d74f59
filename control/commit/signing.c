/*
 * What of a change is the signer's. A zone that is signed here goes through all the steps that others go through; before
 * and after them the signer takes out what is its own and puts it back (control/sign/zone_view.h, zone_contents.h).
 */
#include "control/change/digest.h"
#include "control/commit/plan.h"
#include "control/commit/ring.h"
#include "control/policy/policy.h"
#include "control/sign/bundle_stored.h"
#include "control/sign/check.h"
#include "control/sign/zone_contents.h"
#include "control/sign/zone_scan.h"
#include "control/sign/zone_view.h"
#include "control/zone/zonemd.h"
#include "shared/err.h"
#include "shared/log.h"
#include "shared/rrtype.h"

/* ---- keys ---- */

static int refuse_keys(struct plan *p, int err, const char *why)
{
	change_problem_add(&p->problems, -1, "keys", NULL,
	                   "the zone cannot be signed: %s", why[0] ? why : err_text(err));
	return ERR_REFUSED;
}

int signing_keys(struct plan *p, struct planned *z)
{
	struct committer *c = p->c;
	char why[ZONE_KEYS_WHY_SIZE] = "";
	struct zone_keys *keys;

	z->keys = NULL;
	if (!z->before.id) /* a zone that comes */
		return 0;
	int err = key_ring_get(c->ring, c->txn, &z->before, p->change, &keys, why);
	if (err == ERR_NOTFOUND)
		return 0;
	if (err == ERR_REFUSED || err == ERR_CORRUPT || err == ERR_VERSION)
		return refuse_keys(p, err, why);
	TRY(err);
	if (zone_keys_sign(keys))
		z->keys = keys;
	return 0;
}

int signing_begin(struct plan *p, struct planned *z)
{
	bool has_signatures;

	TRY(signing_keys(p, z));
	if (z->keys)
		return 0;
	/* An edit would leave it with signatures that do not fit. */
	TRY(zone_has_signatures(p->c->txn, z->zone->table.id, &has_signatures));
	if (z->zone->table.denial != 0 || has_signatures)
		return plan_refuse(p, "presigned",
		                   "the zone is presigned: whoever signs it edits it");
	return 0;
}

static int forget(struct plan *p, const struct planned *z)
{
	struct sign_state state;
	int err = sign_state_get(p->c->txn, z->before.id, &state);

	TRY(bundle_stored_forget(p->change, p->c->txn, z->before.id));
	/* It may have keys although it is not signed so far: those that were imported. */
	TRY(sign_stored_forget(p->change, p->c->txn, z->before.id));
	if (err == 0)
		sign_state_change(p->change, z->before.id, NULL);
	return err == ERR_NOTFOUND ? 0 : err;
}

static int check_kind(struct plan *p, const struct planned *z)
{
	struct sign_state state;

	if (!zone_kind_is_secondary(zone_policy_kind(p->c->config, &z->after)))
		return 0;
	int err = sign_state_after(p->c->txn, z->before.id, p->change, &state);
	if (err == 0)
		return plan_refuse(p, "zone-is-signed",
		                   "the zone is signed here: it becomes a secondary "
		                   "once it is not any more");
	return err == ERR_NOTFOUND ? 0 : err;
}

/* ---- edits ---- */

/* Says whether an edit is of what comes with its signatures from elsewhere. */
static bool is_given(const struct planned *z, const struct edit *e)
{
	return z->keys->state.bundle && rrtype_is_of_keys(e->type) &&
	       name_equal(e->owner, z->before.name);
}

static int check_types(struct plan *p, const struct zone_change *zc,
                       const struct planned *z)
{
	char owner[NAME_TEXT_MAX];
	char type[RRTYPE_TEXT_MAX];
	int err = 0;

	for (size_t i = 0; i < zc->edit_count; i++) {
		const struct edit *e = &zc->edits[i];
		if (!rrtype_is_of_signing(e->type) && !is_given(z, e))
			continue;
		change_problem_add(
			&p->problems, (int)i, "type-of-signing", "type",
			"%s %s: the zone is signed here, and this made with it",
			name_to_text(e->owner, owner), rrtype_to_text(e->type, type));
		err = ERR_REFUSED;
	}
	return err;
}

static bool counts_even_so(const struct zone_change *zc)
{
	bool even = zc->signed_anew;

	for (size_t i = 0; i < zc->edit_count; i++)
		even |= zc->edits[i].even_unchanged;
	return even;
}

/* Says whether the zone is to have a digest that it has not. */
static bool lacks_digest(const struct plan *p, const struct planned *z)
{
	struct rrset set;

	return zone_policy_digests_at_once(p->c->config, &z->after, z->before.rrsets) &&
	       change_view_get(&z->view, (const uint8_t *)"", 0, RRTYPE_ZONEMD, &set) ==
	               ERR_NOTFOUND;
}

int signing_bare(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	const struct zone_view_wish wish = {.again = &zc->again,
	                                    .even = counts_even_so(zc),
	                                    .now = p->time_us / 1000000};

	TRY(check_types(p, zc, z));
	TRY(zone_view_bare(&z->view, z->keys, &wish, p->change->arena));
	z->view.changed |= lacks_digest(p, z);
	return 0;
}

static int sign_view(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	int err = zone_view_sign(&z->view, z->keys, &zc->again, z->after.serial,
	                         p->time_us / 1000000, p->change->arena);

	if (err == ERR_TOOBIG)
		return plan_refuse(
			p, "chain-too-large",
			"what the zone has of NSEC or NSEC3 is not right, and it "
			"is too large for that to be made anew with a change: "
			"load all of the zone");
	TRY(err);
	p->c->rrsets_signed += z->keys->made;
	z->chain_lags = z->keys->chain_lags;
	return 0;
}

/* ---- what a validator would say ---- */

enum {
	CHECK_ALL = 16,    /* RRsets, of which all signatures are verified; */
	CHECK_ONE_IN = 16, /* of more, those of one owner in so many, */
	CHECK_MOST = 1000, /* and of about so many at most. */
};

static unsigned check_one_in(size_t sets)
{
	if (sets <= CHECK_ALL)
		return 1;
	return sets <= (size_t)CHECK_ONE_IN * CHECK_MOST ? CHECK_ONE_IN
	                                                 : (unsigned)(sets / CHECK_MOST);
}

static struct sign_check check_of(const struct plan *p, size_t sets)
{
	return (struct sign_check){.now = p->time_us / 1000000,
	                           .one_in = check_one_in(sets),
	                           .seed = (uint32_t)p->time_us};
}

/* A zone that would be bogus stays as it is. */
static int refuse_bogus(struct plan *p, int err, struct diag *d)
{
	const struct diag_entry *first = diag_first_error(d);
	char line[512] = "";

	if (first)
		diag_format(first, line, sizeof line);
	diag_fini(d);
	if (err != ERR_REFUSED)
		return err;
	log_error("a change is refused, since it would leave a zone bogus: %s", line);
	change_problem_add(&p->problems, -1, "bogus", NULL,
	                   "validators would refuse the zone: %s", line);
	return ERR_REFUSED;
}

static int check_view(struct plan *p, const struct planned *z)
{
	const struct sign_check how = check_of(p, z->view.count);
	struct diag d;

	diag_init(&d);
	return refuse_bogus(p, sign_check_view(&z->view, &how, &d), &d);
}

int signing_check_contents(struct plan *p, const struct contents *c)
{
	const struct sign_check how = check_of(p, c->count);
	struct diag d;

	diag_init(&d);
	return refuse_bogus(p, sign_check_contents(c, &how, &d), &d);
}

/* The digest is of the zone with its signatures; the chain knows of it, though. */
static int put_signatures(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	bool makes = !zc->digested && zone_policy_makes_zonemd(p->c->config, &z->after);
	struct contents_arena *arena = p->change->arena;

	if (!makes)
		return sign_view(p, zc, z);
	if (z->before.rrsets > DIGEST_AT_ONCE) {
		TRY(withdraw_digest(p, z));
		return sign_view(p, zc, z);
	}
	if (lacks_digest(p, z))
		TRY(digest_make(&z->view, arena));
	TRY(sign_view(p, zc, z));
	TRY(digest_make(&z->view, arena));
	return zone_view_sign_apex(&z->view, z->keys, RRTYPE_ZONEMD, arena);
}

int signing_end(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	TRY(put_signatures(p, zc, z));
	return check_view(p, z);
}

/* ---- contents ---- */

/* There is one only if there was room for it in the chain. */
static int sign_digest(const struct zone_change *zc, struct planned *z)
{
	if (!contents_at_apex(zc->contents, RRTYPE_ZONEMD))
		return 0;
	TRY(zonemd_put(zc->contents));
	return zone_contents_sign_apex(zc->contents, z->keys, RRTYPE_ZONEMD);
}

int signing_contents(struct plan *p, const struct zone_change *zc, struct planned *z)
{
	bool digest =
		zone_policy_digests_at_once(p->c->config, &z->after, zc->contents->count);
	struct bulk_progress progress = {0};
	uint64_t now = p->time_us / 1000000;

	if (zc->signed_by == z->keys->state.version) {
		z->keys->terms.now = now;
		return signing_serial(zc, z);
	}
	TRY(zone_contents_prepare(zc->contents, z->keys, p->c->txn, digest, now));
	TRY(zone_contents_sign(zc->contents, z->keys, 1, &progress, NULL));
	p->c->rrsets_signed += atomic_load_explicit(&progress.done, memory_order_relaxed);
	TRY(sign_digest(zc, z));
	return signing_check_contents(p, zc->contents);
}

int signing_serial(const struct zone_change *zc, struct planned *z)
{
	TRY(zone_contents_sign_apex(zc->contents, z->keys, RRTYPE_SOA));
	return sign_digest(zc, z);
}

/* A number is one key's. */
static int check_number(const struct plan *p, uint32_t zone, uint32_t number,
                        const struct item_change *item)
{
	struct sign_stored now;
	struct sign_stored next;
	int err = sign_stored_get(p->c->txn, zone, number, &now);

	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	TRY(sign_stored_decode(item->value, item->size, &next));
	return rdata_same(sign_stored_dnskey(&now), sign_stored_dnskey(&next))
	               ? 0
	               : ERR_STALE;
}

/* Keys that come without a word about the signing: of a zone that is not signed so far. */
static int check_keys(const struct plan *p, const struct planned *z)
{
	struct sign_state state;
	uint32_t number;
	int err;

	for (size_t i = 0; i < p->change->item_count; i++) {
		const struct item_change *item = &p->change->items[i];
		if (!item->value || !sign_stored_is_item(item, z->before.id, &number))
			continue;
		err = sign_state_get(p->c->txn, z->before.id, &state);
		if (err != ERR_NOTFOUND)
			return err < 0 ? err : ERR_STALE;
		TRY(check_number(p, z->before.id, number, item));
	}
	return 0;
}

/* A change of how a zone is signed that was made before another one came. */
static int check_version(const struct plan *p, const struct planned *z)
{
	struct sign_state before = {0};
	struct sign_state after;
	int err = sign_state_item(p->change, z->before.id, &after);

	if (err == ERR_NOTFOUND)
		return check_keys(p, z);
	TRY(err);
	err = sign_state_get(p->c->txn, z->before.id, &before);
	if (err < 0 && err != ERR_NOTFOUND)
		return err;
	return after.version == before.version + 1 ? 0 : ERR_STALE;
}

int signing_check(struct plan *p, const struct zone_change *zc, const struct planned *z)
{
	if (z->attrs_changed)
		TRY(check_kind(p, z));
	TRY(check_version(p, z));
	return zc->kind == ZONE_REMOVE ? forget(p, z) : 0;
}
