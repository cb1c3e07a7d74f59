/*
 * zone edit and record edit: what the server has goes into a file of our own, an editor has its
 * turn, and the RRsets that differ then become one change, which is only made of the version that
 * was exported. Nothing that was typed is thrown away unless somebody says so: when it comes to no
 * good end the file is left, and named.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/cli/differences.h"
#include "control/cli/export.h"
#include "control/cli/import.h"
#include "control/cli/print.h"
#include "control/cli/prompt.h"
#include "control/cli/record.h"
#include "control/diag_json.h"
#include "control/json_put.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/rrtype.h"

enum {
	/* More than that does not go into one command: the zone is sent as a whole. */
	EDITS_MAX = 20000,
	EDITS_SIZE_MAX = 1 << 20,
	RETRIES_MAX = 10,
};

/* What is to be done next. */
enum step {
	STEP_ON,
	STEP_AGAIN, /* back to the editor */
	STEP_KEEP,  /* it is over, and the file stays */
	STEP_DROP,
};

struct editing {
	struct cli *c;
	const char *name; /* of record edit, or NULL */
	uint8_t apex[NAME_MAX_LEN];
	uint8_t key[NAME_KEY_MAX]; /* of the name */
	size_t key_len;
	uint16_t type; /* of record edit; 0: all */
	struct export from;
	struct contents *before;
	struct contents *after;
	struct differences differences;
	char dir[PATH_MAX];
	char path[PATH_MAX + 8];
	enum engine_outcome outcome;
	json_t *result; /* to be printed with --json */
};

static void set_result(struct editing *e, enum engine_outcome outcome, json_t *result)
{
	json_decref(e->result);
	e->result = result;
	e->outcome = outcome;
}

/* Says what went wrong; result is taken. */
static void fail(struct editing *e, enum engine_outcome outcome, json_t *result)
{
	if (!e->c->json || prompt_possible())
		cli_report(result);
	set_result(e, outcome, result);
}

static void fail_text(struct editing *e, const char *text)
{
	fail(e, ENGINE_REFUSED, json_pack("{s:s}", "error", text));
}

/* What becomes of a text that cannot be had as it is. */
static enum step ask_again(const char *question)
{
	if (!prompt_possible())
		return STEP_KEEP;
	switch (prompt_choice(question, "edk")) {
	case 'e': return STEP_AGAIN;
	case 'd': return STEP_DROP;
	default: return STEP_KEEP;
	}
}

#define ASK_AGAIN "[e]dit again, [d]iscard, or [k]eep the file and quit?"

/* ---- what is edited ---- */

/* Leaves only the RRsets of the type that was asked for. */
static void keep_type(const struct editing *e, struct contents *contents)
{
	size_t kept = 0;

	for (size_t i = 0; i < contents->count; i++)
		if (!e->type || contents->rrsets[i].type == e->type)
			contents->rrsets[kept++] = contents->rrsets[i];
	contents->count = kept;
}

static enum engine_outcome fetch(struct editing *e, struct export *from,
                                 struct contents **out)
{
	json_t *error = NULL;

	*from = (struct export){.zone = e->c->args[0], .apex = e->apex, .name = e->name};
	enum engine_outcome outcome = export_contents(e->c, from, out, &error);
	if (outcome == ENGINE_OK)
		keep_type(e, *out);
	else
		fail(e, outcome,
		     error ? error : json_pack("{s:s}", "error", "nothing was edited"));
	return outcome;
}

static bool is_signed(const struct contents *c)
{
	struct rrset set;

	for (size_t i = 0; i < c->count; i++) {
		const struct contents_rrset *r = &c->rrsets[i];
		if (rrset_open(r->type, r->blob, r->size, &set) == 0 && set.sig_count > 0)
			return true;
	}
	return false;
}

static int write_contents(const struct editing *e, FILE *to)
{
	char zone[NAME_TEXT_MAX];

	if (fprintf(to,
	            "; %s as of serial %" JSON_INTEGER_FORMAT
	            ". Names without a final dot are relative to it.\n"
	            "; Unless you raise the serial yourself it is raised for you.\n",
	            name_to_text(e->apex, zone), e->from.serial) < 0)
		return ERR_IO;
	for (size_t i = 0; i < e->before->count; i++) {
		const struct contents_rrset *r = &e->before->rrsets[i];
		uint8_t owner[NAME_MAX_LEN];
		struct rrset set;
		TRY(name_from_key(r->key, r->key_len, e->apex, owner));
		TRY(rrset_open(r->type, r->blob, r->size, &set));
		TRY(zonefile_write_rrset(to, owner, &set));
	}
	return 0;
}

