#include "control/policy/policy.h"

#include <string.h>

#include "control/change/digest.h"
#include "control/policy/address.h"
#include "control/policy/meta.h"
#include "control/policy/servers.h"
#include "control/policy/words.h"
#include "shared/err.h"
#include "shared/io_settings.h"

#define DEFAULT_TEMPLATE "default"

/* The places where things are said, and what has come of them so far. */
struct resolver {
	struct store_txn *t;
	const struct config *c;
	const struct store_zone *z;
	struct contents_arena *arena;
	const struct config_zone *entry; /* NULL: none */
	const struct config_template
		*template; /* its texts may be NULL where nothing was read */
	struct zone_policy *out;
	size_t rule_room;
};

/* ---- templates and kinds ---- */

/* What an attribute names and is not there stands for nothing, not for the default. */
static const struct config_template *find_template(const struct config *c,
                                                   const struct store_zone *z,
                                                   const struct config_zone *entry)
{
	const char *name = z->attrs.template_name[0]          ? z->attrs.template_name
	                   : entry && entry->template_name[0] ? entry->template_name
	                                                      : DEFAULT_TEMPLATE;

	return config_template_find(c, name);
}

static enum zone_kind kind_of(const struct store_zone *z, const struct config_zone *entry,
                              const struct config_template *template)
{
	uint8_t said = entry && entry->kind ? entry->kind : template ? template->kind : 0;

	if (z->attrs.kind != ZONE_KIND_NATIVE)
		return z->attrs.kind;
	return said == CONFIG_KIND_UNSAID ? ZONE_KIND_NATIVE : (enum zone_kind)(said - 1);
}

enum zone_kind zone_policy_kind(const struct config *c, const struct store_zone *z)
{
	const struct config_zone *entry = config_zone_find(c, z->name);

	return kind_of(z, entry, find_template(c, z, entry));
}

/* What the zone says of digests, or else its template. */
static enum zone_zonemd zonemd_of(const struct store_zone *z,
                                  const struct config_template *template)
{
	if (z->attrs.zonemd != ZONEMD_UNSAID)
		return z->attrs.zonemd;
	return template ? (enum zone_zonemd)(template->zonemd + 1) : ZONEMD_NO;
}

bool zone_policy_makes_zonemd(const struct config *c, const struct store_zone *z)
{
	const struct config_zone *entry = config_zone_find(c, z->name);
	const struct config_template *template = find_template(c, z, entry);

	return zonemd_of(z, template) == ZONEMD_MAKE &&
	       !zone_kind_is_secondary(kind_of(z, entry, template));
}

bool zone_policy_digests_at_once(const struct config *c, const struct store_zone *z,
                                 uint64_t rrsets)
{
	return rrsets <= DIGEST_AT_ONCE && zone_policy_makes_zonemd(c, z);
}

/* What the first of the zone, its entry and its template says, and where that was. */
static const char *first_said(const char *zone, const char *entry, const char *template,
                              enum policy_place *from)
{
	const char *const said[] = {zone, entry, template};

	for (unsigned i = 0; i < ARRAY_LEN(said); i++) {
		if (!said[i] || !said[i][0])
			continue;
		*from = (enum policy_place)(POLICY_ZONE + i);
		return said[i];
	}
	*from = POLICY_NOWHERE;
	return "";
}

const char *zone_policy_primaries(const struct config *c, const struct store_zone *z)
{
	const struct config_zone *entry = config_zone_find(c, z->name);
	const struct config_template *template = find_template(c, z, entry);
	enum policy_place ignored;

	return first_said(z->attrs.masters, entry ? entry->primaries : "",
	                  template ? template->primaries : "", &ignored);
}

const char *zone_policy_catalog(const struct config *c, const struct store_zone *z)
{
	const struct config_template *template =
		find_template(c, z, config_zone_find(c, z->name));
	enum policy_place ignored;

	return first_said(z->attrs.catalog, NULL, template ? template->catalog : "",
	                  &ignored);
}

