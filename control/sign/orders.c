#include "control/sign/orders.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/must.h"
#include "control/sign/life_rules.h"
#include "control/sign/rrsig.h"
#include "shared/err.h"
#include "shared/rrtype.h"

static int refuse(struct orders *o, int err, const char *format, ...) PRINTF_LIKE(3, 4);

static int refuse(struct orders *o, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(o->why, sizeof o->why, format, args);
	va_end(args);
	return err;
}

static uint32_t number_of(const struct orders *o, size_t key)
{
	return o->keys->keys[key].number;
}

/* ---- opening ---- */

int orders_open(struct store_txn *t, const struct store_zone *zone, uint64_t now,
                struct orders *out)
{
	*out = (struct orders){.txn = t, .zone = zone, .now = now};
	int err = zone_keys_look(t, zone, &out->keys);
	out->is_signed = err == 0;
	return err == ERR_NOTFOUND ? zone_keys_new(t, zone, &out->keys) : err;
}

void orders_close(struct orders *o)
{
	zone_keys_free(&o->keys);
	free(o->removed);
	o->removed = NULL;
}

/* ---- which key ---- */

/* Gives how many keys have it as their number, or tag, and the place of the last. */
static size_t count_with(const struct orders *o, bool tag, unsigned long value,
                         size_t *place)
{
	size_t count = 0;

	for (size_t i = 0; i < o->keys->count; i++) {
		unsigned long own =
			tag ? sign_stored_tag(&o->keys->keys[i].stored) : number_of(o, i);
		if (own != value)
			continue;
		*place = i;
		count++;
	}
	return count;
}

static bool read_number(const char *text, unsigned long *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	*out = strtoul(text, &end, 10);
	return *end == '\0' && *out <= UINT32_MAX;
}

int orders_find(struct orders *o, const char *text, size_t *out)
{
	bool by_id = strncmp(text, "id:", 3) == 0;
	bool by_tag = strncmp(text, "tag:", 4) == 0;
	unsigned long value;
	size_t count = 0;

	if (!read_number(text + (by_id ? 3 : by_tag ? 4 : 0), &value))
		return refuse(o, ERR_NOTFOUND, "\"%.64s\" is no key's number or tag",
		              text);
	if (!by_tag)
		count = count_with(o, false, value, out);
	if (count == 0 && !by_id)
		count = count_with(o, true, value, out);
	if (count > 1)
		return refuse(o, ERR_REFUSED,
		              "several keys have the tag %lu: give the key's number",
		              value);
	return count ? 0 : refuse(o, ERR_NOTFOUND, "the zone has no key %.64s", text);
}

/* ---- successors ---- */

static int check_kept(struct orders *o)
{
	if (!o->is_signed)
		return refuse(o, ERR_REFUSED, "the zone is not signed here");
	if (o->keys->state.leaving)
		return refuse(o, ERR_REFUSED, "the zone is on its way to be unsigned");
	if (o->keys->state.bundle)
		return refuse(
			o, ERR_REFUSED,
			"its KSK is offline: ZSKs are replaced as the requests plan "
			"it (dnssec ksr), and KSKs where they are");
	return 0;
}

int orders_roll(struct orders *o, size_t key)
{
	struct life_key *k = &o->keys->lives[key];

	TRY(check_kept(o));
	if (k->retired)
		return refuse(o, ERR_REFUSED,
		              "key %u is on its way out: its successor is there",
		              number_of(o, key));
	life_roll(k);
	return 0;
}

int orders_roll_role(struct orders *o, enum life_role role)
{
	bool any = false;

	TRY(check_kept(o));
	for (size_t i = 0; i < o->keys->count; i++) {
		struct life_key *k = &o->keys->lives[i];
		if (k->role != role || k->retired)
			continue;
		life_roll(k);
		any = true;
	}
	return any ? 0
	           : refuse(o, ERR_NOTFOUND, "the zone has no %s in use",
	                    role == LIFE_CSK   ? "CSK"
	                    : role == LIFE_KSK ? "KSK"
	                                       : "ZSK");
}

/* ---- the parent ---- */

static void saw_ds(struct orders *o, struct life_key *k, bool present)
{
	bool wanted = life_wants_ds(k);

	life_saw_ds(k, present ? LIFE_PRESENT : LIFE_ABSENT, o->now);
	o->publishes |= wanted != life_wants_ds(k);
}

int orders_saw_ds(struct orders *o, size_t key, bool present)
{
	struct life_key *k = &o->keys->lives[key];

	if (!o->is_signed)
		return refuse(o, ERR_REFUSED, "the zone is not signed here");
	if (!life_has(k, LIFE_DS))
		return refuse(o, ERR_REFUSED, "key %u is a ZSK: no DS is of it",
		              number_of(o, key));
	saw_ds(o, k, present);
	return 0;
}