/* A directory of our own, since an editor may leave files beside the one it is given. */
static bool make_file(struct editing *e)
{
	const char *tmp = getenv("TMPDIR");
	int len = snprintf(e->dir, sizeof e->dir, "%s/anserctl.XXXXXX",
	                   tmp && tmp[0] ? tmp : "/tmp");

	if (len < 0 || (size_t)len >= sizeof e->dir || !mkdtemp(e->dir)) {
		e->dir[0] = '\0';
		return false;
	}
	(void)snprintf(e->path, sizeof e->path, "%s/zone", e->dir);
	int fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
	if (!to)
		return false;
	int err = write_contents(e, to);
	return fclose(to) == 0 && err == 0;
}

static void drop_file(const struct editing *e)
{
	if (!e->dir[0])
		return;
	(void)unlink(e->path);
	if (rmdir(e->dir) != 0 && errno == ENOTEMPTY)
		(void)fprintf(stderr, "anserctl: the editor has left files in %s\n",
		              e->dir);
}

/* ---- what came of it ---- */

static void check_place(const struct editing *e, const struct contents *contents,
                        struct diag *diag)
{
	for (size_t i = 0; i < contents->count; i++) {
		const struct contents_rrset *r = &contents->rrsets[i];
		bool there = r->key_len == e->key_len &&
		             memcmp(r->key, e->key, e->key_len) == 0;
		if (!there || (e->type && r->type != e->type))
			diag_add(diag, DIAG_ERROR, "other-record", e->path, r->line, 0,
			         "this is not a record of the %s that is edited",
			         there ? "type" : "name");
	}
}

static int read_back(const struct editing *e, struct contents **out, struct diag *diag)
{
	struct contents *contents = NULL;

	TRY(zonefile_read(e->path, e->apex, &contents, diag));
	int err = 0;
	if (e->name)
		check_place(e, contents, diag);
	else
		err = contents_check(contents, diag);
	if (diag->errors > 0)
		err = ERR_REFUSED;
	if (err < 0)
		contents_free(contents);
	else
		*out = contents;
	return err;
}

static enum step read_edited(struct editing *e)
{
	struct diag diag;
	enum step step = STEP_ON;

	differences_free(&e->differences);
	contents_free(e->after);
	e->after = NULL;
	diag_init(&diag);
	if (read_back(e, &e->after, &diag) < 0) {
		fail(e, ENGINE_REFUSED,
		     json_pack("{s:s,s:o}", "error", "the edited text is refused",
		               "diagnostics", diag_json(&diag)));
		step = ask_again(ASK_AGAIN);
	}
	diag_fini(&diag);
	return step;
}

static enum step confirm(struct editing *e)
{
	const struct cli *c = e->c;

	differences_find(&e->differences, e->before, e->after, DIFFERENCES_ALL);
	if (e->differences.count == 0) {
		if (!c->json)
			(void)puts("nothing was changed");
		set_result(e, ENGINE_OK, json_pack("{s:n,s:[]}", "change", "diff"));
		return STEP_DROP;
	}
	if (!c->json || !c->yes)
		differences_print(&e->differences, c->colour, c->json ? stderr : stdout);
	(void)fflush(stdout);
	if (c->yes)
		return STEP_ON;
	set_result(e, ENGINE_REFUSED, json_pack("{s:s}", "error", "nothing was changed"));
	switch (prompt_choice(
		"[a]pply, [e]dit again, [q]uit, or [k]eep the file and quit?", "aeqk")) {
	case 'a': return STEP_ON;
	case 'e': return STEP_AGAIN;
	case 'q': return STEP_DROP;
	default: return STEP_KEEP;
	}
}

/* ---- applying ---- */

static enum engine_outcome send_edits(struct editing *e, json_t *edits, json_t **result)
{
	struct cli *c = e->c;
	json_t *args = cli_change_args(c);

	json_put(args, "edits", edits);
	json_put(args, "if_version", json_pack("{s:I}", c->args[0], e->from.version));
	return cli_call(c, "change", args, result);
}

static enum engine_outcome send_change(struct editing *e, json_t **result)
{
	json_t *edits = differences_edits(&e->differences);
	bool fits = e->differences.count <= EDITS_MAX &&
	            json_dumpb(edits, NULL, 0, JSON_COMPACT) <= EDITS_SIZE_MAX;
	const struct import whole = {
		.zone = e->c->args[0],
		.contents = e->after,
		.if_version = e->from.version,
		.replace = true,
	};

	if (fits || e->name)
		return send_edits(e, edits, result);
	json_decref(edits);
	return import_send(e->c, &whole, result);
}