/* What is said of signing; of secondaries it means nothing. */
static const char *dnssec_of(const struct store_zone *z, const struct config_zone *entry,
                             const struct config_template *template,
                             enum policy_place *from)
{
	*from = POLICY_NOWHERE;
	if (zone_kind_is_secondary(kind_of(z, entry, template)))
		return "";
	const char *name = first_said(z->attrs.dnssec, entry ? entry->dnssec : "",
	                              template ? template->dnssec : "", from);
	return strcmp(name, POLICY_UNSIGNED) == 0 ? "" : name;
}

const char *zone_policy_dnssec(const struct config *c, const struct store_zone *z)
{
	const struct config_zone *entry = config_zone_find(c, z->name);
	enum policy_place ignored;

	return dnssec_of(z, entry, find_template(c, z, entry), &ignored);
}

/* ---- other servers ---- */

enum { REMOTES_MAX = 64 };

struct remotes {
	const struct resolver *r;
	struct remote *list;
	unsigned count;
	size_t room;
};

static int add_remote(const char *word, void *arg)
{
	struct remotes *to = arg;
	struct remote remote;

	if (to->count == REMOTES_MAX ||
	    remote_find(to->r->c, word, to->r->arena, &remote) < 0)
		return 0;
	to->list = arena_room(to->r->arena, to->list, to->count, &to->room,
	                      sizeof *to->list);
	to->list[to->count++] = remote;
	return 0;
}

static void add_remotes(struct remotes *to, const char *words)
{
	char word[IO_NAMES_SIZE];

	while (io_names_next(&words, word))
		(void)add_remote(word, to);
}

/* Members of a catalog whose template has no primaries come from where the catalog comes from. */
static int primaries_of_catalog(const struct resolver *r, struct remotes *to)
{
	struct store_zone catalog;
	const uint8_t *name = word_name(r->arena, r->z->attrs.catalog);
	int err = name ? store_zone_get(r->t, name, &catalog) : ERR_NOTFOUND;

	if (err == ERR_NOTFOUND)
		return 0;
	TRY(err);
	add_remotes(to, zone_policy_primaries(r->c, &catalog));
	r->out->from.primaries = POLICY_CATALOG;
	return 0;
}

/* What metadata say of all primaries: the key, and where to send from. */
static int adjust_primaries(const struct resolver *r, struct remotes *to)
{
	const char *text;

	TRY(meta_text(r->t, r->z->id, "AXFR-MASTER-TSIG", &text));
	const uint8_t *key = word_name(r->arena, text);
	TRY(meta_text(r->t, r->z->id, "AXFR-SOURCE", &text));
	for (unsigned i = 0; i < to->count; i++) {
		struct remote *remote = &to->list[i];
		if (key)
			remote->key = key;
		if (text && !remote->from[0].ss_family && !remote->from[1].ss_family)
			remote_set_source(remote, text);
	}
	return 0;
}

static int resolve_primaries(struct resolver *r)
{
	struct remotes to = {.r = r};

	if (!zone_kind_is_secondary(r->out->kind))
		return 0;
	add_remotes(&to,
	            first_said(r->z->attrs.masters, r->entry ? r->entry->primaries : "",
	                       r->template->primaries, &r->out->from.primaries));
	if (to.count == 0 && r->z->attrs.member[0])
		TRY(primaries_of_catalog(r, &to));
	TRY(adjust_primaries(r, &to));
	r->out->primaries = to.list;
	r->out->primary_count = to.count;
	return 0;
}

/* Those that metadata list are told with the key that lets them have the zone. */
static int notify_of_metadata(const struct resolver *r, struct remotes *to)
{
	const char *text;

	TRY(meta_texts(r->t, r->z->id, "ALSO-NOTIFY", add_remote, to));
	TRY(meta_text(r->t, r->z->id, "TSIG-ALLOW-AXFR", &text));
	const uint8_t *key = word_name(r->arena, text);
	for (unsigned i = 0; i < to->count; i++)
		if (!config_remote_find(r->c, to->list[i].name))
			to->list[i].key = key;
	return 0;
}

