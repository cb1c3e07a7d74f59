/* anserctl backup: the server writes the file, or what it has written is fetched piece by piece. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/backup/tool.h"
#include "control/cli/items.h"
#include "control/cli/print.h"
#include "control/json_put.h"
#include "shared/err.h"

static const struct column columns[] = {
	{"file", "file", COLUMN_TEXT},          {"size", "bytes", COLUMN_BYTES},
	{"change", "change", COLUMN_NUMBER},    {"zones", "zones", COLUMN_NUMBER},
	{"RRsets", "rrsets", COLUMN_NUMBER},    {"events", "events", COLUMN_NUMBER},
	{"seconds", "seconds", COLUMN_SECONDS},
};

static void show_backup(struct cli *c, const json_t *result)
{
	print_fields(c, columns, ARRAY_LEN(columns), result);
}

/* ---- to standard output ---- */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Gives how many bytes were written, or -1. */
static long long write_piece(const char *hex, FILE *to)
{
	long long count = 0;

	for (; hex[0]; hex += 2, count++) {
		int high = digit(hex[0]);
		int low = high < 0 ? -1 : digit(hex[1]);

		if (low < 0 || fputc(high << 4 | low, to) == EOF)
			return -1;
	}
	return count;
}

/* Prints the next piece. *offset: where it begins, then where it ends; *more: it is not the last. */
static enum engine_outcome fetch_piece(struct cli *c, const json_t *number,
                                       json_int_t *offset, bool *more)
{
	json_t *args = cli_args();
	json_t *result = NULL;

	json_put(args, "number", json_integer(json_integer_value(number)));
	json_put(args, "offset", json_integer(*offset));
	enum engine_outcome outcome = cli_call(c, "backup read", args, &result);
	if (outcome == ENGINE_OK) {
		long long count = write_piece(print_text_of(result, "hex"), stdout);
		*offset += count;
		*more = json_is_true(json_object_get(result, "more"));
		outcome = count < 0 ? ENGINE_REFUSED : ENGINE_OK;
	} else {
		cli_report(result);
	}
	json_decref(result);
	return outcome;
}

static enum engine_outcome fetch(struct cli *c, const json_t *number)
{
	enum engine_outcome outcome = ENGINE_OK;
	json_int_t offset = 0;

	for (bool more = true; more && outcome == ENGINE_OK;)
		outcome = fetch_piece(c, number, &offset, &more);
	return outcome;
}

static json_t *backup_args(const struct cli *c)
{
	json_t *args = cli_args();

	if (c->with_secrets)
		json_put(args, "with_secrets", json_true());
	return args;
}

/* What is refused is told on stderr, with --json too: standard output is the backup's. */
static enum engine_outcome back_up_to_stdout(struct cli *c)
{
	json_t *result = NULL;

	if (isatty(STDOUT_FILENO))
		return cli_usage("a backup is not for a terminal: give a file");
	enum engine_outcome outcome = cli_call(c, "backup", backup_args(c), &result);
	if (outcome == ENGINE_OK)
		outcome = fetch(c, json_object_get(result, "number"));
	else
		cli_report(result);
	json_decref(result);
	return outcome;
}

/* ---- to a file ---- */

enum engine_outcome run_backup(struct cli *c)
{
	char path[PATH_MAX];

	if (!strcmp(c->args[0], "-"))
		return back_up_to_stdout(c);
	if (!absolute_path(c->args[0], path))
		return ENGINE_USAGE;
	json_t *args = backup_args(c);
	if (!cli_put_text(args, "file", path)) {
		json_decref(args);
		return ENGINE_USAGE;
	}
	json_put(args, "force", json_boolean(c->force));
	return cli_ask(c, "backup", args, show_backup);
}

/* ---- without a server ---- */

static json_t *survey_json(const struct backup_survey *s)
{
	const struct backup_manifest *m = &s->manifest;

	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "program", m->program,
	                 "time_us", (json_int_t)m->time_us, "zones",
	                 (json_int_t)m->counts[STORE_ZONE], "rrsets",
	                 (json_int_t)m->counts[STORE_RRSET], "events",
	                 (json_int_t)m->audit.head.seq, "first", (json_int_t)s->first,
	                 "last", (json_int_t)s->last, "oldest", (json_int_t)s->oldest);
}

enum engine_outcome run_backup_check(struct cli *c)
{
	const struct restore_until until = {.kind = UNTIL_END};
	struct backup_survey survey;
	char text[RESTORE_TEXT_SIZE] = "";
	bool piped = !strcmp(c->args[0], "-");
	const char *name = piped ? "standard input" : c->args[0];
	FILE *from = piped ? stdin : fopen(name, "re");
	int err = ERR_SYSTEM;

	if (from)
		err = backup_check(from, name, &until, &survey, text);
	else
		(void)snprintf(text, sizeof text, "%s: %s", name, strerror(errno));
	if (from && !piped)
		(void)fclose(from);
	json_t *result =
		err < 0 ? json_pack("{s:s}", "error", text) : survey_json(&survey);
	if (c->json)
		print_json(result);
	else if (err < 0)
		cli_report(result);
	else
		backup_describe(&survey, stdout);
	json_decref(result);
	return err < 0 ? ENGINE_REFUSED : ENGINE_OK;
}
