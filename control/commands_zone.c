/*
 * Commands that change whole zones, most of them by reading zone files.
 *
 * A load has two parts that take turns: files are read and checked on the pool, a chunk of them at
 * a time, and what came out is committed by the commit thread, a commit for each chunk. While files
 * are read the commit thread is free for other changes. What the configuration and the store say of
 * the zones is looked at before the first file is read; the commit goes by what is so by then.
 */
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/load_list.h"
#include "control/zone/contents.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"
#include "shared/log.h"

enum {
	/* One commit takes about as much, so that nothing grows or waits without bound. */
	CHUNK_RRSETS = 200000,
	CHUNK_ZONES = 5000,
};

/* A zone file that has been read. */
struct read_file {
	const struct load *load;
	struct contents *contents; /* NULL: refused */
	int refused;
	uint8_t mark[32];
	struct diag diag;
};

/* One run of loads, over as many commits as it takes. */
struct loading {
	struct engine *e;
	struct load_list list;
	size_t at;               /* of the list: the next to be read */
	struct load_list wanted; /* a sync: what the configuration names */
	bool sync;
	bool complete;          /* a sync: every directory could be read */
	uint64_t overtaken;     /* a sync: zones left alone since they were edited */
	struct read_file *read; /* and not committed yet */
	size_t read_count;
	size_t read_room;
	json_t *zones; /* a report for each zone that was looked at, or NULL: failures only */
	json_t *failures;
	bool removed; /* a sync: what is not wanted any more */
	bool open;
	int err; /* of a commit that could not be finished */
};

/* ---- life ---- */

static void read_free(struct loading *l)
{
	for (size_t i = 0; i < l->read_count; i++) {
		contents_free(l->read[i].contents);
		diag_fini(&l->read[i].diag);
	}
	l->read_count = 0;
}

static void loading_free(void *state)
{
	struct loading *l = state;

	read_free(l);
	free(l->read);
	load_list_free(&l->list);
	load_list_free(&l->wanted);
	json_decref(l->zones);
	json_decref(l->failures);
	free(l);
}

/* The running job's. */
static struct loading *loading_new(struct engine *e, bool report_all)
{
	struct loading *l = calloc(1, sizeof *l);
	struct job *j = engine_job();

	if (!l)
		abort();
	l->e = e;
	l->zones = report_all ? json_array() : NULL;
	l->failures = json_array();
	j->state = l;
	j->state_free = loading_free;
	return l;
}

/* ---- on the pool: reading ---- */

/* Reads and checks a zone file. */
static int read_contents(const struct load *load, struct contents **out,
                         struct diag *diag)
{
	struct contents *contents;

	TRY(zonefile_read(load->file, load->name, &contents, diag));
	int err = contents_check(contents, diag);
	if (err < 0) {
		contents_free(contents);
		return err;
	}
	*out = contents;
	return 0;
}

/* Gives how many RRsets were read. */
static size_t read_one(struct loading *l, const struct load *load)
{
	if (l->read_count == l->read_room) {
		l->read_room = l->read_room ? l->read_room * 2 : 1;
		l->read = realloc(l->read, l->read_room * sizeof *l->read);
		if (!l->read)
			abort();
	}
	struct read_file *f = &l->read[l->read_count++];
	memset(f, 0, offsetof(struct read_file, diag));
	diag_init(&f->diag);
	f->load = load;
	/* Before the file is read: should it change meanwhile, it is read again. */
	bool marked = load_file_mark(load->file, f->mark);
	f->refused = read_contents(load, &f->contents, &f->diag);
	if (!marked || !f->contents || f->contents->file_count != 1)
		memset(f->mark, 0, sizeof f->mark);
	return f->contents ? f->contents->count : 0;
}

static engine_command load_commit;

static enum engine_outcome load_read(struct engine *e, const json_t *args, json_t *result)
{
	struct loading *l = engine_job()->state;
	size_t rrsets = 0;

	(void)e;
	(void)args;
	(void)result;
	while (l->at < l->list.count && l->read_count < CHUNK_ZONES &&
	       rrsets < CHUNK_RRSETS)
		rrsets += read_one(l, &l->list.items[l->at++]);
	engine_continue(ON_COMMIT, load_commit);
	return ENGINE_OK;
}

/* ---- on the commit thread ---- */

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text ? strdup(text) : NULL;
}

