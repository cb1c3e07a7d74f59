/* Commands that edit records. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static bool is_number(const char *text)
{
	return text[0] && text[strspn(text, "0123456789")] == 0;
}

/* ---- what came of it ---- */

static void show_zone(const struct cli *c, const json_t *zone)
{
	const char *name = json_string_value(json_object_get(zone, "zone"));
	bool changed = json_is_true(json_object_get(zone, "changed"));
	const char *done = !changed     ? "unchanged"
	                   : c->dry_run ? "would change"
	                                : "changed";

	print_text(name ? name : "", stdout);
	(void)printf(c->plain ? "\t%s\t%" JSON_INTEGER_FORMAT "\t%" JSON_INTEGER_FORMAT
	                      : ": %s, serial %" JSON_INTEGER_FORMAT
	                        ", before %" JSON_INTEGER_FORMAT,
	             done, number_of(zone, "serial"), number_of(zone, "serial_before"));
	if (!c->plain && !c->dry_run)
		(void)printf(" (RRsets: %" JSON_INTEGER_FORMAT
		             " added, %" JSON_INTEGER_FORMAT
		             " removed, %" JSON_INTEGER_FORMAT " changed)",
		             number_of(zone, "rrsets_added"),
		             number_of(zone, "rrsets_removed"),
		             number_of(zone, "rrsets_changed"));
	(void)fputc('\n', stdout);
}

static void show_result(const struct cli *c, const json_t *result)
{
	const json_t *zones = json_object_get(result, "zones");
	const json_t *visible = json_object_get(result, "visible_ms");

	for (size_t i = 0; i < json_array_size(zones); i++)
		show_zone(c, json_array_get(zones, i));
	if (c->plain || !json_is_integer(json_object_get(result, "change")))
		return;
	(void)printf("change %" JSON_INTEGER_FORMAT " in commit %" JSON_INTEGER_FORMAT
	             " of generation %" JSON_INTEGER_FORMAT,
	             number_of(result, "change"), number_of(result, "commit"),
	             number_of(result, "generation"));
	if (json_is_number(visible))
		(void)printf(", served by every core after %.1f ms\n",
		             json_number_value(visible));
	else
		(void)puts("; not waited for the cores to serve it");
}

static void report_problems(const json_t *result)
{
	const json_t *problems = json_object_get(result, "problems");

	for (size_t i = 0; i < json_array_size(problems); i++) {
		const json_t *p = json_array_get(problems, i);
		const char *text = json_string_value(json_object_get(p, "text"));
		const char *rule = json_string_value(json_object_get(p, "rule"));
		(void)fputs("anserctl: ", stderr);
		print_text(text ? text : "", stderr);
		(void)fputs(" [", stderr);
		print_text(rule ? rule : "", stderr);
		(void)fputs("]\n", stderr);
	}
	if (!json_array_size(problems))
		cli_report(result);
}

/* args is taken. */
static enum engine_outcome ask(struct cli *c, const char *command, json_t *args)
{
	json_t *result = NULL;
	enum engine_outcome outcome = cli_call(c, command, args, &result);

	if (c->json) {
		print_json(result);
	} else {
		show_result(c, result);
		(void)fflush(stdout);
		if (outcome != ENGINE_OK)
			report_problems(result);
	}
	json_decref(result);
	return outcome;
}

/* ---- what is asked for ---- */

/* The arguments behind the type: one record each. */
static bool put_rdata(json_t *args, char **texts, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		if (json_array_append_new(list, json_string(texts[i])) < 0) {
			json_decref(list);
			(void)cli_usage(
				"a record is not UTF-8: write its octets as \\DDD");
			return false;
		}
	}
	if (json_object_set_new(args, "rdata", list) < 0)
		abort();
	return true;
}

static enum engine_outcome usage(const struct cli *c)
{
	return cli_usage("usage: anserctl record %s %s", c->command->verb,
	                 c->command->synopsis);
}

/* NAME [TTL] TYPE [RDATA...] */
static enum engine_outcome edit(struct cli *c, bool ttl_fits, bool needs_records)
{
	char command[32];
	bool has_ttl = ttl_fits && c->arg_count > 2 && is_number(c->args[1]);
	unsigned type = has_ttl ? 2 : 1;

	if (c->arg_count <= type || (needs_records && c->arg_count == type + 1))
		return usage(c);
	json_t *args =
		json_pack("{s:b,s:i,s:b}", "wait", c->wait != WAIT_NO, "timeout_ms",
	                  (int)c->timeout_ms, "dry_run", (int)c->dry_run);
	if (!args)
		abort();
	if (has_ttl &&
	    json_object_set_new(args, "ttl", json_integer(strtoll(c->args[1], NULL, 10))))
		abort();
	if (!cli_put_text(args, "name", c->args[0]) ||
	    !cli_put_text(args, "type", c->args[type]) ||
	    (c->zone && !cli_put_text(args, "zone", c->zone)) ||
	    !put_rdata(args, c->args + type + 1, c->arg_count - type - 1)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	(void)snprintf(command, sizeof command, "record %s", c->command->verb);
	return ask(c, command, args);
}

enum engine_outcome run_record_set(struct cli *c)
{
	return edit(c, true, true);
}

enum engine_outcome run_record_add(struct cli *c)
{
	return edit(c, true, true);
}

enum engine_outcome run_record_del(struct cli *c)
{
	return edit(c, false, false);
}
