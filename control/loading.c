#include "control/loading.h"

#include <stdlib.h>
#include <string.h>

#include "control/diag_json.h"
#include "control/json_put.h"
#include "control/must.h"
#include "control/presign.h"
#include "control/zone/zonefile.h"
#include "control/zone/zonemd.h"
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
	uint64_t signed_by; /* see struct zone_change */
	uint8_t mark[32];
	struct diag diag;
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

struct loading *loading_new(struct engine *e, bool report_all)
{
	struct loading *l = must(calloc(1, sizeof *l));
	struct job *j = engine_job();

	l->e = e;
	l->zones = report_all ? json_array() : NULL;
	l->failures = json_array();
	j->state = l;
	j->state_free = loading_free;
	return l;
}

enum engine_outcome loading_source(struct engine *e, const uint8_t *name,
                                   const json_t *args, struct store_zone *z,
                                   json_t *result)
{
	const char *zone = json_string_value(json_object_get(args, "zone"));

	if (engine_look_up_zone(e, name, z) < 0)
		return engine_fail(result, ENGINE_REFUSED, "no zone %s", zone);
	if (!z->source[0])
		return engine_fail(result, ENGINE_REFUSED, "%s has no zone file", zone);
	return ENGINE_OK;
}

/* ---- on the pool: reading ---- */

int loading_contents(const struct load *load, struct contents **out, struct diag *diag)
{
	struct contents *contents;

	TRY(zonefile_read(load->file, load->name, &contents, diag));
	int err = contents_check(contents, diag);
	if (err == 0)
		err = zonemd_check(contents, diag);
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
	if (!load->file[0])
		return 0;
	/* Before the file is read: should it change meanwhile, it is read again. */
	bool marked = load_file_mark(load->file, f->mark);
	f->refused = loading_contents(load, &f->contents, &f->diag);
	if (f->contents)
		f->signed_by = presign(l->e, load->name, f->contents);
	if (!marked || !f->contents || f->contents->file_count != 1)
		memset(f->mark, 0, sizeof f->mark);
	return f->contents ? f->contents->count : 0;
}

static engine_command load_commit;

enum engine_outcome loading_read(struct engine *e, const json_t *args, json_t *result)
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
		l->err = commit_fail(&l->e->committer, l->err);
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
	json_put(o, "zone", json_string(name_to_text(load->name, text)));
	json_put(o, "outcome", json_number(failed ? ENGINE_REFUSED : ENGINE_OK));
	json_put(o, "serial", z->loaded ? json_number(z->serial) : json_null());
	json_put(o, "records", json_number(z->records));
	json_put(o, "names_changed", json_number(r->names));
	json_put(o, "rrsets_added", json_number(r->added));
	json_put(o, "rrsets_removed", json_number(r->removed));
	json_put(o, "rrsets_changed", json_number(r->changed));
	if (z->error)
		json_put(o, "error", json_string(z->error));
	json_put(o, "diagnostics", diag_json(diag));
	if (failed)
		json_array_append(l->failures, o);
	if (l->zones)
		json_array_append(l->zones, o);
	json_decref(o);
}

static void note_refusal(struct zone *z, const struct diag *diag, int err)
{
	const struct diag_entry *first = diag_first_error(diag);
	char line[1024];

	if (first)
		diag_format(first, line, sizeof line);
	else
		(void)snprintf(line, sizeof line, "%s", err_text(err));
	z->state = ZONE_STATE_FAILED;
	must_set_text(&z->error, line);
	log_warning("%s", line);
}

/* A zone whose file was refused: it is there, if only to say so. */
static int note_file(struct loading *l, const struct read_file *f, struct zone *z)
{
	struct committer *c = &l->e->committer;

	if (!z)
		TRY(commit_zone_add(c, f->load->name, f->load->added, &z));
	registry_touch(c->registry, z);
	must_set_text(&z->source, f->load->file);
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
	zc->signed_by = f->signed_by;
	zc->source = f->load->file[0] ? f->load->file : NULL;
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

	if (!f->load->file[0] && z)
		return 0;
	TRY(batch_open(l));
	return f->contents || !f->load->file[0] ? load_file(l, f, z) : note_file(l, f, z);
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
	json_put(result, "commit", json_number(e->committer.commits));
	json_put(result, "generation", json_number(e->committer.generation));
}

static enum engine_outcome finish_loading(struct loading *l, const json_t *args,
                                          json_t *result)
{
	bool refused = json_array_size(l->failures) > 0;

	json_put(result, "zones", json_incref(l->zones ? l->zones : l->failures));
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
		engine_continue(ON_POOL, loading_read);
		return ENGINE_OK;
	}
	enum engine_outcome outcome = finish_loading(l, args, result);
	return l->sync ? finish_sync(l, result, outcome) : outcome;
}
