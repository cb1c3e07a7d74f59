/*
 * anserctl tsig. A secret is never an argument, which everybody on the machine may see: it is made by the
 * server, or comes from a file or standard input, in the forms that other servers' files have.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/access/secret_file.h"
#include "control/cli/cli.h"
#include "control/cli/items.h"
#include "control/cli/print.h"
#include "control/json_put.h"

static const struct column list_columns[] = {
	{"KEY", "name", COLUMN_TEXT},           {"ALGORITHM", "algorithm", COLUMN_TEXT},
	{"TENANT", "tenant", COLUMN_TEXT},      {"STATE", "state", COLUMN_STATE},
	{"CREATED", "created_at", COLUMN_TIME},
};

static void show_keys(struct cli *c, const json_t *result)
{
	print_grid(c, list_columns, ARRAY_LEN(list_columns),
	           json_object_get(result, "keys"));
}

enum engine_outcome run_tsig_list(struct cli *c)
{
	return cli_ask(c, "tsig list", cli_args(), show_keys);
}

static const struct column show_columns[] = {
	{"key", "name", COLUMN_TEXT},           {"algorithm", "algorithm", COLUMN_TEXT},
	{"tenant", "tenant", COLUMN_TEXT},      {"state", "state", COLUMN_STATE},
	{"created", "created_at", COLUMN_TIME},
};

static void show_key(struct cli *c, const json_t *result)
{
	const char *secret = json_string_value(json_object_get(result, "secret"));

	print_fields(c, show_columns, ARRAY_LEN(show_columns), result);
	if (secret)
		(void)printf(c->plain ? "secret\t%s\n" : "secret     %s\n", secret);
}

/* Adds what stands behind "NAME=" in a word; false, for another word. */
static bool take_value(json_t *args, const char *word, const char *name, bool *fits)
{
	size_t len = strlen(name);

	if (strncmp(word, name, len) != 0 || word[len] != '=')
		return false;
	*fits = cli_put_text(args, name, word + len + 1);
	return true;
}

/* Reads words behind the first argument. flag: a word that stands for itself, and the member it sets. */
static bool read_words(const struct cli *c, json_t *args, const char *flag,
                       const char *member)
{
	static const char *const values[] = {"algorithm", "tenant"};
	bool fits = true;

	for (unsigned i = 1; i < c->arg_count && fits; i++) {
		bool known = flag && strcmp(c->args[i], flag) == 0;
		if (known)
			json_put(args, member, json_true());
		for (size_t j = 0; j < ARRAY_LEN(values) && !known; j++)
			known = take_value(args, c->args[i], values[j], &fits);
		if (!known)
			fits = cli_usage("\"%s\" is not understood", c->args[i]) ==
			       ENGINE_OK;
	}
	return fits;
}

static enum engine_outcome ask_about_key(struct cli *c, const char *command,
                                         const char *flag, const char *member)
{
	json_t *args = cli_args();

	if (!cli_put_text(args, "key", c->args[0]) ||
	    !read_words(c, args, flag, member)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, command, args, show_key);
}

enum engine_outcome run_tsig_show(struct cli *c)
{
	return ask_about_key(c, "tsig show", "secret", "secret");
}

enum engine_outcome run_tsig_create(struct cli *c)
{
	return ask_about_key(c, "tsig create", NULL, NULL);
}

enum engine_outcome run_tsig_set(struct cli *c)
{
	return ask_about_key(c, "tsig set", "new-secret", "new_secret");
}

enum engine_outcome run_tsig_remove(struct cli *c)
{
	return ask_about_key(c, "tsig remove", NULL, NULL);
}

/* Reads a file, or standard input, into args. False after a message. */
static bool put_file(json_t *args, const char *path)
{
	size_t len = 0;
	char *text = read_path(path, &len);
	json_t *value = text && len <= SECRET_FILE_MAX ? json_stringn(text, len) : NULL;

	if (!text)
		(void)fprintf(stderr, "anserctl: %s: %s\n", path, strerror(errno));
	else if (value)
		json_put(args, "text", value);
	else
		(void)fprintf(stderr, "anserctl: %s: too large, or not UTF-8\n", path);
	free(text);
	return value != NULL;
}

enum engine_outcome run_tsig_import(struct cli *c)
{
	json_t *args = cli_args();

	if (!put_file(args, c->args[0]) || !read_words(c, args, NULL, NULL)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	json_put(args, "replace", json_boolean(c->replace));
	return cli_ask(c, "tsig import", args, show_keys);
}
