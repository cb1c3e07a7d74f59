/*
 * "zone policy": what holds for a zone's transfers, and where that is said. "zone set" and "zone
 * create": what the zone itself says of them, as attributes and metadata.
 */
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/policy/address.h"
#include "control/policy/meta.h"
#include "control/policy/policy.h"
#include "control/policy/words.h"
#include "shared/err.h"
#include "shared/io_settings.h"

static const char *zone_text(const json_t *args)
{
	return json_string_value(json_object_get(args, "zone"));
}

/* ---- zone policy ---- */

static const char *kind_text(enum zone_kind kind)
{
	static const char *const kinds[] = {"native", "primary", "secondary", "producer",
	                                    "consumer"};

	return kinds[kind];
}

static json_t *place_json(enum policy_place place)
{
	static const char *const places[] = {
		[POLICY_NOWHERE] = "default",     [POLICY_ZONE] = "zone",
		[POLICY_ENTRY] = "configuration", [POLICY_TEMPLATE] = "template",
		[POLICY_CATALOG] = "catalog",
	};

	return json_string(places[place]);
}

static json_t *name_json(const uint8_t *name)
{
	char text[NAME_TEXT_MAX];

	return name ? json_string(name_to_text(name, text)) : json_null();
}

static json_t *remote_json(const struct remote *r)
{
	char text[POLICY_ADDRESS_MAX];
	json_t *o = json_object();
	json_t *addresses = json_array();
	json_t *sources = json_array();

	for (unsigned i = 0; i < r->count; i++) {
		policy_address_text(&r->at[i], text);
		(void)json_array_append_new(addresses, json_string(text));
	}
	for (unsigned i = 0; i < ARRAY_LEN(r->from); i++) {
		char host[ADDRESS_HOST_MAX];
		if (!r->from[i].ss_family)
			continue;
		address_host(&r->from[i], host);
		(void)json_array_append_new(sources, json_string(host));
	}
	json_put(o, "name", json_string(r->name));
	json_put(o, "addresses", addresses);
	json_put(o, "source", sources);
	json_put(o, "key", name_json(r->key));
	json_put(o, "tls", r->tls ? json_string(r->tls->name) : json_null());
	return o;
}

static json_t *remotes_json(const struct remote *list, unsigned count)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < count; i++)
		(void)json_array_append_new(a, remote_json(&list[i]));
	return a;
}

static void put_prefix(json_t *list, const struct address_prefix *p)
{
	struct sockaddr_storage address;
	char host[ADDRESS_HOST_MAX];
	char text[ADDRESS_HOST_MAX + 8];

	address_from_bytes(p->bytes, 0, &address);
	address_host(&address, host);
	(void)snprintf(text, sizeof text, p->bits == 128 ? "%s" : "%s/%u", host,
	               address.ss_family == AF_INET ? p->bits - 96U : p->bits);
	(void)json_array_append_new(list, json_string(text));
}

static json_t *actions_json(unsigned actions)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < ACL_ACTIONS; i++)
		if (actions >> i & 1)
			(void)json_array_append_new(list,
			                            json_string(acl_action_names[i]));
	return list;
}

static json_t *rule_json(const struct acl_rule *r)
{
	json_t *o = json_object();
	json_t *addresses = json_array();
	json_t *keys = json_array();

	for (unsigned i = 0; i < r->prefix_count; i++)
		put_prefix(addresses, &r->prefixes[i]);
	for (unsigned i = 0; i < r->key_count; i++)
		(void)json_array_append_new(keys, name_json(r->keys[i]));
	json_put(o, "name", json_string(r->name));
	json_put(o, "verdict", json_string(r->deny ? "deny" : "allow"));
	json_put(o, "actions", actions_json(r->actions));
	json_put(o, "addresses", addresses);
	json_put(o, "keys", keys);
	json_put(o, "tls", r->tls ? json_string(r->tls->name) : json_null());
	json_put(o, "update_names", json_string(r->entry ? r->entry->update_names : ""));
	json_put(o, "update_types", json_string(r->entry ? r->entry->update_types : ""));
	return o;
}

static void put_limits(const struct zone_policy *p, json_t *result)
{
	json_put(result, "refresh_min", json_number(p->refresh_min));
	json_put(result, "refresh_max", json_number(p->refresh_max));
	json_put(result, "retry_min", json_number(p->retry_min));
	json_put(result, "expire_min", json_number(p->expire_min));
	json_put(result, "max_records", json_number(p->max_records));
	json_put(result, "max_bytes", json_number(p->max_bytes));
	json_put(result, "timeout_ms", json_number(p->timeout_ms));
}

