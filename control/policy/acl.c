#include "control/policy/acl.h"

#include <stdio.h>
#include <string.h>

#include "control/tsig/key.h"
#include "shared/io_settings.h"
#include "shared/name.h"
#include "shared/rrtype.h"

const char *const acl_action_names[ACL_ACTIONS] = {
	[ACL_TRANSFER] = "transfer",
	[ACL_NOTIFY] = "notify",
	[ACL_UPDATE] = "update",
};

static bool fits_address(const struct acl_rule *r, const uint8_t *address)
{
	for (unsigned i = 0; i < r->prefix_count; i++)
		if (address_prefix_has(&r->prefixes[i], address))
			return true;
	return r->prefix_count == 0;
}

/* A key that belongs to a tenant is for that one's zones. */
static bool fits_key(const struct acl_rule *r, const char *tenant,
                     const struct tsig_key *key)
{
	if (r->key_count == 0)
		return true;
	if (!key || (key->tenant[0] && strcmp(key->tenant, tenant) != 0))
		return false;
	for (unsigned i = 0; i < r->key_count; i++)
		if (name_equal(r->keys[i], key->name))
			return true;
	return false;
}

/* Who has come without TLS never fits a rule that asks for it. */
static bool fits_tls(const struct acl_rule *r, const struct policy_asker *who)
{
	return !r->tls ||
	       (who->peer && who->tls_fits && who->tls_fits(who->peer, r->tls));
}

const struct acl_rule *acl_allows(const struct acl_rule *rules, unsigned count,
                                  const char *tenant, enum acl_action what,
                                  const struct policy_asker *who)
{
	for (unsigned i = 0; i < count; i++) {
		const struct acl_rule *r = &rules[i];
		if (r->actions >> what & 1 && fits_address(r, who->address) &&
		    fits_key(r, tenant, who->key) && fits_tls(r, who))
			return r->deny ? NULL : r;
	}
	return NULL;
}

/* ---- what may be updated ---- */

static void put_types(struct grant *g, const char *words)
{
	char word[IO_NAMES_SIZE];

	g->type_count = 0;
	while (io_names_next(&words, word) && g->type_count < GRANT_TYPES_MAX) {
		int type = rrtype_from_text(word, strlen(word));
		if (type >= 0)
			g->types[g->type_count++] = (uint16_t)type;
	}
}

/* The patterns that are there, but for "self". */
static void put_names(struct grant *g, const char *words)
{
	char word[IO_NAMES_SIZE];
	char *end = g->names;

	while (io_names_next(&words, word))
		if (strcmp(word, "self") != 0 &&
		    strlen(word) + 2 <= (size_t)(g->names + sizeof g->names - end))
			end = stpcpy(stpcpy(end, end == g->names ? "" : " "), word);
}

/* Writes a name as a pattern for it alone, as far as it is below the zone. false: it is not, or has no
 * such pattern. */
static bool name_as_pattern(const uint8_t *name, const uint8_t *zone,
                            char pattern[static GRANT_NAMES_SIZE])
{
	size_t zone_len = name_len(zone, NAME_MAX_LEN);
	size_t len = name_len(name, NAME_MAX_LEN);
	uint8_t relative[NAME_MAX_LEN];
	char text[NAME_TEXT_MAX];

	if (!name_is_under(name, zone, NULL))
		return false;
	if (len == zone_len) {
		memcpy(pattern, "@", 2);
		return true;
	}
	memcpy(relative, name, len - zone_len);
	relative[len - zone_len] = 0;
	size_t size = strlen(name_to_text(relative, text));
	/* Without the final dot; and an asterisk would stand for anything. */
	if (size > GRANT_NAMES_SIZE || strchr(text, '*') || strchr(text, ' '))
		return false;
	memcpy(pattern, text, size - 1);
	pattern[size - 1] = '\0';
	return true;
}

unsigned acl_grants(const struct acl_rule *rule, const uint8_t *zone,
                    const struct tsig_key *key, struct grant out[static ACL_GRANTS_MAX])
{
	const struct config_acl *e = rule->entry;
	struct grant g = {.write = true};
	unsigned count = 0;

	if (!e || (!e->update_names[0] && !e->update_types[0]))
		return 0;
	memcpy(g.zone, zone, name_len(zone, NAME_MAX_LEN));
	put_types(&g, e->update_types);
	put_names(&g, e->update_names);
	if (g.names[0] || !e->update_names[0])
		out[count++] = g;
	if (!io_names_have(e->update_names, "self"))
		return count;
	if (key && name_as_pattern(key->name, zone, g.names))
		out[count++] = g;
	if (count > 0)
		return count;
	/* Only the key's own name, and there is none: nothing at all. */
	g.write = false;
	out[0] = g;
	return 1;
}
