#include "control/sign/bundle_check.h"
#include "control/sign/dnskey.h"
#include "control/sign/ds.h"
#include "control/sign/rrsig.h"
#include "control/sign/times.h"

static bool has_ds(const uint8_t *zone, struct rdata key, const struct rdata *ds,
                   size_t ds_count)
{
	for (size_t i = 0; i < ds_count; i++)
		if (ds_is_of(ds[i], zone, key))
			return true;
	return false;
}

bool bundle_is_chained(const struct bundle *b, const uint8_t *zone,
                       const struct rdata *ds, size_t ds_count)
{
	const struct rrset *set = &b->sets[BUNDLE_DNSKEY];
	const uint8_t *at = set->count ? rrset_first(set) : NULL;

	for (unsigned i = 0; i < set->count; i++) {
		struct rdata d = rrset_next(&at);

		if (bundle_is_ksk(d) && has_ds(zone, d, ds, ds_count))
			return true;
	}
	return false;
}

uint64_t bundle_last_until(const struct bundle *last, uint32_t propagation)
{
	uint64_t until = BUNDLE_FOREVER;

	for (enum bundle_part part = 0; part < BUNDLE_PARTS; part++) {
		const struct rrset *set = &last->sets[part];
		const uint8_t *at = set->count ? rrset_first(set) : NULL;
		struct rrsig s;

		for (unsigned i = 0; i < set->count; i++)
			(void)rrset_next(&at);
		for (unsigned i = 0; set->count && i < set->sig_count; i++) {
			if (rrsig_open(rrset_next(&at), &s) < 0)
				return 0;
			uint64_t end = sign_time_near(s.expiration, last->from);
			until = end < until ? end : until;
		}
	}
	return until == BUNDLE_FOREVER || until < propagation ? 0 : until - propagation;
}
