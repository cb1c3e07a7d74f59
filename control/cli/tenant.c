/* anserctl tenant. */
#include "control/cli/cli.h"
#include "control/cli/print.h"

static const struct column columns[] = {
	{"TENANT", "name", COLUMN_TEXT},
	{"ZONES", "zones", COLUMN_NUMBER},
	{"KEYS", "keys", COLUMN_NUMBER},
	{"ADDED", "created_at", COLUMN_TIME},
};

static void show_tenants(struct cli *c, const json_t *result)
{
	print_grid(c, columns, ARRAY_LEN(columns), json_object_get(result, "tenants"));
}

enum engine_outcome run_tenant_list(struct cli *c)
{
	return cli_ask(c, "tenant list", cli_args(), show_tenants);
}

static void show_nothing(struct cli *c, const json_t *result)
{
	(void)c;
	(void)result;
}

static enum engine_outcome ask(struct cli *c, const char *command,
                               const char *const *names)
{
	json_t *args = cli_named_args(c, cli_args(), names);

	return args ? cli_ask(c, command, args, show_nothing) : ENGINE_USAGE;
}

enum engine_outcome run_tenant_add(struct cli *c)
{
	return ask(c, "tenant add", (const char *const[]){"tenant", NULL});
}

enum engine_outcome run_tenant_remove(struct cli *c)
{
	return ask(c, "tenant remove", (const char *const[]){"tenant", NULL});
}

enum engine_outcome run_tenant_rename(struct cli *c)
{
	return ask(c, "tenant rename", (const char *const[]){"tenant", "to", NULL});
}

/* Without a tenant, the zone has none from then on. */
enum engine_outcome run_tenant_assign(struct cli *c)
{
	return ask(c, "tenant assign", (const char *const[]){"zone", "tenant", NULL});
}
