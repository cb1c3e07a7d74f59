#include "control/sign/verifier.h"

#include <stdlib.h>

#include "control/must.h"
#include "control/sign/dnskey.h"
#include "control/sign/rrsig.h"
#include "shared/err.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	/* Keys that have a signature's algorithm and tag: two will do so by chance, but a zone that somebody else
	 * has made can have thousands of them. */
	TRIES_MAX = 4,
};

/* A DNSKEY, which is made ready when a signature asks for it. */
struct candidate {
	struct rdata rdata;
	uint16_t tag;
	uint8_t algorithm;
	struct dnskey *key; /* NULL: not made ready yet */
};

struct verifier {
	uint8_t zone[NAME_MAX_LEN];
	uint8_t *blob; /* the DNSKEYs */
	struct candidate *keys;
	unsigned count;
	struct rrsig_room room;
};

const char *rrsig_fault_text(enum rrsig_fault f)
{
	switch (f) {
	case RRSIG_GOOD: return "is good";
#define RRSIG_FAULT(name, text) \
	case RRSIG_##name:      \
		return text;
#include "control/sign/rrsig_faults.def"
#undef RRSIG_FAULT
	}
	return "is wrong";
}

struct verifier *verifier_new(const uint8_t *zone, const struct rrset *dnskeys)
{
	struct verifier *v = must(calloc(1, sizeof *v));

	memcpy(v->zone, zone, name_len(zone, NAME_MAX_LEN));
	if (!dnskeys->count)
		return v;
	v->blob = must(malloc(dnskeys->size));
	memcpy(v->blob, dnskeys->bytes, dnskeys->size);
	v->keys = must(calloc(dnskeys->count, sizeof *v->keys));
	const uint8_t *at = v->blob + RRSET_HEADER;
	for (unsigned i = 0; i < dnskeys->count; i++) {
		struct rdata d = rrset_next(&at);

		if (d.len > DNSKEY_HEADER)
			v->keys[v->count++] = (struct candidate){
				.rdata = d,
				.tag = dnskey_tag(d),
				.algorithm = d.bytes[3],
			};
	}
	return v;
}

void verifier_free(struct verifier **verifier)
{
	struct verifier *v = *verifier;

	*verifier = NULL;
	if (!v)
		return;
	for (unsigned i = 0; i < v->count; i++)
		dnskey_free(&v->keys[i].key);
	rrsig_room_fini(&v->room);
	free(v->keys);
	free(v->blob);
	free(v);
}

/* ---- what needs no key ---- */

static enum rrsig_fault check_place(const struct verifier *v, const struct rrsig *s,
                                    const uint8_t *owner, const struct rrset *set)
{
	unsigned labels = rrsig_labels(owner);

	if (s->covered != set->type)
		return RRSIG_COVERED;
	if (set->count == 0)
		return RRSIG_EMPTY;
	if (!name_is_under(owner, v->zone, NULL))
		return RRSIG_OUTSIDE;
	if (!name_equal(s->signer, v->zone))
		return RRSIG_SIGNER;
	if (s->labels > labels)
		return RRSIG_LABELS;
	if (s->labels < labels)
		return RRSIG_WILDCARD;
	return s->ttl == set->ttl ? RRSIG_GOOD : RRSIG_TTL;
}

/* Says whether a is before b, of times that are kept modulo 2^32 (RFC 4034 §3.1.5, RFC 1982). */
static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static enum rrsig_fault check_times(const struct rrsig *s, uint64_t now)
{
	if (is_before(s->expiration, s->inception))
		return RRSIG_DATES;
	if (is_before((uint32_t)now, s->inception))
		return RRSIG_NOT_YET;
	return is_before(s->expiration, (uint32_t)now) ? RRSIG_EXPIRED : RRSIG_GOOD;
}

/* ---- by the key ---- */

