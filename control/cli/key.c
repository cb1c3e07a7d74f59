/*
 * anserctl key: what a key is for is said in words behind its label, "tenant=NAME expires=30d
 * zone=example.org name=_acme-challenge type=TXT"; each zone= begins a grant, and the words behind
 * it belong to that one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/json_put.h"

enum { DAY_S = 86400, HOUR_S = 3600, YEAR_DAYS = 365 };

/* ---- looking ---- */

static const struct column list_columns[] = {
	{"KEY", "id", COLUMN_TEXT},           {"LABEL", "label", COLUMN_TEXT},
	{"ROLE", "role", COLUMN_TEXT},        {"TENANT", "tenant", COLUMN_TEXT},
	{"STATE", "state", COLUMN_STATE},     {"EXPIRES", "expires_at", COLUMN_TIME},
	{"LAST USE", "used_at", COLUMN_TIME},
};

static void show_keys(struct cli *c, const json_t *result)
{
	print_grid(c, list_columns, ARRAY_LEN(list_columns),
	           json_object_get(result, "keys"));
}

enum engine_outcome run_key_list(struct cli *c)
{
	return cli_ask(c, "key list", cli_args(), show_keys);
}

static const struct column show_columns[] = {
	{"key", "id", COLUMN_TEXT},
	{"label", "label", COLUMN_TEXT},
	{"role", "role", COLUMN_TEXT},
	{"tenant", "tenant", COLUMN_TEXT},
	{"state", "state", COLUMN_STATE},
	{"created", "created_at", COLUMN_TIME},
	{"expires", "expires_at", COLUMN_TIME},
	{"revoked", "revoked_at", COLUMN_TIME},
	{"last use", "used_at", COLUMN_TIME},
};

static void show_words(const json_t *list, const char *before)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		(void)fputs(before, stdout);
		print_text(json_string_value(item), stdout);
	}
}

static void show_grants(const struct cli *c, const json_t *grants)
{
	size_t i;
	json_t *g;

	json_array_foreach(grants, i, g)
	{
		(void)fputs(c->plain ? "grant\tzone=" : "grant     zone=", stdout);
		print_text(json_string_value(json_object_get(g, "zone")), stdout);
		if (json_is_true(json_object_get(g, "below")))
			(void)fputs(" below", stdout);
		if (!json_is_true(json_object_get(g, "write")))
			(void)fputs(" read", stdout);
		show_words(json_object_get(g, "names"), " name=");
		show_words(json_object_get(g, "types"), " type=");
		(void)fputc('\n', stdout);
	}
}

static void show_key(struct cli *c, const json_t *result)
{
	const char *secret = json_string_value(json_object_get(result, "secret"));

	print_fields(c, show_columns, ARRAY_LEN(show_columns), result);
	show_grants(c, json_object_get(result, "grants"));
	if (secret)
		(void)printf(c->plain ? "secret\t%s\n" : "secret    %s\n", secret);
	if (secret && !c->plain)
		(void)fputs("anserctl: the secret is shown this once and kept nowhere\n",
		            stderr);
}

static enum engine_outcome ask_about_key(struct cli *c, const char *command, json_t *args)
{
	if (!cli_put_text(args, "key", c->args[0])) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, command, args, show_key);
}

enum engine_outcome run_key_show(struct cli *c)
{
	return ask_about_key(c, "key show", cli_args());
}

enum engine_outcome run_key_revoke(struct cli *c)
{
	return ask_about_key(c, "key revoke", cli_args());
}

/* ---- words ---- */

static bool read_seconds(const char *text, json_int_t *out)
{
	char *end = NULL;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	long long unit = 1;
	if (!strcmp(end, "h"))
		unit = HOUR_S;
	else if (!strcmp(end, "d"))
		unit = DAY_S;
	else if (!strcmp(end, "y"))
		unit = (long long)YEAR_DAYS * DAY_S;
	else if (strcmp(end, "s") != 0 && *end)
		return false;
	if (errno || end == text || number <= 0 || number > INT32_MAX)
		return false;
	*out = number * unit;
	return true;
}

