/*
 * zone import. The text is read and checked here, by the server's own reader, so that what is wrong
 * is told with its file and line, and what it includes is looked for where it lies. What is sent is
 * the contents, written out in full; the server reads and checks them again.
 */
#include "control/cli/import.h"

#include <stdlib.h>
#include <string.h>

#include "control/cli/differences.h"
#include "control/cli/export.h"
#include "control/cli/items.h"
#include "control/cli/print.h"
#include "control/cli/record.h"
#include "control/diag_json.h"
#include "control/json_put.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"

enum { PIECE = 512 << 10 };

static const uint8_t root[] = {0};

bool import_zone_name(const char *text, uint8_t name[static NAME_MAX_LEN])
{
	int len = name_from_text(text, strlen(text), root, name);

	if (len < 0) {
		(void)cli_usage("zone: not a domain name");
		return false;
	}
	name_fold(name, (size_t)len);
	return true;
}

/* ---- reading ---- */

static int read_contents(const char *path, const uint8_t *apex, struct contents **out,
                         struct diag *diag)
{
	size_t len;

	if (strcmp(path, "-") != 0)
		return zonefile_read(path, apex, out, diag);
	char *text = read_to_end(stdin, &len);
	if (!text)
		return ERR_IO;
	int err = zonefile_parse(text, len, "standard input", apex, out, diag);
	free(text);
	return err;
}

static void refuse_file(const struct cli *c, const char *path, int err,
                        const struct diag *diag)
{
	json_t *error = diag->errors ? json_sprintf("%s is refused", path)
	                             : json_sprintf("%s: %s", path, err_text(err));
	json_t *result = json_pack("{s:o,s:o}", "error",
	                           error ? error : json_string("the file is refused"),
	                           "diagnostics", diag_json(diag));

	cli_refuse(c, result);
	json_decref(result);
}

int import_parse(const char *path, const uint8_t *apex, bool check, struct contents **out,
                 struct diag *diag)
{
	struct contents *contents = NULL;
	int err = read_contents(path, apex, &contents, diag);

	if (err == 0 && check)
		err = contents_check(contents, diag);
	if (err < 0)
		contents_free(contents);
	else
		*out = contents;
	return err;
}

enum engine_outcome import_read(const struct cli *c, const char *path,
                                const uint8_t *apex, bool check, struct contents **out)
{
	struct diag diag;

	diag_init(&diag);
	int err = import_parse(path, apex, check, out, &diag);
	if (err < 0)
		refuse_file(c, path, err, &diag);
	else if (!c->json)
		diag_print(&diag, stderr);
	diag_fini(&diag);
	return err < 0 ? ENGINE_REFUSED : ENGINE_OK;
}

/* ---- sending ---- */

/* An upload under way. */
struct sending {
	struct cli *c;
	const struct import *import;
	FILE *piece;
	char *text;
	size_t size;
	json_t *upload; /* its name, once the server has given one */
};

static void open_piece(struct sending *s)
{
	s->piece = open_memstream(&s->text, &s->size);
	if (!s->piece)
		abort();
}

static json_t *piece_args(struct sending *s, bool last)
{
	const struct import *i = s->import;

	if (fclose(s->piece) != 0)
		abort();
	json_t *args = json_pack("{s:s,s:s%,s:O*}", "zone", i->zone, "text", s->text,
	                         s->size, "upload", s->upload);
	if (!args)
		abort();
	free(s->text);
	if (!last) {
		json_put(args, "more", json_true());
		return args;
	}
	json_t *how = cli_change_args(s->c);
	(void)json_object_update(args, how);
	json_decref(how);
	json_put(args, "replace", json_boolean(i->replace));
	json_put(args, "if_version", json_integer(i->if_version));
	return args;
}

static enum engine_outcome send_piece(struct sending *s, bool last, json_t **result)
{
	enum engine_outcome outcome =
		cli_call(s->c, "zone import", piece_args(s, last), result);

	if (outcome == ENGINE_OK && !last && !s->upload)
		s->upload = json_incref(json_object_get(*result, "upload"));
	return outcome;
}

static void write_set(struct sending *s, const struct contents_rrset *r)
{
	uint8_t owner[NAME_MAX_LEN];
	struct rrset set;

	if (name_from_key(r->key, r->key_len, s->import->contents->apex, owner) < 0 ||
	    rrset_open(r->type, r->blob, r->size, &set) < 0 ||
	    zonefile_write_rrset(s->piece, owner, &set) < 0)
		abort();
}

enum engine_outcome import_send(struct cli *c, const struct import *i, json_t **result)
{
	struct sending s = {.c = c, .import = i};
	enum engine_outcome outcome = ENGINE_OK;

	open_piece(&s);
	for (size_t k = 0; k < i->contents->count && outcome == ENGINE_OK; k++) {
		write_set(&s, &i->contents->rrsets[k]);
		if (ftell(s.piece) < PIECE)
			continue;
		json_t *answer = NULL;
		outcome = send_piece(&s, false, &answer);
		if (outcome == ENGINE_OK)
			json_decref(answer);
		else
			*result = answer;
		open_piece(&s);
	}
	if (outcome == ENGINE_OK) {
		outcome = send_piece(&s, true, result);
	} else {
		(void)fclose(s.piece);
		free(s.text);
	}
	json_decref(s.upload);
	return outcome;
}

/* ---- the command ---- */

static bool is_change(const json_t *result)
{
	const json_t *zone = json_array_get(json_object_get(result, "zones"), 0);

	return json_is_true(json_object_get(zone, "changed"));
}

/* What would become different. *result: what the server said; what it says now when it refuses. */
static enum engine_outcome add_differences(struct cli *c, const struct import *i,
                                           json_t **result)
{
	struct export e = {.zone = i->zone, .apex = i->contents->apex};
	struct contents *before = NULL;
	struct differences d = {0};
	json_t *error = NULL;
	enum engine_outcome outcome = ENGINE_OK;

	if (json_is_true(json_object_get(*result, "replaces")))
		outcome = export_contents(c, &e, &before, &error);
	if (error) {
		json_decref(*result);
		*result = error;
	}
	if (outcome != ENGINE_OK)
		return outcome;
	if (is_change(*result))
		differences_find(&d, before, i->contents, DIFFERENCES_ALL);
	if (c->json)
		json_put(*result, "diff", differences_json(&d));
	else
		differences_print(&d, c->colour, stdout);
	differences_free(&d);
	contents_free(before);
	return ENGINE_OK;
}

static enum engine_outcome import(struct cli *c, const struct import *i)
{
	json_t *result = NULL;
	enum engine_outcome outcome = import_send(c, i, &result);

	if (outcome == ENGINE_OK && c->dry_run)
		outcome = add_differences(c, i, &result);
	record_tell(c, outcome, result, NULL);
	json_decref(result);
	return outcome;
}

enum engine_outcome run_zone_import(struct cli *c)
{
	uint8_t apex[NAME_MAX_LEN];
	struct contents *contents = NULL;

	if (!import_zone_name(c->args[0], apex))
		return ENGINE_USAGE;
	enum engine_outcome outcome = import_read(c, c->args[1], apex, true, &contents);
	if (outcome != ENGINE_OK)
		return outcome;
	const struct import i = {
		.zone = c->args[0],
		.contents = contents,
		.replace = c->replace,
	};
	outcome = import(c, &i);
	contents_free(contents);
	return outcome;
}
