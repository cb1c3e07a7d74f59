/*
 * The one who has the KSK trusts the request for which ZSKs there are, and for nothing else: what is signed here
 * holds for as long as it says, and nobody can take it back. So a request with anything in it but ZSKs is not
 * signed.
 */
#include <stdarg.h>
#include <stdio.h>

#include "control/sign/bundle.h"
#include "control/sign/ds.h"
#include "control/sign/key.h"
#include "control/sign/keyfile.h"
#include "control/sign/policy.h"
#include "control/sign/rrsig.h"
#include "control/sign/set_signer.h"
#include "shared/err.h"
#include "shared/wire.h"

struct responder {
	const struct bundles *request;
	const struct bundle_safe *safe;
	struct signer *signers[SIGN_KEYS_MAX]; /* one for each KSK */
	struct rrsig_room room;
	struct bundles *out;
	char *why;
};

static int complain(const struct responder *r, uint64_t from, int err, const char *format,
                    ...) PRINTF_LIKE(4, 5);

static int complain(const struct responder *r, uint64_t from, int err, const char *format,
                    ...)
{
	va_list args;

	va_start(args, format);
	bundle_say(r->why, from, format, args);
	va_end(args);
	return err;
}

static bool is_within(uint64_t at, uint64_t from, uint64_t until)
{
	return from <= at && at < until;
}

static bool is_published(const struct bundle_ksk *k, uint64_t at)
{
	return is_within(at, k->from, k->until);
}

/* ---- what is in it ---- */

static bool has_ksk(const struct responder *r, uint8_t algorithm, uint64_t at)
{
	for (size_t i = 0; i < r->safe->count; i++) {
		const struct bundle_ksk *k = &r->safe->ksks[i];

		if (is_published(k, at) && sign_key_algorithm(k->key) == algorithm)
			return true;
	}
	return false;
}

static int check_zsk(const struct responder *r, struct rdata d, uint64_t at)
{
	if (d.len <= DNSKEY_HEADER || d.bytes[2] != DNSKEY_PROTOCOL)
		return complain(r, at, ERR_REFUSED,
		                "a DNSKEY is not one that signs zones");
	uint16_t flags = wire_load16(d.bytes);

	if (flags != SIGN_FLAGS_ZSK)
		return complain(
			r, at, ERR_REFUSED,
			"key %u has flags %u, and a request is for ZSKs alone, with flags %u",
			dnskey_tag(d), flags, (unsigned)SIGN_FLAGS_ZSK);
	if (!has_ksk(r, d.bytes[3], at))
		return complain(r, at, ERR_REFUSED,
		                "key %u is of algorithm %u, of which there is no KSK",
		                dnskey_tag(d), d.bytes[3]);
	return 0;
}

/* Gives how many. */
static int zsks_of(const struct responder *r, const struct rrset *set, uint64_t at,
                   struct rdata *out)
{
	const uint8_t *from = rrset_first(set);

	if (set->count > BUNDLE_KEYS_MAX - SIGN_KEYS_MAX)
		return complain(r, at, ERR_REFUSED, "there are %u keys", set->count);
	for (unsigned i = 0; i < set->count; i++) {
		out[i] = rrset_next(&from);
		TRY(check_zsk(r, out[i], at));
	}
	return set->count;
}

static int put_dnskeys(const struct responder *r, const struct rrset *zsks,
                       struct bundle *to)
{
	struct rdata records[BUNDLE_KEYS_MAX];
	int count = zsks_of(r, zsks, to->from, records);

	TRY(count);
	for (size_t i = 0; i < r->safe->count; i++)
		if (is_published(&r->safe->ksks[i], to->from))
			records[count++] = sign_key_dnskey(r->safe->ksks[i].key);
	bundle_put(r->out, to, BUNDLE_DNSKEY, zsks->ttl, records, (size_t)count);
	return 0;
}

static int put_cds(const struct responder *r, uint32_t ttl, struct bundle *to)
{
	uint8_t digests[SIGN_KEYS_MAX][DS_MAX];
	struct rdata keys[SIGN_KEYS_MAX];
	struct rdata ds[SIGN_KEYS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < r->safe->count; i++) {
		const struct bundle_ksk *k = &r->safe->ksks[i];
		if (!is_within(to->from, k->ds_from, k->ds_until))
			continue;
		keys[count] = sign_key_dnskey(k->key);
		int len = ds_make(r->out->zone, keys[count], DS_SHA256, digests[count]);
		TRY(len);
		ds[count] = (struct rdata){.bytes = digests[count], .len = (uint16_t)len};
		count++;
	}
	bundle_put(r->out, to, BUNDLE_CDNSKEY, ttl, keys, count);
	bundle_put(r->out, to, BUNDLE_CDS, ttl, ds, count);
	return 0;
}

/* ---- signatures ---- */

