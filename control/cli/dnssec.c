/* anserctl dnssec: zones that are signed here, and their keys. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/cli.h"
#include "control/cli/print.h"
#include "control/json_put.h"

enum { POLL_MS = 200 };

static const char *const zone_alone[] = {"zone", NULL};

/* ---- how a zone is ---- */

static const struct column zone_columns[] = {
	{"zone", "zone", COLUMN_TEXT},
	{"state", "state", COLUMN_STATE},
	{"policy", "policy", COLUMN_TEXT},
	{"denial", "denial", COLUMN_TEXT},
	{"signed RRsets", "work.rrsets", COLUMN_NUMBER},
	{"due", "work.due", COLUMN_NUMBER},
	{"signed so far", "work.signing_done", COLUMN_NUMBER},
	{"of", "work.signing_total", COLUMN_NUMBER},
	{"signed before", "work.signing_found", COLUMN_NUMBER},
	{"signed a second", "work.signing_rate", COLUMN_NUMBER},
	{"seconds left", "work.signing_left_s", COLUMN_NUMBER},
	{"first expiry", "work.first_expiry", COLUMN_TIME},
	{"next look", "work.next_look", COLUMN_TIME},
	{"asks the parent", "work.asks_parent_at", COLUMN_TIME},
	{"trouble", "work.trouble", COLUMN_TEXT},
};

static const struct column key_columns[] = {
	{"KEY", "key", COLUMN_NUMBER},
	{"TAG", "tag", COLUMN_NUMBER},
	{"ALGORITHM", "algorithm_name", COLUMN_TEXT},
	{"ROLE", "role", COLUMN_TEXT},
	{"DNSKEY", "dnskey_state", COLUMN_TEXT},
	{"SIGNATURES", "signatures_state", COLUMN_TEXT},
	{"DS", "ds_state", COLUMN_TEXT},
	{"NOW", "waits", COLUMN_TEXT},
};

static const struct column all_columns[] = {
	{"ZONE", "zone", COLUMN_TEXT},
	{"SIGNED", "signed", COLUMN_TEXT},
	{"RRSETS", "rrsets", COLUMN_NUMBER},
	{"DUE", "due", COLUMN_NUMBER},
	{"FIRST EXPIRY", "first_expiry", COLUMN_TIME},
	{"NEXT LOOK", "next_look", COLUMN_TIME},
	{"TROUBLE", "trouble", COLUMN_TEXT},
};

/* Each text of a list in a line, behind a text. */
static void print_lines(const json_t *result, const char *key, const char *before)
{
	const json_t *list = json_object_get(result, key);
	size_t i;
	const json_t *one;

	json_array_foreach(list, i, one)
	{
		const char *text = json_string_value(one);
		(void)fputs(before, stdout);
		print_text(text ? text : "", stdout);
		(void)fputc('\n', stdout);
	}
}

static bool has_any(const json_t *result, const char *key)
{
	return json_array_size(json_object_get(result, key)) > 0;
}

static void show_status(struct cli *c, const json_t *result)
{
	print_fields(c, zone_columns, ARRAY_LEN(zone_columns), result);
	if (!has_any(result, "keys"))
		return;
	if (!c->plain)
		(void)putchar('\n');
	print_grid(c, key_columns, ARRAY_LEN(key_columns),
	           json_object_get(result, "keys"));
	if (c->plain)
		return;
	if (has_any(result, "ds"))
		(void)puts("\nThe parent is to have:");
	print_lines(result, "ds", "");
	if (has_any(result, "ds_to_remove"))
		(void)puts("\nThe parent is not to have any more:");
	print_lines(result, "ds_to_remove", "");
}

static void show_all(struct cli *c, const json_t *result)
{
	print_grid(c, all_columns, ARRAY_LEN(all_columns),
	           json_object_get(result, "zones"));
}

enum engine_outcome run_dnssec_status(struct cli *c)
{
	json_t *args = cli_named_args(c, cli_args(), zone_alone);

	return args ? cli_ask(c, "dnssec status", args,
	                      c->arg_count ? show_status : show_all)
	            : ENGINE_USAGE;
}

/* ---- what was asked for ---- */

