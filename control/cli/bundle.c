/* anserctl dnssec ksr, skr: zones whose KSK is offline. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/items.h"
#include "control/cli/print.h"
#include "control/json_put.h"
#include "control/zone/literal.h"
#include "shared/err.h"

static const char *const zone_alone[] = {"zone", NULL};

/* ---- the request ---- */

static void show_request(struct cli *c, const json_t *result)
{
	(void)c;
	(void)fputs(print_text_of(result, "request"), stdout);
}

enum engine_outcome run_dnssec_ksr(struct cli *c)
{
	const struct entry_token t = {.text = c->args[1],
	                              .len = (uint32_t)strlen(c->args[1])};
	uint32_t seconds;

	if (literal_period(&t, &seconds) < 0 || seconds == 0)
		return cli_usage("\"%s\" is no time such as 180d or 26w", c->args[1]);
	json_t *args = cli_named_args(c, cli_change_args(c), zone_alone);
	if (!args)
		return ENGINE_USAGE;
	json_put(args, "seconds", json_number(seconds));
	return cli_ask(c, "dnssec ksr", args, show_request);
}

/* ---- the response ---- */

/* Reads a file, or standard input, into args. False after a message. */
static bool put_file(json_t *args, const char *path)
{
	size_t len = 0;
	char *text = read_path(path, &len);
	json_t *value = text ? json_stringn(text, len) : NULL;

	if (!text)
		(void)fprintf(stderr, "anserctl: %s: %s\n", path, strerror(errno));
	else if (value)
		json_put(args, "response", value);
	else
		(void)fprintf(stderr, "anserctl: %s: not UTF-8\n", path);
	free(text);
	return value != NULL;
}

static const struct column bundle_columns[] = {
	{"FROM", "from", COLUMN_TIME},      {"SIGNED UNTIL", "ends", COLUMN_TIME},
	{"KSKS", "ksks", COLUMN_TEXT},      {"ZSKS", "zsks", COLUMN_TEXT},
	{"IN USE", "in_use", COLUMN_STATE},
};

static void show_bundles(struct cli *c, const json_t *result)
{
	print_grid(c, bundle_columns, ARRAY_LEN(bundle_columns),
	           json_object_get(result, "bundles"));
}

enum engine_outcome run_dnssec_skr(struct cli *c)
{
	bool has_file = c->arg_count > 1;
	json_t *args =
		cli_named_args(c, has_file ? cli_change_args(c) : cli_args(), zone_alone);

	if (!args)
		return ENGINE_USAGE;
	if (!has_file)
		return cli_ask(c, "dnssec skr", args, show_bundles);
	if (put_file(args, c->args[1]))
		return cli_ask_change(c, "dnssec import-skr", args, NULL);
	json_decref(args);
	return ENGINE_USAGE;
}