static void put_places(const struct zone_policy *p, json_t *result)
{
	json_t *o = json_object();

	json_put(o, "kind", place_json(p->from.kind));
	json_put(o, "template", place_json(p->from.template_name));
	json_put(o, "primaries", place_json(p->from.primaries));
	json_put(o, "notify", place_json(p->from.notify));
	json_put(o, "zonemd", place_json(p->from.zonemd));
	json_put(o, "dnssec", place_json(p->from.dnssec));
	json_put(o, "catalog", place_json(p->from.catalog));
	json_put(result, "from", o);
}

static void warn_of_signing(const struct config *config, const struct zone_policy *p,
                            const struct store_zone *z, json_t *list)
{
	const char *said = z->attrs.dnssec;

	if (p->dnssec[0] && !config_dnssec_policy_find(config, p->dnssec))
		(void)json_array_append_new(
			list,
			json_sprintf(
				"it is to be signed by policy %s, which is not in the "
				"configuration",
				p->dnssec));
	if (zone_kind_is_secondary(p->kind) && said[0] &&
	    strcmp(said, POLICY_UNSIGNED) != 0)
		(void)json_array_append_new(
			list, json_string("it is not signed here: what comes from "
		                          "primaries is signed there"));
}

/* Secondaries learn nothing of changes that leave the serial as it is. */
static void put_warnings(const struct config *config, const struct zone_policy *p,
                         const struct store_zone *z, json_t *result)
{
	json_t *list = json_array();

	if (z->attrs.serial == SERIAL_KEEP && !zone_kind_is_secondary(p->kind) &&
	    (p->notify_ns || p->notify_count > 0))
		(void)json_array_append_new(
			list, json_string("edits leave the serial as it is: secondaries "
		                          "do not learn of them"));
	if (zone_kind_is_secondary(p->kind) && p->primary_count == 0)
		(void)json_array_append_new(
			list, json_string("there is no primary that it could come from"));
	if (z->attrs.template_name[0] && !p->template_name)
		(void)json_array_append_new(
			list, json_string("the template is not in the configuration"));
	if (z->attrs.catalog_to[0])
		(void)json_array_append_new(
			list,
			json_sprintf("it moves to catalog %s: when all who follow that "
		                     "one have it, set catalog=%s catalog-to=",
		                     z->attrs.catalog_to, z->attrs.catalog_to));
	warn_of_signing(config, p, z, list);
	json_put(result, "warnings", list);
}

static void put_policy(const struct config *config, const struct zone_policy *p,
                       const struct store_zone *z, json_t *result)
{
	json_t *rules = json_array();

	for (unsigned i = 0; i < p->rule_count; i++)
		(void)json_array_append_new(rules, rule_json(&p->rules[i]));
	json_put(result, "zone", name_json(z->name));
	json_put(result, "kind", json_string(kind_text(p->kind)));
	json_put(result, "template",
	         p->template_name ? json_string(p->template_name) : json_null());
	json_put(result, "primaries", remotes_json(p->primaries, p->primary_count));
	json_put(result, "notify", remotes_json(p->notify, p->notify_count));
	json_put(result, "notify_ns",
	         json_string(p->notify_resolve ? "resolve"
	                     : p->notify_ns    ? "hosted"
	                                       : "no"));
	json_put(result, "rules", rules);
	json_put(result, "provide_ixfr", json_boolean(p->provide_ixfr));
	json_put(result, "request_ixfr", json_boolean(p->request_ixfr));
	json_put(result, "forward_updates", json_boolean(p->forward_updates));
	json_put(result, "zonemd",
	         json_string(p->zonemd_make    ? "make"
	                     : p->zonemd_check ? "check"
	                                       : "no"));
	json_put(result, "dnssec",
	         json_string(p->dnssec[0] ? p->dnssec : POLICY_UNSIGNED));
	json_put(result, "catalog", json_string(p->catalog));
	json_put(result, "catalog_to", json_string(z->attrs.catalog_to));
	json_put(result, "group", json_string(p->group));
	put_limits(p, result);
	put_places(p, result);
	put_warnings(config, p, z, result);
}

static int read_policy(struct engine *e, const uint8_t *name, json_t *result)
{
	const struct config *config = engine_config(e);
	struct contents_arena *arena = arena_new();
	struct zone_policy policy;
	struct store_zone z;
	struct store_txn *t;

	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = engine_find_zone(t, name, &z);
		if (err == 0)
			err = zone_policy_read(t, config, &z, arena, &policy);
		if (err == 0)
			put_policy(config, &policy, &z, result);
		store_abort(&t);
	}
	arena_free(arena);
	config_release(config);
	return err;
}