static enum rrsig_fault check_key(struct candidate *c, uint16_t type)
{
	uint16_t flags = wire_load16(c->rdata.bytes);

	if (!(flags & DNSKEY_ZONE))
		return RRSIG_NO_ZONE_KEY;
	if ((flags & DNSKEY_REVOKE) && type != RRTYPE_DNSKEY)
		return RRSIG_REVOKED;
	if (!c->key && dnskey_open(c->rdata, &c->key) < 0)
		return RRSIG_BAD_KEY;
	return RRSIG_GOOD;
}

/* What a signature signs. */
struct signed_data {
	const uint8_t *bytes; /* NULL: it is not asked whether it does */
	size_t len;
};

static enum rrsig_fault check_by(struct candidate *c, const struct rrsig *s,
                                 struct signed_data data)
{
	enum rrsig_fault fault = check_key(c, s->covered);

	if (fault)
		return fault;
	if (s->signature_len != dnskey_signature_len(c->key))
		return RRSIG_LENGTH;
	if (!data.bytes)
		return RRSIG_GOOD;
	return dnskey_verify(c->key, data.bytes, data.len, s->signature,
	                     s->signature_len) == 0
	               ? RRSIG_GOOD
	               : RRSIG_WRONG;
}

/* Tries the keys that it may be by, and gives what is wrong with the last of them when it is by none. */
static enum rrsig_fault check_by_any(struct verifier *v, const struct rrsig *s,
                                     struct signed_data data)
{
	enum rrsig_fault fault = RRSIG_NO_KEY;
	unsigned tries = 0;

	for (unsigned i = 0; i < v->count && tries < TRIES_MAX; i++) {
		struct candidate *c = &v->keys[i];

		if (c->tag != s->tag || c->algorithm != s->algorithm)
			continue;
		tries++;
		fault = check_by(c, s, data);
		if (fault == RRSIG_GOOD)
			break;
	}
	return fault;
}

/* ---- all of it ---- */

static enum rrsig_fault check(struct verifier *v, const struct signed_set *what,
                              struct rdata signature, uint64_t now, bool deep)
{
	struct signed_data data = {.bytes = NULL};
	struct rrsig s;
	enum rrsig_fault fault;

	if (rrsig_open(signature, &s) < 0)
		return RRSIG_MALFORMED;
	fault = check_place(v, &s, what->owner, what->set);
	if (!fault)
		fault = check_times(&s, now);
	if (!fault && !sign_algorithm(s.algorithm))
		fault = RRSIG_ALGORITHM;
	if (fault)
		return fault;
	if (deep) {
		data.len = rrsig_data(&v->room, signature, what);
		data.bytes = v->room.bytes;
	}
	return check_by_any(v, &s, data);
}

enum rrsig_fault verifier_check(struct verifier *v, const uint8_t *owner,
                                const struct rrset *set, struct rdata signature,
                                uint64_t now)
{
	const struct signed_set what = {.owner = owner, .zone = v->zone, .set = set};

	return check(v, &what, signature, now, true);
}

enum rrsig_fault verifier_look(struct verifier *v, const uint8_t *owner,
                               const struct rrset *set, struct rdata signature,
                               uint64_t now)
{
	const struct signed_set what = {.owner = owner, .zone = v->zone, .set = set};

	return check(v, &what, signature, now, false);
}

enum rrsig_fault verifier_check_set(struct verifier *v, const uint8_t *owner,
                                    const struct rrset *set, uint64_t now)
{
	const uint8_t *at = rrset_first(set);
	enum rrsig_fault fault = RRSIG_GOOD;

	for (unsigned i = 0; i < set->count; i++)
		(void)rrset_next(&at);
	if (set->sig_count && set->count && set->sig_ttl != set->ttl)
		fault = RRSIG_OWN_TTL;
	for (unsigned i = 0; i < set->sig_count && !fault; i++)
		fault = verifier_check(v, owner, set, rrset_next(&at), now);
	return fault;
}
