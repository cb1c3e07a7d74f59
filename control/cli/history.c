/* anserctl zone history, diff and revert. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/json_put.h"

/* ---- lines of a difference ---- */

static void print_record(const struct cli *c, char op, const char *before,
                         const json_t *object, json_int_t ttl, const char *rdata)
{
	print_difference_begin(op, c->colour, stdout);
	(void)fputs(before, stdout);
	print_text(print_text_of(object, "name"), stdout);
	(void)printf(" %" JSON_INTEGER_FORMAT " IN ", ttl);
	print_text(print_text_of(object, "type"), stdout);
	(void)fputc(' ', stdout);
	print_text(rdata, stdout);
	print_difference_end(c->colour, stdout);
}

static void print_comment(const struct cli *c, char op, const json_t *object,
                          const json_t *comment)
{
	print_difference_begin(op, c->colour, stdout);
	(void)fputs("; comment: ", stdout);
	print_text(print_text_of(object, "name"), stdout);
	(void)fputc(' ', stdout);
	print_text(print_text_of(object, "type"), stdout);
	(void)fputc(' ', stdout);
	print_text(print_text_of(comment, "account"), stdout);
	(void)fputs(": ", stdout);
	print_text(print_text_of(comment, "content"), stdout);
	print_difference_end(c->colour, stdout);
}

static void print_lines(const struct cli *c, const json_t *lines)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		char op = print_text_of(line, "op")[0];
		const json_t *comment = json_object_get(line, "comment");
		bool disabled = json_is_true(json_object_get(line, "disabled"));

		if (comment)
			print_comment(c, op, line, comment);
		else
			print_record(c, op, disabled ? "; disabled: " : "", line,
			             print_number_of(line, "ttl"),
			             print_text_of(line, "rdata"));
	}
}

/* ---- history ---- */

static const struct column history_columns[] = {
	{"CHANGE", "change", COLUMN_NUMBER},
	{"TIME", "time", COLUMN_TEXT},
	{"SERIAL", "serial", COLUMN_NUMBER},
	{"BEFORE", "serial_before", COLUMN_NUMBER},
	{"ADDED", "records_added", COLUMN_NUMBER},
	{"REMOVED", "records_removed", COLUMN_NUMBER},
	{"ACTOR", "actor.name", COLUMN_TEXT},
	{"WHY", "why", COLUMN_TEXT},
	{"REQUEST", "actor.request", COLUMN_TEXT},
	{"INCOMPLETE", "incomplete", COLUMN_TEXT},
};

enum { LIST_COLUMNS = 8 }; /* of those, in a list */

static bool has_record(const json_t *set, json_int_t ttl, const char *record)
{
	const json_t *records = json_object_get(set, "records");

	for (size_t i = 0; i < json_array_size(records); i++)
		if (json_integer_value(json_object_get(set, "ttl")) == ttl &&
		    !strcmp(json_string_value(json_array_get(records, i)), record))
			return true;
	return false;
}

/* The records of one value of a row that the other has not. */
static void print_set(const struct cli *c, char op, const char *before, const json_t *row,
                      const json_t *set, const json_t *other)
{
	const json_t *records = json_object_get(set, "records");
	json_int_t ttl = json_integer_value(json_object_get(set, "ttl"));

	for (size_t i = 0; i < json_array_size(records); i++) {
		const char *record = json_string_value(json_array_get(records, i));
		if (!has_record(other, ttl, record))
			print_record(c, op, before, row, ttl, record);
	}
}

static bool has_comment(const json_t *comments, const json_t *comment)
{
	for (size_t i = 0; i < json_array_size(comments); i++)
		if (json_equal(json_array_get(comments, i), comment))
			return true;
	return false;
}

static void print_value(const struct cli *c, char op, const json_t *row,
                        const json_t *value, const json_t *other)
{
	const json_t *comments = json_object_get(value, "comments");
	json_t *comment;
	size_t i;

	print_set(c, op, "", row, value, other);
	print_set(c, op, "; disabled: ", row, json_object_get(value, "disabled"),
	          json_object_get(other, "disabled"));
	json_array_foreach(comments, i, comment)
	{
		if (!has_comment(json_object_get(other, "comments"), comment))
			print_comment(c, op, row, comment);
	}
}

static void print_rows(const struct cli *c, const json_t *change)
{
	const json_t *omitted = json_object_get(change, "rows_omitted");
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(change, "rows"), i, row)
	{
		const json_t *before = json_object_get(row, "before");
		const json_t *after = json_object_get(row, "after");

		print_value(c, '-', row, before, after);
		print_value(c, '+', row, after, before);
	}
	if (omitted)
		(void)printf("; %" JSON_INTEGER_FORMAT " RRsets more\n",
		             json_integer_value(omitted));
}

static void show_full(struct cli *c, const json_t *changes)
{
	json_t *change;
	size_t i;

	json_array_foreach(changes, i, change)
	{
		if (i)
			(void)fputc('\n', stdout);
		print_fields(c, history_columns, ARRAY_LEN(history_columns), change);
		print_rows(c, change);
	}
}

