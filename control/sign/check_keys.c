/*
 * The keys of a zone, and what its parent says of them.
 *
 * Errors:
 *
 *   dnskey-missing      no DNSKEY that may sign zones, and so nothing that could be verified (RFC 4035 §2.1)
 *   dnskey-by-ksk       none of the keys that a parent may point to has signed the DNSKEYs (RFC 4035 §2.1)
 *   ds-without-dnskey   of an algorithm that the parent names, no DS points to a DNSKEY, or to none that has
 *                       signed them (RFC 4035 §2.2, §5.2)
 *
 * Warnings:
 *
 *   dnskey-unknown      an algorithm that is not known here, or a key that is not one of its algorithm
 *   ds-unknown          no DS that can be followed here
 *
 * Which keys a parent may point to, when it is not known which it does, the SEP flag tells: of an algorithm that
 * has keys with it, one of these has to sign. A key that has been revoked signs nothing that counts (RFC 5011
 * §2.1).
 */
#include <stdlib.h>

#include "control/must.h"
#include "control/sign/check_internal.h"
#include "control/sign/dnskey.h"
#include "control/sign/ds.h"
#include "shared/wire.h"

static bool is_zone_key(struct rdata d)
{
	uint16_t flags = d.len > DNSKEY_HEADER ? wire_load16(d.bytes) : 0;

	return (flags & DNSKEY_ZONE) && !(flags & DNSKEY_REVOKE) &&
	       d.bytes[2] == DNSKEY_PROTOCOL;
}

void check_keys_take(struct check_keys *k, const struct rrset *dnskeys)
{
	const uint8_t *at = rrset_first(dnskeys);

	*k = (struct check_keys){.set = *dnskeys};
	for (unsigned i = 0; i < dnskeys->count; i++) {
		struct rdata d = rrset_next(&at);

		if (is_zone_key(d))
			k->is[d.bytes[3]] = true;
	}
	for (unsigned a = 0; a <= UINT8_MAX; a++)
		if (k->is[a])
			k->list[k->count++] = (uint8_t)a;
}

/* ---- some of the keys ---- */

/* Says whether a key is one of some. ds: NULL: those with SEP; else those that it points to. */
static bool is_among(const struct checking *c, struct rdata key, const struct rrset *ds)
{
	bool among = !ds && (wire_load16(key.bytes) & DNSKEY_SEP);
	const uint8_t *at = ds ? rrset_first(ds) : NULL;

	for (unsigned i = 0; ds && i < ds->count && !among; i++)
		among = ds_is_of(rrset_next(&at), c->apex, key);
	return among;
}

/* What some of the keys have of one algorithm. */
struct some_keys {
	unsigned keys;
	bool signs; /* one of them has signed the DNSKEYs */
};

/* Says whether these keys have made a signature of an algorithm on the DNSKEYs. */
static bool have_signed(const struct checking *c, const struct rrset *keys,
                        uint8_t algorithm)
{
	const struct rrset *set = &c->keys.set;
	struct verifier *v = verifier_new(c->apex, keys);
	const uint8_t *at = rrset_first(set);
	bool signs = false;

	for (unsigned i = 0; i < set->count; i++)
		(void)rrset_next(&at);
	for (unsigned i = 0; i < set->sig_count && !signs; i++) {
		struct rdata d = rrset_next(&at);

		signs = d.len > 2 && d.bytes[2] == algorithm &&
		        verifier_check(v, c->apex, set, d, c->how->now) == RRSIG_GOOD;
	}
	verifier_free(&v);
	return signs;
}

