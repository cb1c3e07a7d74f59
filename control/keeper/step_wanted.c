/* What a zone's signing is, and by its policy and attributes is to be. */
#include <stdio.h>
#include <string.h>

#include "control/keeper/step_internal.h"
#include "control/keeper/tokens.h"
#include "control/policy/policy.h"
#include "control/zone/soa.h"
#include "shared/err.h"
#include "shared/rrtype.h"

int step_find_policy(struct step_state *st, const char *name)
{
	st->policy = config_dnssec_policy_find(st->step->config, name);
	if (!st->policy)
		return ERR_NOTFOUND;
	st->numbers = config_dnssec_policy_numbers(st->policy);
	return 0;
}

void step_take_numbers(struct step_state *st)
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
static bool take_chain_of_zone(struct step_state *st)
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

int step_take_chain(struct step_state *st)
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
int step_look_at_chain_ttl(struct step_state *st)
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

int step_read_keys(struct step_state *st)
{
	int err = zone_keys_look(st->txn, &st->zone, &st->keys);

	st->fresh = err == ERR_NOTFOUND;
	if (st->fresh)
		err = zone_keys_new(st->txn, &st->zone, &st->keys);
	if (err == 0)
		keeper_keys_stored(st->keys);
	return err;
}
