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

/* Gives false after a message. */
static bool put_zone(const struct cli *c, json_t *args)
{
	return cli_put_text(args, "zone", c->args[0]);
}

static enum engine_outcome give_up(json_t *args)
{
	json_decref(args);
	return ENGINE_USAGE;
}

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
	json_t *args = cli_change_args(c);

	if (!put_zone(c, args))
		return give_up(args);
	if (literal_period(&t, &seconds) < 0 || seconds == 0) {
		json_decref(args);
		return cli_usage("\"%s\" is no time such as 180d or 26w", c->args[1]);
	}
	json_put(args, "seconds", json_number(seconds));
	return cli_ask(c, "dnssec ksr", args, show_request);
}

/* ---- the response ---- */

/* Reads a file, or standard input, into args. False after a message. */
static bool put_file(json_t *args, const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *from = from_stdin ? stdin : fopen(path, "re");
	size_t len = 0;
	char *text = from ? read_to_end(from, &len) : NULL;
	json_t *value = text ? json_stringn(text, len) : NULL;

	if (!text)
		(void)fprintf(stderr, "anserctl: %s: %s\n", path, strerror(errno));
	else if (!value)
		(void)fprintf(stderr, "anserctl: %s: not UTF-8\n", path);
	else
		json_put(args, "response", value);
	free(text);
	if (from && !from_stdin)
		(void)fclose(from);
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
	json_t *args;

	if (c->arg_count == 1) {
		args = cli_args();
		return put_zone(c, args) ? cli_ask(c, "dnssec skr", args, show_bundles)
		                         : give_up(args);
	}
	args = cli_change_args(c);
	if (!put_zone(c, args) || !put_file(args, c->args[1]))
		return give_up(args);
	return cli_ask_change(c, "dnssec import-skr", args, NULL);
}
