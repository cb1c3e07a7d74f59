/*
 * All of a large zone is signed while others change it: when that is done, it is of data that are not the zone's any
 * more, and so it would be forever where a zone changes all the time. But little has changed, and the commit thread, at
 * which nobody can be in between, deals with that: the zone's data as they are, what of the signatures fits them,
 * and the few that are still missing. It takes about as long as to look through the zone, which is
 * little against writing it.
 */
#include <string.h>

#include "control/commit/plan.h"
#include "control/policy/policy.h"
#include "control/sign/zone_contents.h"
#include "control/sign/zone_scan.h"
#include "shared/err.h"

/* What was decided of the zone then has to be so now. */
static int check_wanted(const struct plan *p, const struct planned *z)
{
	const char *policy = zone_policy_dnssec(p->c->config, &z->before);
	struct sign_state state;
	bool has_signatures;

	if (!z->before.loaded || strcmp(policy, z->keys->state.policy) != 0 ||
	    zone_kind_is_secondary(zone_policy_kind(p->c->config, &z->before)))
		return ERR_STALE;
	int err = sign_state_get(p->c->txn, z->before.id, &state);
	if (err != ERR_NOTFOUND)
		return err;
	TRY(zone_has_signatures(p->c->txn, z->before.id, &has_signatures));
	return has_signatures ? ERR_STALE : 0; /* others', with which it comes now */
}

static size_t count_signed(const struct contents *c)
{
	size_t count = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *s = &c->rrsets[i];
		struct rrset set;
		count += rrset_open(s->type, s->blob, s->size, &set) == 0 &&
		         set.sig_count > 0;
	}
	return count;
}

/* Says whether so little is missing that everybody may wait for it. */
static bool is_little(const struct contents *from, const struct contents *to)
{
	size_t more = to->count > from->count ? to->count - from->count : 0;

	return count_signed(to) + ZONE_SIGN_AT_ONCE > count_signed(from) + more;
}

static int sign_like(struct plan *p, struct planned *z, const struct contents *from,
                     struct contents *to)
{
	bool digest = zone_policy_digests_at_once(p->c->config, &z->before, to->count);
	struct bulk_progress progress = {0};

	TRY(zone_contents_prepare(to, z->keys, p->c->txn, digest, p->time_us / 1000000));
	for (size_t i = 0; i < from->count; i++)
		(void)zone_contents_reuse(to, z->keys, &from->rrsets[i]);
	if (!is_little(from, to))
		return ERR_STALE;
	TRY(zone_contents_sign(to, z->keys, 1, &progress, NULL));
	p->c->rrsets_signed += atomic_load_explicit(&progress.done, memory_order_relaxed);
	return 0;
}

int signing_catch_up(struct plan *p, struct zone_change *zc, struct planned *z)
{
	struct contents *next;

	if (!zc->catches_up || zc->if_version == z->before.version)
		return 0;
	TRY(signing_keys(p, z));
	if (!z->keys || zc->signed_by != z->keys->state.version)
		return ERR_STALE;
	TRY(check_wanted(p, z));
	TRY(zone_contents_load(p->c->txn, &z->before, &next));
	int err = sign_like(p, z, zc->contents, next);
	if (err == 0)
		err = signing_check_contents(p, next);
	if (err < 0) {
		contents_free(next);
		return err;
	}
	contents_free(zc->contents);
	zc->contents = next;
	zc->if_version = z->before.version;
	return 0;
}