static int resolve_notify(struct resolver *r)
{
	struct zone_policy *out = r->out;
	struct remotes to = {.r = r};
	const char *again;
	bool names = out->kind == ZONE_KIND_PRIMARY || out->kind == ZONE_KIND_PRODUCER;

	TRY(meta_text(r->t, r->z->id, "SLAVE-RENOTIFY", &again));
	if (zone_kind_is_secondary(out->kind) && again) {
		if (strcmp(again, "1") != 0)
			return 0;
		names = true;
	}
	TRY(notify_of_metadata(r, &to));
	out->from.notify = POLICY_ZONE;
	if (to.count == 0)
		add_remotes(&to, first_said(NULL, r->entry ? r->entry->notify : "",
		                            r->template->notify, &out->from.notify));
	out->notify = to.list;
	out->notify_count = to.count;
	out->notify_ns = names && r->template->notify_ns != CONFIG_NOTIFY_NO;
	out->notify_resolve =
		out->notify_ns && r->template->notify_ns == CONFIG_NOTIFY_RESOLVE;
	return 0;
}

/* ---- rules ---- */

enum { RULES_MAX = 128, TEXTS_MAX = 256 };

/* What one rule is made of, while it is made. */
struct making {
	const struct resolver *r;
	struct address_prefix *prefixes;
	unsigned prefix_count;
	const uint8_t **keys;
	unsigned key_count;
	size_t prefix_room, key_room;
	bool said; /* there is something, whether it can be understood or not */
};

static int add_prefix(struct making *m, const struct address_prefix *p)
{
	if (m->prefix_count == TEXTS_MAX)
		return 0;
	m->prefixes = arena_room(m->r->arena, m->prefixes, m->prefix_count,
	                         &m->prefix_room, sizeof *m->prefixes);
	m->prefixes[m->prefix_count++] = *p;
	return 0;
}

static int add_address(const uint8_t address[static 16], void *arg)
{
	struct address_prefix p = {.bits = 128};

	memcpy(p.bytes, address, sizeof p.bytes);
	return add_prefix(arg, &p);
}

static int add_server(const uint8_t *name, void *arg)
{
	struct making *m = arg;
	int err = servers_addresses(m->r->t, name, add_address, m);

	return err == ERR_NOTFOUND ? 0 : err;
}

static int add_prefix_text(const char *text, void *arg)
{
	struct making *m = arg;
	struct address_prefix p;

	m->said = true;
	if (strcmp(text, "AUTO-NS") == 0)
		return servers_each(m->r->t, m->r->z, add_server, m);
	return address_prefix_read(text, &p) ? add_prefix(m, &p) : 0;
}

static int add_key_text(const char *text, void *arg)
{
	struct making *m = arg;
	const uint8_t *name = word_name(m->r->arena, text);

	m->said = true;
	if (!name || m->key_count == TEXTS_MAX)
		return 0;
	m->keys = arena_room(m->r->arena, m->keys, m->key_count, &m->key_room,
	                     sizeof(const uint8_t *));
	m->keys[m->key_count++] = name;
	return 0;
}

static struct acl_rule *add_rule(struct resolver *r, const char *name, unsigned actions,
                                 const struct making *m)
{
	struct zone_policy *out = r->out;

	if (out->rule_count == RULES_MAX)
		return NULL;
	out->rules = arena_room(r->arena, out->rules, out->rule_count, &r->rule_room,
	                        sizeof *out->rules);
	struct acl_rule *rule = &out->rules[out->rule_count++];
	*rule = (struct acl_rule){
		.name = name,
		.prefixes = m->prefixes,
		.prefix_count = m->prefix_count,
		.keys = m->keys,
		.key_count = m->key_count,
		.actions = actions,
	};
	return rule;
}

/* A list that says something, but nothing that can be understood, lets nobody in, rather than all. */
static bool is_hollow(const struct making *m, unsigned count)
{
	return m->said && count == 0;
}

