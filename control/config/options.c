#include "control/config/options.h"

#include <string.h>

#include "shared/table.h"

const struct section config_sections[SECTION_COUNT] = {
#define SECTION(id, name, list, help) {name, list, help},
#define OPTION(section, key, kind, object, field, min, max, fallback, class, help)
#include "control/config/options.def"
#undef SECTION
#undef OPTION
};

const struct option config_options[] = {
#define SECTION(id, name, list, help)
#define OPTION(section, key, kind, object, field, min, max, fallback, class, help) \
	{                                                                          \
		SECTION_##section,                                                 \
		KIND_##kind,                                                       \
		key,                                                               \
		offsetof(struct object, field),                                    \
		min,                                                               \
		max,                                                               \
		fallback,                                                          \
		CONFIG_##class,                                                    \
		help},
#include "control/config/options.def"
#undef SECTION
#undef OPTION
};

const size_t config_option_count = ARRAY_LEN(config_options);
STATIC_ASSERT(ARRAY_LEN(config_options) <= OPTIONS_MAX, "enlarge OPTIONS_MAX");

#define LIST(section, items, count, type, noun, rule, sample)                            \
	{                                                                                \
		SECTION_##section, offsetof(struct config, items),                       \
			offsetof(struct config, count), sizeof(struct type), noun, rule, \
			sample                                                           \
	}

const struct list_section config_lists[] = {
	LIST(ZONES, zones, zone_count, config_zone, "zone", "duplicate-zone",
             "- name: example.com"),
	LIST(ZONE_DIRS, zone_dirs, zone_dir_count, config_zone_dir, "directory",
             "duplicate-value", "- path: zones"),
	LIST(REMOTES, remotes, remote_count, config_remote, "remote", "duplicate-value",
             "- name: primary"),
	LIST(ACLS, acls, acl_count, config_acl, "rule", "duplicate-value",
             "- name: secondaries"),
	LIST(KEYS, keys, key_count, config_key, "key", "duplicate-value",
             "- name: key.example.com"),
	LIST(TLS_PROFILES, tls_profiles, tls_profile_count, config_tls, "TLS profile",
             "duplicate-value", "- name: mutual"),
	LIST(TEMPLATES, templates, template_count, config_template, "template",
             "duplicate-value", "- name: default"),
	LIST(DNSSEC_POLICIES, dnssec_policies, dnssec_policy_count, config_dnssec_policy,
             "policy", "duplicate-value", "- name: default"),
};
#undef LIST

const size_t config_list_count = ARRAY_LEN(config_lists);

const struct list_section *list_find(enum section_id section)
{
	for (size_t i = 0; i < config_list_count; i++)
		if (config_lists[i].section == section)
			return &config_lists[i];
	return NULL;
}

size_t list_count(const struct list_section *l, const struct config *c)
{
	size_t count;

	memcpy(&count, (const char *)c + l->count, sizeof count);
	return count;
}

void *list_item(const struct list_section *l, const struct config *c, size_t i)
{
	char *items;

	memcpy(&items, (const char *)c + l->items, sizeof items);
	return items ? items + i * l->size : NULL;
}

const struct option *option_first(enum section_id section)
{
	const struct option *o = config_options;

	while (o->section != section)
		o++;
	return o;
}

const struct option *option_next(const struct option *o)
{
	const struct option *next = o + 1;
	bool is_last = next == config_options + config_option_count ||
	               next->section != o->section;

	return is_last ? NULL : next;
}

const struct option *option_find(enum section_id section, const char *key)
{
	const struct option *o = option_first(section);

	while (o && strcmp(o->key, key) != 0)
		o = option_next(o);
	return o;
}

enum { WORD_MAX = 32 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;
	return least < c ? least : c;
}

/* Insertions, deletions and substitutions that turn a into b; both at most WORD_MAX long. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	unsigned len_b = (unsigned)strlen(b);

	for (unsigned j = 0; j <= len_b; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= len_b; j++) {
			unsigned above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1,
			              diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[len_b];
}

struct closest {
	const char *misspelt;
	const char *word;
	unsigned distance;
};

static void closest_try(struct closest *c, const char *word)
{
	unsigned distance = edit_distance(c->misspelt, word);
	unsigned close = (unsigned)strlen(word) / 3 + 1;

	if (distance <= close && distance < c->distance) {
		c->word = word;
		c->distance = distance;
	}
}

const char *option_suggest(enum section_id section, const char *misspelt)
{
	struct closest c = {.misspelt = misspelt, .distance = WORD_MAX};

	if (strlen(misspelt) > WORD_MAX)
		return NULL;
	if (section == SECTION_COUNT)
		for (size_t i = 0; i < SECTION_COUNT; i++)
			closest_try(&c, config_sections[i].name);
	else
		for (const struct option *o = option_first(section); o;
		     o = option_next(o))
			closest_try(&c, o->key);
	return c.word;
}