static int batch_open(struct loading *l)
{
	if (l->open)
		return 0;
	TRY(commit_begin(&l->e->committer));
	l->open = true;
	return 0;
}

static int batch_finish(struct loading *l)
{
	if (!l->open)
		return 0;
	l->open = false;
	return commit_finish(&l->e->committer);
}

static void batch_abandon(struct loading *l)
{
	if (l->open)
		commit_abandon(&l->e->committer);
	l->open = false;
}

static void report(struct loading *l, const struct load *load, const struct zone *z,
                   const struct commit_report *r, const struct diag *diag)
{
	char text[NAME_TEXT_MAX];
	json_t *o = json_object();
	bool failed = z->state == ZONE_STATE_FAILED;

	shown_zone(&l->e->shown, z);
	if (!l->zones && !failed) {
		json_decref(o);
		return;
	}
	engine_set(o, "zone", json_string(name_to_text(load->name, text)));
	engine_set(o, "outcome", engine_number(failed ? ENGINE_REFUSED : ENGINE_OK));
	engine_set(o, "serial", z->loaded ? engine_number(z->serial) : json_null());
	engine_set(o, "records", engine_number(z->records));
	engine_set(o, "names_changed", engine_number(r->names));
	engine_set(o, "rrsets_added", engine_number(r->added));
	engine_set(o, "rrsets_removed", engine_number(r->removed));
	engine_set(o, "rrsets_changed", engine_number(r->changed));
	if (z->error)
		engine_set(o, "error", json_string(z->error));
	engine_set(o, "diagnostics", engine_diagnostics(diag));
	if (failed)
		json_array_append(l->failures, o);
	if (l->zones)
		json_array_append(l->zones, o);
	json_decref(o);
}

static void note_refusal(struct zone *z, const struct diag *diag, int err)
{
	char line[1024];

	snprintf(line, sizeof line, "%s", err_text(err));
	for (size_t i = 0; i < diag->kept; i++) {
		if (diag->entries[i].severity != DIAG_ERROR)
			continue;
		diag_format(&diag->entries[i], line, sizeof line);
		break;
	}
	z->state = ZONE_STATE_FAILED;
	set_text(&z->error, line);
	log_warning("%s", line);
}

/* A zone whose file was refused: it is there, if only to say so. */
static int note_file(struct loading *l, const struct read_file *f, struct zone *z)
{
	struct committer *c = &l->e->committer;

	if (!z)
		TRY(commit_zone_add(c, f->load->name, f->load->added, &z));
	registry_touch(c->registry, z);
	set_text(&z->source, f->load->file);
	note_refusal(z, &f->diag, f->refused);
	TRY(commit_zone_state(c, z));
	report(l, f->load, z, &(struct commit_report){0}, &f->diag);
	return 0;
}

/* A change like any other, in the commit that is open. */
static int load_file(struct loading *l, struct read_file *f, const struct zone *z)
{
	struct job *j = engine_job();
	struct change *change = change_new(j->actor);
	struct change_result result;
	struct zone_change *zc =
		change_zone(change, z ? ZONE_CONTENTS : ZONE_CREATE, f->load->name);

	change->why = change_text(change, j->name);
	zc->contents = f->contents;
	f->contents = NULL;
	zc->source = f->load->file;
	zc->serial = SERIAL_AS_GIVEN;
	zc->configured = !f->load->added;
	memcpy(zc->source_mark, f->mark, sizeof zc->source_mark);
	int err = commit_change(&l->e->committer, change, &result);
	if (err == 0)
		err = result.err;
	if (err == 0)
		report(l, f->load, registry_find(l->e->committer.registry, f->load->name),
		       &result.zones[0].report, &f->diag);
	change_free(&change);
	return err;
}

static int load_one(struct loading *l, struct read_file *f)
{
	struct zone *z = registry_find(l->e->committer.registry, f->load->name);

	TRY(batch_open(l));
	return f->contents ? load_file(l, f, z) : note_file(l, f, z);
}

/* Marks the zones that the configuration names. */
static void mark_wanted(struct loading *l)
{
	struct committer *c = &l->e->committer;
	struct zone **all = registry_sorted(c->registry);

	for (size_t i = 0; all[i]; i++)
		all[i]->wanted = false;
	free(all);
	for (size_t i = 0; i < l->wanted.count; i++) {
		struct zone *z = registry_find(c->registry, l->wanted.items[i].name);
		if (z)
			z->wanted = true;
	}
}

