/*
 * zone import: a zone's contents as text, all at once, from whoever asks. A text that is too long
 * for one command comes in pieces ("more"), which wait as an upload; the last piece is read as a
 * zone file is, checked, and becomes one change. $INCLUDE is refused: it would have the server read
 * files of its own for others.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/diag_json.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/zone/contents.h"
#include "control/zone/zonefile.h"
#include "control/zone/zonemd.h"
#include "shared/err.h"

/* The text to be imported, wherever it lies. */
struct import {
	const char *text;
	size_t len;
	void *mapped; /* text, when it came in pieces; NULL: it is the command's own */
};

static enum engine_outcome fail(json_t *result, int err)
{
	const char *why = err == ERR_NOTFOUND  ? "there is no such upload (any more)"
	                  : err == ERR_LIMITED ? "too many uploads are under way"
	                                       : err_text(err);

	return engine_fail(result, ENGINE_REFUSED, "upload: %s", why);
}

/* ---- pieces ---- */

static enum engine_outcome keep_piece(struct engine *e, const char *upload,
                                      const json_t *text, json_t *result)
{
	char name[UPLOAD_NAME_SIZE];
	int err = 0;

	if (!upload)
		err = uploads_begin(&e->uploads, name);
	else
		(void)snprintf(name, sizeof name, "%s", upload);
	if (err == 0)
		err = uploads_add(&e->uploads, name, json_string_value(text),
		                  json_string_length(text));
	if (err < 0)
		return fail(result, err);
	json_put(result, "upload", json_string(name));
	return ENGINE_OK;
}

static int map_upload(struct uploads *u, const char *name, struct import *out)
{
	int fd = -1;

	TRY(uploads_take(u, name, &fd, &out->len));
	out->mapped = out->len ? mmap(NULL, out->len, PROT_READ, MAP_PRIVATE, fd, 0)
	                       : MAP_FAILED;
	(void)close(fd);
	if (out->mapped == MAP_FAILED) {
		out->mapped = NULL;
		return out->len ? ERR_SYSTEM : ERR_INVALID;
	}
	out->text = out->mapped;
	return 0;
}

/* ---- the whole ---- */

static int read_text(const struct import *i, const uint8_t *name, struct contents **out,
                     json_t *result)
{
	struct contents *contents = NULL;
	struct diag diag;

	diag_init(&diag);
	int err = zonefile_parse(i->text, i->len, "import", name, &contents, &diag);
	if (err == 0)
		err = contents_check(contents, &diag);
	if (err == 0)
		err = zonemd_check(contents, &diag);
	json_put(result, "diagnostics", diag_json(&diag));
	diag_fini(&diag);
	if (err < 0) {
		contents_free(contents);
		return err;
	}
	json_put(result, "records", json_number(contents->records));
	*out = contents;
	return 0;
}

static struct change *make_change(const json_t *args, const uint8_t *name, bool fresh,
                                  struct contents *contents)
{
	struct change *c = engine_change_new(args);
	struct zone_change *z = change_zone(c, fresh ? ZONE_CREATE : ZONE_CONTENTS, name);

	z->contents = contents;
	z->if_version = (uint64_t)json_integer_value(json_object_get(args, "if_version"));
	return c;
}

static enum engine_outcome import_text(struct engine *e, const json_t *args,
                                       const struct import *i, json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	struct contents *contents = NULL;
	struct store_zone z;
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	struct job *j = engine_job();

	if (bad != ENGINE_OK)
		return bad;
	/* One that the actor does not see is new to it: the commit refuses to make it again. */
	int err = engine_look_up_zone(e, name, &z);
	if (err < 0 && err != ERR_NOTFOUND)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	bool fresh = err == ERR_NOTFOUND;
	bool replaces = !fresh && z.loaded;
	if (replaces && !json_is_true(json_object_get(args, "replace")))
		return engine_fail(result, ENGINE_REFUSED,
		                   "the zone is there already, and it was not said to "
		                   "replace it");
	err = read_text(i, name, &contents, result);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "the text: %s", err_text(err));
	json_put(result, "created", json_boolean(fresh));
	json_put(result, "replaces", json_boolean(replaces));
	j->change = make_change(args, name, fresh, contents);
	j->report = engine_report_change;
	return ENGINE_OK;
}

enum engine_outcome command_zone_import(struct engine *e, const json_t *args,
                                        json_t *result)
{
	const char *upload = json_string_value(json_object_get(args, "upload"));
	const json_t *text = json_object_get(args, "text");
	const json_t *version = json_object_get(args, "if_version");
	struct import i = {0};

	if (!json_is_string(text) || (!upload && json_object_get(args, "upload")))
		return engine_fail(result, ENGINE_USAGE,
		                   "\"text\" is missing, or it or \"upload\" is no text");
	if (version && (!json_is_integer(version) || json_integer_value(version) < 0))
		return engine_fail(result, ENGINE_USAGE, "\"if_version\" is no version");
	if (json_is_true(json_object_get(args, "more")))
		return keep_piece(e, upload, text, result);
	i.text = json_string_value(text);
	i.len = json_string_length(text);
	if (upload) {
		int err = uploads_add(&e->uploads, upload, i.text, i.len);
		if (err == 0)
			err = map_upload(&e->uploads, upload, &i);
		if (err < 0)
			return fail(result, err);
	}
	enum engine_outcome outcome = import_text(e, args, &i, result);
	if (i.mapped)
		(void)munmap(i.mapped, i.len);
	return outcome;
}
