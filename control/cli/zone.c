#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/cli/import.h"
#include "control/cli/items.h"
#include "control/cli/print.h"
#include "control/diag_json.h"
#include "control/json_put.h"
#include "control/sign/check.h"
#include "shared/err.h"

/* ---- looking ---- */

static const struct column list_columns[] = {
	{"ZONE", "name", COLUMN_TEXT},       {"STATE", "state", COLUMN_STATE},
	{"SERIAL", "serial", COLUMN_NUMBER}, {"RECORDS", "records", COLUMN_NUMBER},
	{"RRSETS", "rrsets", COLUMN_NUMBER}, {"CHANGED", "changed_at", COLUMN_TIME},
	{"SOURCE", "source", COLUMN_TEXT},
};

static void show_zone_list(struct cli *c, const json_t *result)
{
	print_grid(c, list_columns, ARRAY_LEN(list_columns),
	           json_object_get(result, "zones"));
}

enum engine_outcome run_zone_list(struct cli *c)
{
	static const char *const names[] = {"match", NULL};
	json_t *args = cli_named_args(c, cli_args(), names);

	return args ? cli_ask(c, "zone list", args, show_zone_list) : ENGINE_USAGE;
}

static const struct column show_columns[] = {
	{"zone", "name", COLUMN_TEXT},
	{"state", "state", COLUMN_STATE},
	{"error", "error", COLUMN_TEXT},
	{"serial", "serial", COLUMN_NUMBER},
	{"records", "records", COLUMN_NUMBER},
	{"rrsets", "rrsets", COLUMN_NUMBER},
	{"denial", "denial", COLUMN_TEXT},
	{"source", "source", COLUMN_TEXT},
	{"changed", "changed_at", COLUMN_TIME},
	{"added", "added", COLUMN_TEXT},
	{"id", "id", COLUMN_NUMBER},
};

static void show_zone(struct cli *c, const json_t *result)
{
	if (c->shown++)
		(void)fputc('\n', stdout);
	print_fields(c, show_columns, ARRAY_LEN(show_columns), result);
}

static enum engine_outcome show_one(struct cli *c, char *zone)
{
	json_t *args = cli_args();

	if (!cli_put_text(args, "zone", zone)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, "zone show", args, show_zone);
}

enum engine_outcome run_zone_show(struct cli *c)
{
	return items_each(c, show_one);
}

/* ---- changing ---- */

static void show_changed_zone(const struct cli *c, const json_t *zone, const char *done)
{
	const json_t *diagnostics = json_object_get(zone, "diagnostics");
	bool failed = print_number_of(zone, "outcome") != ENGINE_OK;

	if (c->plain) {
		print_text(print_text_of(zone, "zone"), stdout);
		(void)printf("\t%s\t%" JSON_INTEGER_FORMAT "\t%" JSON_INTEGER_FORMAT
		             "\t%" JSON_INTEGER_FORMAT "\n",
		             failed ? "refused" : done, print_number_of(zone, "serial"),
		             print_number_of(zone, "records"),
		             print_number_of(zone, "names_changed"));
	} else if (!failed) {
		print_text(print_text_of(zone, "zone"), stdout);
		(void)printf(": %s, serial %" JSON_INTEGER_FORMAT
		             ", %" JSON_INTEGER_FORMAT " records; %" JSON_INTEGER_FORMAT
		             " names changed (RRsets: %" JSON_INTEGER_FORMAT
		             " added, %" JSON_INTEGER_FORMAT
		             " removed, %" JSON_INTEGER_FORMAT " changed)\n",
		             done, print_number_of(zone, "serial"),
		             print_number_of(zone, "records"),
		             print_number_of(zone, "names_changed"),
		             print_number_of(zone, "rrsets_added"),
		             print_number_of(zone, "rrsets_removed"),
		             print_number_of(zone, "rrsets_changed"));
	}
	(void)fflush(stdout);
	print_diagnostics(diagnostics, stderr);
	if (failed) {
		print_text(print_text_of(zone, "zone"), stderr);
		(void)fputs(": refused", stderr);
		/* Diagnostics have said it better. */
		if (!json_array_size(diagnostics)) {
			(void)fputs(": ", stderr);
			print_text(print_text_of(zone, "error"), stderr);
		}
		(void)fputc('\n', stderr);
	}
}

static void show_commit(const struct cli *c, const json_t *result)
{
	const json_t *visible = json_object_get(result, "visible_ms");

	if (c->plain || !json_object_get(result, "commit"))
		return;
	(void)printf(
		"commit %" JSON_INTEGER_FORMAT " of generation %" JSON_INTEGER_FORMAT,
		print_number_of(result, "commit"), print_number_of(result, "generation"));
	if (json_is_number(visible))
		(void)printf(", served by every core after %.1f ms\n",
		             json_number_value(visible));
	else
		(void)puts("; not waited for the cores to serve it");
}

/* A zone that is gone has no report of its own. */
static void show_change(const struct cli *c, const json_t *result, const char *zone,
                        const char *done)
{
	const json_t *zones = json_object_get(result, "zones");

	for (size_t i = 0; i < json_array_size(zones); i++)
		show_changed_zone(c, json_array_get(zones, i), done);
	if (!zones && zone && !json_object_get(result, "error")) {
		print_text(zone, stdout);
		(void)printf(c->plain ? "\t%s\n" : ": %s\n", done);
	}
	show_commit(c, result);
}