static int sign_set(struct responder *r, uint64_t at, struct rrset *set)
{
	const struct sign_policy *p = r->safe->policy;
	const struct rrsig_times times = {
		.inception = (uint32_t)(at - p->signatures.skew),
		.expiration = (uint32_t)(at + p->dnskey_validity),
	};
	const struct signed_set what = {
		.owner = r->out->zone, .zone = r->out->zone, .set = set};
	uint8_t rdata[SIGN_KEYS_MAX][RRSIG_MAX];
	struct rdata signatures[SIGN_KEYS_MAX];
	unsigned count = 0;

	for (size_t i = 0; i < r->safe->count; i++) {
		if (!is_published(&r->safe->ksks[i], at))
			continue;
		int len = rrsig_make(r->signers[i], &r->room, &what, times, rdata[count]);
		TRY(len);
		signatures[count] =
			(struct rdata){.bytes = rdata[count], .len = (uint16_t)len};
		count++;
	}
	size_t size = rrsig_blob_size(set, signatures, count);
	uint8_t *blob = arena_alloc(r->out->arena, size);
	rrsig_blob_write(set, signatures, count, blob);
	return rrset_open(set->type, blob, size, set);
}

static int put_bundle(struct responder *r, const struct bundle *from, uint64_t at)
{
	const struct rrset *zsks = &from->sets[BUNDLE_DNSKEY];
	struct bundle *to;
	int err = bundles_add(r->out, at, &to);

	if (err < 0)
		return complain(r, at, err, "there are more than %d bundles",
		                BUNDLES_MAX);
	TRY(put_dnskeys(r, zsks, to));
	TRY(put_cds(r, zsks->ttl, to));
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++)
		if (to->sets[part].count)
			TRY(sign_set(r, at, &to->sets[part]));
	return 0;
}

/* ---- when ---- */

static uint64_t nearer(uint64_t next, uint64_t at, uint64_t change)
{
	return change > at && change < next ? change : next;
}

/* Gives when what is signed at a time has to be replaced. */
static uint64_t next_time(const struct responder *r, uint64_t at)
{
	const struct sign_policy *p = r->safe->policy;
	uint64_t next = at + p->dnskey_validity - p->signatures.refresh;

	for (size_t i = 0; i < r->safe->count; i++) {
		const struct bundle_ksk *k = &r->safe->ksks[i];

		next = nearer(next, at, k->from);
		next = nearer(next, at, k->until);
		next = nearer(next, at, k->ds_from);
		next = nearer(next, at, k->ds_until);
	}
	return next;
}

static int respond(struct responder *r)
{
	for (size_t i = 0; i < r->request->count; i++) {
		const struct bundle *b = &r->request->list[i];
		bool last = i + 1 == r->request->count;
		uint64_t until = last ? b->from + 1 : r->request->list[i + 1].from;

		for (uint64_t at = b->from; at < until; at = next_time(r, at))
			TRY(put_bundle(r, b, at));
	}
	return 0;
}

/* ---- all of it ---- */

static int check(const struct bundles *request, const struct bundle_safe *s)
{
	if (request->kind != BUNDLE_REQUEST || s->count == 0 || s->count > SIGN_KEYS_MAX)
		return ERR_INVALID;
	if (s->policy->dnskey_validity <= s->policy->signatures.refresh)
		return ERR_INVALID;
	for (size_t i = 0; i < s->count; i++)
		if (sign_key_flags(s->ksks[i].key) != SIGN_FLAGS_KSK)
			return ERR_INVALID;
	return 0;
}

int bundle_respond(const struct bundles *request, const struct bundle_safe *s,
                   struct bundles **out, char why[static BUNDLE_WHY_SIZE])
{
	struct responder r = {.request = request, .safe = s, .why = why};
	int err;

	why[0] = '\0';
	TRY(check(request, s));
	r.out = bundles_new(request->zone, BUNDLE_RESPONSE);
	err = 0;
	for (size_t i = 0; err == 0 && i < s->count; i++)
		err = signer_new(s->ksks[i].key, &r.signers[i]);
	if (err == 0)
		err = respond(&r);
	for (size_t i = 0; i < s->count; i++)
		signer_free(&r.signers[i]);
	rrsig_room_fini(&r.room);
	if (err < 0)
		bundles_free(&r.out);
	else
		*out = r.out;
	return err;
}

struct bundle_ksk bundle_ksk_of(const struct keyfile *k)
{
	uint64_t from = k->times[KEYFILE_PUBLISH];
	uint64_t until = k->times[KEYFILE_DELETE];
	uint64_t ds_from = k->times[KEYFILE_SYNC_PUBLISH];
	uint64_t ds_until = k->times[KEYFILE_SYNC_DELETE];

	return (struct bundle_ksk){
		.key = k->key,
		.from = from,
		.until = until ? until : BUNDLE_FOREVER,
		.ds_from = ds_from ? ds_from : from,
		.ds_until = ds_until ? ds_until
	                    : until  ? until
	                             : BUNDLE_FOREVER,
	};
}
