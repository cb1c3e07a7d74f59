/* Commands that change zones, and those that read a zone's records. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/engine_internal.h"
#include "control/zone/contents.h"
#include "control/zone/zonefile.h"
#include "shared/err.h"

enum {
	BATCH_RRSETS =
		500000, /* one commit takes no more, so that nothing grows without bound */
	BATCH_ZONES = 20000,
	EXPORT_PAGE = 1 << 20,
};

/* A zone to be loaded. */
struct load {
	uint8_t name[NAME_MAX_LEN];
	char *file;
	size_t order; /* of being named: the first one counts */
	bool added;   /* by command */
};

struct load_list {
	struct load *items;
	size_t count;
	size_t room;
};

/* One run of loads, over as many commits as it takes. */
struct loading {
	struct engine *e;
	json_t *zones; /* a report for each zone that was looked at, or NULL: failures only */
	json_t *failures;
	size_t batch_rrsets;
	size_t batch_zones;
	bool open;
	bool changed;
	int err; /* of a commit that could not be finished */
};

static void load_add(struct load_list *l, const uint8_t *name, const char *file,
                     bool added)
{
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->items = realloc(l->items, l->room * sizeof *l->items);
		if (!l->items)
			abort();
	}
	struct load *item = &l->items[l->count++];
	memset(item, 0, sizeof *item);
	memcpy(item->name, name, name_len(name, NAME_MAX_LEN));
	item->file = strdup(file);
	item->order = l->count;
	item->added = added;
}

static void load_list_free(struct load_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].file);
	free(l->items);
}

/* ---- what a zone file looked like ---- */

static bool file_mark(const char *path, uint8_t mark[static 32])
{
	struct stat st;
	uint64_t words[4];

	if (stat(path, &st) < 0)
		return false;
	words[0] = (uint64_t)st.st_size;
	words[1] = (uint64_t)st.st_ino;
	words[2] = (uint64_t)st.st_mtim.tv_sec;
	words[3] = (uint64_t)st.st_mtim.tv_nsec;
	memcpy(mark, words, 32);
	return true;
}

static bool unchanged(const struct zone *z, const char *file)
{
	uint8_t mark[32];

	return z->loaded && z->state == ZONE_STATE_SERVED && z->source &&
	       strcmp(z->source, file) == 0 && file_mark(file, mark) &&
	       memcmp(mark, z->source_mark, sizeof mark) == 0;
}

/* ---- loading ---- */

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
	l->batch_rrsets = 0;
	l->batch_zones = 0;
	TRY(commit_finish(&l->e->committer));
	l->changed = true;
	return 0;
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
	fprintf(stderr, "%s\n", line);
}

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

static int find_or_add(struct loading *l, const struct load *load, struct zone **out)
{
	struct committer *c = &l->e->committer;
	struct zone *z = registry_find(c->registry, load->name);

	if (!z)
		TRY(commit_zone_add(c, load->name, load->added, &z));
	registry_touch(c->registry, z);
	set_text(&z->source, load->file);
	*out = z;
	return 0;
}

static int commit_contents(struct loading *l, const struct load *load, struct zone *z,
                           const struct contents *contents, struct commit_report *r)
{
	memset(z->source_mark, 0, sizeof z->source_mark);
	if (contents->file_count == 1)
		file_mark(load->file, z->source_mark);
	set_text(&z->error, NULL);
	l->batch_rrsets += contents->count;
	return commit_zone_contents(&l->e->committer, z, contents, r);
}

static int load_into(struct loading *l, const struct load *load, struct diag *diag)
{
	struct contents *contents = NULL;
	struct commit_report r = {0};
	struct zone *z;

	int refused = read_contents(load, &contents, diag);
	TRY(batch_open(l));
	int err = find_or_add(l, load, &z);
	if (err == 0 && refused < 0) {
		note_refusal(z, diag, refused);
		err = commit_zone_state(&l->e->committer, z);
	} else if (err == 0) {
		err = commit_contents(l, load, z, contents, &r);
	}
	contents_free(contents);
	TRY(err);
	report(l, load, z, &r, diag);
	l->batch_zones++;
	return 0;
}