/* What is wrong with the catalog that the zone is, comes from or is to be in. */
static enum engine_outcome warn_of_catalog(struct engine *e, const json_t *args,
                                           json_t *result)
{
	const char *zone = json_string_value(json_object_get(result, "zone"));
	const char *in = json_string_value(json_object_get(result, "catalog"));
	json_t *list = e->catalogs.list ? e->catalogs.list(e->catalogs.arg) : NULL;
	const json_t *one;
	size_t i;

	(void)args;
	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "zone"));
		json_t *alarm = json_object_get(one, "alarm");
		if (json_is_string(alarm) &&
		    (strcmp(name, zone) == 0 || strcasecmp(name, in) == 0))
			(void)json_array_append(json_object_get(result, "warnings"),
			                        alarm);
	}
	json_decref(list);
	return ENGINE_OK;
}

enum engine_outcome command_zone_policy(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome bad = engine_zone_arg(args, result, name);

	if (bad != ENGINE_OK)
		return bad;
	int err = read_policy(e, name, result);
	if (err == ERR_NOTFOUND)
		return engine_refuse(result, err, "no zone %s", zone_text(args));
	if (err < 0)
		return engine_refuse(result, err, "%s", err_text(err));
	engine_continue(ON_LOOP, warn_of_catalog);
	return ENGINE_OK;
}

/* ---- zone set, zone create ---- */

/* What a setting's values have to be. */
enum form { FORM_REMOTE, FORM_PREFIX, FORM_HOST, FORM_NAME, FORM_BIT };

/* Settings that are metadata. */
static const struct meta_setting {
	const char *key;
	const char *kind;
	enum form form;
	bool one;
} meta_settings[] = {
	{"primary-key", "AXFR-MASTER-TSIG", FORM_NAME, true},
	{"source", "AXFR-SOURCE", FORM_HOST, true},
	{"notify", "ALSO-NOTIFY", FORM_REMOTE, false},
	{"transfer-addresses", "ALLOW-AXFR-FROM", FORM_PREFIX, false},
	{"transfer-keys", "TSIG-ALLOW-AXFR", FORM_NAME, false},
	{"update-addresses", "ALLOW-DNSUPDATE-FROM", FORM_PREFIX, false},
	{"update-keys", "TSIG-ALLOW-DNSUPDATE", FORM_NAME, false},
	{"renotify", "SLAVE-RENOTIFY", FORM_BIT, true},
	{"request-ixfr", "IXFR", FORM_BIT, true},
};

enum { VALUES_MAX = 64 };

/* The change under way. */
struct setting {
	const struct config *config;
	struct contents_arena *arena; /* the change's */
	struct change *change;
	struct zone_change *zone;
	uint32_t id; /* 0: of a new zone */
	json_t *result;
	const char *key;
	const char *values[VALUES_MAX];
	size_t count;
};

static enum engine_outcome refuse(struct setting *s, const char *expected,
                                  const char *value)
{
	return engine_fail(s->result, ENGINE_USAGE, "%s: \"%s\" is not %s", s->key, value,
	                   expected);
}

/* A text, or a list of texts; null and empty texts are no value. */
static enum engine_outcome read_values(struct setting *s, const json_t *value)
{
	size_t given = json_is_array(value) ? json_array_size(value) : 1;

	s->count = 0;
	if (json_is_null(value))
		return ENGINE_OK;
	for (size_t i = 0; i < given; i++) {
		const json_t *one =
			json_is_array(value) ? json_array_get(value, i) : value;
		const char *text = json_string_value(one);
		if (!text)
			return engine_fail(s->result, ENGINE_USAGE,
			                   "%s: expected a text, or a list of texts",
			                   s->key);
		if (!text[0])
			continue;
		if (s->count == VALUES_MAX)
			return engine_fail(s->result, ENGINE_USAGE,
			                   "%s: more than %d values", s->key, VALUES_MAX);
		s->values[s->count++] = text;
	}
	return ENGINE_OK;
}

static enum engine_outcome read_one(struct setting *s, const char **out)
{
	*out = s->count ? s->values[0] : "";
	return s->count > 1 ? engine_fail(s->result, ENGINE_USAGE,
	                                  "%s: one value is enough", s->key)
	                    : ENGINE_OK;
}

