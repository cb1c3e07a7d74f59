/*
 * The digest is over all records of the zone, each in canonical form, in canonical order (RFC 8976
 * §3.3): glue and what lies below delegations included, the ZONEMD records at the apex and their
 * signatures excluded.
 *
 * RRsets come here in canonical order but for one thing: a signature is kept with the RRset that it
 * covers, while here RRSIG is a type like any other, 46, and all signatures of an owner are one RRset.
 * So what comes behind that type, and the signatures, wait until the owner is complete.
 */
#include "control/zone/zonemd.h"

#include <openssl/evp.h>

#include "control/must.h"
#include "control/zone/arena.h"
#include "control/zone/rdata.h"
#include "control/zone/soa.h"
#include "shared/dns.h"
#include "shared/err.h"
#include "shared/name.h"
#include "shared/rrtype.h"
#include "shared/wire.h"

enum {
	RR_FIXED = 10,   /* type, class, TTL, length */
	DIGEST_MIN = 12, /* RFC 8976 §2.2.4 */
};

struct signature {
	struct rdata rdata;
	uint32_t ttl;
};

struct zonemd {
	EVP_MD_CTX *ctx;
	uint8_t apex[NAME_MAX_LEN];

	/* The owner whose records come now. */
	const uint8_t *key; /* NULL: none yet */
	size_t key_len;
	uint8_t owner[NAME_MAX_LEN];
	size_t owner_len;

	struct signature *signatures; /* of this owner */
	size_t signature_count;
	size_t signature_room;
	struct rrset *later; /* RRsets of this owner with a type above RRSIG */
	size_t later_count;
	size_t later_room;

	uint8_t scratch[RDATA_MAX];
};

static const EVP_MD *algorithm_of(unsigned number)
{
	switch (number) {
	case ZONEMD_SHA384: return EVP_sha384();
	case ZONEMD_SHA512: return EVP_sha512();
	default: return NULL;
	}
}

int zonemd_begin(struct zonemd **out, const uint8_t *apex, unsigned algorithm)
{
	const EVP_MD *md = algorithm_of(algorithm);

	if (!md)
		return ERR_INVALID;
	struct zonemd *z = must(calloc(1, sizeof *z));
	z->ctx = must(EVP_MD_CTX_new());
	if (!EVP_DigestInit_ex(z->ctx, md, NULL))
		abort();
	memcpy(z->apex, apex, name_len(apex, NAME_MAX_LEN));
	*out = z;
	return 0;
}

/* ---- one record ---- */

static void digest(struct zonemd *z, const void *bytes, size_t size)
{
	if (!EVP_DigestUpdate(z->ctx, bytes, size))
		abort();
}

static void put_record(struct zonemd *z, uint16_t type, uint32_t ttl, struct rdata d)
{
	uint8_t head[NAME_MAX_LEN + RR_FIXED];
	uint8_t *at = head + z->owner_len;
	const uint8_t *bytes = rdata_canonical(type, d.bytes, d.len, z->scratch);

	memcpy(head, z->owner, z->owner_len);
	wire_store16(at, type);
	wire_store16(at + 2, CLASS_IN);
	wire_store32(at + 4, ttl);
	wire_store16(at + 8, d.len);
	digest(z, head, z->owner_len + RR_FIXED);
	digest(z, bytes, d.len);
}

static void put_records(struct zonemd *z, const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		put_record(z, set->type, set->ttl, rrset_next(&at));
}

/* ---- one owner ---- */

static int compare_signatures(const void *a, const void *b)
{
	const struct signature *one = a;
	const struct signature *two = b;

	return rdata_compare(RRTYPE_RRSIG, one->rdata.bytes, one->rdata.len,
	                     two->rdata.bytes, two->rdata.len);
}

static void end_owner(struct zonemd *z)
{
	if (z->signature_count)
		qsort(z->signatures, z->signature_count, sizeof *z->signatures,
		      compare_signatures);
	for (size_t i = 0; i < z->signature_count; i++)
		put_record(z, RRTYPE_RRSIG, z->signatures[i].ttl, z->signatures[i].rdata);
	for (size_t i = 0; i < z->later_count; i++)
		put_records(z, &z->later[i]);
	z->signature_count = 0;
	z->later_count = 0;
}