static void load_one(struct loading *l, const struct load *load)
{
	struct diag diag;

	if (l->err < 0)
		return;
	diag_init(&diag);
	l->err = load_into(l, load, &diag);
	diag_fini(&diag);
	if (l->err == 0 &&
	    (l->batch_rrsets >= BATCH_RRSETS || l->batch_zones >= BATCH_ZONES))
		l->err = batch_finish(l);
	if (l->err < 0)
		batch_abandon(l);
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
	if (l->err == 0)
		l->err = batch_finish(l);
	bool refused = json_array_size(l->failures) > 0;

	engine_set(result, "zones", l->zones ? l->zones : json_incref(l->failures));
	json_decref(l->failures);
	add_position(l->e, result);
	if (l->err < 0)
		return engine_fail(result, ENGINE_REFUSED, "the commit failed: %s",
		                   err_text(l->err));
	engine_wait_visible(l->e, args, result);
	if (refused)
		return engine_fail(result, ENGINE_REFUSED, "zones were refused");
	return ENGINE_OK;
}

static struct loading loading_begin(struct engine *e, bool report_all)
{
	return (struct loading){
		.e = e,
		.zones = report_all ? json_array() : NULL,
		.failures = json_array(),
	};
}

/* ---- commands ---- */

enum engine_outcome command_zone_add(struct engine *e, const json_t *args, json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	const char *file = json_string_value(json_object_get(args, "file"));
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	struct load_list list = {0};

	if (bad != ENGINE_OK)
		return bad;
	if (!file)
		return engine_fail(result, ENGINE_USAGE, "\"file\" is missing");
	if (registry_find(e->committer.registry, name))
		return engine_fail(result, ENGINE_REFUSED, "zone %s is there already",
		                   json_string_value(json_object_get(args, "zone")));
	struct loading l = loading_begin(e, true);
	load_add(&list, name, file, true);
	load_one(&l, &list.items[0]);
	load_list_free(&list);
	return finish_loading(&l, args, result);
}

enum engine_outcome command_zone_remove(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	struct committer *c = &e->committer;

	if (bad != ENGINE_OK)
		return bad;
	struct zone *z = registry_find(c->registry, name);
	if (!z)
		return engine_fail(result, ENGINE_REFUSED, "no zone %s",
		                   json_string_value(json_object_get(args, "zone")));
	int err = commit_begin(c);
	if (err == 0) {
		err = commit_zone_remove(c, z);
		if (err == 0)
			err = commit_finish(c);
		else
			commit_abandon(c);
	}
	if (err == 0)
		shown_zone_gone(&e->shown, name);
	add_position(e, result);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "the commit failed: %s",
		                   err_text(err));
	engine_wait_visible(e, args, result);
	return ENGINE_OK;
}

enum engine_outcome command_zone_reload(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	struct load_list list = {0};

	if (!json_object_get(args, "zone"))
		return command_zone_sync(e, args, result);
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	if (bad != ENGINE_OK)
		return bad;
	const struct zone *z = registry_find(e->committer.registry, name);
	if (!z || !z->source)
		return engine_fail(result, ENGINE_REFUSED,
		                   z ? "%s has no zone file" : "no zone %s",
		                   json_string_value(json_object_get(args, "zone")));
	struct loading l = loading_begin(e, true);
	load_add(&list, name, z->source, z->added);
	load_one(&l, &list.items[0]);
	load_list_free(&list);
	return finish_loading(&l, args, result);
}