static enum engine_outcome check_value(struct setting *s, enum form form,
                                       const char *text)
{
	struct remote remote;
	struct address_prefix prefix;
	struct sockaddr_storage host;

	switch (form) {
	case FORM_REMOTE:
		return !strchr(text, ' ') && remote_find(s->config, text, s->arena,
		                                         &remote) == 0
		               ? ENGINE_OK
		               : refuse(s, "an address, nor one of remotes", text);
	case FORM_PREFIX:
		return strcmp(text, "AUTO-NS") == 0 || address_prefix_read(text, &prefix)
		               ? ENGINE_OK
		               : refuse(s, "an address or a prefix", text);
	case FORM_HOST:
		return address_read(text, 0, &host) ? ENGINE_OK
		                                    : refuse(s, "an address", text);
	case FORM_NAME:
		return word_name(s->arena, text) ? ENGINE_OK
		                                 : refuse(s, "a domain name", text);
	case FORM_BIT:
		return strcmp(text, "0") == 0 || strcmp(text, "1") == 0
		               ? ENGINE_OK
		               : refuse(s, "0 or 1", text);
	}
	return ENGINE_OK;
}

static enum engine_outcome set_meta(struct setting *s, const struct meta_setting *m)
{
	const char *first;
	enum engine_outcome bad = m->one ? read_one(s, &first) : ENGINE_OK;

	for (size_t i = 0; i < s->count && bad == ENGINE_OK; i++)
		bad = check_value(s, m->form, s->values[i]);
	if (bad == ENGINE_OK)
		meta_change(s->change, s->id, m->kind, s->values, s->count);
	return bad;
}

/* Gives the number of a word, or -1. */
static int word_of(const char *const *words, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], text) == 0)
			return (int)i;
	return -1;
}

static enum engine_outcome set_kind(struct setting *s)
{
	static const char *const kinds[] = {"inherit", "primary", "secondary", "producer",
	                                    "consumer"};
	const char *text;
	enum engine_outcome bad = read_one(s, &text);
	int kind = text[0] ? word_of(kinds, ARRAY_LEN(kinds), text) : 0;

	if (bad != ENGINE_OK)
		return bad;
	if (kind < 0)
		return refuse(s, "inherit, primary, secondary, producer or consumer",
		              text);
	s->zone->attrs.kind = (enum zone_kind)kind;
	s->zone->attrs_set |= 1U << ATTR_KIND;
	return ENGINE_OK;
}

static enum engine_outcome set_zonemd(struct setting *s)
{
	static const char *const words[] = {"inherit", "no", "check", "make"};
	const char *text;
	enum engine_outcome bad = read_one(s, &text);
	int word = text[0] ? word_of(words, ARRAY_LEN(words), text) : 0;

	if (bad != ENGINE_OK)
		return bad;
	if (word < 0)
		return refuse(s, "inherit, no, check or make", text);
	s->zone->attrs.zonemd = (enum zone_zonemd)word;
	s->zone->attrs_set |= 1U << ATTR_ZONEMD;
	return ENGINE_OK;
}

static enum engine_outcome put_text(struct setting *s, char *to, size_t size,
                                    const char *text, enum zone_attr attr)
{
	if (strlen(text) >= size)
		return engine_fail(s->result, ENGINE_USAGE, "%s: too long", s->key);
	memcpy(to, text, strlen(text) + 1);
	s->zone->attrs_set |= 1U << attr;
	return ENGINE_OK;
}

static enum engine_outcome set_template(struct setting *s)
{
	struct zone_attrs *a = &s->zone->attrs;
	const char *text;
	enum engine_outcome bad = read_one(s, &text);

	if (bad != ENGINE_OK)
		return bad;
	if (text[0] && !config_template_find(s->config, text))
		return refuse(s, "one of templates", text);
	return put_text(s, a->template_name, sizeof a->template_name, text,
	                ATTR_TEMPLATE);
}

static enum engine_outcome set_dnssec(struct setting *s)
{
	struct zone_attrs *a = &s->zone->attrs;
	const char *text;
	enum engine_outcome bad = read_one(s, &text);

	if (bad != ENGINE_OK)
		return bad;
	if (text[0] && strcmp(text, POLICY_UNSIGNED) != 0 &&
	    !config_dnssec_policy_find(s->config, text))
		return refuse(s, "no, nor one of dnssec-policies", text);
	return put_text(s, a->dnssec, sizeof a->dnssec, text, ATTR_DNSSEC);
}

static enum engine_outcome set_group(struct setting *s)
{
	struct zone_attrs *a = &s->zone->attrs;
	const char *text;
	enum engine_outcome bad = read_one(s, &text);

	return bad == ENGINE_OK ? put_text(s, a->group, sizeof a->group, text, ATTR_GROUP)
	                        : bad;
}