/* Takes away zones that the configuration named once and does not any more. */
static int remove_unwanted(struct loading *l)
{
	struct job *j = engine_job();
	struct change *change = change_new(j->actor);
	struct zone **all = registry_sorted(l->e->committer.registry);
	struct change_result result;
	int err = 0;

	change->why = change_text(change, j->name);
	for (size_t i = 0; all[i]; i++) {
		if (all[i]->added || all[i]->wanted)
			continue;
		shown_zone_gone(&l->e->shown, all[i]->table.apex);
		(void)change_zone(change, ZONE_REMOVE, all[i]->table.apex);
	}
	free(all);
	if (change->zone_count > 0)
		err = batch_open(l);
	if (change->zone_count > 0 && err == 0)
		err = commit_change(&l->e->committer, change, &result);
	if (change->zone_count > 0 && err == 0)
		err = result.err;
	change_free(&change);
	return err;
}

/* ---- the end of a changing command ---- */

static void add_position(struct engine *e, json_t *result)
{
	engine_set(result, "commit", engine_number(e->committer.commits));
	engine_set(result, "generation", engine_number(e->committer.generation));
}

static enum engine_outcome finish_loading(struct loading *l, const json_t *args,
                                          json_t *result)
{
	bool refused = json_array_size(l->failures) > 0;

	engine_set(result, "zones", json_incref(l->zones ? l->zones : l->failures));
	add_position(l->e, result);
	if (l->err < 0)
		return engine_fail(result, ENGINE_REFUSED, "the commit failed: %s",
		                   err_text(l->err));
	engine_wait_visible(l->e, args, result);
	if (refused)
		return engine_fail(result, ENGINE_REFUSED, "zones were refused");
	return ENGINE_OK;
}

static enum engine_outcome finish_sync(struct loading *l, json_t *result,
                                       enum engine_outcome outcome)
{
	if (outcome == ENGINE_OK && !l->complete)
		outcome = engine_fail(
			result, ENGINE_REFUSED,
			"a zone directory cannot be read: no zone was removed");
	shown_sync(&l->e->shown,
	           outcome == ENGINE_OK
	                   ? ""
	                   : json_string_value(json_object_get(result, "error")),
	           l->overtaken);
	return outcome;
}

static int commit_chunk(struct loading *l)
{
	if (l->sync && !l->removed) {
		l->removed = true;
		mark_wanted(l);
		if (l->complete)
			TRY(remove_unwanted(l));
	}
	for (size_t i = 0; i < l->read_count; i++)
		TRY(load_one(l, &l->read[i]));
	return batch_finish(l);
}

static enum engine_outcome load_commit(struct engine *e, const json_t *args,
                                       json_t *result)
{
	struct loading *l = engine_job()->state;

	(void)e;
	l->err = commit_chunk(l);
	if (l->err < 0)
		batch_abandon(l);
	read_free(l);
	if (l->err == 0 && l->at < l->list.count) {
		engine_continue(ON_POOL, load_read);
		return ENGINE_OK;
	}
	enum engine_outcome outcome = finish_loading(l, args, result);
	return l->sync ? finish_sync(l, result, outcome) : outcome;
}

/* ---- commands ---- */

static const char *zone_text(const json_t *args)
{
	return json_string_value(json_object_get(args, "zone"));
}

/* Gives what the store says of a zone. ERR_NOTFOUND. */
static int look_up(struct engine *e, const uint8_t *name, struct store_zone *out)
{
	struct store_txn *t;

	TRY(store_begin_read(e->committer.store, &t));
	int err = store_zone_get(t, name, out);
	store_abort(&t);
	return err;
}

enum engine_outcome command_zone_add(struct engine *e, const json_t *args, json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	const char *file = json_string_value(json_object_get(args, "file"));
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	struct store_zone z;

	if (bad != ENGINE_OK)
		return bad;
	if (!file)
		return engine_fail(result, ENGINE_USAGE, "\"file\" is missing");
	if (look_up(e, name, &z) == 0)
		return engine_fail(result, ENGINE_REFUSED, "zone %s is there already",
		                   zone_text(args));
	struct loading *l = loading_new(e, true);
	load_list_add(&l->list, name, file, true);
	return load_read(e, args, result);
}

