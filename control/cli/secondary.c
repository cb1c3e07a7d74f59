/* anserctl zone refresh, zone retransfer, zone secondaries, zone notify, zone transfers. */
#include "control/cli/cli.h"
#include "control/cli/items.h"
#include "control/cli/print.h"
#include "control/json_put.h"

static void show_begun(struct cli *c, const json_t *result)
{
	print_text(print_text_of(result, "zone"), stdout);
	(void)printf(c->plain ? "\n" : ": is being looked at\n");
}

static void show_notified(struct cli *c, const json_t *result)
{
	print_text(print_text_of(result, "zone"), stdout);
	(void)printf(c->plain ? "\n" : ": those who are to know are being told\n");
}

/* Takes args. */
static enum engine_outcome ask_about(struct cli *c, const char *command, json_t *args,
                                     const char *zone,
                                     void (*show)(struct cli *, const json_t *))
{
	if (!cli_put_text(args, "zone", zone)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	return cli_ask(c, command, args, show);
}

static enum engine_outcome refresh_one(struct cli *c, char *zone)
{
	return ask_about(c, "zone refresh", cli_args(), zone, show_begun);
}

enum engine_outcome run_zone_refresh(struct cli *c)
{
	return items_each(c, refresh_one);
}

static enum engine_outcome retransfer_one(struct cli *c, char *zone)
{
	json_t *args = cli_args();

	json_put(args, "serial_may_fall", json_boolean(c->force));
	return ask_about(c, "zone retransfer", args, zone, show_begun);
}

enum engine_outcome run_zone_retransfer(struct cli *c)
{
	return items_each(c, retransfer_one);
}

static const struct column columns[] = {
	{"ZONE", "zone", COLUMN_TEXT},
	{"STATE", "state", COLUMN_STATE},
	{"SERIAL", "serial", COLUMN_NUMBER},
	{"PRIMARY", "primary_serial", COLUMN_NUMBER},
	{"LAST GOOD", "last_good", COLUMN_TIME},
	{"EXPIRES", "expires", COLUMN_TIME},
	{"NEXT IN", "next_in_s", COLUMN_NUMBER},
	{"ERROR", "error", COLUMN_TEXT},
	{"IXFR ERROR", "ixfr_error", COLUMN_TEXT},
};

static void show_secondaries(struct cli *c, const json_t *result)
{
	print_grid(c, columns, ARRAY_LEN(columns),
	           json_object_get(result, "secondaries"));
}

enum engine_outcome run_zone_secondaries(struct cli *c)
{
	if (!c->arg_count)
		return cli_ask(c, "zone secondaries", cli_args(), show_secondaries);
	return ask_about(c, "zone secondaries", cli_args(), c->args[0], show_secondaries);
}

static enum engine_outcome notify_one(struct cli *c, char *zone)
{
	return ask_about(c, "zone notify", cli_args(), zone, show_notified);
}

enum engine_outcome run_zone_notify(struct cli *c)
{
	return items_each(c, notify_one);
}

static const struct column transfer_columns[] = {
	{"ZONE", "zone", COLUMN_TEXT},
	{"TO", "to", COLUMN_TEXT},
	{"KIND", "kind", COLUMN_TEXT},
	{"SERIAL", "serial", COLUMN_NUMBER},
	{"MESSAGES", "messages", COLUMN_NUMBER},
	{"OCTETS", "octets", COLUMN_NUMBER},
	{"MS", "ms", COLUMN_NUMBER},
};

static void show_transfers(struct cli *c, const json_t *result)
{
	const json_t *n = json_object_get(result, "notify");

	print_grid(c, transfer_columns, ARRAY_LEN(transfer_columns),
	           json_object_get(result, "transfers"));
	if (!c->plain)
		(void)printf("notified: %" JSON_INTEGER_FORMAT
		             " servers; %" JSON_INTEGER_FORMAT
		             " refused, %" JSON_INTEGER_FORMAT
		             " did not answer, %" JSON_INTEGER_FORMAT
		             " are asked, %" JSON_INTEGER_FORMAT " wait\n",
		             print_number_of(n, "told"), print_number_of(n, "refused"),
		             print_number_of(n, "unanswered"),
		             print_number_of(n, "asked"), print_number_of(n, "waiting"));
}

enum engine_outcome run_zone_transfers(struct cli *c)
{
	return cli_ask(c, "zone transfers", cli_args(), show_transfers);
}