/* zone: NULL for all; file: NULL for none. */
static enum engine_outcome change(struct cli *c, const char *zone, const char *file,
                                  const char *done)
{
	char command[32];
	json_t *result = NULL;
	json_t *args = cli_change_args(c);

	if ((zone && !cli_put_text(args, "zone", zone)) ||
	    (file && !cli_put_text(args, "file", file))) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	(void)snprintf(command, sizeof command, "zone %s", c->command->verb);
	enum engine_outcome outcome = cli_call(c, command, args, &result);
	if (c->json) {
		print_json(result);
	} else {
		show_change(c, result, zone, done);
		/* A refused zone has said why in its own line. */
		if (outcome != ENGINE_OK &&
		    !json_array_size(json_object_get(result, "zones")))
			cli_report(result);
		else if (outcome == ENGINE_TIMED_OUT)
			cli_report(result);
	}
	json_decref(result);
	return outcome;
}

static enum engine_outcome add_one(struct cli *c, const char *zone, const char *file)
{
	char path[PATH_MAX];

	return absolute_path(file, path) ? change(c, zone, path, "added") : ENGINE_USAGE;
}

/* "NAME FILE"; a file name may hold blanks. */
static enum engine_outcome add_line(struct cli *c, char *line)
{
	size_t name_len = strcspn(line, " \t");
	char *file = line + name_len + strspn(line + name_len, " \t");

	if (!*file)
		return cli_usage("zone add: \"%s\" names no file", line);
	line[name_len] = 0;
	return add_one(c, line, file);
}

enum engine_outcome run_zone_add(struct cli *c)
{
	if (c->arg_count == 2)
		return add_one(c, c->args[0], c->args[1]);
	if (strcmp(c->args[0], "-") != 0)
		return cli_usage_of_command(c);
	return items_each(c, add_line);
}

static enum engine_outcome remove_one(struct cli *c, char *zone)
{
	return change(c, zone, NULL, "removed");
}

enum engine_outcome run_zone_remove(struct cli *c)
{
	return items_each(c, remove_one);
}

static enum engine_outcome reload_one(struct cli *c, char *zone)
{
	return change(c, zone, NULL, "loaded");
}

enum engine_outcome run_zone_reload(struct cli *c)
{
	return c->arg_count ? items_each(c, reload_one) : change(c, NULL, NULL, "loaded");
}

/* ---- checking ---- */

static void show_check(const struct cli *c, const json_t *result)
{
	print_diagnostics(json_object_get(result, "diagnostics"), stdout);
	if (!c->plain && !json_object_get(result, "error"))
		(void)printf("%" JSON_INTEGER_FORMAT " records\n",
		             print_number_of(result, "records"));
}

static void tell_checked(struct cli *c, enum engine_outcome outcome, const json_t *result)
{
	if (c->json)
		print_json(result);
	else if (outcome == ENGINE_OK ||
	         json_array_size(json_object_get(result, "diagnostics")))
		show_check(c, result);
	else
		cli_report(result);
}

/* path NULL: the file that the zone has. */
static enum engine_outcome check_file(struct cli *c, const char *zone, const char *path)
{
	json_t *result = NULL;
	json_t *args = cli_args();

	if (!cli_put_text(args, "zone", zone) ||
	    (path && !cli_put_text(args, "file", path))) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	if (c->dnssec)
		json_put(args, "dnssec", json_true());
	enum engine_outcome outcome = cli_call(c, "zone check", args, &result);
	tell_checked(c, outcome, result);
	json_decref(result);
	return outcome;
}

/* The server does not read our standard input; what reads zones is the same here. */
static enum engine_outcome check_input(struct cli *c)
{
	uint8_t apex[NAME_MAX_LEN];
	struct contents *contents = NULL;
	struct diag diag;

	if (!import_zone_name(c->args[0], apex))
		return ENGINE_USAGE;
	diag_init(&diag);
	const struct sign_check how = {.now = (uint64_t)time(NULL), .one_in = 1};
	int err = import_parse("-", apex, true, &contents, &diag);
	if (err == 0 && c->dnssec)
		err = sign_check_contents(contents, &how, &diag);
	enum engine_outcome outcome = err < 0 ? ENGINE_REFUSED : ENGINE_OK;
	json_t *result = cli_args();
	if (err < 0)
		json_put(result, "error", json_string(err_text(err)));
	else
		json_put(result, "records", json_number(contents->records));
	json_put(result, "diagnostics", diag_json(&diag));
	tell_checked(c, outcome, result);
	json_decref(result);
	diag_fini(&diag);
	contents_free(contents);
	return outcome;
}

enum engine_outcome run_zone_check(struct cli *c)
{
	char path[PATH_MAX];

	if (c->arg_count == 1)
		return check_file(c, c->args[0], NULL);
	if (!strcmp(c->args[1], "-"))
		return check_input(c);
	return absolute_path(c->args[1], path) ? check_file(c, c->args[0], path)
	                                       : ENGINE_USAGE;
}
