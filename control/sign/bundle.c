#include "control/sign/bundle.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/must.h"
#include "control/sign/dnskey.h"
#include "control/sign/times.h"
#include "control/zone/rdata.h"
#include "shared/err.h"
#include "shared/wire.h"

struct bundles *bundles_new(const uint8_t *zone, enum bundle_kind kind)
{
	struct bundles *b = must(calloc(1, sizeof *b));
	size_t len = name_len(zone, NAME_MAX_LEN);

	memcpy(b->zone, zone, len);
	name_fold(b->zone, len);
	b->kind = kind;
	b->arena = arena_new();
	return b;
}

void bundles_free(struct bundles **bundles)
{
	struct bundles *b = *bundles;

	*bundles = NULL;
	if (!b)
		return;
	arena_free(b->arena);
	free(b);
}

int bundles_add(struct bundles *b, uint64_t from, struct bundle **out)
{
	if (from == 0 || from > BUNDLE_TIME_MAX)
		return ERR_RANGE;
	if (b->count && from <= b->list[b->count - 1].from)
		return ERR_INVALID;
	if (b->count == BUNDLES_MAX)
		return ERR_TOOBIG;
	b->list = arena_room(b->arena, b->list, b->count, &b->room, sizeof b->list[0]);
	*out = &b->list[b->count++];
	**out = (struct bundle){.from = from};
	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++)
		(*out)->sets[part].type = bundle_type(part);
	return 0;
}

static int compare_records(const void *a, const void *b)
{
	const struct rdata *one = a;
	const struct rdata *two = b;

	/* None of the types here has names in it, and then their order is that of any of them. */
	return rdata_compare(bundle_type(BUNDLE_DNSKEY), one->bytes, one->len, two->bytes,
	                     two->len);
}

void bundle_put(struct bundles *b, struct bundle *to, enum bundle_part part, uint32_t ttl,
                struct rdata *records, size_t count)
{
	struct rrset *set = &to->sets[part];
	size_t size = RRSET_HEADER;

	*set = (struct rrset){.type = bundle_type(part)};
	if (!count)
		return;
	qsort(records, count, sizeof *records, compare_records);
	for (size_t i = 0; i < count; i++)
		size += sizeof(uint16_t) + records[i].len;
	uint8_t *blob = arena_alloc(b->arena, size);
	set->count = (uint16_t)count;
	set->ttl = ttl;
	set->bytes = blob;
	set->size = size;
	rrset_write_header(blob, set);
	uint8_t *at = blob + RRSET_HEADER;
	for (size_t i = 0; i < count; i++)
		at = rrset_write_rdata(at, records[i].bytes, records[i].len);
}

const struct bundle *bundles_at(const struct bundles *b, uint64_t now)
{
	const struct bundle *found = NULL;

	for (size_t i = 0; i < b->count && b->list[i].from <= now; i++)
		found = &b->list[i];
	return found;
}

bool bundle_publishes(const struct bundle *b, struct rdata dnskey)
{
	return rrset_has(&b->sets[BUNDLE_DNSKEY], dnskey);
}

bool bundle_is_ksk(struct rdata d)
{
	const uint16_t mask = DNSKEY_ZONE | DNSKEY_SEP | DNSKEY_REVOKE;

	return d.len > DNSKEY_HEADER &&
	       (wire_load16(d.bytes) & mask) == (DNSKEY_ZONE | DNSKEY_SEP);
}

void bundle_say(char why[static BUNDLE_WHY_SIZE], uint64_t from, const char *format,
                va_list args)
{
	char what[BUNDLE_WHY_SIZE - SIGN_TIME_SIZE - 20];
	char time[SIGN_TIME_SIZE];

	(void)vsnprintf(what, sizeof what, format, args);
	(void)snprintf(why, BUNDLE_WHY_SIZE, "from %s on: %s", sign_time_text(from, time),
	               what);
}
