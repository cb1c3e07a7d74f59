#include <stdlib.h>
#include <string.h>

#include "control/config/config.h"
#include "control/config/options.h"
#include "control/config/value.h"
#include "shared/err.h"
#include "shared/name.h"

const char *const config_class_names[CONFIG_CLASSES] = {
	[CONFIG_LIVE] = "live",
	[CONFIG_PLANE] = "data plane",
	[CONFIG_RESTART] = "restart",
};

static void describe_option_at(size_t i, struct config_setting *out)
{
	const struct option *o = &config_options[i];

	*out = (struct config_setting){
		.class = o->class, .is_list = option_is_list(o), .option = i};
	(void)snprintf(out->name, sizeof out->name, "%s.%s",
	               config_sections[o->section].name, o->key);
}

static void describe_list(unsigned section, struct config_setting *out)
{
	*out = (struct config_setting){.class = CONFIG_LIVE,
	                               .is_list = true,
	                               .option = config_option_count + section};
	(void)snprintf(out->name, sizeof out->name, "%s", config_sections[section].name);
}

void config_each_setting(void (*fn)(const struct config_setting *, void *), void *arg)
{
	struct config_setting s;

	for (size_t i = 0; i < config_option_count; i++) {
		if (config_sections[config_options[i].section].list)
			continue;
		describe_option_at(i, &s);
		fn(&s, arg);
	}
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		if (!config_sections[i].list)
			continue;
		describe_list(i, &s);
		fn(&s, arg);
	}
}

struct search {
	const char *name;
	struct config_setting *out;
	bool found;
};

static void compare_name(const struct config_setting *s, void *arg)
{
	struct search *search = arg;

	if (strcmp(s->name, search->name) != 0)
		return;
	*search->out = *s;
	search->found = true;
}

/* The key that is close, in the section that is named, or a section. */
static const char *suggest(const char *name)
{
	const char *dot = strchr(name, '.');

	if (!dot)
		return NULL;
	size_t len = (size_t)(dot - name);
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		if (strlen(config_sections[i].name) == len &&
		    !memcmp(config_sections[i].name, name, len))
			return option_suggest((enum section_id)i, dot + 1);
	char *section = strndup(name, len);
	if (!section)
		abort();
	const char *close = option_suggest(SECTION_COUNT, section);
	free(section);
	return close;
}

int config_setting_find(const char *name, struct config_setting *out, const char **close)
{
	struct search search = {.name = name, .out = out};

	config_each_setting(compare_name, &search);
	if (search.found)
		return 0;
	if (close)
		*close = suggest(name);
	return ERR_NOTFOUND;
}

/* ---- values ---- */

/* The list that a setting is, which is no option. */
static const struct list_section *list_of(const struct config_setting *s)
{
	return list_find((enum section_id)(s->option - config_option_count));
}

char *config_setting_text(const struct config_setting *s, const struct config *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	if (s->option < config_option_count)
		value_show(&config_options[s->option], c, to);
	else
		(void)fprintf(to, "%zu of them", list_count(list_of(s), c));
	if (fclose(to) != 0)
		abort();
	return text;
}

static bool equal_items(const struct list_section *l, const void *a, const void *b)
{
	for (const struct option *o = option_first(l->section); o; o = option_next(o))
		if (!value_equal(o, a, b))
			return false;
	return true;
}

static bool equal_lists(const struct list_section *l, const struct config *a,
                        const struct config *b)
{
	size_t count = list_count(l, a);
	bool equal = count == list_count(l, b);

	for (size_t i = 0; equal && i < count; i++)
		equal = equal_items(l, list_item(l, a, i), list_item(l, b, i));
	return equal;
}

bool config_setting_equal(const struct config_setting *s, const struct config *a,
                          const struct config *b)
{
	if (s->option >= config_option_count)
		return equal_lists(list_of(s), a, b);
	return value_equal(&config_options[s->option], a, b);
}

void config_keep_fixed(struct config *next, const struct config *running)
{
	for (size_t i = 0; i < config_option_count; i++)
		if (config_options[i].class == CONFIG_RESTART)
			value_copy(&config_options[i], next, running);
}
