/*
 * anserctl dnssec import and export: keys of zones, from files and into files. What is read is not looked into here; it is
 * the server that knows keys.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/access/secret.h"
#include "control/access/secret_file.h"
#include "control/cli/cli.h"
#include "control/cli/items.h"
#include "control/cli/keyfiles.h"
#include "control/cli/print.h"
#include "control/json_put.h"

enum { WHY_SIZE = 512 };

/* ---- reading files ---- */

static bool complain(const char *path, const char *what)
{
	(void)fprintf(stderr, "anserctl: %s: %s\n", path, what);
	return false;
}

static char *read_secret(const char *path)
{
	char why[WHY_SIZE] = "";
	char *text = NULL;
	size_t len = 0;

	if (strcmp(path, "-") == 0)
		text = read_to_end(stdin, &len);
	else if (secret_file_read(path, &text, why, sizeof why) < 0)
		text = NULL;
	if (!text && why[0])
		(void)fprintf(stderr, "anserctl: %s\n", why);
	else if (!text)
		(void)complain(path, strerror(errno));
	return text;
}

static bool put_text(json_t *key, const char *name, const char *path, const char *text)
{
	json_t *value = text ? json_string(text) : NULL;

	if (text && !value)
		(void)complain(path, "it is not UTF-8");
	if (value)
		json_put(key, name, value);
	return value != NULL;
}

static bool put_secret(json_t *key, const char *path)
{
	char *text = read_secret(path);
	bool done = put_text(key, "private", path, text);

	if (text)
		secret_forget(text, strlen(text));
	free(text);
	return done;
}

/* Both files of a pair. */
static bool put_pair(json_t *key, const char *path)
{
	char *public = keyfiles_name(path, ".key");
	char *private = keyfiles_name(path, ".private");
	size_t len = 0;
	char *text = read_path(public, &len);
	bool done = text ? put_text(key, "public", public, text)
	                 : complain(public, strerror(errno));

	done = done && put_secret(key, private);

	free(text);
	free(public);
	free(private);
	return done;
}

static bool is_there(const char *path, const char *end)
{
	char *name = keyfiles_name(path, end);
	bool there = access(name, F_OK) == 0;

	free(name);
	return there;
}

static bool put_files(json_t *key, const char *path)
{
	bool whole = access(path, F_OK) == 0 || strcmp(path, "-") == 0;

	if (is_there(path, ".key") && (keyfiles_is_one(path) || !whole))
		return put_pair(key, path);
	return put_secret(key, path);
}

/* ---- import ---- */

/* What words say of the files behind them. */
struct said {
	const char *role, *algorithm;
};

static bool take_word(struct said *s, const char *word)
{
	static const char algorithm[] = "algorithm=";

	if (strcmp(word, "ksk") == 0 || strcmp(word, "zsk") == 0 ||
	    strcmp(word, "csk") == 0) {
		s->role = word;
		return true;
	}
	if (strncmp(word, algorithm, sizeof algorithm - 1) != 0)
		return false;
	s->algorithm = word + sizeof algorithm - 1;
	return true;
}

static bool add_file(json_t *keys, const struct said *s, const char *path)
{
	json_t *key = json_object();
	bool done = put_files(key, path);

	if (s->role)
		json_put(key, "role", json_string(s->role));
	if (done && s->algorithm)
		done = cli_put_text(key, "algorithm", s->algorithm);
	(void)json_array_append_new(keys, key);
	return done;
}

static const struct column imported[] = {
	{"KEY", "key", COLUMN_NUMBER},
	{"TAG", "tag", COLUMN_NUMBER},
	{"ALGORITHM", "algorithm_name", COLUMN_TEXT},
	{"ROLE", "role", COLUMN_TEXT},
	{"KNOWN", "known", COLUMN_TEXT},
};

static void show_imported(struct cli *c, const json_t *result)
{
	print_grid(c, imported, ARRAY_LEN(imported), json_object_get(result, "keys"));
	print_warnings(json_object_get(result, "warnings"));
}

enum engine_outcome run_dnssec_import(struct cli *c)
{
	json_t *args = cli_change_args(c);
	json_t *keys = json_array();
	struct said said = {0};
	bool fits = cli_put_text(args, "zone", c->args[0]);

	json_put(args, "keys", keys);
	for (unsigned i = 1; i < c->arg_count && fits; i++)
		if (!take_word(&said, c->args[i]))
			fits = add_file(keys, &said, c->args[i]);
	if (fits && json_array_size(keys) > 0)
		return cli_ask(c, "dnssec import", args, show_imported);
	json_decref(args);
	return fits ? cli_usage_of_command(c) : ENGINE_USAGE;
}

/* ---- export ---- */

/* Never replaces a file. */
static bool write_new(const char *dir, const char *name, const char *end,
                      const char *text, mode_t mode)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s%s", dir, name, end) < 0)
		abort();
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool done = to && fputs(text, to) >= 0;
	if (to)
		done = fclose(to) == 0 && done;
	done = done || complain(path, strerror(errno));
	free(path);
	return done;
}

static enum engine_outcome write_files(struct cli *c, const json_t *result)
{
	const char *dir = c->arg_count > 2 ? c->args[2] : ".";
	const char *name = print_text_of(result, "name");

	if (strchr(name, '/') ||
	    !write_new(dir, name, ".private", print_text_of(result, "private"), 0600) ||
	    !write_new(dir, name, ".key", print_text_of(result, "public"), 0644))
		return ENGINE_REFUSED;
	(void)puts(name);
	return ENGINE_OK;
}

enum engine_outcome run_dnssec_export(struct cli *c)
{
	static const char *const names[] = {"zone", "key", NULL};
	json_t *args = cli_named_args(c, cli_args(), names);
	json_t *result = NULL;

	if (!args)
		return ENGINE_USAGE;
	enum engine_outcome outcome = cli_call(c, "dnssec export", args, &result);
	if (outcome != ENGINE_OK)
		cli_refuse(c, result);
	else if (c->json)
		print_json(result);
	else
		outcome = write_files(c, result);
	json_decref(result);
	return outcome;
}

/* ---- the master secret ---- */

static const struct column secret_columns[] = {
	{"SECRET", "secret", COLUMN_TEXT},
	{"SEALS", "seals", COLUMN_TEXT},
	{"KEYS", "keys", COLUMN_NUMBER},
};

static void show_secrets(struct cli *c, const json_t *result)
{
	json_int_t others = print_number_of(result, "keys_under_others");
	json_int_t failed = print_number_of(result, "failed");

	print_grid(c, secret_columns, ARRAY_LEN(secret_columns),
	           json_object_get(result, "secrets"));
	if (others)
		(void)fprintf(stderr,
		              "%" JSON_INTEGER_FORMAT
		              " keys are sealed under secrets that are not there\n",
		              others);
	if (!failed)
		return;
	(void)fprintf(stderr,
	              "%" JSON_INTEGER_FORMAT " keys could not be opened: ", failed);
	print_text(print_text_of(result, "trouble"), stderr);
	(void)fputc('\n', stderr);
}

enum engine_outcome run_dnssec_secret(struct cli *c)
{
	static const char *const verbs[] = {"list", "rotate", "reseal", "prune"};
	const char *verb = c->arg_count ? c->args[0] : verbs[0];
	char command[32];

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verb, verbs[i]) != 0)
			continue;
		(void)snprintf(command, sizeof command, "dnssec secret %s", verb);
		return cli_ask(c, command, cli_args(), show_secrets);
	}
	return cli_usage_of_command(c);
}