/* Gives what stands behind "NAME=", or NULL. */
static const char *value_of(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static bool append_text(json_t *object, const char *key, const char *text)
{
	json_t *list = json_object_get(object, key);

	if (!list) {
		list = json_array();
		json_put(object, key, list);
	}
	if (json_array_append_new(list, json_string(text)) == 0)
		return true;
	(void)cli_usage("%s: an argument is not UTF-8", key);
	return false;
}

/* A word behind zone=. */
static bool read_grant_word(json_t *grant, const char *word)
{
	const char *name = value_of(word, "name");
	const char *type = value_of(word, "type");

	if (name)
		return append_text(grant, "names", name);
	if (type)
		return append_text(grant, "types", type);
	if (strcmp(word, "below") == 0)
		json_put(grant, "below", json_true());
	else if (strcmp(word, "read") == 0)
		json_put(grant, "write", json_false());
	else
		return cli_usage("\"%s\" is not understood", word) == ENGINE_OK;
	return true;
}

/* Reads words from at on into args. */
static bool read_words(const struct cli *c, unsigned at, json_t *args)
{
	json_t *grants = json_array();
	json_t *grant = NULL;
	json_int_t seconds = 0;

	json_put(args, "grants", grants);
	for (; at < c->arg_count; at++) {
		const char *word = c->args[at];
		const char *zone = value_of(word, "zone");
		const char *expires = value_of(word, "expires");
		const char *tenant = value_of(word, "tenant");

		if (zone) {
			grant = json_object();
			(void)json_array_append_new(grants, grant);
			if (!cli_put_text(grant, "zone", zone))
				return false;
		} else if (expires && !read_seconds(expires, &seconds)) {
			(void)cli_usage("\"%s\" is no time, as 12h, 90d or 1y", expires);
			return false;
		} else if (expires) {
			json_put(args, "expires_in", json_integer(seconds));
		} else if (tenant) {
			if (!cli_put_text(args, "tenant", tenant))
				return false;
		} else if (!grant) {
			(void)cli_usage("\"%s\" is not understood; a grant begins with "
			                "zone=ZONE",
			                word);
			return false;
		} else if (!read_grant_word(grant, word)) {
			return false;
		}
	}
	return true;
}

enum engine_outcome run_key_create(struct cli *c)
{
	json_t *args = cli_args();

	if (!cli_put_text(args, "label", c->args[0]) ||
	    !cli_put_text(args, "role", c->args[1]) || !read_words(c, 2, args)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, "key create", args, show_key);
}

static bool read_change(json_t *args, const char *word)
{
	const char *label = value_of(word, "label");
	const char *role = value_of(word, "role");
	const char *expires = value_of(word, "expires");
	json_int_t seconds = 0;

	if (label)
		return cli_put_text(args, "label", label);
	if (role)
		return cli_put_text(args, "role", role);
	if (expires && strcmp(expires, "never") == 0)
		json_put(args, "expires_at", json_null());
	else if (expires && read_seconds(expires, &seconds))
		json_put(args, "expires_in", json_integer(seconds));
	else if (expires)
		return cli_usage("\"%s\" is no time, as 12h, 90d, 1y or never",
		                 expires) == ENGINE_OK;
	else if (strcmp(word, "disable") == 0)
		json_put(args, "disabled", json_true());
	else if (strcmp(word, "enable") == 0)
		json_put(args, "disabled", json_false());
	else
		return cli_usage("\"%s\" is not understood", word) == ENGINE_OK;
	return true;
}

enum engine_outcome run_key_set(struct cli *c)
{
	json_t *args = cli_args();

	for (unsigned i = 1; i < c->arg_count; i++) {
		if (!read_change(args, c->args[i])) {
			json_decref(args);
			return ENGINE_USAGE;
		}
	}
	return ask_about_key(c, "key set", args);
}

/* "all" lifts every bound, which nobody should do by leaving something out. */
enum engine_outcome run_key_grant(struct cli *c)
{
	bool all = c->arg_count == 2 && strcmp(c->args[1], "all") == 0;
	json_t *args = cli_args();

	if (all)
		json_put(args, "grants", json_array());
	else if (!read_words(c, 1, args)) {
		json_decref(args);
		return ENGINE_USAGE;
	} else if (json_object_size(args) > 1) {
		json_decref(args);
		return cli_usage("a key keeps its tenant and its time");
	} else if (json_array_size(json_object_get(args, "grants")) == 0) {
		json_decref(args);
		return cli_usage("a grant begins with zone=");
	}
	return ask_about_key(c, "key grant", args);
}
