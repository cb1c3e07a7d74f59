/* anserctl catalog list, catalog accept. */
#include "control/cli/cli.h"
#include "control/cli/items.h"
#include "control/cli/print.h"

static const struct column columns[] = {
	{"CATALOG", "zone", COLUMN_TEXT},      {"KIND", "kind", COLUMN_TEXT},
	{"STATE", "state", COLUMN_STATE},      {"SERIAL", "serial", COLUMN_NUMBER},
	{"MEMBERS", "members", COLUMN_NUMBER}, {"GONE", "gone", COLUMN_NUMBER},
	{"FOREIGN", "foreign", COLUMN_NUMBER}, {"ALARM", "alarm", COLUMN_TEXT},
};

static void show_catalogs(struct cli *c, const json_t *result)
{
	print_grid(c, columns, ARRAY_LEN(columns), json_object_get(result, "catalogs"));
}

enum engine_outcome run_catalog_list(struct cli *c)
{
	return cli_ask(c, "catalog list", cli_args(), show_catalogs);
}

static void show_accepted(struct cli *c, const json_t *result)
{
	print_text(print_text_of(result, "zone"), stdout);
	(void)printf(c->plain ? "\n" : ": the zones that it has no more go\n");
}

static enum engine_outcome accept_one(struct cli *c, char *zone)
{
	json_t *args = cli_args();

	if (!cli_put_text(args, "zone", zone)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, "catalog accept", args, show_accepted);
}

enum engine_outcome run_catalog_accept(struct cli *c)
{
	return items_each(c, accept_one);
}