static void begin_owner(struct zonemd *z, const uint8_t *key, size_t key_len)
{
	if (z->key && z->key_len == key_len && memcmp(z->key, key, key_len) == 0)
		return;
	end_owner(z);
	z->key = key;
	z->key_len = key_len;
	int len = name_from_key(key, key_len, z->apex, z->owner);
	assert(len > 0);
	z->owner_len = (size_t)len;
}

static void keep_signatures(struct zonemd *z, const struct rrset *set)
{
	const uint8_t *at = rrset_first(set);

	for (unsigned i = 0; i < set->count; i++)
		(void)rrset_next(&at);
	for (unsigned i = 0; i < set->sig_count; i++) {
		z->signatures = array_room(z->signatures, z->signature_count,
		                           &z->signature_room, sizeof *z->signatures);
		z->signatures[z->signature_count++] = (struct signature){
			.rdata = rrset_next(&at),
			.ttl = set->sig_ttl,
		};
	}
}

void zonemd_set(struct zonemd *z, const uint8_t *key, size_t key_len,
                const struct rrset *set)
{
	begin_owner(z, key, key_len);
	if (key_len == 0 && set->type == RRTYPE_ZONEMD)
		return;
	keep_signatures(z, set);
	if (set->type < RRTYPE_RRSIG) {
		put_records(z, set);
		return;
	}
	z->later = array_room(z->later, z->later_count, &z->later_room, sizeof *z->later);
	z->later[z->later_count++] = *set;
}

size_t zonemd_end(struct zonemd **z, uint8_t out[static ZONEMD_DIGEST_MAX])
{
	struct zonemd *done = *z;
	unsigned size = 0;

	end_owner(done);
	if (!EVP_DigestFinal_ex(done->ctx, out, &size))
		abort();
	EVP_MD_CTX_free(done->ctx);
	free(done->signatures);
	free(done->later);
	free(done);
	*z = NULL;
	return size;
}

/* ---- what a zone says of itself ---- */

/* A ZONEMD record. */
struct claim {
	uint32_t serial;
	uint8_t scheme;
	uint8_t algorithm;
	const uint8_t *digest;
	size_t digest_len;
};

static struct claim claim_of(struct rdata d)
{
	return (struct claim){
		.serial = wire_load32(d.bytes),
		.scheme = d.bytes[4],
		.algorithm = d.bytes[5],
		.digest = d.bytes + ZONEMD_HEADER,
		.digest_len = (size_t)d.len - ZONEMD_HEADER,
	};
}

/* Says whether a record is one to verify: of a known kind, and the only one of its kind (RFC 8976
 * §4 step 4). */
static bool is_verifiable(const struct rrset *zonemd, const struct claim *claim)
{
	const uint8_t *at = rrset_first(zonemd);
	unsigned of_this_kind = 0;

	if (claim->scheme != ZONEMD_SIMPLE || !algorithm_of(claim->algorithm) ||
	    claim->digest_len < DIGEST_MIN)
		return false;
	for (unsigned i = 0; i < zonemd->count; i++) {
		struct claim other = claim_of(rrset_next(&at));
		of_this_kind += other.scheme == claim->scheme &&
		                other.algorithm == claim->algorithm;
	}
	return of_this_kind == 1;
}

static int digest_zone(const struct zonemd_zone *zone, unsigned algorithm,
                       uint8_t out[static ZONEMD_DIGEST_MAX], size_t *len)
{
	struct zonemd *z = NULL;

	TRY(zonemd_begin(&z, zone->apex, algorithm));
	int err = zone->walk(zone, z);
	*len = zonemd_end(&z, out);
	return err;
}

static int is_right(const struct zonemd_zone *zone, const struct claim *claim, bool *out)
{
	uint8_t found[ZONEMD_DIGEST_MAX];
	size_t len;

	TRY(digest_zone(zone, claim->algorithm, found, &len));
	*out = claim->digest_len == len && memcmp(claim->digest, found, len) == 0;
	return 0;
}

static uint32_t soa_serial(const struct zonemd_zone *zone)
{
	if (zone->soa.count == 0)
		return 0;
	struct rdata d = rrset_first_record(&zone->soa);
	return soa_number(d.bytes, d.len, SOA_SERIAL);
}

