/* Commands that edit records. */
#include "control/cli/record.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/print.h"
#include "control/json_put.h"

bool record_is_number(const char *text)
{
	return text[0] && text[strspn(text, "0123456789")] == 0;
}

/* ---- what came of it ---- */

static void show_counts(const json_t *zone)
{
	(void)printf(" (RRsets: %" JSON_INTEGER_FORMAT " added, %" JSON_INTEGER_FORMAT
	             " removed, %" JSON_INTEGER_FORMAT " changed)",
	             print_number_of(zone, "rrsets_added"),
	             print_number_of(zone, "rrsets_removed"),
	             print_number_of(zone, "rrsets_changed"));
}

static void show_zone(const struct cli *c, const json_t *zone)
{
	const char *name = json_string_value(json_object_get(zone, "zone"));
	bool changed = json_is_true(json_object_get(zone, "changed"));
	const char *done = !changed     ? "unchanged"
	                   : c->dry_run ? "would change"
	                                : "changed";

	print_text(name ? name : "", stdout);
	(void)printf(c->plain ? "\t%s\t%" JSON_INTEGER_FORMAT
	                      : ": %s, serial %" JSON_INTEGER_FORMAT,
	             done, print_number_of(zone, "serial"));
	if (c->plain || changed)
		(void)printf(c->plain ? "\t%" JSON_INTEGER_FORMAT
		                      : ", before %" JSON_INTEGER_FORMAT,
		             print_number_of(zone, "serial_before"));
	if (!c->plain && changed && !c->dry_run)
		show_counts(zone);
	(void)fputc('\n', stdout);
}

void record_show_change(const struct cli *c, const json_t *result)
{
	const json_t *zones = json_object_get(result, "zones");
	const json_t *visible = json_object_get(result, "visible_ms");

	for (size_t i = 0; i < json_array_size(zones); i++)
		show_zone(c, json_array_get(zones, i));
	if (c->plain || !json_is_integer(json_object_get(result, "change")))
		return;
	(void)printf("change %" JSON_INTEGER_FORMAT " in commit %" JSON_INTEGER_FORMAT
	             " of generation %" JSON_INTEGER_FORMAT,
	             print_number_of(result, "change"), print_number_of(result, "commit"),
	             print_number_of(result, "generation"));
	if (json_is_number(visible))
		(void)printf(", served by every core after %.1f ms\n",
		             json_number_value(visible));
	else
		(void)puts("; not waited for the cores to serve it");
}

void record_tell(struct cli *c, enum engine_outcome outcome, const json_t *result,
                 cli_show *first)
{
	if (c->json) {
		print_json(result);
		return;
	}
	if (first)
		first(c, result);
	record_show_change(c, result);
	if (outcome != ENGINE_OK)
		cli_report(result);
}

enum engine_outcome cli_ask_change(struct cli *c, const char *command, json_t *args,
                                   cli_show *first)
{
	json_t *result = NULL;
	enum engine_outcome outcome = cli_call(c, command, args, &result);

	record_tell(c, outcome, result, first);
	json_decref(result);
	return outcome;
}

/* ---- what is asked for ---- */

/* NAME [TTL] TYPE [RDATA...] */
static enum engine_outcome edit(struct cli *c, bool ttl_fits, bool needs_records)
{
	char command[32];
	bool has_ttl = ttl_fits && c->arg_count > 2 && record_is_number(c->args[1]);
	unsigned type = has_ttl ? 2 : 1;

	if (c->arg_count <= type || (needs_records && c->arg_count == type + 1))
		return cli_usage_of_command(c);
	json_t *args = cli_change_args(c);
	if (has_ttl)
		json_put(args, "ttl", json_integer(strtoll(c->args[1], NULL, 10)));
	if (!cli_put_text(args, "name", c->args[0]) ||
	    !cli_put_text(args, "type", c->args[type]) ||
	    (c->zone && !cli_put_text(args, "zone", c->zone)) ||
	    !cli_put_texts(args, "rdata", c->args + type + 1, c->arg_count - type - 1)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	(void)snprintf(command, sizeof command, "record %s", c->command->verb);
	return cli_ask_change(c, command, args, NULL);
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