/* Nothing of that is done when it is answered: the zone's records are as they were. */
static void show_ordered(struct cli *c, const json_t *result)
{
	static const struct {
		const char *verb;
		const char *text;
	} texts[] = {
		{"enable", "is to be signed"},
		{"disable", "is to be unsigned, once that is safe"},
		{"roll", "gets other keys"},
		{"resign", "is being signed again"},
		{"ds", "goes on with what its parent has"},
	};
	const json_t *zone = json_array_get(json_object_get(result, "zones"), 0);

	print_text(print_text_of(zone, "zone"), stdout);
	for (size_t i = 0; i < ARRAY_LEN(texts) && !c->plain; i++)
		if (strcmp(c->command->verb, texts[i].verb) == 0)
			(void)printf(": %s%s", texts[i].text,
			             c->dry_run ? "; nothing was changed" : "");
	(void)putchar('\n');
}

/* ---- to be signed, or not ---- */

static void nap(void)
{
	const struct timespec t = {.tv_nsec = POLL_MS * 1000000L};

	(void)nanosleep(&t, NULL);
}

/* Where somebody looks on. */
static void print_progress(const json_t *status)
{
	const json_t *work = json_object_get(status, "work");
	json_int_t done = print_number_of(work, "signing_done");
	json_int_t total = print_number_of(work, "signing_total");
	json_int_t rate = print_number_of(work, "signing_rate");

	if (!isatty(STDERR_FILENO) || total == 0)
		return;
	(void)fprintf(stderr,
	              "\r%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
	              " RRsets, %" JSON_INTEGER_FORMAT "/s, ",
	              done, total, rate);
	if (rate > 0)
		(void)fprintf(stderr, "%" JSON_INTEGER_FORMAT " s left",
		              print_number_of(work, "signing_left_s"));
	(void)fputs("\033[K", stderr);
}

static bool is_signed(const json_t *status)
{
	const json_t *work = json_object_get(status, "work");

	return strcmp(print_text_of(status, "state"), "signed") == 0 &&
	       json_is_true(json_object_get(work, "signed")) &&
	       print_number_of(work, "due") == 0;
}

static enum engine_outcome end_waiting(struct cli *c, enum engine_outcome outcome,
                                       const json_t *status)
{
	const char *trouble = print_text_of(json_object_get(status, "work"), "trouble");

	if (isatty(STDERR_FILENO))
		(void)fputs("\r\033[K", stderr);
	if (outcome == ENGINE_OK && !is_signed(status)) {
		outcome = trouble[0] ? ENGINE_REFUSED : ENGINE_TIMED_OUT;
		(void)fputs("anserctl: it is not signed so far", stderr);
		(void)fputs(trouble[0] ? ": " : "", stderr);
		print_text(trouble, stderr);
		(void)fputc('\n', stderr);
	} else if (outcome != ENGINE_OK) {
		cli_refuse(c, status);
	} else if (c->json) {
		print_json(status);
	} else {
		show_status(c, status);
	}
	return outcome;
}

/* What was in its way before it was to be signed is not. */
static bool is_in_trouble(const json_t *status)
{
	const json_t *work = json_object_get(status, "work");

	return print_text_of(work, "trouble")[0] &&
	       !json_is_true(json_object_get(work, "looking"));
}

/* Until it is signed, or something is in the way. */
static enum engine_outcome wait_until_signed(struct cli *c)
{
	uint64_t began = client_now();

	for (;;) {
		json_t *args = cli_named_args(c, cli_args(), zone_alone);
		json_t *status = NULL;
		if (!args)
			return ENGINE_USAGE;
		enum engine_outcome outcome = cli_call(c, "dnssec status", args, &status);
		if (outcome != ENGINE_OK || is_signed(status) || is_in_trouble(status) ||
		    client_now() - began > c->timeout_ms) {
			outcome = end_waiting(c, outcome, status);
			json_decref(status);
			return outcome;
		}
		print_progress(status);
		json_decref(status);
		nap();
	}
}

enum engine_outcome run_dnssec_enable(struct cli *c)
{
	static const char *const names[] = {"zone", "policy", NULL};
	json_t *args = cli_named_args(c, cli_change_args(c), names);