/* ds: as before. */
static struct some_keys look_at_some(const struct checking *c, uint8_t algorithm,
                                     const struct rrset *ds)
{
	const uint8_t *at = rrset_first(&c->keys.set);
	struct rrset some = {.type = RRTYPE_DNSKEY, .ttl = c->keys.set.ttl};
	uint8_t *blob = must(malloc(c->keys.set.size));
	uint8_t *end = blob + RRSET_HEADER;

	for (unsigned i = 0; i < c->keys.set.count; i++) {
		struct rdata d = rrset_next(&at);

		if (!is_zone_key(d) || d.bytes[3] != algorithm || !is_among(c, d, ds))
			continue;
		end = rrset_write_rdata(end, d.bytes, d.len);
		some.count++;
	}
	some.bytes = blob;
	some.size = (size_t)(end - blob);
	rrset_write_header(blob, &some);
	struct some_keys out = {.keys = some.count,
	                        .signs = some.count && have_signed(c, &some, algorithm)};
	free(blob);
	return out;
}

/* ---- the rules ---- */

static void check_known(const struct checking *c, const struct check_place *at)
{
	const uint8_t *next = rrset_first(&c->keys.set);

	for (unsigned i = 0; i < c->keys.set.count; i++) {
		struct rdata d = rrset_next(&next);
		struct dnskey *k = NULL;

		if (!is_zone_key(d))
			continue;
		if (!sign_algorithm(d.bytes[3]))
			check_say(c, DIAG_WARNING, "dnskey-unknown", at,
			          "key %u is of algorithm %u, which is not known here: "
			          "its signatures are not verified",
			          dnskey_tag(d), d.bytes[3]);
		else if (dnskey_open(d, &k) < 0)
			check_say(c, DIAG_WARNING, "dnskey-unknown", at,
			          "key %u is not one of algorithm %u, or of a size that "
			          "is not taken here",
			          dnskey_tag(d), d.bytes[3]);
		dnskey_free(&k);
	}
}

static void check_ksk(const struct checking *c, const struct check_place *at)
{
	for (unsigned i = 0; i < c->keys.count; i++) {
		uint8_t a = c->keys.list[i];

		if (!sign_algorithm(a))
			continue;
		struct some_keys ksk = look_at_some(c, a, NULL);
		if (ksk.keys && !ksk.signs)
			check_say(c, DIAG_ERROR, "dnskey-by-ksk", at,
			          "no key of algorithm %u with the SEP flag has signed "
			          "them",
			          a);
	}
}

static bool can_follow(struct rdata ds)
{
	return ds.len > DS_HEADER && sign_algorithm(ds.bytes[2]) &&
	       (ds.bytes[3] == DS_SHA1 || ds.bytes[3] == DS_SHA256 ||
	        ds.bytes[3] == DS_SHA384);
}

/* Marks the algorithms of DS that can be followed. Gives whether there are any. */
static bool find_followed(const struct rrset *ds, bool followed[static UINT8_MAX + 1])
{
	const uint8_t *at = rrset_first(ds);
	bool any = false;

	for (unsigned i = 0; i < ds->count; i++) {
		struct rdata d = rrset_next(&at);

		if (!can_follow(d))
			continue;
		followed[d.bytes[2]] = true;
		any = true;
	}
	return any;
}

static void check_ds(const struct checking *c, const struct check_place *keys)
{
	struct check_place at = *keys;
	bool followed[UINT8_MAX + 1] = {false};

	at.type = RRTYPE_DS;
	if (!find_followed(c->how->ds, followed))
		check_say(c, DIAG_WARNING, "ds-unknown", &at,
		          "the parent has none that can be followed here");
	for (unsigned a = 0; a <= UINT8_MAX; a++) {
		if (!followed[a])
			continue;
		struct some_keys k = look_at_some(c, (uint8_t)a, c->how->ds);
		if (!k.signs)
			check_say(c, DIAG_ERROR, "ds-without-dnskey", &at,
			          "the parent's of algorithm %u %s", a,
			          k.keys ? "point to none that has signed the DNSKEYs"
			                 : "point to no DNSKEY");
	}
}

void check_keys_say(const struct checking *c, const struct check_place *at)
{
	if (c->keys.count == 0) {
		check_say(c, DIAG_ERROR, "dnskey-missing", at,
		          "there is none that may sign the zone");
		return;
	}
	check_known(c, at);
	if (c->how->ds && c->how->ds->count)
		check_ds(c, at);
	else
		check_ksk(c, at);
}
