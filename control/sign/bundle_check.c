#include "control/sign/bundle_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "control/sign/dnskey.h"
#include "control/sign/ds.h"
#include "control/sign/policy.h"
#include "control/sign/rrsig.h"
#include "control/sign/times.h"
#include "control/sign/verifier.h"
#include "shared/err.h"
#include "shared/wire.h"

struct keys {
	struct rdata list[BUNDLE_KEYS_MAX];
	size_t count;
};

/* A bundle that is looked at. */
struct look {
	const struct bundles *response;
	const struct bundle_terms *terms;
	const struct bundle *bundle;
	uint64_t until; /* the next one begins; of the last its own beginning */
	struct keys ksks;
	struct keys zsks;
	char *why;
};

static int complain(const struct look *l, const char *format, ...) PRINTF_LIKE(2, 3);

static int complain(const struct look *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	bundle_say(l->why, l->bundle->from, format, args);
	va_end(args);
	return ERR_REFUSED;
}

static bool has(const struct keys *k, struct rdata d)
{
	for (size_t i = 0; i < k->count; i++)
		if (rdata_same(k->list[i], d))
			return true;
	return false;
}

static const struct rrset *set_of(const struct look *l, enum bundle_part part)
{
	return &l->bundle->sets[part];
}

/* ---- keys ---- */

static bool is_revoked(struct rdata d)
{
	return wire_load16(d.bytes) & DNSKEY_REVOKE;
}

static int sort_keys(struct look *l)
{
	const struct rrset *set = set_of(l, BUNDLE_DNSKEY);
	const uint8_t *at;

	l->ksks.count = 0;
	l->zsks.count = 0;
	if (!set->count)
		return complain(l, "there is no DNSKEY");
	if (set->count > BUNDLE_KEYS_MAX)
		return complain(l, "there are %u DNSKEYs", set->count);
	at = rrset_first(set);
	for (unsigned i = 0; i < set->count; i++) {
		struct rdata d = rrset_next(&at);

		if (d.len <= DNSKEY_HEADER || !(wire_load16(d.bytes) & DNSKEY_ZONE) ||
		    d.bytes[2] != DNSKEY_PROTOCOL)
			return complain(l, "a DNSKEY is not one that signs zones");
		if (is_revoked(d))
			continue;
		struct keys *to = bundle_is_ksk(d) ? &l->ksks : &l->zsks;
		to->list[to->count++] = d;
	}
	return l->ksks.count ? 0 : complain(l, "there is no KSK");
}

/* Says whether a ZSK is to be there at any time while the bundle holds. */
static bool is_due(const struct look *l, const struct bundle_zsk *z)
{
	return z->from < l->until + (l->until == l->bundle->from) &&
	       z->until > l->bundle->from;
}

static int check_zsks(const struct look *l)
{
	const struct bundle_terms *t = l->terms;
	struct keys ours = {.count = 0};

	for (size_t i = 0; i < l->zsks.count; i++) {
		struct rdata d = l->zsks.list[i];
		bool known = false;

		for (size_t j = 0; j < t->zsk_count && !known; j++)
			known = rdata_same(t->zsks[j].dnskey, d);
		if (!known)
			return complain(l, "ZSK %u is not one of this zone's",
			                dnskey_tag(d));
	}
	for (size_t j = 0; j < t->zsk_count; j++) {
		const struct bundle_zsk *z = &t->zsks[j];

		if (!is_due(l, z))
			continue;
		if (!has(&l->zsks, z->dnskey))
			return complain(
				l, "ZSK %u is missing, which is to be published then",
				dnskey_tag(z->dnskey));
		ours.count++;
	}
	return ours.count ? 0 : complain(l, "there is no ZSK at that time");
}

/* ---- signatures ---- */

static bool covers_until(const struct rrsig *s, uint64_t at, uint64_t now)
{
	return sign_time_near(s->expiration, now) >= at;
}

/* Verifies by KSKs alone: a ZSK's signature of a DNSKEY RRset is worth nothing to a validator that comes from the
 * parent. */
