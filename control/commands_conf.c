/*
 * Commands that show and change the configuration.
 *
 * A change goes from thread to thread, and whatever can fail comes before anything is changed:
 *
 *      pool     file and overrides are read, laid over each other and checked as a whole
 *      loop     what the new configuration wants opened is opened: sockets, files
 *      commit   one commit: overrides, and what answers say of the configuration
 *      loop     everybody gets the new configuration; nothing of this can fail
 *      pool     zones are loaded and removed, where that was asked for
 *
 * So a bad value, a port that is taken, a disk that is full leave everything as it was. What needs a
 * new process is left as it is, and told.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/diag_json.h"
#include "control/engine_internal.h"
#include "control/json_put.h"
#include "control/stored_overrides.h"
#include "shared/err.h"
#include "shared/log.h"

enum { WHY_SIZE = 160, LINE_SIZE = 1024 };

/* ---- looking ---- */

static json_t *text_json(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string("?"); /* a path that is not UTF-8 */
}

static void set_value(json_t *o, const char *key, const struct config_setting *s,
                      const struct config *c)
{
	char *text = config_setting_text(s, c);

	json_put(o, key, text_json(text));
	free(text);
}

static json_t *setting_json(const struct config_setting *s,
                            const struct overrides *overrides)
{
	const char *override = overrides_get(overrides, s->name);
	json_t *o = json_object();

	json_put(o, "option", json_string(s->name));
	json_put(o, "class", json_string(config_class_names[s->class]));
	json_put(o, "override", override ? text_json(override) : json_null());
	return o;
}

struct showing {
	const struct overrides *overrides;
	const struct config *config;
	json_t *list;
};

static void show_setting(const struct config_setting *s, void *arg)
{
	struct showing *w = arg;
	json_t *o = setting_json(s, w->overrides);

	set_value(o, "value", s, w->config);
	json_array_append_new(w->list, o);
}

static void add_config_text(const struct config *c, json_t *result)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	config_show(c, to);
	if (fclose(to) != 0)
		abort();
	json_put(result, "text", json_stringn(text, size));
	free(text);
}

enum engine_outcome command_conf_show(struct engine *e, const json_t *args,
                                      json_t *result)
{
	const struct config *c = engine_config(e);
	struct overrides overrides = {0};
	struct showing w = {&overrides, c, json_array()};

	(void)args;
	int err = stored_overrides_get(e->committer.store, &overrides);
	config_each_setting(show_setting, &w);
	json_put(result, "settings", w.list);
	add_config_text(c, result);
	overrides_fini(&overrides);
	config_release(c);
	if (err < 0)
		return engine_fail(result, ENGINE_REFUSED, "%s", err_text(err));
	return ENGINE_OK;
}

static const char *first_error(const struct diag *d, char line[static LINE_SIZE])
{
	const struct diag_entry *first = diag_first_error(d);

	if (!first)
		return "the configuration is refused";
	diag_format(first, line, LINE_SIZE);
	return line;
}

/* Reads the file at path, or, with path NULL, parses again what stood in the file of another
 * configuration; refuses, with all that is wrong with it. */
static enum engine_outcome read_config(const char *path, const struct config *of,
                                       const struct overrides *overrides,
                                       struct config **out, json_t *result)
{
	char line[LINE_SIZE];
	struct diag diag;

	assert(path || of);
	diag_init(&diag);
	int err = path ? config_read(path, overrides, out, &diag)
	               : config_parse(of->text, of->text_len, of->path, overrides, out,
	                              &diag);
	json_put(result, "diagnostics", diag_json(&diag));
	enum engine_outcome outcome = err < 0 ? engine_fail(result, ENGINE_REFUSED, "%s",
	                                                    first_error(&diag, line))
	                                      : ENGINE_OK;
	diag_fini(&diag);
	return outcome;
}

/* Gives the stored overrides to lay over a file, or refuses. */
static enum engine_outcome get_overrides(struct engine *e, struct overrides *out,
                                         json_t *result)
{
	int err = stored_overrides_get(e->committer.store, out);

	return err < 0 ? engine_fail(result, ENGINE_REFUSED, "%s", err_text(err))
	               : ENGINE_OK;
}

