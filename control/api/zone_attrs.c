#include "control/api/zone_attrs.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/compiler.h"
#include "shared/err.h"

enum { UNPROCESSABLE = 422, DNS_PORT = 53 };

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

/* An address, with a port or not, taken apart. */
struct master {
	char address[INET6_ADDRSTRLEN + 1];
	unsigned port;
	bool ipv6;
};

static bool read_port(const char *text, unsigned *port)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*port = (unsigned)n;
	return *text >= '0' && *text <= '9' && !*end && n > 0 && n <= UINT16_MAX;
}

/* Gives the text behind the address, or NULL. */
static const char *cut_address(const char *text, struct master *m)
{
	bool bracket = text[0] == '[';
	const char *colon = strchr(text, ':');
	bool bare_ipv6 = !bracket && colon && strchr(colon + 1, ':');
	size_t len = bracket     ? strcspn(text, "]") - 1
	             : bare_ipv6 ? strlen(text)
	                         : strcspn(text, ":");

	if (len >= sizeof m->address || (bracket && text[len + 1] != ']'))
		return NULL;
	m->ipv6 = bracket || bare_ipv6;
	memcpy(m->address, text + bracket, len);
	m->address[len] = '\0';
	return text + len + (bracket ? 2 : 0);
}

static bool read_master(const char *text, struct master *m)
{
	uint8_t bytes[16];
	const char *rest = cut_address(text, m);

	m->port = DNS_PORT;
	if (!rest || inet_pton(m->ipv6 ? AF_INET6 : AF_INET, m->address, bytes) != 1)
		return false;
	if (!inet_ntop(m->ipv6 ? AF_INET6 : AF_INET, bytes, m->address,
	               sizeof m->address))
		return false;
	return !*rest || (*rest == ':' && read_port(rest + 1, &m->port));
}

static int add_master(const json_t *value, char *list, size_t size, struct api_fault *f)
{
	const char *text = json_string_value(value);
	struct master m;
	size_t len = strlen(list);
	const char *blank = len ? " " : "";

	if (!text || !read_master(text, &m))
		return api_refuse(f, UNPROCESSABLE, "Master (%s) is not an IP address",
		                  text ? text : "");
	int written = m.port == DNS_PORT
	                      ? snprintf(list + len, size - len, "%s%s", blank, m.address)
	              : m.ipv6 ? snprintf(list + len, size - len, "%s[%s]:%u", blank,
	                                  m.address, m.port)
	                       : snprintf(list + len, size - len, "%s%s:%u", blank,
	                                  m.address, m.port);
	return written < 0 || (size_t)written >= size - len
	               ? api_refuse(f, UNPROCESSABLE, "Too many masters")
	               : 0;
}

static int read_masters(const json_t *list, struct zone_attrs *a, uint32_t *set,
                        struct api_fault *f)
{
	size_t i;
	const json_t *value;

	if (!json_is_array(list))
		return 0;
	a->masters[0] = '\0';
	json_array_foreach(list, i, value)
		TRY(add_master(value, a->masters, sizeof a->masters, f));
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

int zone_attrs_read(const json_t *object, struct zone_attrs *attrs, uint32_t *set,
                    struct api_fault *f)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));

	if (json_is_true(json_object_get(object, "dnssec")))
		return api_refuse(
			f, UNPROCESSABLE,
			"This server does not sign zones: load them signed instead");
	if (kind) {
		attrs->kind = kind_of(kind);
		*set |= bit(ATTR_KIND);
	}
	TRY(read_masters(json_object_get(object, "masters"), attrs, set, f));
	TRY(read_texts(object, attrs, set, f));
	read_bool(object, "api_rectify", &attrs->api_rectify, set, ATTR_RECTIFY);
	read_bool(object, "nsec3narrow", &attrs->nsec3narrow, set, ATTR_NSEC3NARROW);
	if (*set & (bit(ATTR_SOA_EDIT) | bit(ATTR_SOA_EDIT_API))) {
		attrs->serial = policy_of(attrs);
		*set |= bit(ATTR_SERIAL);
	}
	return 0;
}