/* A domain name of a catalog, there or not: it may be another server's. */
static enum engine_outcome put_catalog(struct setting *s, char *to, size_t size,
                                       enum zone_attr attr)
{
	char name[NAME_TEXT_MAX] = "";
	const char *text;
	enum engine_outcome bad = read_one(s, &text);

	if (bad != ENGINE_OK)
		return bad;
	const uint8_t *wire = word_name(s->arena, text);
	if (text[0] && !wire)
		return refuse(s, "a domain name", text);
	if (wire)
		(void)name_to_text(wire, name);
	return put_text(s, to, size, name, attr);
}

static enum engine_outcome set_catalog(struct setting *s)
{
	struct zone_attrs *a = &s->zone->attrs;

	return put_catalog(s, a->catalog, sizeof a->catalog, ATTR_CATALOG);
}

static enum engine_outcome set_catalog_to(struct setting *s)
{
	struct zone_attrs *a = &s->zone->attrs;

	return put_catalog(s, a->catalog_to, sizeof a->catalog_to, ATTR_CATALOG_TO);
}

static enum engine_outcome set_primaries(struct setting *s)
{
	struct zone_attrs *a = &s->zone->attrs;
	char joined[sizeof a->masters] = "";
	size_t len = 0;

	for (size_t i = 0; i < s->count; i++) {
		enum engine_outcome bad = check_value(s, FORM_REMOTE, s->values[i]);
		if (bad != ENGINE_OK)
			return bad;
		int n = snprintf(joined + len, sizeof joined - len, "%s%s", i ? " " : "",
		                 s->values[i]);
		if (n < 0 || (size_t)n >= sizeof joined - len)
			return engine_fail(s->result, ENGINE_USAGE, "%s: too many",
			                   s->key);
		len += (size_t)n;
	}
	return put_text(s, a->masters, sizeof a->masters, joined, ATTR_MASTERS);
}

static enum engine_outcome set_one(struct setting *s)
{
	static const struct {
		const char *key;
		enum engine_outcome (*set)(struct setting *s);
	} attributes[] = {
		{"kind", set_kind},           {"template", set_template},
		{"primaries", set_primaries}, {"zonemd", set_zonemd},
		{"catalog", set_catalog},     {"catalog-to", set_catalog_to},
		{"group", set_group},         {"dnssec", set_dnssec},
	};

	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (strcmp(s->key, attributes[i].key) == 0)
			return attributes[i].set(s);
	for (size_t i = 0; i < ARRAY_LEN(meta_settings); i++)
		if (strcmp(s->key, meta_settings[i].key) == 0)
			return set_meta(s, &meta_settings[i]);
	return engine_fail(s->result, ENGINE_USAGE,
	                   "there is no setting \"%s\" of a zone", s->key);
}

static enum engine_outcome set_all(struct setting *s, const json_t *settings)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)settings, key, value)
	{
		s->key = key;
		enum engine_outcome bad = read_values(s, value);
		if (bad == ENGINE_OK)
			bad = set_one(s);
		if (bad != ENGINE_OK)
			return bad;
	}
	return ENGINE_OK;
}

/* id: 0 for a zone that is to be made. */
static enum engine_outcome make_settings(struct engine *e, const json_t *args,
                                         const uint8_t *name, uint32_t id, json_t *result)
{
	const json_t *settings = json_object_get(args, "settings");
	struct job *j = engine_job();

	if (settings && !json_is_object(settings))
		return engine_fail(result, ENGINE_USAGE, "\"settings\" is no object");
	const struct config *config = engine_config(e);
	struct change *c = engine_change_new(args);
	struct setting s = {
		.config = config,
		.arena = c->arena,
		.change = c,
		.zone = change_zone(c, id ? ZONE_EDIT : ZONE_CREATE, name),
		.id = id,
		.result = result,
	};
	enum engine_outcome bad = set_all(&s, settings);
	config_release(config);
	if (bad != ENGINE_OK) {
		change_free(&c);
		return bad;
	}
	j->change = c;
	j->report = engine_report_change;
	return ENGINE_OK;
}

enum engine_outcome command_zone_set(struct engine *e, const json_t *args, json_t *result)
{
	struct store_zone z;
	enum engine_outcome bad = engine_zone_wanted(e, args, result, &z);

	return bad != ENGINE_OK ? bad : make_settings(e, args, z.name, z.id, result);
}

enum engine_outcome command_zone_create(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	struct store_zone z;

	if (bad != ENGINE_OK)
		return bad;
	if (engine_look_up_zone(e, name, &z) == 0)
		return engine_refuse(result, ERR_EXISTS, "zone %s is there already",
		                     zone_text(args));
	return make_settings(e, args, name, 0, result);
}