enum engine_outcome command_conf_check(struct engine *e, const json_t *args,
                                       json_t *result)
{
	const char *file = json_string_value(json_object_get(args, "file"));
	const struct config *running = engine_config(e);
	struct overrides overrides = {0};
	struct config *config = NULL;

	enum engine_outcome outcome =
		file ? ENGINE_OK : get_overrides(e, &overrides, result);
	if (outcome == ENGINE_OK)
		outcome = read_config(file ? file : running->path, NULL, &overrides,
		                      &config, result);
	overrides_fini(&overrides);
	config_release(config);
	config_release(running);
	return outcome;
}

/* ---- what differs ---- */

struct difference {
	struct engine *e;
	const struct config *running;
	const struct config *next;
	json_t *applied;
	json_t *needs_data_plane_restart;
	json_t *needs_restart;
	const struct config_setting *setting; /* the one looked at */
	bool behind; /* a data plane goes by another value of it */
};

static void compare_data_plane(const struct config *welcomed, void *arg)
{
	struct difference *d = arg;

	d->behind |= !config_setting_equal(d->setting, welcomed, d->next);
}

static bool data_plane_is_behind(struct difference *d, const struct config_setting *s)
{
	d->setting = s;
	d->behind = false;
	if (s->class == CONFIG_PLANE)
		publisher_each_welcomed(d->e->publisher, compare_data_plane, d);
	return d->behind;
}

static void compare_setting(const struct config_setting *s, void *arg)
{
	struct difference *d = arg;
	json_t *list = NULL;

	if (data_plane_is_behind(d, s))
		list = d->needs_data_plane_restart;
	else if (!config_setting_equal(s, d->running, d->next))
		list = s->class == CONFIG_RESTART ? d->needs_restart : d->applied;
	if (list)
		json_array_append_new(list, json_string(s->name));
}

/* Sets "applied", of which the list is lent, "needs_data_plane_restart" and "needs_restart". */
static json_t *add_difference(struct engine *e, const struct config *running,
                              const struct config *next, json_t *result)
{
	struct difference d = {
		.e = e,
		.running = running,
		.next = next,
		.applied = json_array(),
		.needs_data_plane_restart = json_array(),
		.needs_restart = json_array(),
	};

	config_each_setting(compare_setting, &d);
	json_put(result, "applied", d.applied);
	json_put(result, "needs_data_plane_restart", d.needs_data_plane_restart);
	json_put(result, "needs_restart", d.needs_restart);
	return d.applied;
}

/* What was to be has not come to pass. */
static void drop_difference(json_t *result)
{
	(void)json_object_del(result, "applied");
	(void)json_object_del(result, "needs_data_plane_restart");
	(void)json_object_del(result, "needs_restart");
}

struct disagreement {
	const struct overrides *overrides;
	const struct config *file;
	const struct config *wanted; /* the file below the overrides */
	const struct config *running;
	json_t *list;
};

static void show_disagreement(const struct config_setting *s, void *arg)
{
	struct disagreement *d = arg;

	if (config_setting_equal(s, d->wanted, d->running) &&
	    !overrides_get(d->overrides, s->name))
		return;
	json_t *o = setting_json(s, d->overrides);
	set_value(o, "file", s, d->file);
	set_value(o, "running", s, d->running);
	json_array_append_new(d->list, o);
}

static enum engine_outcome compare_files(struct engine *e, struct disagreement *d,
                                         json_t *result)
{
	struct config *file = NULL;
	struct config *wanted = NULL;
	enum engine_outcome outcome =
		read_config(d->running->path, NULL, NULL, &file, result);

	if (outcome == ENGINE_OK)
		outcome = read_config(NULL, file, d->overrides, &wanted, result);
	if (outcome == ENGINE_OK) {
		d->file = file;
		d->wanted = wanted;
		config_each_setting(show_disagreement, d);
		(void)add_difference(e, d->running, wanted, result);
		/* Nothing has been applied: this is what a reload would. */
		json_put(result, "needs_reload",
		         json_incref(json_object_get(result, "applied")));
		(void)json_object_del(result, "applied");
	}
	config_release(file);
	config_release(wanted);
	return outcome;
}

