/*
 * "dnssec" of a zone in PowerDNS's JSON: one word for what is a policy here. Clients send back what they
 * have read, so nothing but a change of it does anything: a zone that is to be signed, or comes
 * signed, stays what it is on true, and one that is not on false.
 */
#ifndef CONTROL_API_ZONE_SIGNING_H
#define CONTROL_API_ZONE_SIGNING_H

#include <jansson.h>
#include <stdbool.h>

#include "control/api/fault.h"
#include "control/change/change.h"
#include "control/config/config.h"
#include "control/store/store.h"
#include "shared/compiler.h"

/* Lent. */
struct zone_signing {
	const struct config *config;
	const struct store_zone *zone; /* as the request will make it in all else */
	bool comes_signed;             /* by keys of others */
};

/* Reads it for a zone that is there: true lets it be signed by the policy "default", false leaves it unsigned whatever
 * the configuration says. */
MUST_CHECK int zone_signing_change(const json_t *object, const struct zone_signing *s,
                                   struct zone_change *out, struct api_fault *f);

/* The same for a new zone: false, which clients send unasked, leaves it to the configuration. */
MUST_CHECK int zone_signing_create(const json_t *object, const struct zone_signing *s,
                                   struct zone_change *out, struct api_fault *f);

/* Says of "nsec3param" whether it can count: it is well formed, and the zone has signatures or is to have them by this
 * request. */
MUST_CHECK int zone_signing_nsec3param(const json_t *object, const struct zone_signing *s,
                                       const struct zone_change *out,
                                       struct api_fault *f);

#endif