static void show_history(struct cli *c, const json_t *result)
{
	const json_t *changes = json_object_get(result, "changes");

	if (c->full)
		show_full(c, changes);
	else
		print_grid(c, history_columns, LIST_COLUMNS, changes);
	if (c->plain)
		return;
	if (!print_where_more_is(result) &&
	    !json_is_true(json_object_get(result, "complete")))
		(void)fputs("anserctl: what was before is not in the log any more\n",
		            stderr);
}

enum engine_outcome run_zone_history(struct cli *c)
{
	static const char *const texts[] = {"actor", "since", "until", NULL};
	static const char *const numbers[] = {"from", "limit", NULL};
	json_t *args = cli_args();

	if (!cli_put_text(args, "zone", c->args[0]) ||
	    !cli_put_words(args, c->args + 1, c->arg_count - 1, texts, numbers)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	json_put(args, "full", json_boolean(c->full));
	return cli_ask(c, "zone history", args, show_history);
}

/* ---- diff ---- */

static void print_state(const char *mark, const json_t *zone, const json_t *state)
{
	const json_t *change = json_object_get(state, "change");

	(void)printf("%s ", mark);
	print_text(json_string_value(zone), stdout);
	(void)printf(" serial %" JSON_INTEGER_FORMAT,
	             json_integer_value(json_object_get(state, "serial")));
	if (json_is_integer(change))
		(void)printf(" change %" JSON_INTEGER_FORMAT, json_integer_value(change));
	(void)fputc(' ', stdout);
	print_text(print_text_of(state, "time"), stdout);
	(void)fputc('\n', stdout);
}

static void show_difference(struct cli *c, const json_t *result)
{
	const json_t *zone = json_object_get(result, "zone");

	if (!c->plain && !c->shown++) {
		print_state("---", zone, json_object_get(result, "from"));
		print_state("+++", zone, json_object_get(result, "to"));
	}
	print_lines(c, json_object_get(result, "lines"));
	if (json_is_true(json_object_get(result, "attributes")) && !c->plain)
		(void)puts("; attributes of the zone were changed as well");
}

enum { LINES_A_PAGE = 20000 };

/* The next page is of the same states, whatever happens meanwhile. */
static void pin(json_t *args, const json_t *result, const char *key)
{
	const json_t *state = json_object_get(result, key);
	json_t *change = json_object_get(state, "change");

	if (json_is_integer(change))
		json_put(args, key,
		         json_sprintf("change:%" JSON_INTEGER_FORMAT,
		                      json_integer_value(change)));
	else
		json_put(args, key,
		         json_sprintf(
				 "serial:%" JSON_INTEGER_FORMAT,
				 json_integer_value(json_object_get(state, "serial"))));
}

static enum engine_outcome show_page(struct cli *c, json_t *args, json_t **result)
{
	json_put(args, "limit", json_integer(LINES_A_PAGE));
	enum engine_outcome outcome = cli_call(c, "zone diff", args, result);

	if (outcome == ENGINE_OK && !c->json)
		show_difference(c, *result);
	else
		cli_refuse(c, *result);
	return outcome;
}

enum engine_outcome run_zone_diff(struct cli *c)
{
	static const char *const keys[] = {"zone", "from", "to"};
	enum engine_outcome outcome = ENGINE_OK;
	json_t *args = cli_args();

	for (unsigned i = 0; i < c->arg_count && i < ARRAY_LEN(keys); i++) {
		if (!cli_put_text(args, keys[i], c->args[i])) {
			json_decref(args);
			return ENGINE_USAGE;
		}
	}
	while (outcome == ENGINE_OK && args) {
		json_t *result = NULL;
		outcome = show_page(c, args, &result);
		json_t *next = json_object_get(result, "next");
		args = NULL;
		if (json_is_integer(next)) {
			args = cli_args();
			(void)cli_put_text(args, "zone", c->args[0]);
			pin(args, result, "from");
			pin(args, result, "to");
			(void)json_object_set(args, "after", next);
		}
		json_decref(result);
	}
	json_decref(args);
	return outcome;
}

/* ---- revert ---- */

static void show_reverted(struct cli *c, const json_t *result)
{
	print_lines(c, json_object_get(result, "lines"));
	if (json_is_integer(json_object_get(result, "next")) && !c->plain)
		(void)puts("; and more");
	if (json_is_true(json_object_get(result, "attributes_kept")) && !c->plain)
		(void)puts("; attributes of the zone were changed as well: they stay");
}

enum engine_outcome run_zone_revert(struct cli *c)
{
	json_t *args = cli_change_args(c);

	if ((c->arg_count == 2) == (c->change != NULL)) {
		json_decref(args);
		return cli_usage_of_command(c);
	}
	if (!cli_put_text(args, "zone", c->args[0]) ||
	    (c->change && !cli_put_number(args, "change", c->change)) ||
	    (!c->change && !cli_put_text(args, "to", c->args[1]))) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	json_put(args, "force", json_boolean(c->force));
	return cli_ask_change(c, "zone revert", args, show_reverted);
}