enum engine_outcome command_conf_diff(struct engine *e, const json_t *args,
                                      json_t *result)
{
	struct overrides overrides = {0};
	struct disagreement d = {
		.overrides = &overrides,
		.running = engine_config(e),
		.list = json_array(),
	};

	(void)args;
	json_put(result, "settings", d.list);
	enum engine_outcome outcome = get_overrides(e, &overrides, result);
	if (outcome == ENGINE_OK)
		outcome = compare_files(e, &d, result);
	overrides_fini(&overrides);
	config_release(d.running);
	return outcome;
}

/* ---- changing ---- */

struct reconfiguration {
	struct engine *e;
	bool reload; /* the file is read again, and zones follow */
	bool prepared;
	struct overrides before;
	struct overrides after;
	struct config *next;
	struct change *change; /* of the overrides */
	bool audited;          /* by that change, or there is nothing to be */
};

static void abandon(struct reconfiguration *r)
{
	if (r->prepared)
		r->e->configured.abandon(r->e->configured.arg);
	r->prepared = false;
}

static void reconfiguration_free(void *state)
{
	struct reconfiguration *r = state;

	abandon(r);
	overrides_fini(&r->before);
	overrides_fini(&r->after);
	config_release(r->next);
	change_free(&r->change);
	free(r);
}

static void copy_overrides(const struct overrides *from, struct overrides *to)
{
	for (size_t i = 0; i < from->count; i++)
		overrides_set(to, from->items[i].name, from->items[i].text);
}

/* The running job's. NULL: refused. */
static struct reconfiguration *begin(struct engine *e, bool reload, json_t *result)
{
	struct reconfiguration *r = calloc(1, sizeof *r);
	struct job *j = engine_job();

	if (!r)
		abort();
	r->e = e;
	r->reload = reload;
	j->state = r;
	j->state_free = reconfiguration_free;
	if (get_overrides(e, &r->before, result) != ENGINE_OK)
		return NULL;
	copy_overrides(&r->before, &r->after);
	return r;
}

static void log_names(const json_t *list, const char *what)
{
	const json_t *name;
	size_t i;

	json_array_foreach(list, i, name)
		log_info("configuration: %s %s", json_string_value(name), what);
}

static void log_difference(const json_t *result)
{
	log_names(json_object_get(result, "applied"), "has changed");
	log_names(json_object_get(result, "needs_data_plane_restart"),
	          "counts once the data plane has started anew");
	log_names(json_object_get(result, "needs_restart"),
	          "counts once the control plane has started anew");
}

/* Whoever gave a signal sees in the status why nothing came of it. */
static enum engine_outcome ended(const struct reconfiguration *r,
                                 enum engine_outcome outcome, json_t *result)
{
	const char *error = json_string_value(json_object_get(result, "error"));

	if (outcome != ENGINE_OK)
		drop_difference(result);
	if (r->reload)
		engine_set_config_error(r->e, outcome == ENGINE_OK ? NULL : error);
	return outcome;
}

static engine_command load_zones;

/* Loop thread. */
static enum engine_outcome apply(struct engine *e, const json_t *args, json_t *result)
{
	struct job *j = engine_job();
	struct reconfiguration *r = j->state;

	(void)args;
	if (e->configured.apply)
		e->configured.apply(e->configured.arg, r->next);
	r->prepared = false;
	engine_set_config(e, r->next);
	log_difference(result);
	if (!r->audited)
		engine_note(e, j->actor, "conf reload",
		            json_pack("{s:O}", "applied",
		                      json_object_get(result, "applied")));
	if (r->reload)
		engine_continue(ON_POOL, load_zones);
	return ended(r, ENGINE_OK, result);
}

/* Pool. */
static enum engine_outcome load_zones(struct engine *e, const json_t *args,
                                      json_t *result)
{
	engine_drop_state();
	return command_zone_sync(e, args, result);
}