static int rule_of_addresses(struct resolver *r, const char *kind, unsigned actions)
{
	struct making m = {.r = r};

	TRY(meta_texts(r->t, r->z->id, kind, add_prefix_text, &m));
	if (m.prefix_count > 0)
		(void)add_rule(r, kind, actions, &m);
	return 0;
}

static int rule_of_keys(struct resolver *r, const char *kind, unsigned actions)
{
	struct making m = {.r = r};

	TRY(meta_texts(r->t, r->z->id, kind, add_key_text, &m));
	if (m.key_count > 0)
		(void)add_rule(r, kind, actions, &m);
	return 0;
}

/* Updates want both where both are said. */
static int rule_of_updates(struct resolver *r)
{
	struct making m = {.r = r};

	TRY(meta_texts(r->t, r->z->id, "ALLOW-DNSUPDATE-FROM", add_prefix_text, &m));
	bool hollow = is_hollow(&m, m.prefix_count);
	bool any = m.said;
	m.said = false;
	TRY(meta_texts(r->t, r->z->id, "TSIG-ALLOW-DNSUPDATE", add_key_text, &m));
	hollow |= is_hollow(&m, m.key_count);
	any |= m.said;
	if (any && !hollow)
		(void)add_rule(r, "ALLOW-DNSUPDATE-FROM, TSIG-ALLOW-DNSUPDATE",
		               1U << ACL_UPDATE, &m);
	return 0;
}

static unsigned actions_of(const char *words)
{
	unsigned actions = 0;

	for (unsigned i = 0; i < ACL_ACTIONS; i++)
		actions |= (unsigned)io_names_have(words, acl_action_names[i]) << i;
	return actions;
}

static int each_word(const char *words, int (*fn)(const char *word, void *arg), void *arg)
{
	char word[IO_NAMES_SIZE];

	while (io_names_next(&words, word))
		TRY(fn(word, arg));
	return 0;
}

static int rule_of_entry(const char *name, void *arg)
{
	struct resolver *r = arg;
	const struct config_acl *e = config_acl_find(r->c, name);
	struct making m = {.r = r};

	if (!e)
		return 0;
	TRY(each_word(e->addresses, add_prefix_text, &m));
	TRY(each_word(e->keys, add_key_text, &m));
	struct acl_rule *rule = add_rule(r, e->name, actions_of(e->actions), &m);
	if (!rule)
		return ERR_TOOBIG;
	rule->tls = config_tls_find(r->c, e->tls);
	rule->deny = e->deny;
	rule->entry = e;
	return 0;
}

/* Without being told so a zone takes notifications from its primaries. */
static void rule_of_primary(struct resolver *r, const struct remote *primary)
{
	struct making m = {.r = r};
	uint8_t address[16];

	for (unsigned i = 0; i < primary->count; i++) {
		address_bytes(&primary->at[i], address);
		(void)add_address(address, &m);
	}
	if (primary->key) {
		m.keys = arena_aligned(r->arena, sizeof(const uint8_t *));
		m.keys[m.key_count++] = primary->key;
	}
	(void)add_rule(r, primary->name, 1U << ACL_NOTIFY, &m);
}

static int resolve_rules(struct resolver *r)
{
	TRY(rule_of_keys(r, "TSIG-ALLOW-AXFR", 1U << ACL_TRANSFER));
	TRY(rule_of_addresses(r, "ALLOW-AXFR-FROM", 1U << ACL_TRANSFER));
	TRY(rule_of_updates(r));
	if (r->entry)
		TRY(each_word(r->entry->acls, rule_of_entry, r));
	if (r->template->acls)
		TRY(each_word(r->template->acls, rule_of_entry, r));
	for (unsigned i = 0; i < r->out->primary_count; i++)
		rule_of_primary(r, &r->out->primaries[i]);
	return 0;
}

/* ---- the rest ---- */

