#include "control/cli/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/cli/items.h"
#include "control/cli/print.h"
#include "control/cli/prompt.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/name.h"

/*
 * A zone comes in pages, so that the server never holds all of its text. When its version changes
 * between two pages the zone has changed under way and everything starts again; so nothing is
 * given out before all of it is there.
 */
enum { RESTARTS_MAX = 10 };

static enum engine_outcome write_failed(const char *what)
{
	(void)fprintf(stderr, "anserctl: %s: %s\n", what, strerror(errno));
	return ENGINE_REFUSED;
}

/* Asks for one page. *result as with cli_call(). */
static enum engine_outcome ask_page(struct cli *c, const struct export *e,
                                    json_t **result)
{
	json_t *args = json_pack("{s:s,s:s*}", "zone", e->zone, "name", e->name);

	if (!args || (e->next && json_object_set(args, "after", e->next) < 0))
		abort();
	return cli_call(c, "zone export", args, result);
}

/* Puts one page into the spool. *restart: the zone has changed. */
static enum engine_outcome take_page(struct export *e, const json_t *result,
                                     bool *restart)
{
	const json_t *text = json_object_get(result, "text");
	json_t *next = json_object_get(result, "next");
	json_int_t serial = json_integer_value(json_object_get(result, "serial"));
	json_int_t version = json_integer_value(json_object_get(result, "version"));

	*restart = e->next && (serial != e->serial || version != e->version);
	e->serial = serial;
	e->version = version;
	e->from_file = json_is_true(json_object_get(result, "from_file"));
	if (*restart)
		return ENGINE_OK;
	if (fwrite(json_string_value(text), 1, json_string_length(text), e->spool) !=
	    json_string_length(text))
		return write_failed("cannot write");
	json_decref(e->next);
	e->next = json_is_null(next) ? NULL : json_incref(next);
	return ENGINE_OK;
}

/* Fills the spool. *error: what the server said, when it refused. */
static enum engine_outcome export_once(struct cli *c, struct export *e, bool *restart,
                                       json_t **error)
{
	enum engine_outcome outcome;

	*restart = false;
	do {
		json_t *result = NULL;
		outcome = ask_page(c, e, &result);
		if (outcome != ENGINE_OK) {
			*error = result;
			return outcome;
		}
		outcome = take_page(e, result, restart);
		json_decref(result);
	} while (outcome == ENGINE_OK && e->next && !*restart);
	return outcome;
}

enum engine_outcome export_whole(struct cli *c, struct export *e, json_t **error)
{
	for (unsigned tries = 0; tries <= RESTARTS_MAX; tries++) {
		bool restart = false;
		enum engine_outcome outcome = export_once(c, e, &restart, error);

		json_decref(e->next);
		e->next = NULL;
		if (outcome != ENGINE_OK || !restart)
			return outcome;
		if (fflush(e->spool) != 0 || ftruncate(fileno(e->spool), 0) != 0)
			return write_failed("cannot write");
		rewind(e->spool);
	}
	*error = json_pack("{s:s}", "error",
	                   "the zone changes faster than it can be read");
	return ENGINE_REFUSED;
}

/* ---- into memory ---- */

static char *read_spool(FILE *spool, size_t *len)
{
	rewind(spool);
	return read_to_end(spool, len);
}

static int parse_spool(const struct export *e, struct contents **out)
{
	struct diag diag;
	size_t len;
	char *text = read_spool(e->spool, &len);

	if (!text)
		return ERR_IO;
	diag_init(&diag);
	int err = zonefile_parse(text, len, e->zone, e->apex, out, &diag);
	diag_fini(&diag);
	free(text);
	return err;
}

enum engine_outcome export_contents(struct cli *c, struct export *e,
                                    struct contents **out, json_t **error)
{
	e->spool = tmpfile();
	if (!e->spool)
		return write_failed("no temporary file");
	enum engine_outcome outcome = export_whole(c, e, error);
	int err = outcome == ENGINE_OK ? parse_spool(e, out) : 0;
	(void)fclose(e->spool);
	e->spool = NULL;
	if (err < 0) {
		*error = json_pack("{s:s}", "error",
		                   "what the server exports is not understood");
		outcome = ENGINE_REFUSED;
	}
	return outcome;
}

