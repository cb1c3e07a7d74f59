#include "control/sign/life_times.h"

/* Times have no fractions: what was done in a second may have been done at its end. */
enum { PART = 1 };

/* Dprp, or DprpP. */
static uint32_t propagation(const struct sign_policy *p, enum life_kind kind)
{
	return kind == LIFE_DS ? p->parent_propagation : p->propagation;
}

uint64_t life_interval(const struct sign_policy *p, enum life_kind kind, uint32_t ttl)
{
	return (uint64_t)ttl + propagation(p, kind) + p->safety + PART;
}

/* A TTL that became shorter does not shorten the answers that are out already. */
static uint64_t older_deadline(const struct sign_policy *p, const struct life *l,
                               enum life_kind kind)
{
	const struct life_ttl *t = &l->ttl[kind];

	if (!t->older)
		return 0;
	return t->until ? t->until + life_interval(p, kind, t->older) : LIFE_NEVER;
}

uint64_t life_deadline(const struct sign_policy *p, const struct life *l,
                       const struct life_key *k, enum life_kind kind)
{
	const struct life_record *r = &k->records[kind];
	uint64_t older = older_deadline(p, l, kind);
	uint32_t ttl = l->ttl[kind].ttl;

	if (!r->done)
		return LIFE_NEVER;
	if (kind == LIFE_DS && !ttl)
		ttl = p->parent_ds_ttl; /* none was seen */
	uint64_t deadline = r->done + life_interval(p, kind, ttl);
	return deadline > older ? deadline : older;
}

uint64_t life_roll_time(const struct sign_policy *p, const struct life_key *k)
{
	uint32_t lifetime = k->role == LIFE_ZSK ? p->zsk_lifetime : p->ksk_lifetime;
	uint64_t lead = life_interval(p, LIFE_DNSKEY, p->dnskey_ttl);

	if (!lifetime || !k->active)
		return LIFE_NEVER;
	return k->active + (lifetime > lead ? lifetime - lead : 0);
}

void life_ttl_is(struct life_ttl *t, uint32_t ttl)
{
	if (ttl < t->ttl) {
		if (t->older < t->ttl)
			t->older = t->ttl;
		t->until = 0;
	}
	t->ttl = ttl;
}

void life_ttl_done(struct life_ttl *t, uint64_t at)
{
	if (t->older && !t->until)
		t->until = at;
}

void life_ttl_elapse(const struct sign_policy *p, struct life *l, enum life_kind kind,
                     uint64_t now)
{
	if (now >= older_deadline(p, l, kind))
		l->ttl[kind].older = 0;
}