	if (!args)
		return ENGINE_USAGE;
	enum engine_outcome outcome = cli_ask(c, "dnssec enable", args, show_ordered);
	bool waits = c->wait == WAIT_YES && !c->dry_run;
	return outcome == ENGINE_OK && waits ? wait_until_signed(c) : outcome;
}

static enum engine_outcome ask_to_change(struct cli *c, const char *command)
{
	static const char *const names[] = {"zone", "key", NULL};
	json_t *args = cli_named_args(c, cli_change_args(c), names);

	return args ? cli_ask(c, command, args, show_ordered) : ENGINE_USAGE;
}

enum engine_outcome run_dnssec_disable(struct cli *c)
{
	return ask_to_change(c, "dnssec disable");
}

/* ---- keys ---- */

enum engine_outcome run_dnssec_roll(struct cli *c)
{
	return ask_to_change(c, "dnssec roll");
}

enum engine_outcome run_dnssec_resign(struct cli *c)
{
	return ask_to_change(c, "dnssec resign");
}

static void show_ds(struct cli *c, const json_t *result)
{
	if (!c->plain && !has_any(result, "dnskey"))
		(void)puts("; the zone has no keys that are published");
	print_lines(result, "ds", "");
	if (c->plain)
		return;
	print_lines(result, "cds", "");
	print_lines(result, "cdnskey", "");
	print_lines(result, "dnskey", "");
	print_lines(result, "ds_later", "; later: ");
	print_lines(result, "ds_to_remove", "; to be removed: ");
}

/* A word about the parent: "seen [KEY]", "gone [KEY]". */
static enum engine_outcome say_ds(struct cli *c)
{
	static const char *const names[] = {"zone", "present", "key", NULL};
	bool seen = strcmp(c->args[1], "seen") == 0;

	if (!seen && strcmp(c->args[1], "gone") != 0)
		return cli_usage("\"%s\" is neither seen nor gone", c->args[1]);
	json_t *args = cli_named_args(c, cli_change_args(c), names);
	if (!args)
		return ENGINE_USAGE;
	json_put(args, "present", json_boolean(seen));
	return cli_ask(c, "dnssec saw-ds", args, show_ordered);
}

enum engine_outcome run_dnssec_ds(struct cli *c)
{
	json_t *args;

	if (c->arg_count > 1)
		return say_ds(c);
	args = cli_named_args(c, cli_args(), zone_alone);
	return args ? cli_ask(c, "dnssec ds", args, show_ds) : ENGINE_USAGE;
}

/* ---- policies ---- */

static const struct column policy_columns[] = {
	{"POLICY", "name", COLUMN_TEXT},
	{"ALGORITHM", "settings.algorithm", COLUMN_TEXT},
	{"CSK", "settings.csk", COLUMN_TEXT},
	{"NSEC3", "settings.nsec3", COLUMN_TEXT},
	{"VALIDITY", "settings.signatures-validity", COLUMN_TEXT},
	{"REFRESH", "settings.signatures-refresh", COLUMN_TEXT},
	{"PARENT", "settings.parental-agents", COLUMN_TEXT},
};

static void list_policies(struct cli *c, const json_t *result)
{
	print_grid(c, policy_columns, ARRAY_LEN(policy_columns),
	           json_object_get(result, "policies"));
}

static void show_policy(struct cli *c, const json_t *result)
{
	json_t *one = json_array_get(json_object_get(result, "policies"), 0);
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(one, "settings"), name, value)
	{
		(void)printf(c->plain ? "%s\t" : "%-27s ", name);
		print_text(json_string_value(value), stdout);
		(void)putchar('\n');
	}
}

enum engine_outcome run_dnssec_policy(struct cli *c)
{
	json_t *args = cli_args();

	if (!c->arg_count || (c->arg_count == 1 && strcmp(c->args[0], "list") == 0))
		return cli_ask(c, "dnssec policies", args, list_policies);
	if (c->arg_count == 2 && strcmp(c->args[0], "show") == 0 &&
	    cli_put_text(args, "policy", c->args[1]))
		return cli_ask(c, "dnssec policies", args, show_policy);
	json_decref(args);
	return cli_usage_of_command(c);
}
