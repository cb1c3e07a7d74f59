/* anserctl conf: options one by one, and what changes them while the server runs. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/json_put.h"

/* ---- looking ---- */

static const struct column list_columns[] = {
	{"OPTION", "option", COLUMN_TEXT},
	{"VALUE", "value", COLUMN_TEXT},
	{"CHANGES", "class", COLUMN_TEXT},
	{"OVERRIDE", "override", COLUMN_TEXT},
};

static void show_settings(struct cli *c, const json_t *result)
{
	print_grid(c, list_columns, ARRAY_LEN(list_columns),
	           json_object_get(result, "settings"));
}

enum engine_outcome run_conf_list(struct cli *c)
{
	return cli_ask(c, "conf show", NULL, show_settings);
}

static void show_names(const json_t *list, const char *what)
{
	const json_t *name;
	size_t i;

	json_array_foreach(list, i, name)
	{
		print_text(json_string_value(name), stdout);
		(void)puts(what);
	}
}

static void show_needs(const struct cli *c, const json_t *result)
{
	show_names(json_object_get(result, "needs_reload"),
	           c->plain ? "\treload" : ": counts after anserctl conf reload");
	show_names(json_object_get(result, "needs_data_plane_restart"),
	           c->plain ? "\tdata plane"
	                    : ": counts once the data plane has started anew");
	show_names(json_object_get(result, "needs_restart"),
	           c->plain ? "\trestart"
	                    : ": counts once the control plane has started anew");
}

static const struct column diff_columns[] = {
	{"OPTION", "option", COLUMN_TEXT},
	{"FILE", "file", COLUMN_TEXT},
	{"OVERRIDE", "override", COLUMN_TEXT},
	{"RUNNING", "running", COLUMN_TEXT},
};

static void show_diff(struct cli *c, const json_t *result)
{
	const json_t *settings = json_object_get(result, "settings");

	if (json_array_size(settings) > 0)
		print_grid(c, diff_columns, ARRAY_LEN(diff_columns), settings);
	if (!c->plain)
		show_needs(c, result);
}

enum engine_outcome run_conf_diff(struct cli *c)
{
	return cli_ask(c, "conf diff", NULL, show_diff);
}

/* ---- changing ---- */

static void show_change(struct cli *c, const json_t *result)
{
	print_diagnostics(json_object_get(result, "diagnostics"), stderr);
	show_names(json_object_get(result, "applied"), c->plain     ? "\tapplied"
	                                               : c->dry_run ? ": would change"
	                                                            : ": changed");
	show_needs(c, result);
}

enum engine_outcome run_conf_reload(struct cli *c)
{
	return cli_ask(c, "conf reload", cli_change_args(c), show_change);
}

enum engine_outcome run_conf_set(struct cli *c)
{
	json_t *args = cli_change_args(c);
	json_t *values = json_object();

	json_put(args, "values", values);
	/* A list of several values, which an option with one does not take. */
	if (c->arg_count == 2
	            ? !cli_put_text(values, c->args[0], c->args[1])
	            : !cli_put_texts(values, c->args[0], c->args + 1, c->arg_count - 1)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, "conf set", args, show_change);
}

enum engine_outcome run_conf_unset(struct cli *c)
{
	json_t *args = cli_change_args(c);

	if (!cli_put_texts(args, "options", c->args, c->arg_count)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, "conf unset", args, show_change);
}