static int check_signature(const struct look *l, struct verifier *v,
                           const struct rrset *set, struct rdata signature)
{
	char type[RRTYPE_TEXT_MAX];
	struct rrsig s;
	enum rrsig_fault fault =
		verifier_check(v, l->response->zone, set, signature, l->bundle->from);

	rrtype_to_text(set->type, type);
	if (fault)
		return complain(l, "the signature of %s %s", type,
		                fault == RRSIG_NO_KEY ? "is by none of the KSKs"
		                                      : rrsig_fault_text(fault));
	TRY(rrsig_open(signature, &s));
	uint64_t end = l->until + l->terms->policy->propagation;
	char time[SIGN_TIME_SIZE];
	if (!covers_until(&s, end, l->bundle->from))
		return complain(l,
		                "the signature of %s expires before all servers have the "
		                "next, at %s",
		                type, sign_time_text(end, time));
	return 0;
}

/* Says whether a set has a signature by each algorithm of the keys (RFC 4035 section 2.2). */
static int check_algorithms(const struct look *l, const struct rrset *set,
                            const struct keys *keys)
{
	char type[RRTYPE_TEXT_MAX];

	for (size_t i = 0; i < keys->count; i++) {
		uint8_t algorithm = keys->list[i].bytes[3];
		const uint8_t *at = rrset_first(set);
		bool found = false;
		struct rrsig s;

		for (unsigned j = 0; j < set->count; j++)
			(void)rrset_next(&at);
		for (unsigned j = 0; j < set->sig_count && !found; j++)
			found = rrsig_open(rrset_next(&at), &s) == 0 &&
			        s.algorithm == algorithm;
		if (!found)
			return complain(l,
			                "%s has no signature by algorithm %u, of key %u",
			                rrtype_to_text(set->type, type), algorithm,
			                dnskey_tag(keys->list[i]));
	}
	return 0;
}

static int check_set(const struct look *l, struct verifier *v, const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);
	char type[RRTYPE_TEXT_MAX];

	if (set->ttl > l->terms->policy->dnskey_ttl)
		return complain(l,
		                "the TTL of %s, %u, is above the policy's dnskey-ttl, %u",
		                rrtype_to_text(set->type, type), set->ttl,
		                l->terms->policy->dnskey_ttl);
	for (unsigned i = 0; i < set->count; i++)
		(void)rrset_next(&at);
	for (unsigned i = 0; i < set->sig_count; i++)
		TRY(check_signature(l, v, set, rrset_next(&at)));
	TRY(check_algorithms(l, set, &l->ksks));
	return check_algorithms(l, set, &l->zsks);
}

static int check_sets(const struct look *l, struct verifier *v)
{
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++)
		if (set_of(l, part)->count)
			TRY(check_set(l, v, set_of(l, part)));
	return 0;
}

/* A blob of the KSKs alone, for the verifier. */
static struct verifier *verifier_of(const struct look *l)
{
	struct contents_arena *a = arena_new();
	size_t size = RRSET_HEADER;
	struct rrset set = {.type = RRTYPE_DNSKEY, .count = (uint16_t)l->ksks.count};

	for (size_t i = 0; i < l->ksks.count; i++)
		size += sizeof(uint16_t) + l->ksks.list[i].len;
	uint8_t *blob = arena_alloc(a, size);
	rrset_write_header(blob, &set);
	set.bytes = blob;
	set.size = size;
	uint8_t *at = blob + RRSET_HEADER;
	for (size_t i = 0; i < l->ksks.count; i++)
		at = rrset_write_rdata(at, l->ksks.list[i].bytes, l->ksks.list[i].len);
	struct verifier *v = verifier_new(l->response->zone, &set);
	arena_free(a);
	return v;
}

static int check_signatures(const struct look *l)
{
	struct verifier *v = verifier_of(l);
	int err = check_sets(l, v);

	verifier_free(&v);
	return err;
}

/* ---- CDS ---- */

/* "0 3 0 AA==" and "0 0 0 00" (RFC 8078 section 4). */
static bool asks_for_no_ds(struct rdata d, uint16_t type)
{
	static const uint8_t cdnskey[] = {0, 0, 3, 0, 0};
	static const uint8_t cds[] = {0, 0, 0, 0, 0};

	return d.len == sizeof cds &&
	       memcmp(d.bytes, type == RRTYPE_CDS ? cds : cdnskey, d.len) == 0;
}

