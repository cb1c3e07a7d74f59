/* What happens to keys between steps, and what they mean for the zone. */
#include "control/sign/life_rules.h"
#include "control/sign/life_times.h"

struct life_key life_key_new(enum life_role role, const struct sign_policy *p,
                             uint64_t now)
{
	return (struct life_key){
		.role = (uint8_t)role,
		.algorithm = p->algorithm,
		.bits = sign_algorithm_is_rsa(p->algorithm) ? p->rsa_bits : 0,
		.born = now,
	};
}

struct life_key life_key_known(enum life_role role, uint8_t algorithm, uint16_t bits,
                               uint64_t since)
{
	struct life_key k = {.role = (uint8_t)role,
	                     .algorithm = algorithm,
	                     .bits = bits,
	                     .born = since,
	                     .active = since};

	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		if (life_has(&k, kind))
			k.records[kind] =
				(struct life_record){.until = LIFE_NEVER, .done = since};
	return k;
}

static void all_done(struct life *l, enum life_kind kind, uint64_t at)
{
	for (size_t i = 0; i < l->count; i++) {
		struct life_record *r = &l->keys[i].records[kind];

		if (life_somewhere(r) && !r->done)
			r->done = at;
	}
	life_ttl_done(&l->ttl[kind], at);
}

void life_published(struct life *l, uint64_t at)
{
	all_done(l, LIFE_DNSKEY, at);
}

void life_signed(struct life *l, uint64_t at)
{
	all_done(l, LIFE_RRSIG, at);
}

/* It is wanted there, or has appeared by itself. */
static void saw_given(struct life_record *r, enum life_seen seen, uint64_t at)
{
	if (seen == LIFE_PRESENT) {
		r->done = r->done ? r->done : at;
		return;
	}
	/* Whoever took it away: from now on caches may be without it. */
	if (!r->from)
		r->from = at;
	r->done = 0;
}

static void saw_withdrawn(struct life_record *r, enum life_seen seen, uint64_t at)
{
	if (seen != LIFE_ABSENT)
		r->done = 0;
	else if (!r->done)
		r->done = at;
}

void life_saw_ds(struct life_key *k, enum life_seen seen, uint64_t at)
{
	struct life_record *r = &k->records[LIFE_DS];

	if (!life_somewhere(r)) {
		if (seen != LIFE_ABSENT)
			*r = (struct life_record){.from = at,
			                          .until = LIFE_NEVER,
			                          .done = seen == LIFE_PRESENT ? at : 0};
		return;
	}
	if (life_is_given(r) && at >= r->from)
		saw_given(r, seen, at);
	if (!life_is_given(r) && at >= r->until)
		saw_withdrawn(r, seen, at);
}

void life_saw_ds_ttl(struct life *l, uint32_t ttl, uint64_t at)
{
	if (!ttl)
		return;
	life_ttl_is(&l->ttl[LIFE_DS], ttl);
	life_ttl_done(&l->ttl[LIFE_DS], at);
}

void life_roll(struct life_key *k)
{
	k->roll = !k->retired;
}

bool life_publishes(const struct life_key *k)
{
	return life_is_given(&k->records[LIFE_DNSKEY]);
}

bool life_signs(const struct life_key *k)
{
	return life_is_given(&k->records[LIFE_RRSIG]);
}

bool life_wants_ds(const struct life_key *k)
{
	return life_is_given(&k->records[LIFE_DS]);
}

bool life_wants_no_ds(const struct life *l, bool secure)
{
	for (size_t i = 0; i < l->count; i++)
		if (life_wants_ds(&l->keys[i]))
			return false;
	return !secure && life_has_ds(l);
}

bool life_may_purge(const struct sign_policy *p, const struct life_key *k, uint64_t now)
{
	return k->gone && now >= k->gone + p->purge_after;
}