int orders_saw_ds_all(struct orders *o, bool present)
{
	bool any = false;

	for (size_t i = 0; i < o->keys->count; i++) {
		struct life_key *k = &o->keys->lives[i];
		const struct life_record *r = &k->records[LIFE_DS];
		if (!life_somewhere(r) || life_is_given(r) != present || r->done)
			continue;
		saw_ds(o, k, present);
		any = true;
	}
	return any ? 0
	           : refuse(o, ERR_NOTFOUND,
	                    "no key of the zone waits for the parent to %s its DS",
	                    present ? "publish" : "withdraw");
}

/* ---- keys that come ---- */

bool orders_key_fits(const struct life_key *k, const struct sign_policy *p)
{
	bool role = p->csk ? k->role == LIFE_CSK : k->role != LIFE_CSK;

	return role && k->algorithm == p->algorithm &&
	       (!sign_algorithm_is_rsa(p->algorithm) || k->bits == p->rsa_bits);
}

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

/* Where the DNSKEYs are signed elsewhere no other can be in use. */
static int check_open(struct orders *o)
{
	return o->keys->state.bundle
	               ? refuse(o, ERR_REFUSED,
	                        "its KSK is offline: which keys it has is for requests "
	                        "to plan (dnssec ksr)")
	               : 0;
}

static int check_new(struct orders *o, const struct sign_key *k)
{
	struct rdata dnskey = sign_key_dnskey(k);

	TRY(check_open(o));
	for (size_t i = 0; i < o->keys->count; i++) {
		const struct sign_stored *s = &o->keys->keys[i].stored;
		if (sign_stored_algorithm(s) != sign_key_algorithm(k) ||
		    sign_stored_tag(s) != sign_key_tag(k))
			continue;
		bool same = rdata_same(sign_stored_dnskey(s), dnskey);
		return refuse(o, ERR_EXISTS,
		              same ? "the zone has that key: its number is %u"
		                   : "key %u of the zone has the same tag",
		              number_of(o, i));
	}
	return o->keys->count < ORDERS_KEYS_MAX
	               ? 0
	               : refuse(o, ERR_FULL, "the zone has %d keys: that is the most",
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
	return err < 0 ? refuse(o, err, "%s", err_text(err)) : 0;
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
		return refuse(
			o, ERR_REFUSED,
			"it is not such a key as the zone's policy asks for, and would "
			"not be used");
	TRY(seal(o, secrets, k->key, number, &stored));
	life_key_put(&life, &stored);
	*out = o->keys->count;
	(void)zone_keys_add(o->keys, number, &stored, &life);
	return 0;
}

/* ---- keys that are there ---- */

int orders_use(struct orders *o, size_t key, const struct sign_policy *p)
{
	struct life_key *k = &o->keys->lives[key];

	TRY(check_open(o));
	if (!orders_key_fits(k, p))
		return refuse(o, ERR_REFUSED,
		              "key %u is not such a key as the zone's policy asks for",
		              number_of(o, key));
	if (!k->retired)
		return 0;
	k->roll = false;
	k->retired = k->gone = 0;
	k->born = o->now;
	return 0;
}

static bool is_somewhere(const struct life_key *k)
{
	for (enum life_kind kind = 0; kind < LIFE_KINDS; kind++)
		if (life_somewhere(&k->records[kind]))
			return true;
	return false;
}

int orders_remove(struct orders *o, size_t key)
{
	const struct life_key *k = &o->keys->lives[key];

	if (o->is_signed && is_somewhere(k))
		return refuse(
			o, ERR_REFUSED,
			"key %u is in use: validators could fail without it; roll it, "
			"and it goes by itself",
			number_of(o, key));
	if (o->removed_count == o->removed_room) {
		o->removed_room = o->removed_room ? 2 * o->removed_room : 4;
		o->removed =
			must(realloc(o->removed, o->removed_room * sizeof *o->removed));
	}
	o->removed[o->removed_count++] = number_of(o, key);
	zone_keys_remove(o->keys, key);
	return 0;
}

/* ---- signatures ---- */

int orders_resign(struct orders *o)
{
	if (!o->is_signed || !zone_keys_sign(o->keys))
		return refuse(o, ERR_REFUSED, "the zone is not signed here");
	o->keys->state.renew = o->now;
	return 0;
}

/* ---- writing ---- */

void orders_write(struct orders *o, struct change *c)
{
	struct zone_change *zc = change_zone(c, ZONE_EDIT, o->zone->name);

	for (size_t i = 0; i < o->removed_count; i++)
		sign_stored_change(c, o->zone->id, o->removed[i], NULL);
	if (!o->is_signed) {
		zc->if_version = o->zone->version;
		zone_keys_write(o->keys, c);
		return;
	}
	zc->signed_anew = o->publishes && zone_keys_sign(o->keys);
	zone_keys_change(o->keys, c);
}