enum engine_outcome command_zone_reload(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	struct store_zone z;

	if (!json_object_get(args, "zone"))
		return command_zone_sync(e, args, result);
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	if (bad != ENGINE_OK)
		return bad;
	if (look_up(e, name, &z) < 0)
		return engine_fail(result, ENGINE_REFUSED, "no zone %s", zone_text(args));
	if (!z.source[0])
		return engine_fail(result, ENGINE_REFUSED, "%s has no zone file",
		                   zone_text(args));
	struct loading *l = loading_new(e, true);
	load_list_add(&l->list, name, z.source, z.added);
	return load_read(e, args, result);
}

/* ---- zone remove ---- */

static enum engine_outcome report_removal(struct job *j)
{
	const struct change_result *r = &j->changed;

	if (r->err == ERR_NOTFOUND)
		return engine_fail(j->result, ENGINE_REFUSED, "no zone %s",
		                   zone_text(j->args));
	engine_set(j->result, "commit", engine_number(r->commit));
	engine_set(j->result, "generation", engine_number(r->generation));
	if (r->err < 0 && r->err != ERR_TIMEOUT)
		return engine_fail(j->result, ENGINE_REFUSED, "the commit failed: %s",
		                   err_text(r->err));
	return engine_report_visible(j);
}

enum engine_outcome command_zone_remove(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	struct job *j = engine_job();

	(void)e;
	if (bad != ENGINE_OK)
		return bad;
	j->change = engine_change_new(j, args);
	(void)change_zone(j->change, ZONE_REMOVE, name);
	j->report = report_removal;
	return ENGINE_OK;
}

/* ---- zone sync ---- */

/* What has not changed since it was loaded is not read again, and what was edited only on being
 * named. */
static bool needs_load(struct loading *l, const struct load *load,
                       const struct store_zone *z)
{
	struct shown_failure failure;
	uint8_t mark[32];

	bool same = strcmp(z->source, load->file) == 0 &&
	            load_file_mark(load->file, mark) &&
	            memcmp(mark, z->source_mark, sizeof mark) == 0;
	if (z->edited) {
		l->overtaken += !same;
		return false;
	}
	return !z->loaded || shown_failed(&l->e->shown, load->name, &failure) || !same;
}

static int add_reloadable(const struct store_zone *z, void *arg)
{
	struct loading *l = arg;

	if (z->added && z->source[0])
		load_list_add(&l->list, z->name, z->source, true);
	return 0;
}

/* Leaves in the list what is to be read. */
static void drop_unchanged(struct loading *l, struct store_txn *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->list.count; i++) {
		struct load *load = &l->list.items[i];
		struct store_zone z;
		if (store_zone_get(t, load->name, &z) == 0 && !needs_load(l, load, &z))
			free(load->file);
		else
			l->list.items[kept++] = *load;
	}
	l->list.count = kept;
}

/* Brings the zones in line with the configuration and their files. */
enum engine_outcome command_zone_sync(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct loading *l = loading_new(e, false);
	struct store_txn *t;

	l->sync = true;
	l->complete = load_list_configured(&l->list, e->config);
	for (size_t i = 0; i < l->list.count; i++)
		load_list_add(&l->wanted, l->list.items[i].name, "", false);
	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = store_zone_each(t, add_reloadable, l);
		drop_unchanged(l, t);
		store_abort(&t);
	}
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	return load_read(e, args, result);
}

enum engine_outcome command_zone_check(struct engine *e, const json_t *args,
                                       json_t *result)
{
	struct load load = {0};
	struct contents *contents = NULL;
	struct diag diag;
	enum engine_outcome bad = engine_zone_arg(args, result, load.name);

	(void)e;
	if (bad != ENGINE_OK)
		return bad;
	const char *file = json_string_value(json_object_get(args, "file"));
	if (!file)
		return engine_fail(result, ENGINE_USAGE, "\"file\" is missing");
	load.file = strdup(file);
	diag_init(&diag);
	int err = read_contents(&load, &contents, &diag);
	engine_set(result, "diagnostics", engine_diagnostics(&diag));
	engine_set(result, "records", engine_number(contents ? contents->records : 0));
	diag_fini(&diag);
	contents_free(contents);
	free(load.file);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s: %s", file, err_text(err));
	return ENGINE_OK;
}
