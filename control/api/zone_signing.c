#include "control/api/zone_signing.h"

#include <stdio.h>

#include "control/policy/policy.h"
#include "control/sign/chain.h"
#include "control/sign/policy.h"
#include "shared/name.h"

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

static bool is_to_be_signed(const struct zone_signing *s, const struct zone_change *out)
{
	struct store_zone zone = *s->zone;

	store_attrs_merge(&zone.attrs, &out->attrs, out->attrs_set);
	return s->comes_signed || zone_policy_dnssec(s->config, &zone)[0];
}

int zone_signing_nsec3param(const json_t *object, const struct zone_signing *s,
                            const struct zone_change *out, struct api_fault *f)
{
	const char *text = json_string_value(json_object_get(object, "nsec3param"));
	struct chain_params params;
	char name[NAME_TEXT_MAX];

	if (!text || !text[0])
		return 0;
	(void)name_to_text(s->zone->name, name);
	if (!is_to_be_signed(s, out))
		return api_refuse(
			f, UNPROCESSABLE,
			"NSEC3PARAM value provided for zone '%s', but zone is not "
			"DNSSEC secured.",
			name);
	if (chain_params_read(text, &params) < 0)
		return api_refuse(
			f, UNPROCESSABLE,
			"NSEC3PARAM value provided for zone '%s' is invalid. It "
			"is \"1\", 0 or 1, up to %d iterations, and a salt or "
			"\"-\".",
			name, SIGN_ITERATIONS_MAX);
	return 0;
}
