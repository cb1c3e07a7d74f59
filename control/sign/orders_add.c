/* A key that comes from elsewhere: what the zone has of it already says how it goes on. */
#include "control/sign/orders.h"
#include "control/sign/orders_internal.h"
#include "control/sign/rrsig.h"
#include "shared/err.h"
#include "shared/rrtype.h"

/* What a zone that is not signed here has of a key. */
struct trace {
	bool dnskey;
	bool signed_keys; /* the DNSKEY RRset */
	bool signed_data; /* the SOA RRset */
};

static bool has_signature(const struct rrset *set, const struct sign_key *k)
{
	const uint8_t *at = rrset_first(set);
	struct rrsig s;

	for (unsigned i = 0; i < set->count + set->sig_count; i++) {
		struct rdata one = rrset_next(&at);
		if (i >= set->count && rrsig_open(one, &s) == 0 &&
		    s.tag == sign_key_tag(k) && s.algorithm == sign_key_algorithm(k))
			return true;
	}
	return false;
}

static int find_trace(const struct orders *o, const struct sign_key *k, struct trace *out)
{
	struct rrset set;
	int err;

	*out = (struct trace){0};
	if (o->is_signed)
		return 0;
	err = store_rrset_get(o->txn, o->zone->id, (const uint8_t *)"", 0, RRTYPE_DNSKEY,
	                      &set);
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	out->dnskey = rrset_has(&set, sign_key_dnskey(k));
	out->signed_keys = out->dnskey && has_signature(&set, k);
	err = store_soa_get(o->txn, o->zone->id, &set);
	if (err < 0)
		return err == ERR_NOTFOUND ? 0 : err;
	out->signed_data = out->dnskey && has_signature(&set, k);
	return 0;
}

static enum life_role role_of(const struct order_key *k, const struct trace *t)
{
	if (k->role)
		return (enum life_role)k->role;
	if (sign_key_flags(k->key) == SIGN_FLAGS_ZSK)
		return LIFE_ZSK;
	if (t->signed_data)
		return LIFE_CSK;
	return !t->signed_keys && k->policy && k->policy->csk ? LIFE_CSK : LIFE_KSK;
}

/* Says whether the zone has all that a key of its role gives to it. */
static bool is_in_use(enum life_role role, const struct trace *t)
{
	return t->dnskey && (!(role & LIFE_KSK) || t->signed_keys) &&
	       (!(role & LIFE_ZSK) || t->signed_data);
}

static struct life_key life_of(const struct orders *o, const struct order_key *k,
                               const struct trace *t)
{
	enum life_role role = role_of(k, t);
	uint8_t algorithm = sign_key_algorithm(k->key);
	unsigned bits = sign_algorithm_is_rsa(algorithm) ? sign_key_bits(k->key) : 0;
	uint64_t born = k->born && k->born < o->now ? k->born : o->now;

	if (is_in_use(role, t))
		return life_key_known(role, algorithm, (uint16_t)bits, born);
	struct life_key l = {.role = (uint8_t)role,
	                     .algorithm = algorithm,
	                     .bits = (uint16_t)bits,
	                     .born = o->now};
	if (k->spare)
		l.retired = l.gone = o->now;
	else if (t->dnskey && role == LIFE_ZSK) /* published before it is used */
		l.records[LIFE_DNSKEY] =
			(struct life_record){.from = o->now, .until = LIFE_NEVER};
	return l;
}

static int check_new(struct orders *o, const struct sign_key *k)
{
	struct rdata dnskey = sign_key_dnskey(k);

	TRY(orders_check_open(o));
	for (size_t i = 0; i < o->keys->count; i++) {
		const struct sign_stored *s = &o->keys->keys[i].stored;
		if (sign_stored_algorithm(s) != sign_key_algorithm(k) ||
		    sign_stored_tag(s) != sign_key_tag(k))
			continue;
		bool same = rdata_same(sign_stored_dnskey(s), dnskey);
		return orders_refuse(o, ERR_EXISTS,
		                     same ? "the zone has that key: its number is %u"
		                          : "key %u of the zone has the same tag",
		                     orders_number(o, i));
	}
	return o->keys->count < ORDERS_KEYS_MAX
	               ? 0
	               : orders_refuse(o, ERR_FULL,
	                               "the zone has %d keys: that is the most",
	                               ORDERS_KEYS_MAX);
}

static int seal(struct orders *o, struct sign_secrets *secrets, const struct sign_key *k,
                uint32_t number, struct sign_stored *out)
{
	const struct sign_stored_name name = {.zone = o->keys->zone, .number = number};
	bool sealed;

	TRY(sign_stored_any(o->txn, &sealed));
	const struct vault *v = sign_secrets_vault(secrets, !sealed, o->why);
	if (!v)
		return ERR_REFUSED;
	int err = sign_stored_seal(v, &name, k, o->now, out);
	return err < 0 ? orders_refuse(o, err, "%s", err_text(err)) : 0;
}

/* Numbers of keys that have gone are not used again while later ones are there. */
int orders_add(struct orders *o, struct sign_secrets *secrets, const struct order_key *k,
               size_t *out)
{
	uint32_t number = zone_keys_next_number(o->keys);
	struct sign_stored stored;
	struct trace trace;

	TRY(check_new(o, k->key));
	TRY(find_trace(o, k->key, &trace));
	struct life_key life = life_of(o, k, &trace);
	bool in_use = is_in_use((enum life_role)life.role, &trace);
	if (!in_use && !k->spare && k->policy && !orders_key_fits(&life, k->policy))
		return orders_refuse(
			o, ERR_REFUSED,
			"it is not such a key as the zone's policy asks for, and would "
			"not be used");
	TRY(seal(o, secrets, k->key, number, &stored));
	life_key_put(&life, &stored);
	*out = o->keys->count;
	(void)zone_keys_add(o->keys, number, &stored, &life);
	return 0;
}
