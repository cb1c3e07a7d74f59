#include "control/api/zone_signing.h"

#include <stdio.h>

#include "control/policy/policy.h"

enum { UNPROCESSABLE = 422 };

static void say(struct zone_change *z, const char *policy)
{
	(void)snprintf(z->attrs.dnssec, sizeof z->attrs.dnssec, "%s", policy);
	z->attrs_set |= UINT32_C(1) << ATTR_DNSSEC;
}

int zone_signing_create(const json_t *object, const struct zone_signing *s,
                        struct zone_change *out, struct api_fault *f)
{
	if (!json_is_true(json_object_get(object, "dnssec")))
		return 0;
	if (s->comes_signed || zone_policy_dnssec(s->config, s->zone)[0])
		return 0;
	if (zone_kind_is_secondary(zone_policy_kind(s->config, s->zone)))
		return api_refuse(f, UNPROCESSABLE,
		                  "Zones that come from primaries are signed there");
	say(out, "default");
	return 0;
}

int zone_signing_change(const json_t *object, const struct zone_signing *s,
                        struct zone_change *out, struct api_fault *f)
{
	if (json_is_false(json_object_get(object, "dnssec")) &&
	    zone_policy_dnssec(s->config, s->zone)[0]) {
		say(out, POLICY_UNSIGNED);
		return 0;
	}
	return zone_signing_create(object, s, out, f);
}
