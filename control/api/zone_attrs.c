#include "control/api/zone_attrs.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/policy/address.h"
#include "shared/compiler.h"
#include "shared/err.h"

enum { UNPROCESSABLE = 422 };

static uint32_t bit(enum zone_attr a)
{
	return UINT32_C(1) << a;
}

/* Unknown kinds mean Native. */
static enum zone_kind kind_of(const char *text)
{
	static const struct {
		const char *name;
		enum zone_kind kind;
	} kinds[] = {
		{"master", ZONE_KIND_PRIMARY},    {"primary", ZONE_KIND_PRIMARY},
		{"slave", ZONE_KIND_SECONDARY},   {"secondary", ZONE_KIND_SECONDARY},
		{"producer", ZONE_KIND_PRODUCER}, {"consumer", ZONE_KIND_CONSUMER},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcasecmp(text, kinds[i].name) == 0)
			return kinds[i].kind;
	return ZONE_KIND_NATIVE;
}

/* ---- masters ---- */

/* An address, or the name of a remote, which is what a client may have been told. */
static int add_master(const json_t *value, const struct config *config, char *list,
                      size_t size, struct api_fault *f)
{
	const char *text = json_string_value(value);
	const struct config_remote *remote =
		text && config ? config_remote_find(config, text) : NULL;
	struct sockaddr_storage address;
	char canonical[POLICY_ADDRESS_MAX];
	size_t len = strlen(list);

	if (!text || (!remote && !policy_address_read(text, &address)))
		return api_refuse(f, UNPROCESSABLE, "Master (%s) is not an IP address",
		                  text ? text : "");
	if (!remote)
		policy_address_text(&address, canonical);
	int written = snprintf(list + len, size - len, "%s%s", len ? " " : "",
	                       remote ? remote->name : canonical);
	return written < 0 || (size_t)written >= size - len
	               ? api_refuse(f, UNPROCESSABLE, "Too many masters")
	               : 0;
}

static int read_masters(const json_t *list, const struct config *config,
                        struct zone_attrs *a, uint32_t *set, struct api_fault *f)
{
	size_t i;
	const json_t *value;

	if (!json_is_array(list))
		return 0;
	a->masters[0] = '\0';
	json_array_foreach(list, i, value)
		TRY(add_master(value, config, a->masters, sizeof a->masters, f));
	*set |= bit(ATTR_MASTERS);
	return 0;
}

/* ---- texts and the rest ---- */

static enum serial_policy policy_of(const struct zone_attrs *a)
{
	const char *rule = a->soa_edit_api;

	if (strcasecmp(rule, "SOA-EDIT") == 0 ||
	    strcasecmp(rule, "SOA-EDIT-INCREASE") == 0)
		rule = a->soa_edit[0] ? a->soa_edit : rule;
	if (!rule[0] || strcasecmp(rule, "NONE") == 0 || strcasecmp(rule, "OFF") == 0)
		return SERIAL_KEEP;
	if (strcasecmp(rule, "INCREASE") == 0 ||
	    strcasecmp(rule, "SOA-EDIT-INCREASE") == 0 ||
	    strcasecmp(rule, "INCREMENT-WEEKS") == 0)
		return SERIAL_INCREMENT;
	return strcasecmp(rule, "EPOCH") == 0 ? SERIAL_UNIXTIME : SERIAL_DATE;
}

static int read_texts(const json_t *object, struct zone_attrs *a, uint32_t *set,
                      struct api_fault *f)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
		enum zone_attr attr;
	} texts[] = {
		{"account", a->account, sizeof a->account, ATTR_ACCOUNT},
		{"catalog", a->catalog, sizeof a->catalog, ATTR_CATALOG},
		{"soa_edit", a->soa_edit, sizeof a->soa_edit, ATTR_SOA_EDIT},
		{"soa_edit_api", a->soa_edit_api, sizeof a->soa_edit_api,
	         ATTR_SOA_EDIT_API},
		{"nsec3param", a->nsec3param, sizeof a->nsec3param, ATTR_NSEC3PARAM},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text =
			json_string_value(json_object_get(object, texts[i].key));
		if (!text)
			continue;
		if (strlen(text) >= texts[i].size)
			return api_refuse(f, UNPROCESSABLE, "Key '%s' is too long",
			                  texts[i].key);
		memcpy(texts[i].to, text, strlen(text) + 1);
		*set |= bit(texts[i].attr);
	}
	return 0;
}

static void read_bool(const json_t *object, const char *key, bool *to, uint32_t *set,
                      enum zone_attr attr)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return;
	*to = json_is_true(value);
	*set |= bit(attr);
}

int zone_attrs_read(const json_t *object, const struct config *config,
                    struct zone_attrs *attrs, uint32_t *set, struct api_fault *f)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));

	if (kind) {
		attrs->kind = kind_of(kind);
		*set |= bit(ATTR_KIND);
	}
	TRY(read_masters(json_object_get(object, "masters"), config, attrs, set, f));
	TRY(read_texts(object, attrs, set, f));
	read_bool(object, "api_rectify", &attrs->api_rectify, set, ATTR_RECTIFY);
	read_bool(object, "nsec3narrow", &attrs->nsec3narrow, set, ATTR_NSEC3NARROW);
	if (*set & (bit(ATTR_SOA_EDIT) | bit(ATTR_SOA_EDIT_API))) {
		attrs->serial = policy_of(attrs);
		*set |= bit(ATTR_SERIAL);
	}
	return 0;
}