/* "<origin>.zone"; the root is ".zone". */
static bool origin_of(const char *file, uint8_t name[static NAME_MAX_LEN])
{
	static const uint8_t root[] = {0};
	static const char suffix[] = ".zone";
	size_t len = strlen(file);
	size_t suffix_len = sizeof suffix - 1;

	if (len < suffix_len || strcmp(file + len - suffix_len, suffix) != 0)
		return false;
	if (len == suffix_len) {
		name[0] = 0;
		return true;
	}
	int n = name_from_text(file, len - suffix_len, root, name);
	if (n < 0)
		return false;
	name_fold(name, (size_t)n);
	return true;
}

/* false: it cannot be read, so nobody knows which zones it names. */
static bool list_directory(struct load_list *list, const char *path)
{
	DIR *dir = opendir(path);

	if (!dir) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	for (const struct dirent *d; (d = readdir(dir));) {
		uint8_t name[NAME_MAX_LEN];
		char file[4096];
		if (!origin_of(d->d_name, name))
			continue;
		int n = snprintf(file, sizeof file, "%s/%s", path, d->d_name);
		if (n > 0 && (size_t)n < sizeof file)
			load_add(list, name, file, false);
	}
	closedir(dir);
	return true;
}

static int compare_loads(const void *a, const void *b)
{
	const struct load *x = a;
	const struct load *y = b;
	int c = name_compare(x->name, y->name);

	return c ? c : x->order < y->order ? -1 : 1;
}

/* Everything that the configuration names, parents first. A zone named on its own wins over a
 * file in a directory. false: a directory cannot be read. */
