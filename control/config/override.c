#include "control/config/override.h"

#include <stdlib.h>
#include <string.h>

#include "control/config/value.h"
#include "control/must.h"
#include "shared/err.h"

static struct override *find(const struct overrides *o, const char *name)
{
	for (size_t i = 0; i < o->count; i++)
		if (!strcmp(o->items[i].name, name))
			return &o->items[i];
	return NULL;
}

static void add(struct overrides *o, const char *name, const char *text)
{
	o->items = must(realloc(o->items, (o->count + 1) * sizeof *o->items));
	o->items[o->count++] = (struct override){must(strdup(name)), must(strdup(text))};
}

static void item_fini(struct override *item)
{
	free(item->name);
	free(item->text);
}

void overrides_set(struct overrides *o, const char *name, const char *text)
{
	struct override *item = find(o, name);

	if (item) {
		item_fini(item);
		*item = o->items[--o->count];
	}
	if (text)
		add(o, name, text);
}

const char *overrides_get(const struct overrides *o, const char *name)
{
	const struct override *item = find(o, name);

	return item ? item->text : NULL;
}

void overrides_fini(struct overrides *o)
{
	for (size_t i = 0; i < o->count; i++)
		item_fini(&o->items[i]);
	free(o->items);
	*o = (struct overrides){0};
}

/* What says where overrides are, or where the other side of a command is, is for the file alone. */
static bool is_for_file(const struct option *o)
{
	return o->section == SECTION_CONTROL && !strcmp(o->key, "store");
}

static int check_setting(const char *name, struct config_setting *out,
                         char reason[static OVERRIDE_REASON_SIZE])
{
	const char *close = NULL;

	if (config_setting_find(name, out, &close) < 0) {
		(void)snprintf(
			reason, OVERRIDE_REASON_SIZE,
			close ? "there is no option \"%.60s\"; did you mean \"%s\"?"
			      : "there is no option \"%.60s\"",
			name, close);
		return ERR_NOTFOUND;
	}
	if (out->option < config_option_count &&
	    !is_for_file(&config_options[out->option]))
		return 0;
	(void)snprintf(reason, OVERRIDE_REASON_SIZE, "%s is a matter of the file alone",
	               name);
	return ERR_DENIED;
}

int override_check(const char *name, const char *text, const char *dir,
                   char reason[static OVERRIDE_REASON_SIZE])
{
	struct config_setting setting;
	struct value_problem problem;

	TRY(check_setting(name, &setting, reason));
	if (strlen(text) > OVERRIDE_TEXT_MAX) {
		(void)snprintf(reason, OVERRIDE_REASON_SIZE, "%s: longer than %d octets",
		               name, OVERRIDE_TEXT_MAX);
		return ERR_REFUSED;
	}
	struct config *scratch = calloc(1, sizeof *scratch);
	if (!scratch)
		abort();
	const struct option *o = &config_options[setting.option];
	int err = value_replace(o, scratch, dir, text, &problem);
	if (err < 0)
		(void)snprintf(reason, OVERRIDE_REASON_SIZE, "%s.%s",
		               config_sections[o->section].name, problem.text);
	value_clear(o, scratch);
	free(scratch);
	return err;
}