/* Commit thread. */
static enum engine_outcome commit(struct engine *e, const json_t *args, json_t *result)
{
	struct reconfiguration *r = engine_job()->state;
	struct change_result changed;
	uint64_t before = e->committer.commits;

	int err = commit_configure(&e->committer, r->next, r->change, &changed);
	if (err < 0)
		return ended(r,
		             engine_fail(result, ENGINE_REFUSED, "the commit failed: %s",
		                         err_text(err)),
		             result);
	json_put(result, "commit", json_number(e->committer.commits));
	if (changed.seq > 0)
		json_put(result, "change", json_number(changed.seq));
	if (e->committer.commits != before)
		engine_wait_visible(e, args, result);
	engine_continue(ON_LOOP, apply);
	return ENGINE_OK;
}

/* Loop thread. */
static enum engine_outcome prepare(struct engine *e, const json_t *args, json_t *result)
{
	struct reconfiguration *r = engine_job()->state;
	char text[512] = "";

	(void)args;
	int err = e->configured.prepare
	                  ? e->configured.prepare(e->configured.arg, r->next, text,
	                                          sizeof text)
	                  : 0;
	if (err < 0)
		return ended(r,
		             engine_fail(result, ENGINE_REFUSED, "%s",
		                         text[0] ? text : err_text(err)),
		             result);
	r->prepared = e->configured.abandon != NULL;
	engine_continue(ON_COMMIT, commit);
	return ENGINE_OK;
}

static bool is_dry_run(const json_t *args)
{
	return json_is_true(json_object_get(args, "dry_run"));
}

/* Pool: what is wanted has been said, now it is read and checked. */
static enum engine_outcome go(struct reconfiguration *r, const json_t *args,
                              json_t *result)
{
	const struct config *running = engine_config(r->e);
	struct job *j = engine_job();
	enum engine_outcome outcome = read_config(r->reload ? running->path : NULL,
	                                          running, &r->after, &r->next, result);

	if (outcome == ENGINE_OK) {
		const json_t *applied = add_difference(r->e, running, r->next, result);
		config_keep_fixed(r->next, running);
		r->change = change_new(j->actor);
		stored_overrides_change(&r->before, &r->after, r->change);
		r->audited = r->change->item_count > 0 || json_array_size(applied) == 0;
	}
	config_release(running);
	if (outcome == ENGINE_OK && !is_dry_run(args))
		engine_continue(ON_LOOP, prepare);
	return outcome;
}

enum engine_outcome command_conf_reload(struct engine *e, const json_t *args,
                                        json_t *result)
{
	struct reconfiguration *r = begin(e, true, result);

	if (!r)
		return ENGINE_REFUSED;
	enum engine_outcome outcome = go(r, args, result);
	return outcome == ENGINE_OK || is_dry_run(args) ? outcome
	                                                : ended(r, outcome, result);
}

/* ---- conf set, conf unset ---- */

static enum engine_outcome refuse_option(json_t *result, const char *name,
                                         const char *reason)
{
	json_put(result, "field", json_string(name));
	return engine_fail(result, ENGINE_REFUSED, "%s", reason);
}

static enum engine_outcome set_option(struct reconfiguration *r, const char *name,
                                      const char *text, json_t *result)
{
	char reason[OVERRIDE_REASON_SIZE];

	if (override_check(name, text, "/", reason) < 0)
		return refuse_option(result, name, reason);
	overrides_set(&r->after, name, text);
	return ENGINE_OK;
}

static enum engine_outcome unset_option(struct reconfiguration *r, const char *name,
                                        json_t *result)
{
	char reason[OVERRIDE_REASON_SIZE];

	if (!overrides_get(&r->after, name)) {
		(void)snprintf(reason, sizeof reason, "%.60s has no override", name);
		return refuse_option(result, name, reason);
	}
	overrides_set(&r->after, name, NULL);
	return ENGINE_OK;
}

