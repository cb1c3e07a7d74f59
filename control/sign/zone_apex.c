/*
 * The DNSKEY, CDS and CDNSKEY RRsets at a signed zone's apex. What belongs to a key of ours comes and goes as its
 * life says. Anything else there was put there by somebody, and stays: the keys of another signer of the same zone (RFC
 * 8901 §2.1.2) have their place beside ours, and so have their CDS (RFC 8901 §7).
 */
#include <stdlib.h>

#include "control/sign/ds.h"
#include "control/sign/life_rules.h"
#include "control/sign/rrsig.h"
#include "control/sign/zone_keys.h"
#include "control/zone/rdata.h"
#include "shared/rrtype.h"

/* RFC 8078 §4: no DS, please. */
static const uint8_t no_cds[] = {0, 0, 0, 0, 0};
static const uint8_t no_cdnskey[] = {0, 0, 3, 0, 0};

struct gathering {
	uint16_t type;
	struct contents_arena *arena;
	struct rdata *records;
	size_t count, room;
};

static void gather(struct gathering *g, const uint8_t *bytes, size_t len)
{
	g->records =
		arena_room(g->arena, g->records, g->count, &g->room, sizeof *g->records);
	g->records[g->count++] = (struct rdata){.bytes = arena_copy(g->arena, bytes, len),
	                                        .len = (uint16_t)len};
}

/* Says whether a record is of one of our keys, or asks for no DS. */
static bool is_ours(const struct zone_keys *k, uint16_t type, struct rdata r)
{
	const struct rdata none = {.bytes = type == RRTYPE_CDS ? no_cds : no_cdnskey,
	                           .len = sizeof no_cds};

	if (type != RRTYPE_DNSKEY && rdata_same(r, none))
		return true;
	for (size_t i = 0; i < k->count; i++) {
		struct rdata dnskey = sign_stored_dnskey(&k->keys[i].stored);
		if (type == RRTYPE_CDS ? ds_is_of(r, k->zone, dnskey)
		                       : rdata_same(r, dnskey))
			return true;
	}
	return false;
}

static bool is_relied_upon(const struct zone_keys *k, size_t i)
{
	const struct life_key *l = &k->lives[i];

	if (l->role == LIFE_KSK)
		return !k->state.bundle && life_publishes(l);
	return life_somewhere(&l->records[LIFE_RRSIG]);
}

size_t zone_keys_missing(const struct zone_keys *k, const struct bundle *b, size_t from)
{
	while (from < k->count &&
	       (!is_relied_upon(k, from) ||
	        bundle_publishes(b, sign_stored_dnskey(&k->keys[from].stored))))
		from++;
	return from;
}

bool zone_keys_made(const struct zone_keys *k, uint16_t type, struct rdata r)
{
	if (rrtype_is_of_signing(type))
		return true;
	return rrtype_is_of_keys(type) && (k->bundles || is_ours(k, type, r));
}

static void gather_others(struct gathering *g, const struct zone_keys *k,
                          const struct rrset *now)
{
	const uint8_t *at = now->count ? rrset_first(now) : NULL;

	for (unsigned i = 0; i < now->count; i++) {
		struct rdata r = rrset_next(&at);
		if (!is_ours(k, g->type, r))
			gather(g, r.bytes, r.len);
	}
}

static void gather_ours(struct gathering *g, const struct zone_keys *k, size_t i)
{
	struct rdata dnskey = sign_stored_dnskey(&k->keys[i].stored);
	uint8_t ds[DS_MAX];

	if (g->type != RRTYPE_CDS) {
		gather(g, dnskey.bytes, dnskey.len);
		return;
	}
	int len = ds_make(k->zone, dnskey, DS_SHA256, ds);
	if (len > 0)
		gather(g, ds, (size_t)len);
}

static bool is_wanted(const struct zone_keys *k, uint16_t type, size_t i)
{
	return type == RRTYPE_DNSKEY ? life_publishes(&k->lives[i])
	                             : life_wants_ds(&k->lives[i]);
}

static int by_rdata(const void *a, const void *b)
{
	const struct rdata *x = a;
	const struct rdata *y = b;

	return rdata_compare(RRTYPE_DNSKEY, x->bytes, x->len, y->bytes, y->len);
}

static const uint8_t *write_blob(struct gathering *g, uint32_t ttl, size_t *size)
{
	struct rrset head = {.type = g->type, .ttl = ttl, .count = (uint16_t)g->count};
	size_t room = RRSET_HEADER;

	*size = 0;
	if (g->count == 0)
		return NULL;
	qsort(g->records, g->count, sizeof g->records[0], by_rdata);
	for (size_t i = 0; i < g->count; i++)
		room += sizeof(uint16_t) + g->records[i].len;
	uint8_t *blob = arena_alloc(g->arena, room);
	uint8_t *at = blob + RRSET_HEADER;
	rrset_write_header(blob, &head);
	for (size_t i = 0; i < g->count; i++)
		at = rrset_write_rdata(at, g->records[i].bytes, g->records[i].len);
	*size = room;
	return blob;
}

/* Says whether the parent is asked to have no DS, by the record that stands alone. */
static bool asks_for_none(const struct zone_keys *k)
{
	const struct life l = {.keys = k->lives, .count = k->count};

	return life_wants_no_ds(&l, !k->state.leaving);
}

/* What the bundle in use has of a type, without signatures. */
static const uint8_t *apex_given(const struct zone_keys *k, uint16_t type,
                                 struct contents_arena *a, size_t *size)
{
	const struct rrset *sets = k->bundles->list[0].sets;

	*size = 0;
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++) {
		if (sets[part].type != type || !sets[part].count || !zone_keys_sign(k))
			continue;
		*size = rrsig_blob_size(&sets[part], NULL, 0);
		uint8_t *blob = arena_alloc(a, *size);
		rrsig_blob_write(&sets[part], NULL, 0, blob);
		return blob;
	}
	return NULL;
}

const uint8_t *zone_keys_apex(const struct zone_keys *k, const struct rrset *now,
                              struct contents_arena *a, size_t *size)
{
	struct gathering g = {.type = now->type, .arena = a};

	if (k->bundles)
		return apex_given(k, g.type, a, size);
	if (g.type == RRTYPE_CDS && asks_for_none(k))
		gather(&g, no_cds, sizeof no_cds);
	else if (g.type == RRTYPE_CDNSKEY && asks_for_none(k))
		gather(&g, no_cdnskey, sizeof no_cdnskey);
	else
		gather_others(&g, k, now);
	for (size_t i = 0; i < k->count; i++)
		if (is_wanted(k, g.type, i))
			gather_ours(&g, k, i);
	return write_blob(&g, k->state.dnskey_ttl, size);
}