static bool configured(struct engine *e, struct load_list *list)
{
	const struct config *c = e->config;
	size_t kept = 0;
	bool complete = true;

	for (size_t i = 0; i < c->zone_count; i++)
		load_add(list, c->zones[i].name, c->zones[i].file, false);
	for (size_t i = 0; i < c->zone_dir_count; i++)
		complete = list_directory(list, c->zone_dirs[i].path) && complete;
	if (list->count > 0)
		qsort(list->items, list->count, sizeof *list->items, compare_loads);
	for (size_t i = 0; i < list->count; i++) {
		if (kept > 0 &&
		    name_equal(list->items[kept - 1].name, list->items[i].name))
			free(list->items[i].file);
		else
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
	return complete;
}

/* Zones that the configuration named once and does not any more. */
static void remove_unwanted(struct loading *l)
{
	struct committer *c = &l->e->committer;
	struct zone **all = registry_sorted(c->registry);

	for (size_t i = 0; all[i] && l->err == 0; i++) {
		if (all[i]->added || all[i]->wanted)
			continue;
		shown_zone_gone(&l->e->shown, all[i]->table.apex);
		l->err = batch_open(l);
		if (l->err == 0)
			l->err = commit_zone_remove(c, all[i]);
	}
	free(all);
	if (l->err < 0)
		batch_abandon(l);
}

static void mark_wanted(struct engine *e, const struct load_list *list)
{
	struct zone **all = registry_sorted(e->committer.registry);

	for (size_t i = 0; all[i]; i++)
		all[i]->wanted = false;
	free(all);
	for (size_t i = 0; i < list->count; i++) {
		struct zone *z =
			registry_find(e->committer.registry, list->items[i].name);
		if (z)
			z->wanted = true;
	}
}

static void add_reloadable(struct engine *e, struct load_list *list)
{
	struct zone **all = registry_sorted(e->committer.registry);

	for (size_t i = 0; all[i]; i++)
		if (all[i]->added && all[i]->source)
			load_add(list, all[i]->table.apex, all[i]->source, true);
	free(all);
}

/* Brings the zones in line with the configuration and their files; what has not changed since it
 * was loaded is not read again. */
enum engine_outcome command_zone_sync(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct load_list list = {0};
	struct loading l = loading_begin(e, false);

	bool complete = configured(e, &list);
	mark_wanted(e, &list);
	if (complete)
		remove_unwanted(&l);
	add_reloadable(e, &list);
	for (size_t i = 0; i < list.count && l.err == 0; i++) {
		const struct zone *z =
			registry_find(e->committer.registry, list.items[i].name);
		if (!z || !unchanged(z, list.items[i].file))
			load_one(&l, &list.items[i]);
	}
	load_list_free(&list);
	enum engine_outcome outcome = finish_loading(&l, args, result);
	if (outcome == ENGINE_OK && !complete)
		outcome = engine_fail(
			result, ENGINE_REFUSED,
			"a zone directory cannot be read: no zone was removed");
	shown_sync(&e->shown,
	           outcome == ENGINE_OK
	                   ? ""
	                   : json_string_value(json_object_get(result, "error")));
	return outcome;
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

/* ---- export ---- */

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The place to go on from travels as hexadecimal. */
static size_t read_place(const char *text, uint8_t key[static NAME_KEY_MAX + 2])
{
	size_t n = 0;

	for (; text && text[0] && text[1] && n < NAME_KEY_MAX + 2; text += 2) {
		int high = nibble(text[0]);
		int low = nibble(text[1]);
		if (high < 0 || low < 0)
			return 0;
		key[n++] = (uint8_t)(high << 4 | low);
	}
	return n;
}

static json_t *write_place(const struct store_entry *e)
{
	char text[2 * NAME_KEY_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < e->key_len; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%02x", e->key[i]);
	return json_stringn(text, n);
}

static int export_from(struct store_cursor *cursor, const struct store_zone *z,
                       const uint8_t *key, size_t key_len, FILE *to, json_t *result)
{
	struct store_entry entry;
	uint8_t last[NAME_KEY_MAX];
	size_t last_len = 0;
	int found = store_cursor_seek(cursor, key, key_len, &entry);

	while (found == 0) {
		uint8_t owner[NAME_MAX_LEN];
		bool same = entry.key_len == last_len &&
		            memcmp(entry.key, last, last_len) == 0;
		if (!same && ftell(to) > EXPORT_PAGE) {
			engine_set(result, "next", write_place(&entry));
			return 0;
		}
		TRY(name_from_key(entry.key, entry.key_len, z->name, owner));
		TRY(zonefile_write_rrset(to, owner, &entry.set));
		memcpy(last, entry.key, entry.key_len);
		last_len = entry.key_len;
		found = store_cursor_next(cursor, &entry);
	}
	return found == ERR_NOTFOUND ? 0 : found;
}

static int export_page(struct store_txn *t, const struct store_zone *z,
                       const json_t *args, FILE *to, json_t *result)
{
	uint8_t key[NAME_KEY_MAX + 2];
	size_t key_len =
		read_place(json_string_value(json_object_get(args, "after")), key);
	struct store_cursor *cursor;

	TRY(store_cursor_open(t, z->id, &cursor));
	int err = export_from(cursor, z, key, key_len, to, result);
	store_cursor_close(&cursor);
	return err;
}

static enum engine_outcome export_zone(struct store_txn *t, const struct store_zone *z,
                                       const json_t *args, json_t *result)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	int err = export_page(t, z, args, to, result);
	if (fclose(to) != 0)
		abort();
	engine_set(result, "serial", engine_number(z->serial));
	engine_set(result, "text", json_stringn(text, size));
	free(text);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	return ENGINE_OK;
}

enum engine_outcome command_zone_export(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	struct shown_failure failure = {.loaded = true};
	struct store_zone z;
	struct store_txn *t;
	enum engine_outcome outcome = engine_zone_arg(args, result, name);

	if (outcome != ENGINE_OK)
		return outcome;
	int err = store_begin_read(e->committer.store, &t);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	err = store_zone_get(t, name, &z);
	(void)shown_failed(&e->shown, name, &failure);
	if (err < 0 || !z.loaded || !failure.loaded)
		outcome = engine_fail(result, ENGINE_REFUSED,
		                      err < 0 ? "no zone %s" : "zone %s has no contents",
		                      json_string_value(json_object_get(args, "zone")));
	else
		outcome = export_zone(t, &z, args, result);
	store_abort(&t);
	return outcome;
}