static void resolve_limits(struct resolver *r)
{
	const struct config_template *t = r->template;
	struct zone_policy *out = r->out;

	out->refresh_min = t->refresh_min_ms / 1000;
	out->refresh_max = t->refresh_max_ms / 1000;
	out->retry_min = t->retry_min_ms / 1000;
	out->expire_min = t->expire_min_ms / 1000;
	out->max_records = t->max_records;
	out->max_bytes = (uint64_t)t->max_size_mb << 20;
	out->timeout_ms = t->timeout_ms;
}

static void resolve_zonemd(struct resolver *r)
{
	enum zone_zonemd zonemd = zonemd_of(r->z, r->template);

	r->out->from.zonemd =
		r->z->attrs.zonemd == ZONEMD_UNSAID ? POLICY_TEMPLATE : POLICY_ZONE;
	r->out->zonemd_check = zonemd == ZONEMD_CHECK;
	r->out->zonemd_make = zonemd == ZONEMD_MAKE;
}

static int resolve_flags(struct resolver *r)
{
	struct zone_policy *out = r->out;
	const char *text;

	out->provide_ixfr = r->template->provide_ixfr;
	out->request_ixfr = r->template->request_ixfr;
	out->forward_updates = r->template->forward_updates;
	TRY(meta_text(r->t, r->z->id, "IXFR", &text));
	if (text)
		out->request_ixfr = strcmp(text, "1") == 0;
	TRY(meta_text(r->t, r->z->id, "FORWARD-DNSUPDATE", &text));
	out->forward_updates |= text != NULL;
	return 0;
}

int zone_policy_read(struct store_txn *t, const struct config *c,
                     const struct store_zone *z, struct contents_arena *arena,
                     struct zone_policy *out)
{
	const struct config_zone *entry = config_zone_find(c, z->name);
	const struct config_template *template = find_template(c, z, entry);
	struct zone_policy policy = {
		.kind = kind_of(z, entry, template),
		.tenant = z->attrs.tenant,
		.template_name = template ? template->name : NULL,
		.group = z->attrs.group,
	};
	struct resolver r = {
		.t = t,
		.c = c,
		.z = z,
		.arena = arena,
		.entry = entry,
		.template = template ? template : &c->fallback,
		.out = &policy,
	};

	policy.catalog = first_said(z->attrs.catalog, NULL, r.template->catalog,
	                            &policy.from.catalog);
	policy.dnssec = dnssec_of(z, entry, r.template, &policy.from.dnssec);
	policy.from.kind = z->attrs.kind                ? POLICY_ZONE
	                   : entry && entry->kind       ? POLICY_ENTRY
	                   : template && template->kind ? POLICY_TEMPLATE
	                                                : POLICY_NOWHERE;
	policy.from.template_name = z->attrs.template_name[0]          ? POLICY_ZONE
	                            : entry && entry->template_name[0] ? POLICY_ENTRY
	                                                               : POLICY_NOWHERE;
	resolve_limits(&r);
	resolve_zonemd(&r);
	TRY(resolve_flags(&r));
	TRY(resolve_primaries(&r));
	TRY(resolve_notify(&r));
	TRY(resolve_rules(&r));
	*out = policy;
	return 0;
}

const struct acl_rule *policy_allows(const struct zone_policy *p, enum acl_action what,
                                     const struct policy_asker *who)
{
	return acl_allows(p->rules, p->rule_count, p->tenant, what, who);
}

/* ---- groups of catalogs ---- */

const char *policy_group_template(const struct config *c,
                                  const struct zone_policy *catalog, const char *group)
{
	const struct config_template *t =
		catalog->template_name ? config_template_find(c, catalog->template_name)
				       : NULL;
	const char *words = t ? t->groups : "";
	const char *others = NULL;
	char word[IO_NAMES_SIZE];

	while (io_names_next(&words, word)) {
		char *equals = strrchr(word, '=');
		if (!equals)
			continue;
		*equals = '\0';
		const struct config_template *of = config_template_find(c, equals + 1);
		if (of && strcmp(word, group) == 0)
			return of->name;
		if (of && strcmp(word, "*") == 0)
			others = of->name;
	}
	return others;
}
