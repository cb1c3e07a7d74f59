/* Commands that change whole zones, most of them by loading zone files. */
#include <stdlib.h>
#include <string.h>

#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/load_list.h"
#include "control/loading.h"
#include "control/must.h"
#include "shared/err.h"

static const char *zone_text(const json_t *args)
{
	return json_string_value(json_object_get(args, "zone"));
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
	if (engine_look_up_zone(e, name, &z) == 0)
		return engine_fail(result, ENGINE_REFUSED, "zone %s is there already",
		                   zone_text(args));
	struct loading *l = loading_new(e, true);
	load_list_add(&l->list, name, file, true);
	return loading_read(e, args, result);
}

enum engine_outcome command_zone_reload(struct engine *e, const json_t *args,
                                        json_t *result)
{
	uint8_t name[NAME_MAX_LEN];
	struct store_zone z = {0};

	if (!json_object_get(args, "zone"))
		return command_zone_sync(e, args, result);
	enum engine_outcome bad = engine_zone_arg(args, result, name);
	if (bad != ENGINE_OK)
		return bad;
	bad = loading_source(e, name, args, &z, result);
	if (bad != ENGINE_OK)
		return bad;
	struct loading *l = loading_new(e, true);
	load_list_add(&l->list, name, z.source, z.added);
	return loading_read(e, args, result);
}

/* ---- zone remove ---- */

static enum engine_outcome report_removal(struct job *j)
{
	const struct change_result *r = &j->changed;

	if (r->err == ERR_NOTFOUND)
		return engine_fail(j->result, ENGINE_REFUSED, "no zone %s",
		                   zone_text(j->args));
	json_put(j->result, "commit", json_number(r->commit));
	json_put(j->result, "generation", json_number(r->generation));
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
	j->change = engine_change_new(args);
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
		struct store_zone z = {0};
		bool there = store_zone_get(t, load->name, &z) == 0;
		if (there && (!load->file[0] || !needs_load(l, load, &z)))
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
	const struct config *config = engine_config(e);
	l->complete = load_list_configured(&l->list, config);
	config_release(config);
	for (size_t i = 0; i < l->list.count; i++)
		load_list_add(&l->wanted, l->list.items[i].name, "", false);
	int err = store_begin_read(e->committer.store, &t);
	if (err == 0) {
		err = store_zone_each(t, NULL, add_reloadable, l);
		drop_unchanged(l, t);
		store_abort(&t);
	}
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	return loading_read(e, args, result);
}