static int refuse(const struct zonemd_zone *zone, struct diag *diag, const char *why)
{
	char apex[NAME_TEXT_MAX];

	diag_add(diag, DIAG_ERROR, "zonemd-mismatch", zone->file, 0, 0, "%s: %s",
	         name_to_text(zone->apex, apex), why);
	return ERR_REFUSED;
}

static void warn(const struct zonemd_zone *zone, struct diag *diag)
{
	char apex[NAME_TEXT_MAX];

	diag_add(diag, DIAG_WARNING, "zonemd-unknown", zone->file, 0, 0,
	         "%s: none of the ZONEMD records can be verified",
	         name_to_text(zone->apex, apex));
}

int zonemd_check_zone(const struct zonemd_zone *zone, struct diag *diag)
{
	unsigned verifiable = 0;
	unsigned of_another_serial = 0;

	if (zone->zonemd.count == 0)
		return 0;

	uint32_t serial = soa_serial(zone);
	const uint8_t *at = rrset_first(&zone->zonemd);
	for (unsigned i = 0; i < zone->zonemd.count; i++) {
		struct claim claim = claim_of(rrset_next(&at));
		bool right = false;

		if (!is_verifiable(&zone->zonemd, &claim))
			continue;
		verifiable++;
		if (claim.serial != serial)
			of_another_serial++;
		else
			TRY(is_right(zone, &claim, &right));
		if (right)
			return 0;
	}
	if (verifiable)
		return refuse(zone, diag,
		              verifiable == of_another_serial
		                      ? "ZONEMD is of another serial than the SOA"
		                      : "the zone's digest is not what ZONEMD says");
	warn(zone, diag);
	return 0;
}

/* ---- of contents ---- */

static void apex_set(const struct contents *c, uint16_t type, struct rrset *out)
{
	const struct contents_rrset *r = contents_at_apex(c, type);
	int err = 0;

	*out = (struct rrset){.type = type};
	if (r)
		err = rrset_open(type, r->blob, r->size, out);
	assert(err == 0);
}

static int walk_contents(const struct zonemd_zone *zone, struct zonemd *z)
{
	const struct contents *c = zone->arg;

	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		struct rrset set;

		TRY(rrset_open(r->type, r->blob, r->size, &set));
		zonemd_set(z, r->key, r->key_len, &set);
	}
	return 0;
}

void zonemd_zone_of(const struct contents *c, struct zonemd_zone *out)
{
	*out = (struct zonemd_zone){.apex = c->apex,
	                            .file = contents_file(c, 0),
	                            .walk = walk_contents,
	                            .arg = c};
	apex_set(c, RRTYPE_SOA, &out->soa);
	apex_set(c, RRTYPE_ZONEMD, &out->zonemd);
}

int zonemd_check(const struct contents *c, struct diag *diag)
{
	struct zonemd_zone zone;

	zonemd_zone_of(c, &zone);
	return zonemd_check_zone(&zone, diag);
}

/* ---- making one ---- */

int zonemd_make(const struct zonemd_zone *zone, uint8_t blob[static ZONEMD_BLOB_SIZE])
{
	uint8_t rdata[ZONEMD_HEADER + ZONEMD_DIGEST_MAX];
	const struct rrset set = {
		.type = RRTYPE_ZONEMD, .count = 1, .ttl = zone->soa.ttl};
	size_t len;

	TRY(digest_zone(zone, ZONEMD_SHA384, rdata + ZONEMD_HEADER, &len));
	assert(RRSET_HEADER + 2 + ZONEMD_HEADER + len == ZONEMD_BLOB_SIZE);
	wire_store32(rdata, soa_serial(zone));
	rdata[4] = ZONEMD_SIMPLE;
	rdata[5] = ZONEMD_SHA384;
	rrset_write_header(blob, &set);
	(void)rrset_write_rdata(blob + RRSET_HEADER, rdata,
	                        (uint16_t)(ZONEMD_HEADER + len));
	return 0;
}

int zonemd_put(struct contents *c)
{
	uint8_t *blob = arena_alloc(c->arena, ZONEMD_BLOB_SIZE);
	struct zonemd_zone zone;

	zonemd_zone_of(c, &zone);
	TRY(zonemd_make(&zone, blob));
	return contents_put_apex(c, RRTYPE_ZONEMD, blob, ZONEMD_BLOB_SIZE);
}
