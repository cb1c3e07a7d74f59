/* anserctl zone policy, zone set, zone create: what holds for a zone's transfers. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/json_put.h"
#include "control/must.h"

/* ---- looking ---- */

/* The texts of a list, with blanks between them. */
static void add_texts(FILE *to, const json_t *list)
{
	size_t i;
	const json_t *text;

	json_array_foreach(list, i, text)
	{
		(void)fputs(i ? " " : "", to);
		(void)fputs(json_string_value(text), to);
	}
}

/* Puts what has been written into a must_open_text(). */
static void put_line(json_t *o, const char *key, char **text, FILE *to)
{
	must_close_text(to);
	json_put(o, key, json_string(*text));
	free(*text);
}

static void add_remote(FILE *to, const json_t *remote)
{
	const json_t *addresses = json_object_get(remote, "addresses");
	const char *name = print_text_of(remote, "name");
	const char *key = print_text_of(remote, "key");
	const char *tls = print_text_of(remote, "tls");
	const char *first = json_string_value(json_array_get(addresses, 0));

	(void)fputs(name, to);
	if (!first || strcmp(first, name) != 0) {
		(void)fputs(" (", to);
		add_texts(to, addresses);
		(void)fputc(')', to);
	}
	if (key[0])
		(void)fprintf(to, " key %s", key);
	if (tls[0])
		(void)fprintf(to, " tls %s", tls);
}

/* Each server as a text. */
static void put_remotes(json_t *lines, const char *key, const json_t *remotes)
{
	size_t i;
	const json_t *remote;
	char *text = NULL;
	size_t size = 0;
	FILE *to = must_open_text(&text, &size);

	json_array_foreach(remotes, i, remote)
	{
		(void)fputs(i ? ", " : "", to);
		add_remote(to, remote);
	}
	put_line(lines, key, &text, to);
}

static void put_with_place(json_t *lines, const json_t *result, const char *key)
{
	const char *value = print_text_of(result, key);
	const char *from = print_text_of(json_object_get(result, "from"), key);
	char *text = NULL;
	size_t size = 0;
	FILE *to = must_open_text(&text, &size);

	(void)fprintf(to, strcmp(from, "default") != 0 ? "%s (%s)" : "%s",
	              value[0] ? value : "-", from);
	put_line(lines, key, &text, to);
}

static const struct column columns[] = {
	{"zone", "zone", COLUMN_TEXT},
	{"kind", "kind", COLUMN_TEXT},
	{"template", "template", COLUMN_TEXT},
	{"primaries", "primaries", COLUMN_TEXT},
	{"notify", "notify", COLUMN_TEXT},
	{"notify servers", "notify_ns", COLUMN_TEXT},
	{"provide IXFR", "provide_ixfr", COLUMN_TEXT},
	{"request IXFR", "request_ixfr", COLUMN_TEXT},
	{"forward updates", "forward_updates", COLUMN_TEXT},
	{"ZONEMD", "zonemd", COLUMN_TEXT},
	{"DNSSEC", "dnssec", COLUMN_TEXT},
	{"catalog", "catalog", COLUMN_TEXT},
	{"catalog to", "catalog_to", COLUMN_TEXT},
};

static const struct column rule_columns[] = {
	{"RULE", "name", COLUMN_TEXT},          {"VERDICT", "verdict", COLUMN_TEXT},
	{"ACTIONS", "actions", COLUMN_TEXT},    {"ADDRESSES", "addresses", COLUMN_TEXT},
	{"KEYS", "keys", COLUMN_TEXT},          {"TLS", "tls", COLUMN_TEXT},
	{"NAMES", "update_names", COLUMN_TEXT}, {"TYPES", "update_types", COLUMN_TEXT},
};

/* Lists become texts; what is not said is any. */
static json_t *rule_line(const json_t *rule)
{
	static const char *const lists[] = {"actions", "addresses", "keys"};
	json_t *line = json_copy((json_t *)(uintptr_t)rule);

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *to = must_open_text(&text, &size);
		const json_t *list = json_object_get(rule, lists[i]);
		if (json_array_size(list) == 0)
			(void)fputs("any", to);
		add_texts(to, list);
		put_line(line, lists[i], &text, to);
	}
	return line;
}

static void show_rules(const struct cli *c, const json_t *rules)
{
	json_t *lines = json_array();
	size_t i;
	const json_t *rule;

	json_array_foreach(rules, i, rule)(void)
		json_array_append_new(lines, rule_line(rule));
	if (!c->plain)
		(void)puts(
			json_array_size(rules)
				? "\nThe first rule that fits decides; where none fits "
				  "the answer is no."
				: "\nNo rule lets anybody transfer or change it.");
	if (json_array_size(rules))
		print_grid(c, rule_columns, ARRAY_LEN(rule_columns), lines);
	json_decref(lines);
}

static void show_policy(struct cli *c, const json_t *result)
{
	static const char *const placed[] = {"kind", "template", "zonemd", "dnssec",
	                                     "catalog"};
	json_t *lines = json_copy((json_t *)(uintptr_t)result);

	for (size_t i = 0; i < ARRAY_LEN(placed); i++)
		put_with_place(lines, result, placed[i]);
	put_remotes(lines, "primaries", json_object_get(result, "primaries"));
	put_remotes(lines, "notify", json_object_get(result, "notify"));
	print_fields(c, columns, ARRAY_LEN(columns), lines);
	json_decref(lines);
	show_rules(c, json_object_get(result, "rules"));
	print_warnings(json_object_get(result, "warnings"));
}

enum engine_outcome run_zone_policy(struct cli *c)
{
	static const char *const names[] = {"zone", NULL};
	json_t *args = cli_named_args(c, cli_args(), names);

	return args ? cli_ask(c, "zone policy", args, show_policy) : ENGINE_USAGE;
}

/* ---- changing ---- */

/* "KEY=VALUE,VALUE" */
static bool put_setting(json_t *settings, char *word)
{
	char *equals = strchr(word, '=');
	char *rest = NULL;
	json_t *values = json_array();
	bool good = equals != NULL;

	if (!good)
		(void)cli_usage("\"%s\" is not KEY=VALUE", word);
	else
		*equals = '\0';
	for (char *v = good ? strtok_r(equals + 1, ",", &rest) : NULL; v && good;
	     v = strtok_r(NULL, ",", &rest)) {
		json_t *value = json_string(v);
		good = value != NULL;
		if (good)
			(void)json_array_append_new(values, value);
		else
			(void)cli_usage("a value of %s is not UTF-8", word);
	}
	if (good && json_object_set(settings, word, values) < 0) {
		good = false;
		(void)cli_usage("a key is not UTF-8");
	}
	json_decref(values);
	return good;
}

static enum engine_outcome change(struct cli *c, const char *command)
{
	json_t *args = cli_change_args(c);
	json_t *settings = json_object();
	bool good = cli_put_text(args, "zone", c->args[0]);

	for (unsigned i = 1; i < c->arg_count && good; i++)
		good = put_setting(settings, c->args[i]);
	json_put(args, "settings", settings);
	if (!good) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask_change(c, command, args, NULL);
}

enum engine_outcome run_zone_set(struct cli *c)
{
	return change(c, "zone set");
}

enum engine_outcome run_zone_create(struct cli *c)
{
	return change(c, "zone create");
}