static bool names(const struct look *l, uint16_t type, struct rdata d, struct rdata ksk)
{
	return type == RRTYPE_CDS ? ds_is_of(d, l->response->zone, ksk)
	                          : rdata_same(d, ksk);
}

/* Says whether one of the records names a KSK. */
static bool is_named(const struct look *l, const struct rrset *set, struct rdata ksk)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		if (names(l, set->type, rrset_next(&at), ksk))
			return true;
	return false;
}

static int check_named(const struct look *l, const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);
	char type[RRTYPE_TEXT_MAX];

	rrtype_to_text(set->type, type);
	for (unsigned i = 0; i < set->count; i++) {
		struct rdata d = rrset_next(&at);
		bool found = false;

		if (asks_for_no_ds(d, set->type)) {
			if (!l->terms->insecure)
				return complain(l, "%s asks the parent to remove the DS",
				                type);
			continue;
		}
		for (size_t j = 0; j < l->ksks.count && !found; j++)
			found = names(l, set->type, d, l->ksks.list[j]);
		if (!found && !l->terms->policy->double_ds)
			return complain(l, "%s names a key that is not among the KSKs",
			                type);
	}
	return 0;
}

static int check_cds(const struct look *l)
{
	const struct rrset *cds = set_of(l, BUNDLE_CDS);
	const struct rrset *cdnskey = set_of(l, BUNDLE_CDNSKEY);

	if (cds->count)
		TRY(check_named(l, cds));
	if (cdnskey->count)
		TRY(check_named(l, cdnskey));
	if (!cds->count || !cdnskey->count)
		return 0;
	for (size_t i = 0; i < l->ksks.count; i++)
		if (is_named(l, cds, l->ksks.list[i]) !=
		    is_named(l, cdnskey, l->ksks.list[i]))
			return complain(l, "CDS and CDNSKEY differ on key %u",
			                dnskey_tag(l->ksks.list[i]));
	return 0;
}

/* ---- the chain from the parent ---- */

static int check_ds(const struct look *l)
{
	const struct bundle_terms *t = l->terms;

	if (t->ds_count == 0 ||
	    bundle_is_chained(l->bundle, l->response->zone, t->ds, t->ds_count))
		return 0;
	return complain(l, "the DS at the parent is of none of its KSKs");
}

/* One KSK that both have is enough for those who know only the DS of before, or only that of after. */
static int check_continuity(const struct look *l, const struct keys *before)
{
	if (!before->count || l->terms->policy->double_ds)
		return 0;
	for (size_t i = 0; i < l->ksks.count; i++)
		if (has(before, l->ksks.list[i]))
			return 0;
	return complain(l, "it has none of the KSKs of before");
}

/* ---- all of it ---- */

static int check_bundle(struct look *l, const struct keys *before)
{
	TRY(sort_keys(l));
	TRY(check_zsks(l));
	TRY(check_signatures(l));
	TRY(check_cds(l));
	return check_continuity(l, before);
}

static int check_span(struct look *l, struct bundle_span *out)
{
	const struct bundles *b = l->response;
	char time[SIGN_TIME_SIZE];
	struct bundle_span span = {
		.from = b->list[0].from,
		.until = bundle_last_until(&b->list[b->count - 1],
	                                   l->terms->policy->propagation),
	};

	if (span.until <= l->terms->now)
		return complain(l, "it cannot be used any more, since %s",
		                sign_time_text(span.until, time));
	*out = span;
	return 0;
}

int bundle_check(const struct bundles *response, const struct bundle_terms *t,
                 struct bundle_span *out, char why[static BUNDLE_WHY_SIZE])
{
	struct look l = {.response = response, .terms = t, .why = why};
	const struct bundle *in_force = bundles_at(response, t->now);
	struct keys before = {.count = 0};

	why[0] = '\0';
	if (response->kind != BUNDLE_RESPONSE || !response->count)
		return ERR_INVALID;
	if (!in_force)
		in_force = &response->list[0];
	for (size_t i = 0; i < response->count; i++) {
		l.bundle = &response->list[i];
		l.until = i + 1 < response->count ? l.bundle[1].from : l.bundle->from;
		TRY(check_bundle(&l, &before));
		if (l.bundle == in_force)
			TRY(check_ds(&l));
		before = l.ksks;
	}
	return check_span(&l, out);
}
