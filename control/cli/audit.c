/* anserctl audit: what is asked for is said in words, "actor=alice zone=example.org". */
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/json_put.h"

/* ---- list ---- */

static const struct column list_columns[] = {
	{"EVENT", "seq", COLUMN_NUMBER},      {"TIME", "time", COLUMN_TEXT},
	{"ACTOR", "actor.name", COLUMN_TEXT}, {"ADDRESS", "actor.address", COLUMN_TEXT},
	{"WHAT", "what", COLUMN_TEXT},        {"WHY", "why", COLUMN_TEXT},
	{"ZONES", "names", COLUMN_TEXT},
};

/* The names of its zones as one text, for the table. */
static void add_names(json_t *event)
{
	json_t *names = json_string("");
	json_t *zone;
	size_t i;

	json_array_foreach(json_object_get(event, "zones"), i, zone)
	{
		const char *name = json_string_value(json_object_get(zone, "zone"));
		json_t *more = json_sprintf("%s%s%s", json_string_value(names),
		                            i ? " " : "", name ? name : "");

		json_decref(names);
		names = more;
	}
	json_put(event, "names", names);
}

static void show_events(struct cli *c, const json_t *result)
{
	const json_t *events = json_object_get(result, "events");
	json_t *event;
	size_t i;

	json_array_foreach(events, i, event) add_names(event);
	print_grid(c, list_columns, ARRAY_LEN(list_columns), events);
	if (!c->plain)
		(void)print_where_more_is(result);
}

enum engine_outcome run_audit_list(struct cli *c)
{
	static const char *const texts[] = {"actor", "tenant", "zone", "what",
	                                    "since", "until",  NULL};
	static const char *const numbers[] = {"from", "limit", NULL};
	json_t *args = cli_args();

	if (!cli_put_words(args, c->args, c->arg_count, texts, numbers)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, "audit list", args, show_events);
}

/* ---- verify ---- */

static const struct column verify_columns[] = {
	{"events", "events", COLUMN_NUMBER},
	{"hash", "hash", COLUMN_TEXT},
	{"changes", "change", COLUMN_NUMBER},
};

static void show_verified(struct cli *c, const json_t *result)
{
	print_fields(c, verify_columns, ARRAY_LEN(verify_columns), result);
}

enum engine_outcome run_audit_verify(struct cli *c)
{
	json_t *args = cli_args();

	if (c->arg_count == 1 ||
	    (c->arg_count == 2 && (!cli_put_number(args, "seq", c->args[0]) ||
	                           !cli_put_text(args, "hash", c->args[1])))) {
		json_decref(args);
		return c->arg_count == 1
		               ? cli_usage("a hash belongs to the event's number")
		               : ENGINE_USAGE;
	}
	return cli_ask(c, "audit verify", args, show_verified);
}

/* ---- export ---- */

static void print_lines(const json_t *lines)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)(void) puts(json_string_value(line));
}

/* Page by page; what is there already when one is refused is good by itself. */
enum engine_outcome run_audit_export(struct cli *c)
{
	json_t *args = cli_args();
	json_t *result = NULL;
	enum engine_outcome outcome = ENGINE_OK;
	bool more = true;

	if (c->arg_count && !cli_put_number(args, "from", c->args[0])) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	while (outcome == ENGINE_OK && more) {
		outcome = cli_call(c, "audit export", args, &result);
		args = cli_args();
		if (outcome != ENGINE_OK)
			cli_refuse(c, result);
		else
			print_lines(json_object_get(result, "lines"));
		json_t *next = json_object_get(result, "next");
		more = json_is_integer(next);
		if (more)
			(void)json_object_set(args, "from", next);
		json_decref(result);
	}
	json_decref(args);
	return outcome;
}