/* Others may have changed the zone elsewhere: then the edit is as good as it was. */
static bool is_as_before(struct editing *e)
{
	struct export from;
	struct contents *now = NULL;
	struct differences d;

	if (!e->name || fetch(e, &from, &now) != ENGINE_OK)
		return false;
	differences_find(&d, e->before, now, DIFFERENCES_ALL);
	bool same = d.count == 0;
	differences_free(&d);
	contents_free(now);
	if (same)
		e->from = from;
	return same;
}

static enum step apply(struct editing *e)
{
	json_t *result = NULL;
	enum engine_outcome outcome = send_change(e, &result);

	for (unsigned i = 0;
	     i < RETRIES_MAX && json_object_get(result, "stale") && is_as_before(e);
	     i++) {
		json_decref(result);
		outcome = send_change(e, &result);
	}
	if (outcome == ENGINE_OK) {
		json_put(result, "diff", differences_json(&e->differences));
		set_result(e, outcome, result);
		return STEP_DROP;
	}
	bool stale = json_object_get(result, "stale");
	fail(e, outcome, result);
	/* Over what somebody else has done no text is written that does not know of it. */
	if (stale || outcome != ENGINE_REFUSED)
		return STEP_KEEP;
	return ask_again(ASK_AGAIN);
}

/* ---- the commands ---- */

static enum step edit_once(struct editing *e)
{
	if (!prompt_editor(e->path)) {
		set_result(e, ENGINE_REFUSED,
		           json_pack("{s:s}", "error", "the editor has failed"));
		return STEP_KEEP;
	}
	enum step step = read_edited(e);
	if (step == STEP_ON)
		step = confirm(e);
	return step == STEP_ON ? apply(e) : step;
}

static void edit_until_done(struct editing *e)
{
	enum step step = STEP_AGAIN;

	while (step == STEP_AGAIN)
		step = edit_once(e);
	if (step == STEP_DROP) {
		drop_file(e);
		return;
	}
	json_put(e->result, "file", json_string(e->path));
	(void)fprintf(stderr, "anserctl: the edited text is kept in %s\n", e->path);
}

static void edit_zone(struct editing *e)
{
	if (fetch(e, &e->from, &e->before) != ENGINE_OK)
		return;
	if (is_signed(e->before)) {
		fail_text(e, "the zone is signed: whoever signs it edits it");
		return;
	}
	if (make_file(e)) {
		edit_until_done(e);
		return;
	}
	fail_text(e, "no file to edit can be written");
	drop_file(e);
}

static enum engine_outcome tell(struct editing *e)
{
	if (e->c->json) {
		print_json(e->result);
	} else if (e->outcome == ENGINE_OK &&
	           json_is_integer(json_object_get(e->result, "change"))) {
		record_show_change(e->c, e->result);
		if (e->from.from_file && !e->c->plain)
			(void)puts(
				"the zone file is left alone, and not read again until "
				"\"zone reload\" names the zone");
	}
	differences_free(&e->differences);
	contents_free(e->before);
	contents_free(e->after);
	json_decref(e->result);
	return e->outcome;
}

static enum engine_outcome edit(struct editing *e)
{
	if (!e->c->yes && !prompt_possible())
		return cli_usage("there is no terminal to ask at: --yes does not ask");
	edit_zone(e);
	return tell(e);
}

enum engine_outcome run_zone_edit(struct cli *c)
{
	struct editing e = {.c = c};

	return import_zone_name(c->args[0], e.apex) ? edit(&e) : ENGINE_USAGE;
}

static bool read_name(struct editing *e, const char *text)
{
	uint8_t name[NAME_MAX_LEN];
	int len = (int)name_len(e->apex, NAME_MAX_LEN);

	if (strcmp(text, "@") == 0)
		memcpy(name, e->apex, (size_t)len);
	else
		len = name_from_text(text, strlen(text), e->apex, name);
	if (len < 0 || !name_is_under(name, e->apex, NULL)) {
		(void)cli_usage("record edit: NAME is not a name of the zone");
		return false;
	}
	name_fold(name, (size_t)len);
	e->key_len = name_to_key(name, name_len(e->apex, NAME_MAX_LEN), e->key);
	e->name = text;
	return true;
}

enum engine_outcome run_record_edit(struct cli *c)
{
	struct editing e = {.c = c};

	if (!import_zone_name(c->args[0], e.apex) || !read_name(&e, c->args[1]))
		return ENGINE_USAGE;
	if (c->arg_count > 2) {
		int type = rrtype_from_text(c->args[2], strlen(c->args[2]));
		if (type <= 0 || rrtype_is_meta((uint16_t)type))
			return cli_usage(
				"record edit: TYPE is none that a zone can hold");
		e.type = (uint16_t)type;
	}
	return edit(&e);
}