/* null in "values": whoever says what should be may say so twice. */
static enum engine_outcome clear_option(struct reconfiguration *r, const char *name,
                                        json_t *result)
{
	struct config_setting setting;
	char reason[OVERRIDE_REASON_SIZE];

	if (!overrides_get(&r->after, name) &&
	    config_setting_find(name, &setting, NULL) < 0) {
		(void)snprintf(reason, sizeof reason, "there is no option \"%.60s\"",
		               name);
		return refuse_option(result, name, reason);
	}
	overrides_set(&r->after, name, NULL);
	return ENGINE_OK;
}

static bool write_scalar(const json_t *value, FILE *to)
{
	if (json_is_string(value))
		(void)fputs(json_string_value(value), to);
	else if (json_is_integer(value))
		(void)fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		(void)fputs(json_is_true(value) ? "yes" : "no", to);
	else
		return false;
	return true;
}

static bool write_words(const json_t *list, FILE *to)
{
	const json_t *value;
	bool good = true;
	size_t i;

	json_array_foreach(list, i, value)
	{
		if (i > 0)
			(void)fputc(' ', to);
		good = good && write_scalar(value, to);
	}
	return good;
}

/* Gives a value as an override has it; NULL: it is of no type that could be one. free() it. */
static char *value_text(const json_t *value)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	bool good =
		json_is_array(value) ? write_words(value, to) : write_scalar(value, to);
	if (fclose(to) != 0)
		abort();
	if (good)
		return text;
	free(text);
	return NULL;
}

static enum engine_outcome set_value_of(struct reconfiguration *r, const char *name,
                                        const json_t *value, json_t *result)
{
	char reason[OVERRIDE_REASON_SIZE];

	if (json_is_null(value))
		return clear_option(r, name, result);
	char *text = value_text(value);
	if (!text) {
		(void)snprintf(reason, sizeof reason,
		               "%.60s: expected a text, a number, yes or no, or a list "
		               "of those",
		               name);
		return refuse_option(result, name, reason);
	}
	enum engine_outcome outcome = set_option(r, name, text, result);
	free(text);
	return outcome;
}

/* Says in the log of changes what was done. */
static enum engine_outcome go_and_say(struct reconfiguration *r, const json_t *args,
                                      json_t *result)
{
	struct job *j = engine_job();
	enum engine_outcome outcome = go(r, args, result);

	if (outcome == ENGINE_OK)
		r->change->why = change_text(r->change, j->name);
	return outcome;
}

enum engine_outcome command_conf_set(struct engine *e, const json_t *args, json_t *result)
{
	const json_t *values = json_object_get(args, "values");
	enum engine_outcome outcome = ENGINE_OK;
	const char *name;
	json_t *value;

	if (!json_is_object(values) || json_object_size(values) == 0)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"values\" must be an object of options");
	struct reconfiguration *r = begin(e, false, result);
	if (!r)
		return ENGINE_REFUSED;
	json_object_foreach((json_t *)(uintptr_t)values, name, value)
	{
		if (outcome == ENGINE_OK)
			outcome = set_value_of(r, name, value, result);
	}
	return outcome == ENGINE_OK ? go_and_say(r, args, result) : outcome;
}

enum engine_outcome command_conf_unset(struct engine *e, const json_t *args,
                                       json_t *result)
{
	const json_t *options = json_object_get(args, "options");
	enum engine_outcome outcome = ENGINE_OK;
	const json_t *option;
	size_t i;

	if (!json_is_array(options) || json_array_size(options) == 0)
		return engine_fail(result, ENGINE_USAGE,
		                   "\"options\" must be a list of options");
	struct reconfiguration *r = begin(e, false, result);
	if (!r)
		return ENGINE_REFUSED;
	json_array_foreach(options, i, option)
	{
		if (outcome == ENGINE_OK && !json_is_string(option))
			outcome = engine_fail(result, ENGINE_USAGE,
			                      "\"options\" must be a list of texts");
		else if (outcome == ENGINE_OK)
			outcome = unset_option(r, json_string_value(option), result);
	}
	return outcome == ENGINE_OK ? go_and_say(r, args, result) : outcome;
}