/* ---- to standard output ---- */

static enum engine_outcome copy_to_stdout(FILE *spool)
{
	char block[8192];
	size_t got;

	rewind(spool);
	while ((got = fread(block, 1, sizeof block, spool)) > 0)
		if (fwrite(block, 1, got, stdout) != got)
			return write_failed("cannot write");
	return ferror(spool) ? write_failed("cannot read back") : ENGINE_OK;
}

static enum engine_outcome print_as_json(const struct export *e)
{
	size_t size;
	char *text = read_spool(e->spool, &size);

	if (!text)
		return write_failed("cannot read back");
	json_t *result = json_pack("{s:I,s:I,s:s%}", "serial", e->serial, "version",
	                           e->version, "text", text, size);
	if (result)
		print_json(result);
	json_decref(result);
	free(text);
	return result ? ENGINE_OK : ENGINE_REFUSED;
}

static enum engine_outcome export_to_stdout(struct cli *c)
{
	struct export e = {.zone = c->args[0], .spool = tmpfile()};
	json_t *error = NULL;

	if (!e.spool)
		return write_failed("no temporary file");
	enum engine_outcome outcome = export_whole(c, &e, &error);
	if (outcome == ENGINE_OK)
		outcome = c->json ? print_as_json(&e) : copy_to_stdout(e.spool);
	if (error)
		cli_refuse(c, error);
	json_decref(error);
	(void)fclose(e.spool);
	return outcome;
}

/* ---- to a file ---- */

/* The mode that open() would have given it. */
static mode_t plain_mode(void)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

/* Makes the spool durable under its final name. */
static enum engine_outcome finish_file(FILE *spool, const char *temporary,
                                       const char *path)
{
	if (fflush(spool) != 0 || fchmod(fileno(spool), plain_mode()) != 0 ||
	    fsync(fileno(spool)) != 0)
		return write_failed(temporary);
	if (rename(temporary, path) != 0)
		return write_failed(path);
	return ENGINE_OK;
}

static enum engine_outcome export_to_file(struct cli *c, const char *path)
{
	char temporary[PATH_MAX];
	json_t *error = NULL;
	int len = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
	int fd = len < 0 || (size_t)len >= sizeof temporary ? -1 : mkstemp(temporary);
	struct export e = {.zone = c->args[0], .spool = fd < 0 ? NULL : fdopen(fd, "w+")};

	if (!e.spool)
		return write_failed(path);
	enum engine_outcome outcome = export_whole(c, &e, &error);
	if (outcome == ENGINE_OK)
		outcome = finish_file(e.spool, temporary, path);
	if (outcome != ENGINE_OK)
		(void)unlink(temporary);
	else if (c->json)
		(void)printf("{\"serial\":%" JSON_INTEGER_FORMAT "}\n", e.serial);
	if (error)
		cli_refuse(c, error);
	json_decref(error);
	(void)fclose(e.spool);
	return outcome;
}

/* A file that is there is written over when somebody says so. */
static enum engine_outcome may_overwrite(const struct cli *c, const char *path)
{
	if (c->yes || access(path, F_OK) != 0)
		return ENGINE_OK;
	if (!prompt_possible())
		return cli_usage("%s is there already: --yes writes over it", path);
	(void)fputs("anserctl: ", stderr);
	print_text(path, stderr);
	if (prompt_choice(" is there already: [o]verwrite it, or [q]uit?", "oq") == 'o')
		return ENGINE_OK;
	return ENGINE_REFUSED;
}

enum engine_outcome run_zone_export(struct cli *c)
{
	json_t *name = json_string(c->args[0]);

	if (!name)
		return cli_usage("zone: an argument is not UTF-8");
	json_decref(name);
	if (c->arg_count > 1 && c->output)
		return cli_usage("zone export: FILE and --output are two places");
	const char *path = c->arg_count > 1 ? c->args[1] : c->output;
	if (!path || !strcmp(path, "-"))
		return export_to_stdout(c);
	enum engine_outcome outcome = c->output ? ENGINE_OK : may_overwrite(c, path);
	return outcome == ENGINE_OK ? export_to_file(c, path) : outcome;
}
